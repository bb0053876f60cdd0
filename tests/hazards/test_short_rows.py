"""P7: empty and one-token responses, which elsewhere become NaN, 0, or the loss of the whole prompt."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataselect.pool import RenderOptions

QA = RenderOptions(template="qa")
NUMBERS = ("prompt_nll", "response_nll", "end_nll", "response_alone_nll", "ppl", "sequence_ppl", "bits_per_byte", "ifd", "ifd_loss", "mink_20", "shifted_fraction", "marginal_fraction")  # fmt: skip
SCORED = {"question": "Now?", "answer": "Yes."}


@pytest.fixture(scope="module")
def model(make_model):
    return make_model()


@pytest.mark.parametrize("answer", ["", "  \n "])
def test_P07_an_empty_response_has_a_status_and_no_number(model, load_tokenizer, score_pool, truth, answer):
    rows = score_pool(model, [{"question": "Now?", "answer": answer}, SCORED], rendering=QA, ifd=True).rows
    assert [row["status"] for row in rows] == ["empty_response", "ok"]
    assert {rows[0][name] for name in NUMBERS} == {None}
    assert (rows[0]["response_tokens"], rows[0]["response_bytes"]) == (0, 0)
    assert None not in {rows[1][name] for name in NUMBERS}

    labels = np.array(load_tokenizer(model)("###Question: Now?\n###Answer: ")["input_ids"])
    kept = labels.copy()
    kept[:-0] = -100  # masks the prompt of a response of 0 tokens, and masks nothing
    assert (kept == labels).all()
    whole_prompt = -np.nanmean(truth(model, labels))
    assert 0 < whole_prompt < 100  # and so the loss of the prompt passes for that of the response


def test_P07_an_empty_turn_among_others_adds_nothing(model, score_pool):
    def dialogue(last: str) -> dict:
        turns = [("user", "Now?"), ("assistant", "Yes."), ("user", "And?"), ("assistant", last)]
        return {"messages": [{"role": role, "content": content} for role, content in turns]}

    rows = score_pool(model, [dialogue(""), dialogue("No.")], rendering=QA, ifd=True).rows
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert [row["response_tokens"] for row in rows] == [4, 7]
    assert [row["end_tokens"] for row in rows] == [1, 2]
    assert (rows[0]["ifd"], rows[0]["response_alone_nll"]) == (None, None)  # the final turn holds nothing
    assert rows[1]["ifd"] is not None


def test_P07_a_response_of_one_token_has_the_log_probability_of_that_token(model, load_tokenizer, score_pool, truth):
    row = score_pool(model, [{"question": "Now?", "answer": "Y"}], rendering=QA, ifd=True).rows[0]
    ids = load_tokenizer(model)("###Question: Now?\n###Answer: Y")["input_ids"]
    expected = float(truth(model, ids)[-1])
    assert (row["status"], row["response_tokens"]) == ("ok", 1)
    assert row["response_nll"] == pytest.approx(-expected, abs=1e-4)
    assert row["ppl"] == pytest.approx(math.exp(-expected), rel=1e-4)
    assert row["mink_20"] == pytest.approx(expected, abs=1e-4)
    assert math.isfinite(row["ifd"])
    alone = truth(model, load_tokenizer(model)("Y")["input_ids"])
    assert np.isnan(alone).all()  # without a header the mean of its losses is 0 / 0


def test_P07_a_text_with_nothing_to_score_is_too_short(make_model, model, score_pool, truth, load_tokenizer):
    rows = score_pool(model, [{"text": "Y"}, {"text": ""}, {"text": "Yes"}]).rows
    assert [row["status"] for row in rows] == ["too_short", "empty_response", "ok"]
    assert all(row[name] is None for row in rows[:2] for name in NUMBERS if name in row)
    with_bos = make_model(add_bos=True)
    row = score_pool(with_bos, [{"text": "Y"}]).rows[0]
    expected = truth(with_bos, load_tokenizer(with_bos)("Y")["input_ids"])[1]
    assert (row["status"], row["response_tokens"]) == ("ok", 1)
    assert row["response_nll"] == pytest.approx(-expected, abs=1e-4)


def test_P07_rows_without_numbers_leave_the_pools_mean_alone(model, score_pool):
    records = [SCORED, {"question": "Is it late?", "answer": "No, not yet."}]
    without = score_pool(model, records, rendering=QA).manifest["pool"]
    empty = [{"question": str(i), "answer": ""} for i in range(3)]
    among = score_pool(model, [*empty, *records, {"text": ""}], rendering=QA).manifest["pool"]
    for name in ("ppl", "ppl_token_weighted", "bits_per_byte", "response_tokens"):
        assert among[name] == pytest.approx(without[name], rel=1e-9)
    assert among["rows"] == 6
