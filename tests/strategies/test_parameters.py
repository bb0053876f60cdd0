from dataclasses import dataclass

import pytest

from dataselect.errors import UsageError
from dataselect.strategies import make_strategy
from dataselect.strategies.parameters import build_from_text, describe


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
    ("params", "told"),
    [
        ({"count": "3.5"}, "count: expected a whole number, got '3.5'"),
        ({"count": "٣x"}, "count: expected a whole number"),
        ({"share": "much"}, "share: expected a number, got 'much'"),
        ({"strict": "yes"}, "strict: expected true or false, got 'yes'"),
        ({"cuont": "3"}, "cuont: unknown key, did you mean count?"),
    ],
)
def test_a_wrong_option_is_named(params, told):
    with pytest.raises(UsageError) as caught:
        build_from_text(Options, params, "options")
    assert told in caught.value.message
    assert caught.value.exit_code == 2


def test_all_faults_are_told_at_once_with_what_it_takes():
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


def test_no_option_is_said_so():
    with pytest.raises(UsageError, match="it takes no --param"):
        make_strategy("random", {"seed": "3"})
    assert describe(Options).startswith("--param count=COUNT (default 1)")
