"""`dataselect diff` on real selections, and what it refuses."""

from __future__ import annotations

import json

import pytest

from dataselect.cli import run


@pytest.fixture
def selections(tmp_path):
    pool = tmp_path / "pool.jsonl"
    rows = [{"prompt": f"Count to {i}.\x1b[31m", "response": "word " * (i + 1)} for i in range(20)]
    pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for strategy in ("longest", "random"):
        arguments = ["--strategy", strategy, "--budget", "5", "--out", str(tmp_path / f"{strategy}.jsonl")]
        assert run(["select", str(pool), *arguments]) == 0
    return tmp_path


def test_it_says_what_is_shared_and_what_tells_them_apart(selections, capsys):
    capsys.readouterr()
    a, b = (str(selections / f"{name}.jsonl") for name in ("longest", "random"))
    assert run(["diff", a, b, "--out", str(selections / "d")]) == 0
    told = capsys.readouterr().out
    assert "strategy: longest in A, random in B" in told
    assert "would share 1.2 rows" in told  # 5 * 5 / 20
    assert "pool.jsonl" in told
    assert "Rows that A ranks high" in told
    assert "\x1b" not in told
    document = json.loads((selections / "d" / "diff.json").read_text())
    assert document["both"] + document["a"]["only_here"] == 5


def test_another_document_in_the_folder_needs_overwrite(selections, capsys):
    a, b = (str(selections / f"{name}.jsonl") for name in ("longest", "random"))
    out = selections / "d"
    assert run(["diff", a, b, "--out", str(out)]) == 0
    before, first = (out / "diff.json").stat().st_mtime_ns, json.loads((out / "diff.json").read_text())
    assert run(["diff", a, b, "--out", str(out)]) == 0
    assert (out / "diff.json").stat().st_mtime_ns == before
    capsys.readouterr()
    assert run(["diff", b, a, "--out", str(out)]) == 1
    assert "(hint: choose another --out, or add --overwrite)" in capsys.readouterr().err
    assert (out / "diff.json").stat().st_mtime_ns == before
    (out / "notes.md").write_text("mine")
    assert run(["diff", b, a, "--out", str(out), "--overwrite"]) == 1
    assert "holds notes.md, which this command did not write there" in capsys.readouterr().err
    (out / "notes.md").unlink()
    assert run(["diff", b, a, "--out", str(out), "--overwrite"]) == 0
    assert json.loads((out / "diff.json").read_text())["a"] == first["b"]


@pytest.mark.parametrize(
    ("b", "code", "told"),
    [("longest.jsonl", 2, "A and B are the same file"), ("nowhere.jsonl", 1, "nowhere"), ("pool.jsonl", 1, "pool")],
)
def test_what_is_no_other_selection_is_refused_in_one_line(selections, capsys, b, code, told):
    capsys.readouterr()
    assert run(["diff", str(selections / "longest.jsonl"), str(selections / b)]) == code
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error
