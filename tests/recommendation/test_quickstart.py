"""The quickstart as a user calls it: few lines, and the last one is the recommendation."""

from __future__ import annotations

import pytest

from dataselect.artifacts import read_json
from dataselect.cli import run


@pytest.mark.timeout(900)
def test_the_quickstart_as_a_user_calls_it(tmp_path, capsys):
    out = tmp_path / "quickstart"
    assert run(["quickstart", "--out", str(out)]) == 0
    told = capsys.readouterr()
    document = read_json(out / "recommended" / "recommendation.json")
    lines = told.out.splitlines()
    assert lines[-1] == document["sentence"]
    assert len(lines) + len(told.err.splitlines()) <= 15
    assert document["rows"] == len((out / "recommended" / "recommended.jsonl").read_text().splitlines())
    assert (out / "recommended" / "report.html").exists()
    assert run(["validate", str(out / "quickstart.yaml")]) == 0
