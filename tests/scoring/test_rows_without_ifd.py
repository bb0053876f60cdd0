"""Scored rows that have no IFD are counted with the reason, and `select` says what to do; the context on a real model."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.pool import RenderOptions
from dataselect.scoring import ScoreRequest, score

ANSWERED = {"prompt": "What is the time?", "response": "It is noon."}
THOUGHT = {"prompt": "Why?", "response": "Well, <think>because</think> that is why."}
ALL_THOUGHT = {"messages": [
    {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "<think>because</think>"},
]}  # fmt: skip
LONG = {"messages": [*ALL_THOUGHT["messages"][:3], {"role": "assistant", "content": "Now."}]}
CONTEXT = {"messages": [*ALL_THOUGHT["messages"][:3], {"role": "assistant", "content": "Now.", "weight": 0}]}
TEXT = {"text": "Once upon a time."}


@pytest.fixture
def scored(tmp_path):
    def make(rows, **options):
        pool = tmp_path / "pool.jsonl"
        pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
        out = tmp_path / "scores"
        rendering = RenderOptions(**options)
        request = ScoreRequest((str(pool),), "builtin", out, backend="transformers", ifd=True, rendering=rendering)
        return pool, out, score(request), pq.read_table(out / "scores.parquet").to_pylist()

    return make


def test_rows_without_ifd_are_counted_with_the_reason(scored):
    _, out, summary, rows = scored([ANSWERED, TEXT, THOUGHT, ALL_THOUGHT, TEXT, CONTEXT], think=False)
    assert [row["ifd_missing"] for row in rows] == [
        None, "plain_text", "response_in_pieces", "final_turn_empty", "plain_text", "final_turn_context",
    ]  # fmt: skip
    assert [row["ifd"] is None for row in rows] == [False, True, True, True, True, True]
    pool = json.loads((out / "manifest.json").read_text())["pool"]
    assert pool["without_ifd"] == {
        "plain_text": 2,
        "response_in_pieces": 1,
        "final_turn_empty": 1,
        "final_turn_context": 1,
    }
    assert summary.notes == (
        "scored rows without ifd: 2 (plain text has no prompt to take away), 1 (--no-think takes thoughts out of its "
        "midst), 1 (nothing of the last turn is scored), 1 (the last assistant turn is context only)",
    )


def test_a_last_turn_that_was_cut_off_is_told(scored):
    rows = scored([LONG], truncate=True, max_length=18)[3]
    assert [(row["status"], row["ifd_missing"]) for row in rows] == [("truncated", "final_turn_cut")]


def test_a_table_in_which_each_row_has_ifd_says_nothing(scored):
    _, out, summary, _ = scored([ANSWERED])
    assert summary.notes == ()
    assert "without_ifd" not in json.loads((out / "manifest.json").read_text())["pool"]


def test_select_says_why_there_is_nothing_to_rank_by_and_what_to_do(scored, tmp_path, capsys):
    pool, out, _, rows = scored([ANSWERED, ANSWERED], template="text", bos="never")
    assert {row["ifd_missing"] for row in rows} == {"no_context"}
    arguments = ["select", str(pool), "--strategy", "ifd-high", "--scores", str(out), "--budget", "1"]
    assert run([*arguments, "--out", str(tmp_path / "kept.jsonl")]) == 1
    told = capsys.readouterr().err
    assert "2 with no value to rank by (ifd); rows without IFD: 2 (the template writes nothing" in told
    assert "--bos always" in told
    assert "Traceback" not in told


@pytest.mark.real_model
def test_the_context_of_smollm2_holds_its_first_mark_once(smollm2, tmp_path):
    """The BOS of SmolLM2 is <|im_start|>, which opens the assistant's header too."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    pool, out = tmp_path / "pool.jsonl", tmp_path / "scores"
    pool.write_text(json.dumps({"prompt": "What is the capital of France?", "response": "The capital is Paris."}))
    score(ScoreRequest((str(pool),), str(smollm2), out, backend="transformers", ifd=True))
    (row,) = pq.read_table(out / "scores.parquet").to_pylist()

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    context = tokenizer("<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
    response = tokenizer("The capital is Paris.", add_special_tokens=False)["input_ids"]
    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32).eval()
    ids = torch.tensor([context + response])
    with torch.inference_mode():
        each = model(ids).logits[0, :-1].double().log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0].numpy()
    alone = -each[len(context) - 1 :].sum()
    assert row["response_alone_nll"] == pytest.approx(alone, abs=1e-3)
    assert row["ifd"] == pytest.approx(np.exp((row["final_response_nll"] - alone) / len(response)), rel=1e-4)
