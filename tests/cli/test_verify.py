"""`dataselect verify`: a table, a verdict, and an exit code that a script can trust."""

from __future__ import annotations

import json

import pytest

from dataselect.cli import run


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    rows = [{"id": f"r{n}", "prompt": f"Count to {n}.", "response": "one more \x1b[31m" * n} for n in range(1, 9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_backend_that_agrees_exits_with_0_and_shows_the_figures(pool, capsys):
    assert run(["verify", str(pool), "--model", "builtin", "--rows", "6", "--batch-tokens", "64"]) == 0
    shown = capsys.readouterr().out
    assert "6 of 8 records, 1 of them for their length" in shown
    for name in ("against the reference", "shuffled", "32 tokens at once", "16 tokens at once", "8 tokens at once"):
        assert name in shown
    assert "Largest: row 'r" in shown
    assert shown.endswith("passed\n")


def test_over_the_tolerance_exits_with_1_and_one_line(pool, capsys):
    arguments = ["verify", str(pool), "--model", "builtin", "--dtype", "bfloat16"]
    assert run([*arguments, "--tolerance", "0.1"]) == 0
    capsys.readouterr()
    assert run([*arguments, "--tolerance", "1e-9"]) == 1
    shown = capsys.readouterr()
    assert shown.out.endswith("failed\n")
    assert "failed: against the reference: difference of the median row" in shown.out
    last = shown.err.strip().splitlines()[-1]
    assert last.startswith("dataselect: transformers is not verified: against the reference: difference of the median")
    assert "hint: " in last
    assert "Traceback" not in shown.err


def test_recorded_scores_of_another_template_exit_with_1(pool, tmp_path, capsys):
    scores = str(tmp_path / "scores")
    assert run(["score", str(pool), "--model", "builtin", "--template", "qa", "--tokens", "--out", scores]) == 0
    arguments = ["verify", str(pool), "--model", "builtin", "--scores", scores]
    assert run([*arguments, "--template", "qa"]) == 0
    assert run([*arguments, "--template", "alpaca"]) == 1
    shown = capsys.readouterr()
    assert f'rendering.template is "qa" in {scores}, but "alpaca" here' in shown.err
    assert "more\nfailed\n" in shown.out


def test_a_file_on_request_and_the_same_again(pool, tmp_path):
    out = tmp_path / "out"
    arguments = ["verify", str(pool), "--model", "builtin", "--rows", "3", "--out", str(out)]
    assert run(arguments) == 0
    document = json.loads((out / "verify.json").read_text())
    assert (document["passed"], document["failures"], document["rows"]) == (True, [], 3)
    assert document["compared"][0]["parity"]["name"] == "against the reference"
    assert document["tolerance"]["row_median"] is None  # no limit in float32
    assert json.loads((out / "manifest.json").read_text())["passed"] is True
    before = (out / "verify.json").stat().st_mtime_ns
    assert run(arguments) == 0
    assert (out / "verify.json").stat().st_mtime_ns == before
    assert run([*arguments, "--seed", "1"]) == 1  # another sample is another fingerprint
    assert run([*arguments, "--seed", "1", "--overwrite"]) == 0


def test_a_foreign_folder_is_refused_before_the_work(pool, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    assert run(["verify", str(pool), "--model", "builtin", "--out", str(tmp_path / "out")]) == 1
    assert "thesis.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["missing.jsonl"], 1, "missing.jsonl"),
        (["POOL", "--backend", "vlm"], 2, "did you mean vllm"),
        (["POOL", "--dtype", "float31"], 2, "float32"),
        (["POOL", "--template", "chatt"], 2, "did you mean chat"),
        (["POOL", "--rows", "0"], 2, "--rows"),
        (["POOL", "--tolerance", "-1"], 2, "--tolerance"),
        (["POOL", "--scores", "nowhere"], 1, "nowhere does not exist (hint: make it with dataselect score"),
        (
            ["POOL", "--scores", "nowhere", "--batch-tokens", "5"],
            2,
            "--scores runs no backend, so it cannot be combined with the options of one",
        ),
    ],
)
def test_bad_input_is_one_line_with_the_right_code(pool, capsys, arguments, code, told):
    assert run(["verify", *(str(pool) if a == "POOL" else a for a in arguments), "--model", "builtin"]) == code
    shown = capsys.readouterr().err
    assert shown.strip().count("\n") == 0
    assert told in shown


def test_a_token_of_the_pool_cannot_drive_the_terminal(pool, capsys):
    assert run(["verify", str(pool), "--model", "builtin", "--rows", "8"]) == 0
    assert "\x1b" not in capsys.readouterr().out
