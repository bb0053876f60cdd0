"""Exact match: the numbers in an answer by hand, whole runs, shots, and malformed records."""

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.backends.contract import Generated
from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.answers import WrittenAnswer, write_answers
from dataselect.evaluation.exact_match import (
    WorkedQuestion,
    _judge,
    decimal_value,
    draw_shots,
    evaluate_exact_match,
    flexible_answer,
    read_questions,
    reference_answer,
    same_number,
    strict_answer,
)
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.request import GenerationOptions
from dataselect.evaluation.tasks import find_tasks
from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.prompting import Prompt, render_prompts
from dataselect.records import Message

ROWS = [
    {"id": "two", "question": "What is two and two?", "answer": "2 + 2 = 4\n#### 4"},
    {"id": "sea", "question": "How far is the sea?", "answer": "1,000"},
    {"id": "none", "question": "How many?", "answer": 0},
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def silent(task, done, of):
    pass


@pytest.fixture(scope="module")
def model(builtin):
    return EvaluatedModel(builtin, Renderer(builtin), "transformers", "float32", None)


def question(tmp_path, row=ROWS[0]):
    return read_questions(write(tmp_path / "one.jsonl", [row]))[0]


@pytest.mark.parametrize(
    ("text", "strict", "flexible"),
    [
        ("2 + 2 = 4\n#### 4", True, True),
        ("It is 4.", False, True),
        ("#### 4\nOr is it 5?", True, False),
        ("#### 5, no, 4", False, True),
        ("four", False, False),
        ("#### $4.00", True, True),
    ],
)
def test_both_metrics_of_one_answer(tmp_path, text, strict, flexible):
    judged = _judge(question(tmp_path), WrittenAnswer("ok", text, True), "").judged
    assert (judged["exact_match_strict"], judged["exact_match_flexible"]) == (strict, flexible)
    assert judged["expected"] == "4"


def test_what_follows_where_the_model_begins_the_users_next_turn_is_not_read(tmp_path):
    text = "2 + 2 = 4\n#### 4\n\n### Instruction:\nWhat is 9?\n\n### Response:\n#### 9"
    output = _judge(question(tmp_path), WrittenAnswer("ok", text, False), "### Instruction:")
    assert output.judged["extracted_flexible"] == "4"
    assert output.output == "2 + 2 = 4\n#### 4\n\n"
    assert output.ended
    assert _judge(question(tmp_path), WrittenAnswer("ok", text, False), "").judged["extracted_flexible"] == "9"


def test_a_run_keeps_what_was_written_and_found(model, tmp_path):
    file = write(tmp_path / "sums.jsonl", ROWS)
    (task,) = find_tasks([f"exact-match:{file}"], None, GenerationOptions(max_new_tokens=12))
    outcome = evaluate_exact_match(task, model, silent)
    strict, flexible = outcome.results
    assert (strict.metric, strict.direction) == ("exact_match_strict", "higher")
    assert (flexible.metric, flexible.direction) == ("exact_match_flexible", "higher")
    assert strict.item_ids == flexible.item_ids == ("two", "sea", "none")
    for row, output, hit in zip(ROWS, outcome.outputs, flexible.values, strict=True):
        (ids,) = [one.ids for one in render_prompts(model.renderer, [[Message("user", row["question"])]])]
        (alone,) = model.write_on([ids], 12)
        assert output.output == model.renderer.tokenizer.decode(alone.ids, skip_special_tokens=True)
        assert output.ended == alone.ended
        assert hit == float(output.judged["exact_match_flexible"])
    assert [output.judged["expected"] for output in outcome.outputs] == ["4", "1,000", "0"]


def test_a_right_answer_counts_one(model, tmp_path):
    file = write(tmp_path / "sums.jsonl", ROWS)
    (task,) = find_tasks([f"exact-match:{file}"], None, GenerationOptions(max_new_tokens=30))
    written = evaluate_exact_match(task, model, silent).outputs
    numbers = [one.judged["extracted_flexible"] for one in written]
    rows = [{**row, "answer": number or "17"} for row, number in zip(ROWS, numbers, strict=True)]
    (told,) = find_tasks([f"exact-match:{write(tmp_path / 'told.jsonl', rows)}"], None, GenerationOptions(30))
    flexible = evaluate_exact_match(told, model, silent).results[1]
    assert flexible.values.tolist() == [float(number is not None) for number in numbers]


def test_answers_that_are_cut_off_are_noted_and_prompts_that_do_not_fit_left_out(model, tmp_path):
    rows = [*ROWS, {"id": "long", "question": "word " * 1500, "answer": "1"}]
    (task,) = find_tasks([f"exact-match:{write(tmp_path / 'sums.jsonl', rows)}"], None, GenerationOptions(1))
    outcome = evaluate_exact_match(task, model, silent)
    assert (outcome.items, dict(outcome.left_out)) == (4, {"too_long": 1})
    assert outcome.notes == ("3 of 3 answers were cut off at --max-new-tokens",)
    (alone,) = find_tasks([f"exact-match:{write(tmp_path / 'long.jsonl', rows[3:])}"])
    with pytest.raises(DataselectError, match="no item of the task long can be scored: 1 too_long"):
        evaluate_exact_match(alone, model, silent)


def test_shots_stand_before_each_item_as_earlier_turns(builtin, tmp_path):
    asked = []

    class Listening(EvaluatedModel):
        def write_on(self, prompts, max_new_tokens, tick=lambda done: None):
            asked.extend(self.renderer.tokenizer.decode(ids) for ids in prompts)
            return [Generated(np.zeros(0, np.int32), True) for _ in prompts]

    model = Listening(builtin, Renderer(builtin, RenderOptions(template="qa")), "transformers", "float32", None)
    train = write(tmp_path / "train.jsonl", [{"question": f"Q{n}?", "answer": f"so\n#### {n}"} for n in range(9)])
    file = write(tmp_path / "sums.jsonl", ROWS[:2])
    (task,) = find_tasks([f"exact-match:{file}"], None, GenerationOptions(5, 2, train))
    evaluate_exact_match(task, model, silent)
    first, second = asked
    assert first.count("###Answer: so\n####") == 2
    assert first.endswith("###Question: What is two and two?\n###Answer:")
    assert first.split("###Question: What")[0] == second.split("###Question: How")[0]


def test_shots_are_drawn_once_with_a_seed_and_never_answer_what_is_asked(tmp_path):
    solved = [WorkedQuestion(f"{n}", f"q{n}", f"a{n}", f"{n}") for n in range(50)]
    asked = [f"q{n}" for n in range(45)]
    drawn = draw_shots(solved, asked, 5, tmp_path)
    assert {message.content for message in drawn if message.role == "user"} == {"q45", "q46", "q47", "q48", "q49"}
    assert [message.role for message in drawn] == ["user", "assistant"] * 5
    assert all(
        answer.content == question.content.replace("q", "a")
        for question, answer in zip(drawn[::2], drawn[1::2], strict=True)
    )
    assert draw_shots(solved, asked, 5, tmp_path) == drawn
    with pytest.raises(DataselectError, match="has 5 questions that the task does not ask, but --shots is 6"):
        draw_shots(solved, asked, 6, tmp_path)


@pytest.mark.parametrize("options", [(0, 0, None), (5, -1, None), (5, 2, None)])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(UsageError):
        GenerationOptions(*options)


def test_a_missing_file_of_shots_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a file"):
        GenerationOptions(5, 2, tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"question": " "}, "question should be text, got ' '"),
        ({"answer": "no idea"}, "answer should be a number or end in #### NUMBER, got 'no idea'"),
        ({"answer": None}, "got 'None'"),
        ({"id": "first"}, "the id 'first' occurs twice"),
    ],
)
def test_malformed_records_name_file_and_line(tmp_path, changes, told):
    good = {"id": "first", "question": "How many?", "answer": "#### 3"}
    file = write(tmp_path / "sums.jsonl", [good, {**good, "id": "second", **changes}])
    with pytest.raises(DataselectError) as caught:
        read_questions(file)
    assert "sums.jsonl line 2" in caught.value.message
    assert told in caught.value.message


def test_all_of_gsm8k_is_read(shared_data):
    questions = read_questions(shared_data / "benchmarks" / "gsm8k__test.jsonl")
    assert len(questions) == 1319
    assert questions[0].expected == "18"


def test_answers_come_in_the_order_of_the_prompts_with_the_gaps_told(model):
    ids = render_prompts(model.renderer, [[Message("user", "Hello.")]])[0].ids
    told = []
    answers = write_answers(model, [Prompt(ids), Prompt(ids[:0], "too_long"), Prompt(ids)], 5, told.append)
    assert [answer.status for answer in answers] == ["ok", "too_long", "ok"]
    assert answers[0] == answers[2]
    assert told[-1] == 3


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
        assert decimal_value(strict_answer(f"so\n#### {text}")) == value
        assert decimal_value(flexible_answer(f"1 and then {text}.")) == value


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
        assert decimal_value(expected) == Decimal(expected.replace(",", ""))
        assert same_number(strict_answer(answer), expected)
        assert same_number(flexible_answer(answer), expected)
