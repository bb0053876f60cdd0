from pathlib import Path

import numpy as np
import pytest

from dataselect.errors import UsageError
from dataselect.strategies import LENGTH, Candidates, Needs, Text
from dataselect.strategies.members import narrowed, parse_member, parse_members, united
from dataselect.strategies.zip import Zip


def test_reads_names_and_options_in_brackets():
    members = parse_members("ppl-low, zip(k1=5, k2=3,k3=2) ,ppl-high(scope=sequence)")
    assert [member.name for member in members] == ["ppl-low", "zip", "ppl-high"]
    assert members[1].strategy == Zip(k1=5, k2=3, k3=2)
    assert members[2].strategy.needs.columns == ("sequence_ppl",)
    assert parse_member(" longest() ").name == "longest"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected a strategy such as ppl-low"),
        ("ppl-low,", "expected a strategy such as ppl-low"),
        ("ppl-low(scope=sequence", "expected a strategy such as ppl-low"),
        ("zip(k1)", "each option once, as option=value"),
        ("zip(k1=5,k1=6)", "each option once, as option=value"),
    ],
)
def test_what_cannot_be_read_is_refused(text, told):
    with pytest.raises(ValueError, match=told):
        parse_members(text)


@pytest.mark.parametrize(("text", "told"), [("ppl_low", "did you mean ppl-low"), ("zip(k9=1)", "k9: unknown key")])
def test_unknown_strategies_and_options_are_named(text, told):
    with pytest.raises(UsageError, match=told):
        parse_members(text)


def test_needs_are_put_together_once():
    both = united([Needs(columns=("ppl", "ifd"), vectors=True), Needs(columns=("ifd",), length=True, texts=True)])
    assert both == Needs(columns=("ppl", "ifd"), length=True, vectors=True, texts=True)
    assert united([]) == Needs()
    one = Needs(selection=Path("a.jsonl"))
    assert united([one, one]) == one
    with pytest.raises(ValueError, match=r"one selection to match, got a\.jsonl and b\.jsonl"):
        united([one, Needs(selection=Path("b.jsonl"))])


def test_a_member_is_given_what_it_asked_for_and_nothing_else():
    whole = Candidates(
        ["a"], {"ppl": np.ones(1), LENGTH: np.ones(1)}, np.ones(2), vectors=np.ones((1, 1), np.float32),
        target_vectors=np.ones((1, 1), np.float32), target_tasks=["t"], texts=[Text("p", "r")],
        target_texts=[Text("p", "")], target_text_tasks=["t"], sources=["s"], limit=3,
    )  # fmt: skip
    little = narrowed(whole, Needs(columns=("ppl",)))
    assert (list(little.columns), little.vectors, little.texts, little.sources) == (["ppl"], None, (), ())
    assert (len(little.match_lengths), little.target_tasks, little.target_texts, little.limit) == (0, (), (), None)
    everything = Needs(("ppl",), True, Path("m"), True, True, True, True, True)
    assert vars_of(narrowed(whole, everything)) == {**vars_of(whole), "limit": None}


def vars_of(candidates):
    return {name: getattr(candidates, name) for name in candidates.__slots__}
