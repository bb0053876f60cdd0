import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from dataselect.errors import DataselectError
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.multiple_choice import ChoiceItem, evaluate_multiple_choice, outcomes, read_items
from dataselect.evaluation.tasks import find_tasks
from dataselect.pool import Renderer
from dataselect.records import RESPONSE, Example, Message


def item(*choices, answer=0):
    return ChoiceItem("i", "Q?", choices, answer)


def test_accuracy_takes_the_sum_and_accuracy_norm_the_sum_per_byte():
    # sums: -4 for 1 byte, -6 for 4 bytes; per byte: -4.0 and -1.5
    assert outcomes(item("a", "bcde", answer=0), [-4.0, -6.0]) == (1.0, 0.0)
    assert outcomes(item("a", "bcde", answer=1), [-4.0, -6.0]) == (0.0, 1.0)


def test_bytes_are_utf8():
    # "é" has 2 bytes: -3.0 per byte against -3.5
    assert outcomes(item("é", "x", answer=0), [-6.0, -3.5]) == (0.0, 1.0)


def test_a_tie_counts_one_over_the_number_of_tied():
    assert outcomes(item("aa", "bb", "cc", answer=1), [-2.0, -2.0, -5.0]) == (0.5, 0.5)
    assert outcomes(item("aa", "bb", "cc", answer=2), [-2.0, -2.0, -2.0]) == (1 / 3, 1 / 3)
    assert outcomes(item("aa", "bb", "cc", answer=2), [-2.0, -2.0, -5.0]) == (0.0, 0.0)


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return find_tasks([str(path)])[0]


def silent(task, done, of):
    pass


@pytest.fixture(scope="module")
def model(builtin):
    return EvaluatedModel(builtin, Renderer(builtin), "transformers", "float32", None)


def direct_sum(builtin, question, choice):
    """Log-probability of the choice's tokens by plain transformers, the tokens found by their text."""
    renderer = Renderer(builtin)
    messages = (Message("user", question), Message("assistant", choice))
    (rendered,) = renderer.render([Example("x", "", {}, messages, line=1)])
    places = np.flatnonzero(rendered.parts == RESPONSE)
    assert renderer.tokenizer.decode(rendered.token_ids[places]) == choice
    ids = torch.tensor(rendered.token_ids.astype(np.int64))[None]
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()(ids).logits[0].double()
    return sum(float(logits[at - 1].log_softmax(-1)[ids[0, at]]) for at in places)


RECORDS = [
    {"id": "sky", "question": "What is above us?", "choices": ["The sky.", "Quantum xylophones.", "No."], "answer": 0},
    {"id": "same", "question": "Which one?", "choices": ["This one.", "This one."], "answer": 1},
    {"id": "text", "question": "Where did he go?", "choices": ["Zxqj.", "He went to the house."],
     "answer": "He went to the house."},
]  # fmt: skip


def test_outcomes_equal_a_direct_computation(builtin, model, tmp_path):
    outcome = evaluate_multiple_choice(write(tmp_path / "quiz.jsonl", RECORDS), model, silent)
    accuracy, norm = outcome.results
    assert (accuracy.metric, accuracy.direction, norm.metric) == ("accuracy", "higher", "accuracy_norm")
    assert accuracy.item_ids == ("sky", "same", "text")
    for index, one in enumerate(read_items(tmp_path / "quiz.jsonl")):
        sums = [direct_sum(builtin, one.question, choice) for choice in one.choices]
        assert (accuracy.values[index], norm.values[index]) == outcomes(one, sums)
    assert accuracy.values[1] == 0.5  # equal choices tie, whatever the model


def test_the_order_of_the_choices_does_not_matter(model, tmp_path):
    turned = [{**r, "choices": r["choices"][::-1], "answer": len(r["choices"]) - 1} for r in RECORDS[:1]]
    one_way = evaluate_multiple_choice(write(tmp_path / "a.jsonl", RECORDS[:1]), model, silent)
    other_way = evaluate_multiple_choice(write(tmp_path / "b.jsonl", turned), model, silent)
    assert [r.mean for r in one_way.results] == [r.mean for r in other_way.results]


def test_items_with_a_choice_that_cannot_be_scored_are_left_out_and_counted(model, tmp_path):
    records = [
        *RECORDS,
        {"question": "Too long?", "choices": ["Yes.", "word " * 1500], "answer": 0},
        {"question": "Blank?", "choices": ["Yes.", " "], "answer": 0},
    ]
    outcome = evaluate_multiple_choice(write(tmp_path / "quiz.jsonl", records), model, silent)
    assert outcome.items == 5
    assert dict(outcome.left_out) == {"empty_response": 1, "too_long": 1}
    assert outcome.results[0].item_ids == ("sky", "same", "text")
    with pytest.raises(DataselectError, match="no item of the task long can be scored: 1 too_long"):
        evaluate_multiple_choice(write(tmp_path / "long.jsonl", records[3:4]), model, silent)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"question": ""}, "question should be text, got ''"),
        ({"question": None}, "question should be text, got None"),
        ({"choices": "abc"}, "choices should be two or more texts, got 'abc'"),
        ({"choices": ["one"]}, "choices should be two or more texts"),
        ({"choices": ["one", 2]}, "choices should be two or more texts"),
        ({"choices": ["one", ""]}, "choices should be two or more texts"),
        ({"answer": 2}, "answer should be one of the choices or its index below 2, got 2"),
        ({"answer": -1}, "got -1"),
        ({"answer": True}, "got True"),
        ({"answer": "three"}, "got 'three'"),
        ({"answer": None}, "got None"),
        ({"id": "first"}, "the id 'first' occurs twice"),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else "",
)
def test_malformed_records_are_errors_that_name_file_and_line(tmp_path, changes, told):
    good = {"id": "first", "question": "One or two?", "choices": ["one", "two"], "answer": 0}
    task = write(tmp_path / "quiz.jsonl", [good, {**good, "id": "second", **changes}])
    with pytest.raises(DataselectError) as caught:
        read_items(task.file)
    assert "quiz.jsonl line 2" in caught.value.message
    assert told in caught.value.message


def test_a_line_that_is_no_json_is_an_error(tmp_path):
    file = tmp_path / "quiz.jsonl"
    write(file, RECORDS)
    file.write_text(file.read_text() + "{broken\n")
    with pytest.raises(DataselectError, match="line 4: expected a record"):
        read_items(file)


def test_items_without_an_id_are_named_by_content(tmp_path):
    record = {"question": "One or two?", "choices": ["one", "two"], "answer": 0}
    write(tmp_path / "quiz.jsonl", [record, record])
    first, second = (one.id for one in read_items(tmp_path / "quiz.jsonl"))
    assert second == f"{first}-2"
    assert len(first) == 16
