"""Requests from Python: every field of every request takes what its annotation says, one or many, text or Path."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import typing
from pathlib import Path

import pytest

import dataselect
from dataselect.arguments import as_path, as_paths, as_texts, checked, named_model
from dataselect.errors import DataselectError, UsageError
from dataselect.reports import write_report
from dataselect.run_analysis import analyze

NEEDED = {
    "pools": "a.jsonl", "model": "builtin", "models": "builtin", "out": "out", "encoder": "builtin", "strategy": "random",
    "budget": "10%", "ranking": "r.parquet", "file": "chosen.jsonl", "tasks": "task.jsonl", "selection": "chosen.jsonl",
    "base": "builtin", "tuned": "tuned",
}  # fmt: skip
"""A value for every field without a default."""


def requests() -> list[type]:
    """Every dataclass of the package whose name ends in Request, and the filters that one of them holds."""
    found = {}
    for module in pkgutil.walk_packages(dataselect.__path__, "dataselect."):
        source = Path(module.module_finder.find_spec(module.name).origin).read_text(encoding="utf-8")
        if re.search(r"^class (\w+Request|Filters)\b", source, re.MULTILINE):
            for name, kind in vars(importlib.import_module(module.name)).items():
                if dataclasses.is_dataclass(kind) and (name.endswith("Request") or name == "Filters"):
                    found[name] = kind
    return list(found.values())


KINDS = requests()
FIELDS = [(kind, field.name) for kind in KINDS for field in dataclasses.fields(kind)]


def hint_of(kind: type, name: str):
    return typing.get_type_hints(kind)[name]


def made(kind: type, **given):
    needed = [f for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING]
    return kind(**{f.name: NEEDED.get(f.name, "x") for f in needed} | given)


def of_type(wanted) -> list[tuple[type, str]]:
    return [(kind, name) for kind, name in FIELDS if hint_of(kind, name) == wanted]


def test_all_requests_are_here():
    names = {kind.__name__ for kind in KINDS}
    assert {name for name in dataselect.__all__ if name.endswith("Request")} <= names
    assert {
        "RankRequest",
        "LayersRequest",
        "TokensRequest",
        "ExplainRequest",
        "VerifyRequest",
        "ReselectRequest",
    } <= names
    texts = "".join(path.read_text() for path in Path(dataselect.__path__[0]).rglob("*.py"))
    defined = set(re.findall(r"^class (\w+Request)\b", texts, re.MULTILINE))
    assert names - {"Filters"} == defined, "a request stands in a module that this test does not look into"


@pytest.mark.parametrize(("kind", "name"), of_type(Path) + of_type(Path | None))
def test_a_path_is_text_or_a_path(kind, name):
    assert getattr(made(kind, **{name: "a/b.jsonl"}), name) == Path("a/b.jsonl")
    assert getattr(made(kind, **{name: Path("a/b.jsonl")}), name) == Path("a/b.jsonl")
    for wrong in (3, b"a", ["a"]):
        with pytest.raises(UsageError, match=rf"{kind.__name__}: {name} should be a path \(text or Path\)"):
            made(kind, **{name: wrong})


MANY = of_type(tuple[str, ...]) + of_type(tuple[Path, ...])


@pytest.mark.parametrize(("kind", "name"), [one for one in MANY if one[1] not in ("ratings", "quota", "budgets")])
def test_many_may_be_one(kind, name):
    make = typing.get_args(hint_of(kind, name))[0]
    assert getattr(made(kind, **{name: "a.jsonl"}), name) == (make("a.jsonl"),)
    assert getattr(made(kind, **{name: Path("a.jsonl")}), name) == (make("a.jsonl"),)
    assert getattr(made(kind, **{name: ["a.jsonl", Path("b.jsonl")]}), name) == (make("a.jsonl"), make("b.jsonl"))
    assert getattr(made(kind, **{name: (one for one in ("a.jsonl", "b.jsonl"))}), name) == (
        make("a.jsonl"),
        make("b.jsonl"),
    )
    for wrong in (5, None, b"a.jsonl", {"a.jsonl": 1}, {"a.jsonl"}, ["a.jsonl", 5]):
        with pytest.raises(UsageError, match=rf"{kind.__name__}: {name} should be .*, or a list of them, got "):
            made(kind, **{name: wrong})


@pytest.mark.parametrize(("kind", "name"), of_type(tuple[tuple[str, str], ...]))
def test_models_may_be_without_names(kind, name):
    pair = (("SmolLM2", "models/SmolLM2"),)
    for given in ("models/SmolLM2", Path("models/SmolLM2"), ["models/SmolLM2"], [("SmolLM2", Path("models/SmolLM2"))]):
        assert getattr(made(kind, **{name: given}), name) == pair
    assert getattr(made(kind, **{name: ("mine=models/a", "b")}), name) == (("mine", "models/a"), ("b", "b"))
    with pytest.raises(UsageError, match=f"{name} should be a model, or its name and the model, or a list of them"):
        made(kind, **{name: [("a", "b", "c")]})


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_what_does_not_fit_is_refused_in_one_line(kind, name):
    """An object of no use is refused by every field but those that take anything."""
    with pytest.raises(UsageError) as caught:
        made(kind, **{name: object()})
    assert caught.value.message.startswith(f"{kind.__name__}: {name} should be ")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("kind", "name"), of_type(int) + of_type(int | None) + of_type(float) + of_type(bool))
def test_numbers_are_numbers(kind, name):
    for wrong in ("3", True if hint_of(kind, name) is not bool else 1):
        with pytest.raises(UsageError, match=f"{kind.__name__}: {name} should be "):
            made(kind, **{name: wrong})


def test_numbers_of_other_libraries_are_numbers():
    import numpy as np

    request = dataselect.ScoreRequest("a.jsonl", "builtin", "out", limit=np.int64(5), batch_tokens=np.int32(7))
    assert (request.limit, type(request.limit), request.batch_tokens) == (5, int, 7)
    assert request.pools == ("a.jsonl",)
    assert request.out == Path("out")


def test_words_of_a_list_are_told():
    with pytest.raises(UsageError, match="embed_text should be prompt, response or both, got 'all'"):
        dataselect.EmbedRequest("a.jsonl", "builtin", "out", embed_text="all")
    with pytest.raises(UsageError, match="overwrite should be True or False or if-different, got 'no'"):
        dataselect.EmbedRequest("a.jsonl", "builtin", "out", overwrite="no")


def test_a_long_value_is_shown_by_its_beginning():
    with pytest.raises(UsageError) as caught:
        dataselect.ScoreRequest(["x" * 5000, 3], "builtin", "out")
    assert len(str(caught.value)) < 200


def test_functions_that_take_paths():
    assert as_path("a", "out") == Path("a")
    assert as_paths(["a", Path("b")], "folders") == (Path("a"), Path("b"))
    assert as_texts(Path("a"), "pools") == ("a",)
    with pytest.raises(UsageError, match=r"folders should be a path \(text or Path\), or a list of them, got 1"):
        as_paths(1, "folders")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: dataselect.compare(5, "out"), "folders to compare should be a path"),
        (lambda: dataselect.compare("nowhere", 5), "out should be a path"),
        (lambda: dataselect.compare("nowhere", "out"), "nowhere"),
        (lambda: dataselect.read_config(5), "the configuration should be a path"),
        (lambda: dataselect.read_config("nowhere.yaml"), "nowhere.yaml"),
        (lambda: dataselect.run_experiment(None, 5, "out"), "origin should be a path"),
        (lambda: dataselect.PoolReader("nowhere.jsonl"), "nowhere.jsonl does not exist"),
        (lambda: analyze("nowhere.csv", None, 5), "out should be a path"),
        (lambda: write_report("nowhere", ["a.html"]), "out should be a path"),
    ],
)
def test_functions_take_one_path_or_many_as_text_too(call, told):
    with pytest.raises(DataselectError, match=told):
        call()


def test_a_model_is_named_by_its_path(tmp_path):
    assert named_model("hub/name") == ("name", "hub/name")
    assert named_model("mine=hub/name") == ("mine", "hub/name")
    assert named_model("runs/7/adapter") == ("7", "runs/7/adapter")
    (tmp_path / "a=b").mkdir()
    assert named_model(tmp_path / "a=b") == ("a=b", str(tmp_path / "a=b"))
    for wrong in ("=x", "x=", ""):
        with pytest.raises(UsageError, match="a model is given as MODEL or NAME=MODEL"):
            named_model(wrong)


def test_a_field_that_takes_anything_keeps_it():
    @dataclasses.dataclass(frozen=True)
    class Loose:
        value: typing.Any

        def __post_init__(self) -> None:
            checked(self)

    thing = object()
    assert Loose(thing).value is thing
