"""Rows that were left out, by reason: all of them and no others, those next to the cut first, with what is known."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import ArtifactError, UsageError
from dataselect.explanation import DroppedRequest, dropped, reasons
from dataselect.explanation.printed import dropped_lines, reason_lines
from dataselect.selection.exclusions import REASON_WORDS


def ranking(path):
    return pq.read_table(path.with_name(path.name.replace(".jsonl", ".ranking.parquet"))).to_pylist()


@pytest.fixture(scope="module")
def chosen(flow):
    """Two rows by perplexity, behind a filter, de-duplication and decontamination."""
    return flow.select(
        "left-out", "--strategy", "ppl-low", *flow.scores, "--where", 'response_tokens < 40 and status != "truncated"',
        "--dedup", "exact", "--decontaminate", flow.folder / "test.jsonl", "--decontaminate-ngram", 8, budget="2",
    )  # fmt: skip


def test_every_row_that_is_not_kept_is_of_one_reason(chosen):
    found = reasons(chosen)
    expected = Counter(row["reason"] for row in ranking(chosen) if row["reason"])
    assert found.counts == expected
    assert found.kept + sum(found.counts.values()) == found.pool_rows == 13
    for reason, count in expected.items():
        some = dropped(DroppedRequest(chosen, reason))
        assert some.count == len(some.rows) == count
        assert {row.id for row in some.rows} == {row["id"] for row in ranking(chosen) if row["reason"] == reason}
    assert {"where", "duplicate", "contaminated", "too_long", "empty_response", "over_budget"} <= set(found.counts)


def test_those_next_to_the_cut_come_first(chosen, flow):
    by_rank = [
        row["id"]
        for row in sorted(ranking(chosen), key=lambda row: row["rank"] or 99)
        if row["reason"] == "over_budget"
    ]
    found = dropped(DroppedRequest(chosen, "over_budget", limit=3))
    assert [row.id for row in found.rows] == by_rank[:3]
    assert [row.rank for row in found.rows] == [3, 4, 5]
    assert found.count == len(by_rank)
    scores = {row["id"]: row for row in pq.read_table(flow.folder / "scores" / "scores.parquet").to_pylist()}
    for row in found.rows:
        assert list(row.numbers)[:3] == ["status", "ppl", "response_tokens"]  # what the selection used comes first
        assert row.numbers["ppl"] == scores[row.id]["ppl"]
        assert row.numbers["ifd"] == scores[row.id]["ifd"]
        assert row.text is not None
        assert row.source in ("a.jsonl", "b.jsonl")


def test_what_was_in_the_way_is_told(chosen):
    (twin,) = dropped(DroppedRequest(chosen, "duplicate")).rows
    assert {twin.id, twin.because} == {"sum", "sum-again"}
    (leak,) = dropped(DroppedRequest(chosen, "contaminated")).rows
    assert leak.id == "leak"
    assert "test.jsonl" in leak.because
    told = "\n".join(dropped_lines(dropped(DroppedRequest(chosen, "duplicate"))))
    assert f"repeats {twin.because!r}" in told
    assert "1 row was excluded from" in told
    assert "What is 4 plus 5? -> 4 plus 5 is 9." in " ".join(told.split()).replace(
        "What is 4 PLUS 5?", "What is 4 plus 5?"
    )


def test_a_reason_that_no_row_has_lists_those_that_some_have(chosen):
    for wrong in ("quota", "budget", ""):
        with pytest.raises(UsageError, match=rf"excluded no row for '{wrong}'.*its reasons: .*over_budget \(\d+\)"):
            dropped(DroppedRequest(chosen, wrong))
    told = list(reason_lines(reasons(chosen)))
    assert told[0].endswith("keeps 2 of 13 rows.")
    assert any(line.split() == ["where", "2", *REASON_WORDS["where"].split()] for line in told)


def test_records_that_could_not_be_read_are_rows_that_were_left_out(tmp_path):
    pool = tmp_path / "pool.jsonl"
    rows = [json.dumps({"prompt": f"p{i}", "response": f"r{i}"}) for i in range(4)]
    pool.write_text("\n".join([rows[0], "{oops \x1b[31m", rows[1], '{"a": 1}', *rows[2:]]) + "\n")
    out = tmp_path / "chosen.jsonl"
    assert run(["select", str(pool), "--strategy", "random", "--budget", "3", "--out", str(out)]) == 0
    assert reasons(out).counts == {"unreadable": 2, "over_budget": 1}
    found = dropped(DroppedRequest(str(out), "unreadable"))
    assert [(row.line, row.because) for row in found.rows] == [(2, "malformed_json"), (4, "unknown_schema")]
    told = "\n".join(dropped_lines(found))
    assert "pool.jsonl:2: malformed_json" in told
    assert "{oops" in told
    assert "\x1b" not in told
    pool.unlink()
    with pytest.raises(ArtifactError, match="no longer exists"):
        dropped(DroppedRequest(out, "unreadable"))


def test_all_kept_has_no_reason(tmp_path):
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({"prompt": "p", "response": "r"}) + "\n")
    out = tmp_path / "chosen.jsonl"
    assert run(["select", str(pool), "--strategy", "random", "--budget", "100%", "--out", str(out)]) == 0
    assert list(reason_lines(reasons(out))) == [f"{out} keeps 1 of 1 rows."]
    with pytest.raises(UsageError, match="none: all rows are kept"):
        dropped(DroppedRequest(out, "where"))


def test_as_typed(chosen, capsys, tmp_path):
    assert run(["explain", str(chosen), "--dropped", "over_budget", "-n", "2", "--out", str(tmp_path / "why")]) == 0
    told = capsys.readouterr().out
    assert "rank 3, status ok, ppl " in told
    assert "rank 5" not in told
    document = json.loads((tmp_path / "why" / "explain.json").read_text())
    assert (document["kind"], document["reason"], len(document["rows"])) == ("dropped", "over_budget", 2)
    assert run(["explain", str(chosen), "--dropped"]) == 0
    assert "over_budget" in capsys.readouterr().out
    for arguments in ([], ["sum", "--dropped", "where"], ["--dropped", "where", "-k", "3"], ["sum", "-n", "3"],
                      ["--dropped", "nonsense"]):  # fmt: skip
        assert run(["explain", str(chosen), *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
