"""Every command: help that answers without heavy imports, with a real example; faults in one line."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from dataselect.cli import COMMANDS, group, run


def command_of(name: str) -> click.Command:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name, capsys):
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example:" in shown
    assert f"dataselect {name}" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_nothing_heavy(name):
    code = (
        f"import sys; from dataselect.cli import run; run(['{name}', '--help']); "
        "sys.exit(str({'torch', 'transformers', 'pyarrow', 'faiss', 'vllm', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "set()"


def test_an_unknown_command_names_near_matches(capsys):
    assert run(["scroe"]) == 2
    assert "did you mean score" in capsys.readouterr().err


def test_wrong_usage_is_one_line_and_code_2(capsys):
    assert run(["score", "pool.jsonl"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--model" in told


def test_version(capsys):
    assert run(["--version"]) == 0
    assert "dataselect" in capsys.readouterr().out
