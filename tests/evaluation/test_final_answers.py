import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.evaluation.final_answers import flexible_answer, number, reference_answer, same_number, strict_answer


@pytest.mark.parametrize(
    ("text", "strict", "flexible"),
    [
        ("6 * 3 = 18\n#### 18", "18", "18"),
        ("#### $1,234.50 in all, over 2 days", "$1,234.50", "2"),
        ("####18.", "18", "18"),
        ("#### -5", "-5", "-5"),
        ("#### 5\n\nanother question\n#### 7", "5", "7"),  # the first mark, and the last number
        ("The answer is 18.", None, "18"),
        ("from 18-24 people", None, "24"),  # a range, and no minus
        ("x=-3", None, "-3"),
        ("it fell by −4 degrees", None, "−4"),
        ("that is 20% more", None, "20%"),
        ("$-5", None, "$-5"),
        ("1,2,3", None, "3"),  # a list: thousands have three digits
        ("12,345,678 or .5", None, ".5"),
        ("#### nothing", None, None),
        ("", None, None),
    ],
)
def test_strict_looks_behind_the_mark_and_flexible_for_the_last_number(text, strict, flexible):
    assert strict_answer(text) == strict
    assert flexible_answer(text) == flexible


@pytest.mark.parametrize(
    ("one", "other"),
    [("1,234", "1234"), ("$18", "18"), ("18.0", "18"), ("18.50", "18.5"), ("20%", "20"), ("+7", "7"), ("−4", "-4"),
     (".5", "0.50"), ("007", "7"), ("-0", "0"), ("€3", "3")],
)  # fmt: skip
def test_the_same_number_may_be_written_in_many_ways(one, other):
    assert same_number(one, other)
    assert same_number(other, one)


@pytest.mark.parametrize(("one", "other"), [("18", "19"), ("18.01", "18"), ("-4", "4"), ("0.1", "1"), (None, "1")])
def test_another_number_is_another_number(one, other):
    assert not same_number(one, other)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_any_number_with_or_without_commas_is_found_and_read_back(value):
    for text in (f"{value:f}", f"{value:,f}", f"${value:,f}"):
        assert number(strict_answer(f"so\n#### {text}")) == value
        assert number(flexible_answer(f"1 and then {text}.")) == value


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("2 + 2 = 4\n#### 4", "4"), ("#### 1,000", "1,000"), ("42", "42"), (42, "42"), (2.5, "2.5"), ("42.", "42"),
     ("#### 3 #### 4", "4"), ("no idea", None), ("#### forty", None), ("It is 42", None), (True, None), (None, None),
     (["42"], None), ("", None)],
)  # fmt: skip
def test_the_right_answer_is_a_number_or_stands_behind_the_last_mark(answer, expected):
    assert reference_answer(answer) == expected


def test_every_answer_of_gsm8k_is_read_and_its_own_solution_is_right(shared_data):
    lines = (shared_data / "benchmarks" / "gsm8k__test.jsonl").read_text().splitlines()
    answers = [json.loads(line)["answer"] for line in lines]
    assert len(answers) == 1319
    for answer in answers:
        expected = reference_answer(answer)
        assert expected == answer.split("#### ")[1].strip()
        assert number(expected) == Decimal(expected.replace(",", ""))
        assert same_number(strict_answer(answer), expected)
        assert same_number(flexible_answer(answer), expected)
