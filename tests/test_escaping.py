"""Nothing that comes from a file, a template or a server drives the terminal, whichever way it is told."""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.artifacts import json_line, json_text
from dataselect.cli import run
from dataselect.errors import ConfigError, DataselectError
from dataselect.escaping import ACTING, bearable, escaped, one_line

TITLE = "\x1b]0;owned\x07"
CLI = Path(__file__).parents[1] / "dataselect" / "cli"


def test_what_acts_is_written_out_and_what_is_read_stays():
    assert escaped("a\x1b[2Jb\x9bc\u202ed\x00\x7f\ud800\u2028\U000e0041") == (
        r"a\x1b[2Jb\x9bc\u202ed\x00\x7f\ud800\u2028\U000e0041"
    )
    assert escaped("Größe\t数\n👩\u200d🚀 עברית \u00a0 \u3000") == "Größe\t数\n👩\u200d🚀 עברית \u00a0 \u3000"
    assert one_line("two\n lines\x1b" + "x" * 500) == (r"two lines\x1b" + "x" * 500)[:200]


@given(st.text(st.characters(), max_size=30))
def test_no_text_keeps_a_character_that_acts(text):
    assert not ACTING.search(escaped(text))
    assert not any(ord(c) < 32 and c not in "\t\n" for c in escaped(text))


def test_messages_lose_the_middle_of_what_nobody_reads():
    long = "ppl < 5 and " * 500
    said = bearable(f"--where cannot be read: {long!r}")
    assert said.startswith("--where cannot be read: 'ppl < 5 and ppl")
    assert said.endswith("and '")
    assert " ... " in said
    assert len(said) < 200
    assert len(bearable("x" * 9000)) == 400
    assert len(bearable("many words " * 900)) == 800
    assert bearable(f"the tokenizer's own, {'a word or two ' * 20}and the model's") == (
        f"the tokenizer's own, {'a word or two ' * 20}and the model's"
    )  # apostrophes are no quotation marks


@pytest.mark.parametrize(
    "arguments",
    [
        ("select", "POOL", "--strategy", "random", "--budget", "1", "--out", "o.jsonl", "--where", "(" * 9000),
        (
            "select",
            "POOL",
            "--strategy",
            "random",
            "--budget",
            "1",
            "--out",
            "o.jsonl",
            "--where",
            "ppl + 1 and " * 900,
        ),
        ("select", "POOL", "--strategy", "random", "--budget", "1 " * 4000, "--out", "o.jsonl"),
        ("select", "POOL", "--strategy", "r" * 9000, "--budget", "1", "--out", "o.jsonl"),
        ("select", "POOL", "--strategy", "random", "--param", "k" * 9000, "--budget", "1", "--out", "o.jsonl"),
        ("select", "POOL", "--strategy", "random", "--quota", "a" * 9000, "--budget", "1", "--out", "o.jsonl"),
        ("show", "POOL", "--limit", "7" * 4000 + "x"),
        ("show", "POOL", "--template", "t " * 4000),
        ("show", "POOL", "--" + "o" * 9000),
        ("show", "n" * 9000),
        ("show", "a/" * 4000 + "b.jsonl"),
        ("ls", "k" * 9000),
        ("c" * 9000,),
        ("explain", "s" * 9000, "id"),
        ("run", "c" * 9000, "--out", "o"),
        ("evaluate", "--model", "m " * 4000, "--task", "t", "--out", "o"),
        ("score", "POOL", "--model", "builtin", "--engine-arg", "e" * 9000, "--out", "o"),
    ],
    ids=lambda arguments: " ".join(one[:12] for one in arguments),
)
def test_no_error_echoes_thousands_of_characters(arguments, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("pool.jsonl").write_text(json.dumps({"prompt": "q", "response": "a"}) + "\n")
    code, _, err = told_by(capfd, *("pool.jsonl" if one == "POOL" else one for one in arguments))
    assert code in (1, 2)
    assert err.count("\n") == 1
    assert len(err) < 1000, err


@given(st.recursive(st.text(st.characters(), max_size=8), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_json_is_harmless_and_loses_nothing(value):
    for written in (json_line(value), json_text(value)):
        assert not ACTING.search(written)
        written.encode("utf-8")  # lone surrogates too
        assert json.loads(written) == value


@pytest.mark.parametrize("kind", [DataselectError, ConfigError])
def test_errors_are_harmless_as_soon_as_they_are_made(kind):
    error = pickle.loads(pickle.dumps(kind(f"a {TITLE}", f"b {TITLE}")))
    assert str(error) == r"a \x1b]0;owned\x07 (b \x1b]0;owned\x07)"
    assert error.args == (r"a \x1b]0;owned\x07",)


def told_by(capfd, *arguments):
    code = run([str(one) for one in arguments])
    out, err = capfd.readouterr()
    assert not ACTING.search(out + err), (out, err)
    return code, out, err


def test_names_of_files_and_commands(tmp_path, capfd):
    code, _, err = told_by(capfd, "show", tmp_path / f"{TITLE}.jsonl", "--model", "builtin")
    assert code != 0
    assert r"\x1b]0;owned\x07.jsonl" in err
    assert told_by(capfd, f"sc{TITLE}")[0] == 2
    assert told_by(capfd, "show", "--model", "builtin", f"--{TITLE}")[0] == 2


def test_ids_columns_templates_and_names_of_pools(tmp_path, capfd):
    pool = tmp_path / f"p{TITLE}.jsonl"
    rows = [{"id": "i\u202ex", "prompt": "q\x1b[31m", "response": f"a\x9b{TITLE}"}, {TITLE: 1}]
    pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out, _ = told_by(capfd, "show", pool, "--model", "builtin", "--no-color")
    assert code == 0
    assert r"--- i\u202ex (p\x1b]0;owned\x07.jsonl" in out
    assert "rejected" in out
    template = tmp_path / f"t{TITLE}.jinja"
    turn = "{{ messages[0].content }}"
    refusal = '{{ raise_exception("no \x1b[2J " ~ messages[0].content) }}'
    template.write_text(f"{{% if messages[0].content == 'a' %}}{turn}{{% else %}}{refusal}{{% endif %}}")
    code, out, _ = told_by(capfd, "show", pool, "--model", "builtin", "--template", template, "--no-color")
    assert r"\x1b[2J q\x1b[31m" in out
    template.write_text(f"{{{{ {TITLE} }}}}")
    code, _, err = told_by(capfd, "show", pool, "--model", "builtin", "--template", template)
    assert code == 1
    assert r"t\x1b]0;owned\x07.jinja" in err


def test_rejects_and_manifests_of_a_scoring_run_hold_nothing_that_acts(tmp_path, capfd):
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({"prompt": "q", "response": "fine"}) + "\n" + json.dumps({f"x\x9b{TITLE}": 1}) + "\n")
    out = tmp_path / "scores"
    assert told_by(capfd, "score", pool, "--model", "builtin", "--out", out, "--no-cache")[0] == 0
    assert told_by(capfd, "score", pool, "--model", "builtin", "--out", out, "--limit", 1)[0] == 1
    for name in ("rejects.jsonl", "manifest.json", "run.json"):
        assert not ACTING.search((out / name).read_text(encoding="utf-8")), name


def test_commands_print_in_one_way():
    """`print` is called by `emit`, the group's `_fail`, and where colours are meant; `say` writes what it escaped."""
    printing = {
        f"{path.name}:{function.name}"
        for path in CLI.glob("*.py")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "print"
    }
    assert printing == {
        "options.py:emit",
        "__init__.py:_fail",
        "explain.py:_explained",
        "show.py:command",
    }
