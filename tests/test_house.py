"""The structure that README.md and CONTRIBUTING.md describe is that of the code, and every name in it means one thing."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import dataselect

ROOT = Path(dataselect.__file__).parent
TOP = ROOT.parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def module(path: Path) -> str:
    return ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")


NAMES = {module(path) for path in FILES}


def imported(tree: ast.AST) -> set[str]:
    """The modules of ours that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "dataselect":
            found |= {f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}.{alias.name}" in NAMES}
            found |= {node.module} if any(f"{node.module}.{a.name}" not in NAMES for a in node.names) else set()
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in NAMES}
    return found


IMPORTS = {module(path): imported(tree) for path, tree in TREES.items()}


def layout() -> list[str]:
    """The packages in the order of the README's layout section."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    block = text.split("## Layout", 1)[1].split("```text\n", 1)[1].split("```", 1)[0]
    return [line.split()[0].rstrip("/") for line in block.splitlines()[1:]]


def test_the_layout_of_the_readme_lists_every_package_once():
    packages = {path.parent.name for path in ROOT.glob("*/*.py")}
    listed = [name for name in layout() if not name.endswith(".py")]
    assert len(listed) == len(set(listed))
    assert set(listed) == packages


def test_packages_import_only_from_above_them_in_the_layout():
    top, *rest = layout()  # the first line stands for the modules at the top that are not named below it
    order = {name.removesuffix(".py"): i for i, name in enumerate(rest, start=1)}
    assert top.endswith(".py")
    for name in NAMES - {"dataselect"}:
        mine = name.split(".")[1]
        for target in IMPORTS[name] - {"dataselect"}:
            theirs = target.split(".")[1]
            here, there = order.get(mine, 0), order.get(theirs, 0)
            assert theirs == mine or there < here or here == there == 0, f"{name} imports {target}"


def test_no_package_has_the_name_of_a_public_function():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert not packages & set(dataselect.__all__)


def test_no_two_classes_share_a_name():
    homes = defaultdict(list)
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module(path))
    assert not {name: places for name, places in homes.items() if len(places) > 1}


def test_no_modules_import_each_other_in_a_circle():
    done, path = set(), []

    def visit(name):
        assert name not in path, " imports ".join([*path[path.index(name) :], name])
        if name in done:
            return
        path.append(name)
        for target in sorted(IMPORTS[name] - {"dataselect"}):
            visit(target)
        path.pop()
        done.add(name)

    for name in sorted(NAMES - {"dataselect"}):
        visit(name)


def functions():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def test_no_function_is_longer_than_sixty_lines():
    """Without its docstring, which may be as long as it has to be."""
    for path, node in functions():
        first = node.body[0]
        documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        lines = node.end_lineno - node.lineno + 1 - (first.end_lineno - first.lineno + 1 if documented else 0)
        assert lines <= 60, f"{path}:{node.lineno}: {node.name} has {lines} lines"


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "README.md"])
def test_every_path_that_a_document_names_exists(name):
    text = (TOP / name).read_text(encoding="utf-8")
    paths = set(re.findall(r"\b(?:dataselect|tests|benchmarks|configs)/[\w./-]*\w", text))
    assert paths
    for path in paths:
        assert (TOP / path).exists(), f"{name} names {path}"


def test_every_file_says_what_it_is():
    for path, tree in TREES.items():
        assert (ast.get_docstring(tree) or "").strip(), f"{path} has no docstring"
