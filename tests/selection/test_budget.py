import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.errors import DataselectError, UsageError
from dataselect.selection.budget import cut_tokens, most_rows, parse_budget


@pytest.mark.parametrize(
    ("text", "rows", "tokens", "amount", "unit"),
    [
        ("10", 200, None, 10, "examples"),  # taken literally: ten examples, not ten per cent
        (" 10 ", 200, None, 10, "examples"),
        ("200", 200, None, 200, "examples"),
        ("10%", 209, None, 20, "examples"),  # 20.9, rounded down
        ("0.5%", 1000, None, 5, "examples"),
        ("0.5%", 30, None, 1, "examples"),  # 0.15: at least one
        ("29%", 100, None, 29, "examples"),  # 0.29 * 100 is 28.999... in floating point
        ("100%", 7, None, 7, "examples"),
        ("5000tok", 10, 6000, 5000, "tokens"),
        ("007", 10, None, 7, "examples"),
    ],
)
def test_reads_the_three_forms(text, rows, tokens, amount, unit):
    budget = parse_budget(text)
    assert (budget.resolve(rows, tokens), budget.unit) == (amount, unit)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0%", "0.0%", "0tok", "-5", "-5%", "+5", "1e3", "1_000", "1,000", "10.5", "10.5tok", "10 %", "ten", "%",
     "tok", "10tokens", "10TOK", "nan", "inf", "10%%", ".5%", "5.%", "٣"],
)  # fmt: skip
def test_refuses_anything_else_with_examples(text):
    with pytest.raises(UsageError) as caught:
        parse_budget(text)
    assert repr(text) in caught.value.message
    assert "0.5%" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("201", "asks for 201 examples, but the pool has 200 rows"),
        ("6001tok", "asks for 6,001 tokens, but the pool has 6,000 scored tokens"),
        ("100.1%", "asks for 100.1% of the pool, but the pool has 200 rows"),
    ],
)
def test_over_the_pool_names_both_numbers(text, expected):
    with pytest.raises(DataselectError) as caught:
        parse_budget(text).resolve(200, 6000)
    assert expected in caught.value.message
    assert caught.value.exit_code == 1


def test_tokens_stop_before_the_first_row_that_overshoots():
    tokens = np.array([40.0, 30.0, 50.0, 10.0])  # sums 40 70 120 130
    assert [cut_tokens(tokens, amount) for amount in (40, 69, 70, 80, 119, 120, 130)] == [1, 1, 2, 2, 2, 3, 4]


def test_a_first_row_over_the_token_budget_is_an_error():
    with pytest.raises(DataselectError, match=r"the best row alone has 40 tokens, more than the budget of 39.*40tok"):
        cut_tokens(np.array([40.0, 1.0]), 39)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(50, 2000))
def test_token_cut_agrees_with_counting_one_by_one(tokens, amount):
    kept, used = 0, 0
    for size in tokens:
        if used + size > amount:
            break
        kept, used = kept + 1, used + size
    assert cut_tokens(np.array(tokens, float), amount) == kept


def test_the_most_rows_of_a_token_budget_are_the_shortest_ones():
    tokens = np.array([50.0, 3.0, np.nan, 4.0, 20.0])
    assert [most_rows("tokens", amount, tokens) for amount in (7, 26, 27, 77, 1000)] == [2, 2, 3, 4, 4]
    assert most_rows("tokens", 2, tokens) == 1  # so that the first row is there to be named as too long
    assert most_rows("examples", 7, None) == 7


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), st.integers(1, 200), st.randoms())
def test_no_order_keeps_more_rows_than_that(sizes, amount, random):
    tokens = np.array(sizes, float)
    most = most_rows("tokens", amount, tokens)
    random.shuffle(sizes)
    if sizes[0] <= amount:
        assert cut_tokens(np.array(sizes, float), amount) <= most
