import json
import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from dataselect.errors import DataselectError
from dataselect.evaluation.held_out import evaluate_held_out
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.tasks import find_tasks
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.records import RESPONSE

ROWS = [
    {"id": "mouse", "instruction": "Tell me of the mouse.", "output": "The mouse went to the old house and slept."},
    {"id": "unicode", "instruction": "Say it in German.", "output": "Die Maus schläft süß – gute Nacht."},
    {"id": "turns", "messages": [
        {"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good morning, sir."},
        {"role": "user", "content": "And?"}, {"role": "assistant", "content": "Nothing else."},
    ]},
    {"id": "tale", "text": "Once upon a time there was a poor miller who had a beautiful daughter. " * 3},
]  # fmt: skip


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return find_tasks([str(path)])[0]


def evaluated(builtin, **options):
    return EvaluatedModel(builtin, Renderer(builtin, RenderOptions(**options)), "transformers", "float32", None)


def silent(task, done, of):
    pass


def slow_response_nll(builtin, rendered, max_length):
    """Sum over the response tokens, each from a forward pass of its own over all tokens that it may see, in float64."""
    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()
    total = 0.0
    for at in np.flatnonzero(rendered.parts == RESPONSE):
        # rolling windows: at - 1 is in window (at - 1) // (max_length - 1), whose end is known
        end = min(len(rendered.token_ids), ((at - 1) // (max_length - 1) + 1) * (max_length - 1) + 1)
        begin = max(0, end - max_length)
        context = torch.tensor(rendered.token_ids[begin:at].astype(np.int64))[None]
        with torch.no_grad():
            logprobs = model(context).logits[0, -1].double().log_softmax(-1)
        total -= float(logprobs[rendered.token_ids[at]])
    return total


@pytest.mark.parametrize("max_length", [1023, 24], ids=["whole", "windows"])
def test_metrics_equal_a_slow_direct_computation(builtin, tmp_path, max_length):
    task = write(tmp_path / "held.jsonl", ROWS[:2] + ROWS[3:] if max_length == 24 else ROWS)
    outcome = evaluate_held_out(task, evaluated(builtin, template="text", max_length=max_length), silent)
    nll, bits = outcome.results
    assert (nll.metric, nll.direction, bits.metric, bits.direction) == ("nll", "lower", "bits_per_byte", "lower")
    rendered = Renderer(builtin, RenderOptions(template="text", max_length=max_length)).render(
        list(PoolReader([str(task.file)]))
    )
    expected = [one for one in rendered if one.scorable]
    assert list(nll.item_ids) == [one.id for one in expected]
    assert "tale" in nll.item_ids
    for one, per_token, per_byte in zip(expected, nll.values, bits.values, strict=True):
        total = slow_response_nll(builtin, one, max_length)
        assert per_token == pytest.approx(total / (one.parts == RESPONSE).sum(), abs=1e-4)
        assert per_byte == pytest.approx(total / (math.log(2) * one.response_bytes), abs=1e-4)


def test_bytes_are_utf8_bytes_of_the_response(builtin, tmp_path):
    outcome = evaluate_held_out(write(tmp_path / "held.jsonl", ROWS[1:2]), evaluated(builtin), silent)
    (rendered,) = Renderer(builtin).render(list(PoolReader([str(tmp_path / "held.jsonl")])))
    text = ROWS[1]["output"]
    assert len(text.encode()) > len(text)
    nats = outcome.results[0].values[0] * (rendered.parts == RESPONSE).sum()
    assert outcome.results[1].values[0] == pytest.approx(nats / math.log(2) / len(text.encode()))


def test_outcomes_do_not_depend_on_order_and_batches(builtin, tmp_path):
    model = evaluated(builtin)
    one_way = evaluate_held_out(write(tmp_path / "a.jsonl", ROWS), model, silent).results[0]
    small = EvaluatedModel(builtin, Renderer(builtin), "transformers", "float32", 64)
    other_way = evaluate_held_out(write(tmp_path / "b.jsonl", ROWS[::-1]), small, silent).results[0]
    assert other_way.item_ids == one_way.item_ids[::-1]
    assert other_way.values[::-1] == pytest.approx(one_way.values, abs=1e-5)


def test_items_that_cannot_be_scored_are_counted_and_left_out_of_the_mean(builtin, tmp_path):
    rows = [ROWS[0], {"id": "empty", "instruction": "Hm?", "output": ""}, {"id": "long", "text": ""}]
    rows[2] = {"id": "long", "instruction": "Go on.", "output": "and on " * 1200}
    file = tmp_path / "held.jsonl"
    task = write(file, rows)
    file.write_text(file.read_text() + "{broken\n")
    outcome = evaluate_held_out(task, evaluated(builtin), silent)
    alone = evaluate_held_out(write(tmp_path / "alone.jsonl", ROWS[:1]), evaluated(builtin), silent)
    assert outcome.items == 4
    assert dict(outcome.left_out) == {"empty_response": 1, "malformed_json": 1, "too_long": 1}
    assert outcome.results[0].item_ids == ("mouse",)
    assert outcome.results[0].mean == pytest.approx(alone.results[0].mean, abs=1e-6)


def test_cut_items_are_scored_and_noted(builtin, tmp_path):
    task = write(tmp_path / "held.jsonl", [{"instruction": "Go on.", "output": "and on " * 1200}])
    outcome = evaluate_held_out(task, evaluated(builtin, truncate=True), silent)
    assert len(outcome.results[0].values) == 1
    assert outcome.notes == ("1 items were cut to 1023 tokens",)


def test_a_task_without_a_scorable_item_is_an_error(builtin, tmp_path):
    task = write(tmp_path / "held.jsonl", [{"instruction": "Hm?", "output": ""}])
    with pytest.raises(DataselectError, match="no item of the task held can be scored: 1 empty_response"):
        evaluate_held_out(task, evaluated(builtin), silent)
