"""`import dataselect`: cheap, complete, and what the README shows works."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import dataselect
from dataselect.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]


def test_importing_costs_nothing_and_every_name_resolves():
    code = "import sys, dataselect; print(sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "numpy", "pyarrow"} & set(ast.literal_eval(done.stdout))
    for name in dataselect.__all__:
        assert getattr(dataselect, name) is not None


def test_the_types_that_are_declared_are_the_names_that_exist():
    tree = ast.parse((ROOT / "dataselect" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert declared == set(dataselect.__all__)


def test_the_version_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert dataselect.__version__ == project["version"]


def test_the_readme_names_only_commands_and_extras_that_exist():
    readme = (ROOT / "README.md").read_text()
    blocks = readme.split("```")[1::2]
    used = {line.split()[1] for block in blocks for line in block.splitlines() if line.startswith("dataselect ")}
    assert used
    assert used <= set(COMMANDS)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {
        name.strip("`")
        for line in readme.splitlines()
        if line.startswith("| `")
        for name in line.split("|")[1].split(", ")
    }
    assert {name.strip(" `") for name in named} == set(extras)


def test_the_library_example_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    readme = (ROOT / "README.md").read_text()
    example = next(block for block in readme.split("```")[1::2] if block.startswith("python\n")).removeprefix(
        "python\n"
    )
    monkeypatch.chdir(tmp_path)
    Path("pool.jsonl").write_text(json.dumps({"prompt": "Say yes.", "response": "Yes."}) + "\n")
    exec(compile(example, "README.md", "exec"), {})
    assert "'ok': 1" in capsys.readouterr().out
