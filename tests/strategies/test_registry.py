""" """

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dataselect.errors import UsageError
from dataselect.strategies import LENGTH, Candidates, Needs, Text, make_strategy
from dataselect.strategies.contract import REJECTED_TOKENS, combine_needs, restrict
from dataselect.strategies.registry import build_from_text, describe, parse_member, parse_members
from dataselect.strategies.zip import Zip


@dataclass(frozen=True)
class Options:
    count: int = 1
    share: float = 0.5
    strict: bool = False
    name: str = "x"


def test_text_becomes_the_declared_type():
    made = build_from_text(Options, {"count": "-3", "share": "0.25", "strict": "True", "name": "7"}, "options")
    assert made == Options(-3, 0.25, True, "7")


def test_typed_values_pass_as_they_are():
    assert build_from_text(Options, {"count": 3, "strict": True}, "options") == Options(count=3, strict=True)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"count": "3.5"}, "count: expected a whole number, got '3.5'"),
        ({"count": "٣x"}, "count: expected a whole number"),
        ({"share": "much"}, "share: expected a number, got 'much'"),
        ({"strict": "yes"}, "strict: expected true or false, got 'yes'"),
        ({"cuont": "3"}, "cuont: unknown key, did you mean count?"),
    ],
)
def test_a_wrong_option_is_named(params, expected):
    with pytest.raises(UsageError) as caught:
        build_from_text(Options, params, "options")
    assert expected in caught.value.message
    assert caught.value.exit_code == 2


def test_all_faults_are_reported_at_once_with_the_options():
    with pytest.raises(UsageError) as caught:
        make_strategy("ifd-high", {"ratio": "x", "rate": "1"})
    assert "2 faults" in caught.value.message
    assert caught.value.hint == "it takes --param ratio=ppl|loss (default ppl)"


def test_a_missing_option_is_named():
    with pytest.raises(UsageError, match=r"match: missing.*--param match=MATCH"):
        make_strategy("length-matched-random", {})
    with pytest.raises(UsageError, match="expected a selection file, got nothing"):
        make_strategy("length-matched-random", {"match": ""})


def test_an_unknown_strategy_names_its_near_matches():
    with pytest.raises(UsageError, match=r"unknown strategy 'ppl-lo'.*did you mean ppl-low"):
        make_strategy("ppl-lo", {})


def test_a_strategy_without_options_is_described_so():
    with pytest.raises(UsageError, match="it takes no --param"):
        make_strategy("random", {"seed": "3"})
    assert describe(Options).startswith("--param count=COUNT (default 1)")


def test_reads_names_and_options_in_brackets():
    members = parse_members("ppl-low, zip(k1=5, k2=3,k3=2) ,ppl-high(scope=sequence)")
    assert [member.name for member in members] == ["ppl-low", "zip", "ppl-high"]
    assert members[1].strategy == Zip(k1=5, k2=3, k3=2)
    assert members[2].strategy.needs.columns == ("sequence_ppl",)
    assert parse_member(" longest() ").name == "longest"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a strategy such as ppl-low"),
        ("ppl-low,", "expected a strategy such as ppl-low"),
        ("ppl-low(scope=sequence", "expected a strategy such as ppl-low"),
        ("zip(k1)", "each option once, as option=value"),
        ("zip(k1=5,k1=6)", "each option once, as option=value"),
    ],
)
def test_what_cannot_be_read_is_refused(text, expected):
    with pytest.raises(ValueError, match=expected):
        parse_members(text)


@pytest.mark.parametrize(("text", "expected"), [("ppl_low", "did you mean ppl-low"), ("zip(k9=1)", "k9: unknown key")])
def test_unknown_strategies_and_options_are_named(text, expected):
    with pytest.raises(UsageError, match=expected):
        parse_members(text)


def test_needs_are_put_together_once():
    both = combine_needs(
        [Needs(columns=("ppl", "ifd"), vectors=True), Needs(columns=("ifd",), length=True, texts=True)]
    )
    assert both == Needs(columns=("ppl", "ifd"), length=True, vectors=True, texts=True)
    assert combine_needs([]) == Needs()
    one = Needs(selection=Path("a.jsonl"))
    assert combine_needs([one, one]) == one
    with pytest.raises(ValueError, match=r"one selection to match, got a\.jsonl and b\.jsonl"):
        combine_needs([one, Needs(selection=Path("b.jsonl"))])


def test_a_member_is_given_what_it_asked_for_and_nothing_else():
    whole = Candidates(
        ["a"], {"ppl": np.ones(1), REJECTED_TOKENS: np.ones(1), LENGTH: np.ones(1)}, np.ones(2), vectors=np.ones((1, 1), np.float32),
        target_vectors=np.ones((1, 1), np.float32), target_tasks=["t"], texts=[Text("p", "r")],
        target_texts=[Text("p", "")], target_text_tasks=["t"], sources=["s"], limit=3,
        match_rejected_lengths=np.ones(2),
    )  # fmt: skip
    little = restrict(whole, Needs(columns=("ppl",)))
    assert (list(little.columns), little.vectors, little.texts, little.sources) == (["ppl"], None, (), ())
    assert len(little.match_rejected_lengths) == 0
    assert (len(little.match_lengths), little.target_tasks, little.target_texts, little.limit) == (0, (), (), None)
    everything = Needs(("ppl", REJECTED_TOKENS), True, Path("m"), True, True, True, True, True)
    assert vars_of(restrict(whole, everything)) == {**vars_of(whole), "limit": None}


def vars_of(candidates):
    return {name: getattr(candidates, name) for name in candidates.__slots__}
