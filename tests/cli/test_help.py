"""Every command: help that answers without heavy imports, with a real example; faults in one line."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import dataselect
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
        "sys.exit(str({'torch', 'transformers', 'pyarrow', 'faiss', 'vllm'} & set(sys.modules)))"
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


def test_a_bare_call_prints_the_help_as_an_answer(capsys):
    assert run([]) == 0
    bare = capsys.readouterr()
    assert run(["--help"]) == 0
    assert bare == capsys.readouterr()
    assert "quickstart" in bare.out
    assert bare.err == ""


def test_a_bare_list_says_what_can_be_listed(capsys):
    assert run(["ls"]) == 0
    assert "strategies  how `select` ranks a pool" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["ls", "strategy"], "strategies"), (["ls", "scorer"], "scorers"), (["ls", "template"], "templates"),
     (["ls", "task"], "tasks"), (["ls", "encoder"], "encoders"), (["selct"], "select"), (["evalaute"], "evaluate")],
)  # fmt: skip
def test_near_misses_are_named(typed, meant, capsys):
    assert run(typed) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"did you mean {meant}" in told


def test_commands_that_take_a_part_of_a_pool_call_it_the_same():
    for name in ("show", "score", "embed", "rank", "layers"):
        options = {parameter.name: parameter.opts for parameter in command_of(name).params}
        assert options["limit"] == ["-n", "--limit"], name
        assert options["sample_seed"] == ["--sample-seed"], name


def test_no_function_of_a_package_stands_in_the_way_of_a_module():
    """`from dataselect.cli import run` would become the module once the command `run` was called."""
    clashes = []
    for package in pkgutil.walk_packages(dataselect.__path__, "dataselect."):
        if package.ispkg:
            loaded = importlib.import_module(package.name)
            modules = {module.name for module in pkgutil.iter_modules(loaded.__path__)}
            own = {node.name for node in ast.walk(ast.parse(Path(loaded.__file__).read_text()))
                   if isinstance(node, ast.FunctionDef | ast.ClassDef)}  # fmt: skip
            clashes += [f"{package.name}.{name}" for name in modules & (own | set(getattr(loaded, "__all__", ())))]
    assert not clashes
