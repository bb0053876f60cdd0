"""Strict configuration: every fault told, all of them together, and near matches named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from dataselect.config import build, load_yaml
from dataselect.errors import ConfigError, MissingExtraError, UsageError
from dataselect.registry import Registry, require


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    kind: Literal["a", "b"] = "a"


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 1
    maybe: int | None = None
    inner: Inner = field(default_factory=Inner)
    names: tuple[str, ...] = ()
    table: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count: must not be negative")


def test_values_of_every_kind():
    made = build(
        Outer, {"name": "n", "maybe": 3, "inner": {"rate": 2, "kind": "b"}, "names": ["x"], "table": {"k": 1}}, "test"
    )
    assert made == Outer("n", 1, 3, Inner(2.0, "b"), ("x",), {"k": 1})
    assert build(Outer, {"name": "n", "maybe": None, "names": "one"}, "test").names == ("one",)


def test_yaml_writes_small_numbers_as_text(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("name: n\ninner: {rate: 1e-4}\n")
    assert build(Outer, load_yaml(file), "c").inner.rate == 1e-4


def test_three_faults_are_told_at_once():
    with pytest.raises(ConfigError) as told:
        build(Outer, {"nmae": "n", "count": "many", "inner": {"kind": "c"}}, "my.yaml")
    message = told.value.message
    assert "my.yaml has 4 faults" in message
    assert "nmae: unknown key, did you mean name?" in message
    assert "count: expected a whole number, got 'many'" in message
    assert "inner.kind: expected one of a, b, got 'c'" in message
    assert "name: missing" in message


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"name": 3}, "name: expected text"),
        ({"name": "n", "count": True}, "count: expected a whole number"),
        ({"name": "n", "inner": []}, "inner: expected a mapping"),
        ({"name": "n", "table": {"k": "v"}}, "table.k: expected a whole number"),
        ({"name": "n", "inner": {"rate": "fast"}}, "inner.rate: expected a number"),
        ({"name": "n", "count": -1}, "must not be negative"),
    ],
)
def test_single_faults(values, told):
    with pytest.raises(ConfigError, match=told):
        build(Outer, values, "test")


@pytest.mark.parametrize(("text", "told"), [("a: [", "not valid YAML"), ("- 1\n", "mapping"), (None, "cannot read")])
def test_files_that_are_no_configuration(tmp_path, text, told):
    file = tmp_path / "c.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_yaml(file)


def test_yaml_cannot_run_code(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("name: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ConfigError):
        load_yaml(file)


def test_a_registry_names_near_matches_and_loads_on_use():
    registry = Registry("thing", {"decoder": "json:JSONDecoder", "broken": "no.such.module:x"})
    import json

    assert registry.load("decoder") is json.JSONDecoder
    assert registry.names() == ["decoder", "broken"]
    with pytest.raises(UsageError, match="did you mean decoder"):
        registry.load("decodr")
    with pytest.raises(UsageError, match="known: broken, decoder"):
        registry.load("zzz")


def test_a_missing_package_names_its_extra_and_a_broken_one_is_not_hidden(tmp_path, monkeypatch):
    with pytest.raises(MissingExtraError, match=r"pip install 'dataselect\[vllm\]'"):
        require("no_such_package_here", extra="vllm")
    (tmp_path / "half_broken.py").write_text("import another_missing_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="another_missing_package"):
        require("half_broken", extra="vllm")
