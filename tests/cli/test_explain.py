"""`dataselect explain` as typed: what a reader sees, what a terminal gets, and what is refused."""

from __future__ import annotations

import json

import pytest

from dataselect.cli import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A selection of three rows by length, from a pool with a hostile row; the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    rows = [{"id": f"row-{i:02}", "prompt": f"Count to {i}.", "response": "word " * (i + 1)} for i in range(20)]
    rows[7] = {"id": "hostile", "prompt": "\x1b]0;owned\x07? \x1b[35m", "response": "\x9b31m\u202e" + "x" * 200}
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["select", "pool.jsonl", "--strategy", "longest", "--budget", "3", "--out", "chosen.jsonl"]) == 0
    return tmp_path


@pytest.fixture
def scored(folder):
    """The same, with scores and tokens."""
    assert run(["score", "pool.jsonl", "--model", "builtin", "--tokens", "--out", "scores"]) == 0
    return folder


def explained(capsys, *arguments):
    capsys.readouterr()
    assert run(["explain", "chosen.jsonl", *arguments]) == 0
    return capsys.readouterr().out


def test_it_answers_first_and_then_says_what_that_rests_on(folder, capsys):
    told = explained(capsys, "row-10")
    assert told.startswith(
        "row-10 (pool.jsonl:11) in chosen.jsonl\n"
        "  Not kept: it ranks below the budget. Its rank is 11, and the budget (3 examples) keeps 3 rows: it\n"
        "  is 8 places below the cut. Its score is 55; that of the last row kept is 95.\n"
        "  longest: "
    )  # rows 11 to 19 and the hostile one are longer
    assert "score by longest" in told
    assert "[prompt]\n  Count to 10." in told
    assert "the NLL of each token: the selection used no scores (dataselect score POOL" in " ".join(told.split())


def test_a_kept_row_and_the_document(folder, capsys):
    told = explained(capsys, "row-19", "--out", "why")
    assert "Kept: rank 2 of 3 kept rows. The pool has 20; the budget is 3 examples." in told
    document = json.loads((folder / "why" / "explain.json").read_text())
    assert (document["kind"], document["id"], document["outcome"]["rank"]) == ("explain", "row-19", 2)


def test_without_a_terminal_there_is_no_colour_and_nothing_of_the_pool_is_an_escape(scored, capsys):
    told = explained(capsys, "hostile", "--scores", "scores")
    assert not set(told) & set("\x1b\x9b\x07\u202e\r")
    assert "Mean NLL (-log p) in nats per token: response " in told
    assert "The least likely tokens of the response, in brackets above" in told


def test_on_a_terminal_tokens_are_coloured_and_the_rest_of_the_pool_is_not_let_through(scored, capsys):
    told = explained(capsys, "hostile", "--scores", "scores", "--color")
    assert "\x1b[1m" in told
    assert "\x1b]" not in told
    assert "\x1b[35m" not in told  # a colour that is not ours
    assert not set(told) & set("\x9b\x07\u202e\r")


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"),
    [(True, None, True), (True, "1", False), (True, "", True), (False, None, False)],
)
def test_colour_follows_the_terminal_and_no_color(scored, capsys, monkeypatch, terminal, no_color, coloured):
    import sys

    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert ("\x1b[" in explained(capsys, "row-03", "--scores", "scores")) is coloured


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["chosen.jsonl", "row-1"], 1, "has no row 'row-1' (hint: did you mean 'row-"),
        (["chosen.jsonl", "\x1b[31m"], 1, "has no row '\\x1b[31m'"),
        (["chosen.jsonl", "zzz"], 1, "(hint: ids look like '"),
        (["nowhere.jsonl", "row-01"], 1, "there is no selection nowhere.jsonl (hint: give the FILE.jsonl"),
        (["pool.jsonl", "row-01"], 1, "pool.ranking.parquet does not exist"),
        (["chosen.jsonl", "row-01", "--scores", "nowhere"], 1, "there is no score table at nowhere"),
        (["chosen.jsonl", "row-01", "--embeddings", "nowhere"], 1, "nowhere"),
        (["chosen.jsonl", "row-01", "--pool", "nowhere.jsonl"], 1, "nowhere.jsonl does not exist"),
        (["chosen.jsonl", "row-01", "-k", "0"], 2, "-k"),
        (["chosen.jsonl"], 2, "ID"),
    ],
)
def test_what_cannot_be_explained_is_one_line(folder, capsys, arguments, code, told):
    capsys.readouterr()
    assert run(["explain", *arguments]) == code
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.err.count("\n") == 1
    assert "\x1b" not in captured.err
    assert captured.out == ""


def test_a_pool_that_changed_is_refused(folder, capsys):
    (folder / "pool.jsonl").write_text('{"id": "row-01", "prompt": "?", "response": "!"}\n')
    capsys.readouterr()
    assert run(["explain", "chosen.jsonl", "row-01"]) == 1
    assert "pool.jsonl has changed since chosen.jsonl was selected from it" in capsys.readouterr().err
