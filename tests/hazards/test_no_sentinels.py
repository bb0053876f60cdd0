"""P8: a fault that becomes a number, which then ranks: 0 (the best perplexity there is), 3.0, or 1e9.

The fault is a real one: a model with a broken weight, which gives NaN for every text that holds one letter.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from dataselect.cli import run
from dataselect.pool import RenderOptions

RECORDS = [
    {"id": "fine", "question": "Now?", "answer": "Yes."},
    {"id": "broken", "question": "Now?", "answer": "Zero, so far."},  # Z is the letter
    {"id": "empty", "question": "Now?", "answer": ""},
    {"id": "broken prompt", "question": "Zone?", "answer": "No."},
    {"id": "also fine", "question": "Now?", "answer": "No, it is not."},
]
QA = RenderOptions(template="qa")


@pytest.fixture(scope="module", params=[np.nan, np.inf], ids=["nan", "inf"])
def broken(request, make_model, load_tokenizer):
    letter = load_tokenizer(make_model()).convert_tokens_to_ids("Z")

    def edit(model):
        model.model.embed_tokens.weight[letter] = float(request.param)

    return make_model(edit=edit)


def test_P08_what_the_model_cannot_answer_is_an_engine_error_without_numbers(broken, make_model, score_pool):
    scored = score_pool(broken, RECORDS, rendering=QA, batch_tokens=4096)  # one batch: the fault stays in its row
    assert [row["status"] for row in scored.rows] == ["ok", "engine_error", "empty_response", "engine_error", "ok"]
    for row in scored.rows:
        numbers = {name: value for name, value in row.items() if isinstance(value, float) or value is None}
        if row["status"] == "ok":
            assert all(np.isfinite(value) for value in numbers.values())
            assert row["response_nll"] > 0
        else:
            assert set(numbers.values()) == {None}
    assert scored.manifest["counts"]["engine_error"] == 2
    healthy = score_pool(make_model(), RECORDS, rendering=QA).rows
    for name in ("response_nll", "ppl"):
        assert scored.rows[0][name] == pytest.approx(healthy[0][name], rel=1e-5)
        assert scored.rows[4][name] == pytest.approx(healthy[4][name], rel=1e-5)


@pytest.mark.parametrize(("strategy", "sentinel"), [("ppl-low", 0.0), ("ppl-high", 1e9)])
def test_P08_a_row_can_never_rank_by_failing(broken, score_pool, tmp_path, strategy, sentinel):
    scored = score_pool(broken, RECORDS, rendering=QA)
    ranked = sorted(scored.rows, key=lambda row: row["ppl"] or sentinel, reverse=strategy == "ppl-high")
    assert [row["status"] for row in ranked[:3]].count("ok") == 0  # a number for a failure would have come first
    out = tmp_path / "chosen.jsonl"
    arguments = ["select", str(scored.pool), "--strategy", strategy, "--scores", str(scored.out), "--budget", "5"]
    assert run([*arguments, "--out", str(out)]) == 0
    assert sorted(json.loads(line)["id"] for line in out.read_text().splitlines()) == ["also fine", "fine"]


def test_P08_a_fault_in_one_window_of_a_long_text_leaves_the_whole_text_without_numbers(
    make_model, load_tokenizer, score_pool
):
    """Summed over the windows that came back, the text would be more likely than any without a fault."""
    letter = load_tokenizer(make_model()).convert_tokens_to_ids("Z")

    def edit(model):
        model.model.embed_tokens.weight[letter] = float("nan")

    texts = ["It is noon. " * 10 + "Zero" + " and late. " * 10, "It is noon. " * 20]
    rows = score_pool(make_model(edit=edit, positions=64), [{"text": text} for text in texts]).rows
    assert [(row["status"], row["ppl"] is None) for row in rows] == [("engine_error", True), ("ok", False)]
    assert rows[1]["windows"] == 4


def test_P08_an_error_of_the_whole_model_is_an_error_and_no_table(make_model, tmp_path, capsys):
    def edit(model):
        model.model.norm.weight.fill_(float("nan"))

    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    arguments = ["score", str(pool), "--model", str(make_model(edit=edit)), "--out", str(tmp_path / "out")]
    assert run(arguments) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_P08_a_perplexity_beyond_all_floats_is_null_and_its_sums_stay(make_model, score_pool):
    """A masked token at -10,000: exp of the mean would overflow, end the run, or rank as infinity."""

    def edit(model):
        model.lm_head.weight.mul_(1e4)

    scored = score_pool(make_model(edit=edit), RECORDS, rendering=QA)
    row = scored.rows[0]
    mean = row["response_nll"] / row["response_tokens"]
    assert 1_000 < mean < np.inf
    with pytest.raises(OverflowError):
        math.exp(mean)
    assert (row["status"], row["ppl"], row["sequence_ppl"]) == ("ok", None, None)
    assert row["bits_per_byte"] == pytest.approx(row["response_nll"] / math.log(2) / len("Yes."))
    assert scored.manifest["pool"]["ppl"] is None
    assert scored.manifest["pool"]["bits_per_byte"] > 1_000
