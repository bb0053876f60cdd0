"""`dataselect show` and `ls`: what a user reads before and beside the work."""

from __future__ import annotations

import json

import pytest

from dataselect.cli import run


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    rows = [{"question": "What is 2+2?", "answer": "It is 4."}, {"prompt": "x", "response": "a\x1b[31mred"}]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n{oops\n")
    return str(path)


def test_parts_are_marked_and_counted(pool, capsys):
    assert run(["show", pool, "--model", "builtin", "--no-color"]) == 0
    shown = capsys.readouterr().out
    assert "[It| is| |4|.]{<|im_end|>}" in shown
    assert "ok; 17 prompt, 5 response, 1 end, 0 seam of 24 tokens" in shown
    assert "--- rejected: pool.jsonl line 3: malformed_json" in shown


def test_a_part_of_each_pool_is_shown(pool, tmp_path, capsys):
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps({"prompt": f"p{i}", "response": f"r{i}"}) + "\n" for i in range(9)))
    for name in ("-n", "--limit"):
        assert run(["show", pool, str(other), name, "1", "--no-color"]) == 0
        shown = capsys.readouterr().out
        assert (shown.count("(pool.jsonl,"), shown.count("(other.jsonl,")) == (1, 1)
        assert "p0" in shown
    shown = set()
    for seed in range(5):
        assert run(["show", str(other), "-n", "1", "--sample-seed", str(seed), "--no-color"]) == 0
        shown.add(capsys.readouterr().out)
    assert len(shown) > 1


def test_nothing_to_show_is_a_failure_that_says_why(tmp_path, capsys):
    pool = tmp_path / "pool.jsonl"
    pool.write_text('{"a": 1}\n{oops\n')
    assert run(["show", str(pool)]) == 1
    shown = capsys.readouterr()
    assert shown.out.count("--- rejected") == 2
    assert "none of 2 rows can be shown: malformed_json, unknown_schema (hint: " in shown.err
    assert "--prompt-column" in shown.err


def test_seam_tokens_stand_out(pool, capsys):
    assert run(["show", pool, "--template", "qa", "--no-color", "-n", "1"]) == 0
    assert "###Answer:< It>[ is| |4|.]" in capsys.readouterr().out


def test_control_characters_of_a_pool_cannot_drive_the_terminal(pool, capsys):
    assert run(["show", pool, "--no-color"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_colours_on_request(pool, capsys):
    assert run(["show", pool, "--color", "-n", "1"]) == 0
    assert "\x1b[1;32m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("scorers", ["ppl", "ifd", "bits_per_byte", "--ifd"]),
        ("strategies", ["random", "ppl-low", "length-matched-random", "2506.14681"]),
        ("strategies", ["rds-plus", "embeddings, embedded targets", "texts, --target FILE", "centroid_similarity"]),
        ("templates", ["alpaca", "qa"]),
        ("tasks", ["held-out", "multiple-choice", "lm-eval", "accuracy_norm"]),
        ("encoders", ["minilm", "builtin", "tfidf"]),
    ],
)
def test_lists(kind, expected, capsys):
    assert run(["ls", kind]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in expected)


def test_both_replies_of_a_pair_are_shown(tmp_path, capsys):
    pool = tmp_path / "pairs.jsonl"
    rows = [
        {"id": "p", "prompt": "What is 2+2?", "chosen": "It is 4.", "rejected": "Five."},
        {"id": "k", "prompt": "x", "completion": "y", "label": False},
        {"id": "s", "prompt": "x", "chosen": "y"},
    ]
    pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["show", str(pool), "--pairs", "--no-color"]) == 0
    shown = capsys.readouterr().out
    headings = [line for line in shown.splitlines() if line.startswith("---")]
    assert [line.split(" (")[0] for line in headings[:3]] == ["--- p, chosen", "--- p, rejected", "--- k, undesirable"]
    assert headings[3].startswith("--- rejected: pairs.jsonl line 3: one_sided: ")
    assert shown.count("What is 2+2?") == 2
    assert "[It| is| |4|.]{<|im_end|>}" in shown
