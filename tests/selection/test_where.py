"""`--where`: what is kept, worked by hand; missing values as in SQL; and no way to run code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.errors import UsageError
from dataselect.selection.where import Where

COLUMNS = {
    "response_tokens": np.array([10.0, 21.0, 30.0, 40.0]),
    "ppl": np.array([5.0, 60.0, math.nan, 7.0]),
    "ppl.tuned": np.array([4.0, 30.0, 2.0, 8.0]),
    "source": np.array(["a.json", "b.json", "a.json", "c.json"]),
    "lang": np.array(["en", None, "de", "en"], object),
}


def kept(text: str) -> list[int]:
    return np.flatnonzero(Where(text).holds(COLUMNS)).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("response_tokens > 20 and ppl < 50", [3]),
        ("response_tokens >= 21", [1, 2, 3]),
        ("20 < response_tokens <= 30", [1, 2]),
        ("ppl < 50", [0, 3]),
        ("not ppl < 50", [1]),  # the row without ppl is in neither
        ("ppl < 50 or response_tokens == 30", [0, 2, 3]),  # true or unknown is true
        ("not (ppl < 50 and response_tokens == 10)", [1, 2, 3]),  # unknown and false is false
        ("ppl != ppl", []),
        ("ppl.tuned < ppl", [0, 1]),
        ("ppl - ppl.tuned > 20", [1]),
        ("response_tokens / (ppl - 5) > 0", [1, 3]),  # 10 / 0 is no number, so nothing is known of it
        ("-response_tokens < -30", [3]),
        ('source == "a.json"', [0, 2]),
        ('source in ("a.json", "c.json") and response_tokens > 10', [2, 3]),
        ('source not in ["a.json"]', [1, 3]),
        ("response_tokens in (10, 40)", [0, 3]),
        ("1 < 2", [0, 1, 2, 3]),
        ("lang == 'en'", [0, 3]),
        ("'en' != lang", [2]),
        ("not lang == 'en'", [2]),  # the row without a language is in neither
        ("lang in ('de', 'fr') or ppl > 50", [1, 2]),
        ("lang == source", []),
    ],
)
def test_kept_rows_by_hand(text, rows):
    assert kept(text) == rows


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "ppl.__class__ == 1",
        "open('x') == 1",
        "[x for x in (1,)] == 1",
        "ppl[0] < 1",
        "(lambda: 1)() == 1",
        "ppl",
        "ppl < ",
        "ppl = 5",
        "",
        "ppl < 'a'",
        "source < 'b'",
        "source + 'x' == 'y'",
        "ppl is None",
        "ppl in 5",
        "ppl ** 99999 > 1",
        "ppl < True",
        "ppl == None",
        "lang < 'e'",
        "lang == 5",
        "lang + 1 > 5",
        "(" * 500 + "ppl < 1" + ")" * 500,
    ],
)
def test_what_is_not_of_the_language_is_refused_in_one_line(text):
    with pytest.raises(UsageError) as expected:
        Where(text).holds(COLUMNS)
    assert "\n" not in str(expected.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ppl < True", "compares with numbers and texts, not with True"),
        ("lang == 5", "compares lang, which is text, with a number"),
        ("ppl == 'high'", "compares ppl, which is numbers, with a text"),
        ("ppl in (1, 'a')", "compares ppl, which is numbers, with a text"),
    ],
)
def test_a_comparison_of_the_wrong_kind_says_which(text, expected):
    with pytest.raises(UsageError, match=expected):
        kept(text)


def test_an_unknown_column_is_named_with_near_ones():
    with pytest.raises(UsageError, match=r"response_token'.*response_tokens"):
        kept("response_token > 5")


def test_the_columns_that_it_needs_are_known_before():
    assert Where("ppl.tuned < 3 and source == 'a' or response_tokens > 1").columns == (
        "ppl.tuned", "response_tokens", "source",
    )  # fmt: skip
    assert Where("ppl.tuned < ppl").columns == ("ppl", "ppl.tuned")


@given(st.lists(st.one_of(st.none(), st.floats(-3, 3)), min_size=1, max_size=20), st.floats(-3, 3))
def test_an_expression_and_its_negation_share_no_row_and_leave_out_only_missing_ones(values, limit):
    column = {"x": np.array([math.nan if v is None else v for v in values])}
    yes, no = (Where(text).holds(column) for text in (f"x < {limit!r}", f"not x < {limit!r}"))
    assert not (yes & no).any()
    assert ((yes | no) == ~np.isnan(column["x"])).all()
    assert yes.tolist() == [v is not None and v < limit for v in values]
