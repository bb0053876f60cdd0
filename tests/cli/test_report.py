"""`dataselect report` as a user meets it."""

from __future__ import annotations

import json

import pytest

from dataselect.cli import run

ROW = {
    "strategy": "a", "budget": 10, "unit": "examples", "task": "sums", "metric": "accuracy", "direction": "higher", "n_items": 3,
    "n_seeds": 1, "estimate": 0.5, "diff_to_random": None, "ci_low": None, "ci_high": None, "p": None,
    "verdict": "no random control: not compared", "compared_with": "", "diff_to_length_matched": None, "lm_ci_low": None,
    "lm_ci_high": None, "lm_p": None, "lm_p_holm": None, "p_holm": None, "tests": 0, "p_permutation": None,
    "boot_low": None, "boot_high": None, "effect_size": None, "role": "candidate", "detectable": None, "lm_detectable": None,
    "lm_overlap": None, "lm_verdict": None, "note": "", "seed_noise": None, "lm_seed_noise": None,
}  # fmt: skip
COMPARISON = {
    "rows": [ROW], "confidence": 0.95, "tested": 0, "missing_controls": [], "missing": [], "power": 0.8, "failed": [], "main_metrics": {"sums": "accuracy"},
    "runs": [{"strategy": "a", "budget": 10, "unit": "examples", "seeds": [0]}],
    "reproduction": {"config": None, "environments": [], "pool": [], "files": []},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "start"), [("report.html", "<!doctype html>"), ("report.md", "# Which data to train on")]
)
def test_the_suffix_decides(tmp_path, seal, name, start):
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison" / "comparison.json").write_text(json.dumps(COMPARISON))
    seal(tmp_path / "comparison", "compare", {})
    assert run(["report", str(tmp_path), "--out", str(tmp_path / name)]) == 0
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(start)
    assert "There is no random run" in text


def test_another_file_is_replaced_with_overwrite_only(tmp_path, seal, capsys):
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison" / "comparison.json").write_text(json.dumps(COMPARISON))
    seal(tmp_path / "comparison", "compare", {})
    out = tmp_path / "report.md"
    out.write_text("precious")
    arguments = ["report", str(tmp_path), "--out", str(out)]
    assert run(arguments) == 1
    assert f"{out} exists (hint: choose another --out, or add --overwrite)" in capsys.readouterr().err
    assert out.read_text() == "precious"
    assert run([*arguments, "--overwrite"]) == 0
    assert out.read_text(encoding="utf-8").startswith("# Which data")
    before = out.stat().st_mtime_ns
    assert run(arguments) == 0  # the same bytes again
    assert out.stat().st_mtime_ns == before


def test_faults(tmp_path, capsys):
    assert run(["report", str(tmp_path), "--out", str(tmp_path / "r.html")]) == 1
    assert "holds no comparison.json" in capsys.readouterr().err
    assert run(["report", str(tmp_path), "--out", str(tmp_path / "r.pdf")]) == 2
    assert "a report is .html or .md, not 'r.pdf'" in capsys.readouterr().err
