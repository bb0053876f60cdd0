"""`dataselect audit` from outside: its folder, its lines, what `select` makes of its table, and bad input."""

from __future__ import annotations

import json
import re

import pytest

from dataselect.cli import run
from dataselect.recommendation.audit import AuditRequest, audit


@pytest.fixture(scope="module")
def folder(planted, tmp_path_factory):
    out = tmp_path_factory.mktemp("audit") / "out"
    assert run(["audit", str(planted.first), str(planted.second), "--task", str(planted.task), "--out", str(out)]) == 0
    return out


def test_the_folder_is_a_stage_that_is_not_made_twice(folder, planted):
    names = {"audit.json", "audit.html", "rows.parquet", "run.json", "manifest.json", ".lock"}
    assert {path.name for path in folder.iterdir()} == names
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["stage"] == "audit"
    assert manifest["counts"] == {"rows": planted.rows, "rejects": 10}
    assert [one["role"] for one in manifest["inputs"]] == ["pool", "pool", "task"]
    assert (folder / "audit.html").stat().st_size < 2_000_000
    before = (folder / "audit.json").stat().st_mtime_ns
    request = AuditRequest(pools=(planted.first, planted.second), tasks=planted.task, out=folder)
    again = audit(request)
    assert not again.fresh
    assert (folder / "audit.json").stat().st_mtime_ns == before
    assert again.document == json.loads((folder / "audit.json").read_text())


def test_other_pools_are_refused_in_the_same_folder(folder, planted, capsys):
    assert run(["audit", str(planted.first), "--out", str(folder)]) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_select_removes_what_the_audit_counted(folder, planted, tmp_path, capsys):
    removal = json.loads((folder / "audit.json").read_text())["removal"]
    options = removal["options"].replace("DIR/", f"{folder}/")
    where = re.search('--where "(.*)"', options)[1]
    words = re.sub(' --where ".*"', "", options).split()
    arguments = [str(planted.first), str(planted.second), *words, "--where", where, "--strategy", "random"]
    # Own ids that repeat are refused by every other command; the audit told so. Take them out of the copy.
    clean = _without_ids(planted.first, tmp_path)
    audited = tmp_path / "again"
    assert run(["audit", str(clean), str(planted.second), "--task", str(planted.task), "--out", str(audited)]) == 0
    arguments = [one.replace(str(folder), str(audited)) for one in arguments]
    arguments[0] = str(clean)
    assert run(["select", *arguments, "--budget", "100%", "--out", str(tmp_path / "clean.jsonl")]) == 0
    told = capsys.readouterr().err
    assert f"= {removal['left']:,} rows out" in re.sub(" +", " ", told)


def _without_ids(path, folder):
    rows = [
        line
        for line in path.read_text().splitlines()
        if '"id": "row-' not in line or line.startswith('{"instruction": "cut')
    ]
    named = [line for line in path.read_text().splitlines() if '"id": "row-' in line]
    plain = [json.dumps({k: v for k, v in json.loads(line).items() if k != "id"}) for line in named]
    (folder / path.name).write_text("\n".join([*rows, *plain]) + "\n")
    return folder / path.name


def test_the_summary_is_short_and_ends_with_what_to_do(folder, planted, capsys):
    assert run(["audit", str(planted.first), str(planted.second), "--task", str(planted.task)]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 30
    assert out.startswith("first.jsonl: ")
    assert "!! " in out
    assert f"80 of {planted.rows} rows would go: 40 with faults or text of a task, 40 repetitions" in out
    assert f"dataselect select {planted.first} {planted.second} --dedup exact --dedup ngram" in out
    assert '--where "leak == 0 and ' in out


def test_a_clean_pool_has_no_finding(tmp_path, capsys):
    rows = [
        {"instruction": f"Name {n} things.", "output": f"{n} things: a, b and c are {n} of them."} for n in range(5)
    ]
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["audit", str(pool)]) == 0
    out = capsys.readouterr().out
    assert "Nothing was found." in out
    assert "No row has to go; 5 stay." in out


def _refused(arguments, capsys, code=1) -> str:
    assert run(["audit", *map(str, arguments)]) == code
    err = capsys.readouterr().err
    assert "Traceback" not in err
    told = [line for line in err.splitlines() if line.startswith("dataselect: ")]
    assert len(told) == 1
    return told[0]


def test_bad_input_is_told_in_one_line(planted, tmp_path, capsys):
    empty, broken = tmp_path / "empty.jsonl", tmp_path / "broken.jsonl"
    empty.touch()
    broken.write_text('{"a": 1}\n{"b": 2}\n')
    assert "Missing argument" in _refused([], capsys, 2)
    assert "is empty" in _refused([empty], capsys)
    assert "does not exist" in _refused([tmp_path / "missing.jsonl"], capsys)
    assert str(tmp_path) in _refused([tmp_path], capsys)
    assert "is given twice" in _refused([planted.first, planted.first], capsys)
    told = _refused([broken], capsys)
    assert "none of 2 records can be read: unknown_schema" in told
    assert "--prompt-column" in told
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(planted.second.read_bytes())
    assert "is the pool second.jsonl: every row would be a leak" in _refused(
        [planted.second, "--task", copy], capsys, 2
    )
    assert "does not exist" in _refused([planted.second, "--task", tmp_path / "no.jsonl"], capsys)
    assert "--overwrite requires --out DIR" in _refused([planted.second, "--overwrite"], capsys, 2)
    assert "has no column 'question'" in _refused([planted.second, "--prompt-column", "question"], capsys)
    assert "there is no model folder" in _refused([planted.second, "--model", tmp_path / "none"], capsys)


def test_a_record_that_shares_its_line_with_others_is_named_by_its_number(tmp_path):
    rows = [{"instruction": f"Say {n}.", "output": "" if n == 3 else f"The number {n}."} for n in range(1, 6)]
    (tmp_path / "array.json").write_text(json.dumps(rows))
    report = audit(AuditRequest(pools=tmp_path / "array.json"))
    assert report.finding("empty_response")["examples"][0]["where"] == "array.json record 3"


def test_the_ids_of_the_table_are_those_of_select(folder, planted):
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "rows.parquet")
    assert table.num_rows == planted.rows
    assert table.column("leak").to_pylist().count(1) == 10
    assert set(table.column("source").to_pylist()) == {"first.jsonl", "second.jsonl"}
    assert len(set(table.column("id").to_pylist())) == planted.rows


def test_ids_that_repeat_between_files_are_told_apart_by_prefixes(tmp_path):
    for name in ("a", "b"):
        rows = [{"id": n, "instruction": f"Say {name} {n}.", "output": f"This is {name} {n}."} for n in range(3)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pools = (tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    found = audit(AuditRequest(pools=pools)).finding("repeated_id")
    assert found["pools"] == {"a.jsonl": 0, "b.jsonl": 3}
    assert found["examples"][0]["note"] == "the id of a.jsonl:1"
    assert audit(AuditRequest(pools=pools, prefix_ids=True)).finding("repeated_id") is None


def test_the_counts_on_real_pools_are_those_of_select(shared_data, tmp_path):
    """The funnel of a selection of everything: what left by each filter, beside what the audit said before."""
    from dataselect.selection import Filters, SelectRequest, select

    pools = tuple(
        shared_data / "pools" / name
        for name in ("llms_from_scratch__instruction-data.json", "llamafactory_demo__glaive_toolcall_en_demo.json")
    )
    task = shared_data / "pools" / "llms_from_scratch__instruction-data-with-preference.json"
    report = audit(AuditRequest(pools=pools, tasks=task))
    filters = Filters(decontaminate=(str(task),), dedup=("exact", "ngram"))
    out = tmp_path / "all.jsonl"
    select(SelectRequest(pools=pools, strategy="random", budget="100%", out=out, filters=filters))
    left = json.loads((tmp_path / "all.manifest.json").read_text())["funnel"]["left_out"]
    suspect = [report.finding(key) for key in ("leak", "task_wording")]
    assert sum(one["count"] for one in suspect if one) == left["contaminated"] > 0
    again = audit(AuditRequest(pools=pools))
    select(
        SelectRequest(
            pools=pools,
            strategy="random",
            budget="100%",
            out=tmp_path / "b.jsonl",
            filters=Filters(dedup=("exact", "ngram")),
        )
    )
    left = json.loads((tmp_path / "b.manifest.json").read_text())["funnel"]["left_out"]
    removes = {one["key"]: one["remedy"]["removes"] for one in again.findings}
    assert removes["duplicate"] == left["duplicate"] > 0
    assert removes["near_duplicate"] - removes["duplicate"] == left["near_duplicate"] > 0
