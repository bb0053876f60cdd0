import re

import pytest
from quickstart_pool import arithmetic
from quickstart_pool.draw import Draw
from quickstart_pool.problems import Problem, Step, worked

LINE = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


def evaluate(left, op, right):
    """The result of one written computation, by our own arithmetic and not by the maker's."""
    a, b = int(left), int(right)
    if op == "/":
        quotient, rest = divmod(a, b)
        assert rest == 0, f"{a} / {b} leaves {rest}"
        return quotient
    return a + b if op == "+" else a - b if op == "-" else sum([a] * b)


@pytest.fixture(scope="module")
def examples():
    draw = Draw(5)
    return [arithmetic.make(draw) for _ in range(600)]


def test_every_written_computation_is_right(examples):
    for example in examples:
        lines = LINE.findall(example.response)
        assert lines, example.response
        for left, op, right, result in lines:
            assert evaluate(left, op, right) == int(result), example.response


def test_the_answer_stands_last_and_is_a_result(examples):
    for example in examples:
        last = example.response.rsplit("\n", 1)[-1]
        found = re.fullmatch(r"Answer: (\d+)", last)
        assert found, example.response
        assert found.group(1) in [line[3] for line in LINE.findall(example.response)]


def test_every_number_comes_from_the_question_or_from_an_earlier_line(examples):
    for example in examples:
        known = {*re.findall(r"\d+", example.prompt), "2", "100"}  # two of each wall; a per cent is a hundredth
        for left, _, right, result in LINE.findall(example.response):
            assert {left, right} <= known, f"{example.prompt}\n{example.response}"
            known.add(result)


def test_no_template_field_is_left_open(examples):
    assert not [example for example in examples if re.search(r"[{}]|\b1 (years|hours|metres) ", example.prompt)]


def test_a_problem_is_worked_out_by_hand():
    # Six boxes of seven pens are 42 pens; ten are lost, 32 are left; four people get eight each.
    steps = (
        Step("each of the 6 boxes holds 7 pens", 6, "*", 7, "the number of pens"),
        Step("10 are lost", 42, "-", 10, "the pens left"),
        Step("4 people share", 32, "/", 4, "the pens for each"),
    )
    problem = Problem("pens", "How many pens does each get?", steps, "each gets 8 pens")
    assert [step.result for step in steps] == [42, 32, 8]
    assert steps[1].check == "32 + 10 = 42"
    assert problem.instance == "pens: 6 * 7 = 42; 42 - 10 = 32; 32 / 4 = 8"
    answers = {worked(problem, Draw(seed)).response for seed in range(40)}
    assert "6 * 7 = 42\n42 - 10 = 32\n32 / 4 = 8\nAnswer: 8" in answers
    assert len(answers) > 20
    assert max(map(len, answers)) > 3 * min(map(len, answers))


def test_a_step_that_is_not_whole_is_our_own_fault():
    with pytest.raises(AssertionError, match="7 / 2 is not whole"):
        _ = Step("", 7, "/", 2, "").result
