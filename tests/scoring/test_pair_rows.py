"""Both replies of a pair, scored in one pass: equal to each scored alone, and what makes a pair unusable."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.records import SCORABLE
from dataselect.scoring import ScoreRequest, score

PAIRS = [
    {"id": "a", "prompt": "Say hello.", "chosen": "Hello! How are you?", "rejected": "No.", "margin": 2},
    {"id": "b", "prompt": "What is 2 plus 2?", "chosen": "It is 4.", "rejected": "It is 5, as everybody knows.\nYes."},
    {"id": "c", "chosen": [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "One, two."}],
     "rejected": [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "I refuse to count."}]},
    {"id": "k", "prompt": "Is water wet?", "completion": "It is.", "label": False},
]  # fmt: skip
OF_THE_PAIR = ("status", "total_tokens")


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return (str(path),)


def alone(path, side):
    """The pool of one side as SFT rows."""
    rows = []
    for pair in PAIRS[:3]:
        if "prompt" in pair:
            rows.append({"id": pair["id"], "prompt": pair["prompt"], "response": pair[side]})
        else:
            rows.append({"id": pair["id"], "messages": pair[side]})
    return write(path, rows)


def scored(pools, out, pairs=False, **options):
    request = ScoreRequest(pools, "builtin", out, columns=ColumnMap(pairs=pairs), cache=False, **options)
    score(request)
    return pq.read_table(out / "scores.parquet")


@pytest.mark.parametrize("workers", [1, 2])
def test_each_side_has_exactly_the_numbers_that_it_has_alone(tmp_path, workers):
    each = {"ifd": True, "batch_tokens": 1}  # one sequence at a time, so that not even the last bits differ
    both = scored(write(tmp_path / "pairs.jsonl", PAIRS), tmp_path / "both", True, workers=workers, **each)
    assert both["status"].to_pylist() == ["ok"] * 4
    for side, prefix in (("chosen", ""), ("rejected", "rejected_")):
        one = scored(alone(tmp_path / f"{side}.jsonl", side), tmp_path / side, **each)
        for name in one.column_names:
            if name in ("id", "source") or (not prefix and name in OF_THE_PAIR):
                continue
            got, expected = both[prefix + name].to_pylist()[:3], one[name].to_pylist()
            assert got == expected, prefix + name
    chosen, rejected = (pq.read_table(tmp_path / side / "scores.parquet") for side in ("chosen", "rejected"))
    sums = [
        a + b for a, b in zip(chosen["total_tokens"].to_pylist(), rejected["total_tokens"].to_pylist(), strict=True)
    ]
    assert both["total_tokens"].to_pylist()[:3] == sums
    assert both["rejected_status"].to_pylist() == ["ok", "ok", "ok", None]
    assert both["rejected_response_nll"].to_pylist()[3] is None
    assert both["response_nll"].to_pylist()[3] > 0
    assert both["desirable"].to_pylist() == [None, None, None, False]
    assert both["rating_margin"].to_pylist() == [2.0, None, None, None]


def test_a_pair_has_numbers_only_where_both_replies_have(tmp_path):
    long = "word " * 40
    pool = write(tmp_path / "pairs.jsonl", [
        {"prompt": "Q", "chosen": "A", "rejected": ""},
        {"prompt": "Q", "chosen": "", "rejected": "A"},
        {"prompt": "Q", "chosen": "A", "rejected": long},
        {"prompt": "Q", "chosen": "A", "rejected": "B"},
        {"prompt": "Q", "chosen": "A"},
    ])  # fmt: skip
    table = scored(pool, tmp_path / "out", True, rendering=RenderOptions(max_length=40))
    assert table["status"].to_pylist() == ["empty_response", "empty_response", "too_long", "ok"]
    assert table["rejected_status"].to_pylist() == ["empty_response", "ok", "too_long", "ok"]
    for name in ("response_nll", "rejected_response_nll", "ppl", "rejected_ppl"):
        values = table[name].to_pylist()
        assert values[:3] == [None] * 3
        assert values[3] > 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["counts"]["rejects"] == 1
    cut = scored(pool, tmp_path / "cut", True, rendering=RenderOptions(max_length=40, truncate=True))
    assert cut["status"].to_pylist()[2] == "truncated"
    assert all(status in (*SCORABLE, "empty_response") for status in cut["status"].to_pylist())


def test_a_further_model_has_columns_of_both_replies(tmp_path):
    pool = write(tmp_path / "pairs.jsonl", PAIRS)
    table = scored(pool, tmp_path / "out", True, references=(("same", "builtin"),))
    for name in ("nll_difference.same", "rejected_nll_difference.same", "rejected_excess_loss"):
        assert table[name].to_pylist()[:3] == [0.0] * 3
    assert table["rejected_nll_difference.same"].to_pylist()[3] is None
    assert table["rejected_response_nll.same"].equals(table["rejected_response_nll"])
    assert not {"desirable.same", "rating_margin.same"} & set(table.column_names)


def test_the_command_scores_and_estimates_pairs(tmp_path, capfd):
    (pool,) = write(tmp_path / "pairs.jsonl", PAIRS)
    assert run(["score", pool, "--pairs", "--model", "builtin", "--out", str(tmp_path / "out"), "--no-cache"]) == 0
    assert "4 ok" in capfd.readouterr().err
    assert run(["score", pool, "--pairs", "--model", "builtin", "--estimate"]) == 0
    assert "4" in capfd.readouterr().out
    with pytest.raises(UsageError, match="--tokens cannot be combined with --pairs"):
        scored((pool,), tmp_path / "x", True, tokens=True)
