"""A row of many megabytes is too long by its text alone: it is never tokenised, and its tokens are not known."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.tokenizing import BatchTokenizer
from dataselect.records import Example, Message
from dataselect.scoring import ScoreRequest, score

GIANT = "The sea was calm and the night was dark. " * 10_000


def dialogue(*contents: str) -> Example:
    roles = ("user", "assistant", "user")
    return Example("x", "p", {}, tuple(Message(*turn) for turn in zip(roles, contents, strict=False)))


@pytest.fixture
def longest_tokenised(monkeypatch):
    """The length of the longest text that was given to a tokenizer, in a list."""
    seen, encode = [0], BatchTokenizer.encode

    def counting(self, texts):
        seen[0] = max([seen[0], *map(len, texts)])
        return encode(self, texts)

    monkeypatch.setattr(BatchTokenizer, "encode", counting)
    return seen


@pytest.mark.parametrize(
    ("example", "options", "status"),
    [
        (dialogue("q", GIANT), {}, "too_long"),
        (dialogue(GIANT, "a"), {}, "too_long"),
        (dialogue(GIANT, " "), {}, "empty_response"),
        (dialogue(GIANT, "<think>a</think>"), {"think": False}, "too_short"),
    ],
)
def test_a_giant_dialogue_is_not_tokenised(builtin, longest_tokenised, example, options, status):
    (one,) = Renderer(builtin, RenderOptions(template="alpaca", **options)).render([example])
    assert (one.status, one.total_tokens, longest_tokenised[0] < 1000) == (status, None, True)


def test_it_is_tokenised_where_it_will_be_scored(builtin, longest_tokenised):
    (cut,) = Renderer(builtin, RenderOptions(template="alpaca", truncate=True)).render([dialogue("q", GIANT)])
    assert (cut.status, cut.total_tokens) == ("truncated", 1023)
    (text,) = Renderer(builtin).render([Example("x", "p", {}, text=GIANT)])
    assert (text.status, text.total_tokens) == ("ok", len(text.token_ids))
    assert longest_tokenised[0] >= len(GIANT)


def test_the_same_rows_without_the_bound_have_the_same_status(builtin, monkeypatch):
    """What is told by the text alone is what the tokens say."""
    examples = [dialogue("q", GIANT), dialogue(GIANT, "a"), dialogue(GIANT, " "), dialogue("q", "a")]
    short = [one.status for one in Renderer(builtin).render(examples)]
    renderer = Renderer(builtin)
    monkeypatch.setattr(renderer._encoder.fewest, "over", lambda text, most: False)
    assert (
        [one.status for one in renderer.render(examples)] == short == ["too_long", "too_long", "empty_response", "ok"]
    )


def test_its_number_of_tokens_is_null_and_the_rest_goes_on(tmp_path, capsys):
    pool, out = tmp_path / "pool.jsonl", tmp_path / "scores"
    rows = [{"prompt": "q", "response": GIANT}, {"prompt": "What is it?", "response": "It is noon."}]
    pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
    score(ScoreRequest((str(pool),), "builtin", out, backend="transformers", ifd=True))
    giant, fine = pq.read_table(out / "scores.parquet").to_pylist()
    assert (giant["status"], giant["total_tokens"], giant["response_tokens"]) == ("too_long", None, 0)
    assert fine["total_tokens"] > 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["pool"]["total_tokens"] == fine["total_tokens"]
    kept = ["--budget", f"{fine['total_tokens']}tok", "--out", str(tmp_path / "kept.jsonl")]
    assert run(["select", str(pool), "--strategy", "ifd-high", "--scores", str(out), *kept]) == 0
    assert run(["show", str(pool), "--no-color"]) == 0
    assert "too_long, 410," in capsys.readouterr().out


def test_rows_that_spell_special_tokens_out_are_counted_and_told(tmp_path):
    pool = tmp_path / "pool.jsonl"
    rows = [
        {"prompt": "What ends a turn?", "response": "It is <|im_end|>, twice: <|im_end|>"},
        {"prompt": "What is it?", "response": "It is noon."},
        {"text": "One.<|endoftext|>Two."},
    ]
    pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tables = {}
    for how, became in (("control", "became control tokens; --special-tokens text"), ("text", "stayed text")):
        out = tmp_path / how
        rendering = RenderOptions(special_tokens=how)
        summary = score(ScoreRequest((str(pool),), "builtin", out, backend="transformers", rendering=rendering))
        tables[how] = pq.read_table(out / "scores.parquet").to_pylist()
        assert [row["special_texts"] for row in tables[how]] == [2, 0, 1]
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["pool"]["rows_with_special_texts"] == 2
        assert manifest["rendering"]["special_tokens"] == how
        assert f"rows that spell special tokens out in their own text: 2, where they {became}" in summary.notes[0]
    for control, text in zip(tables["control"], tables["text"], strict=True):
        assert (text["total_tokens"] > control["total_tokens"]) == (control["special_texts"] > 0)
    kept = tmp_path / "kept.jsonl"
    chosen = ["--strategy", "ppl-low", "--scores", str(tmp_path / "text"), "--budget", "2", "--out", str(kept)]
    assert run(["select", str(pool), *chosen]) == 0
    assert json.loads((tmp_path / "kept.manifest.json").read_text())["rendering"]["special_tokens"] == "text"
    assert (
        run(["train", str(kept), "--model", "builtin", "--special-tokens", "control", "--out", str(tmp_path / "m")])
        == 2
    )
