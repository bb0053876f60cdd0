"""Ratings: the expected digit by hand, against the model's own logits, and through a whole scoring run."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import ArtifactError, UsageError
from dataselect.likelihood import expected_digit
from dataselect.pool import PoolReader, Renderer
from dataselect.pool.rating_prompts import PROMPTS
from dataselect.records import RatingPrompt, Rendered
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.estimate.calibration import computed_tokens
from dataselect.scoring.ratings import rating_columns, rating_numbers

ROWS = [
    {"instruction": "Name a fruit.", "input": "It is red.", "output": "An apple."},
    {"messages": [
        {"role": "user", "content": "I need a table."}, {"role": "assistant", "content": "At what time?"},
        {"role": "user", "content": "At seven, please."}, {"role": "assistant", "content": "It is booked."},
    ]},
    {"text": "Once upon a time there was a king."},
    {"prompt": "Say nothing.", "response": ""},
]  # fmt: skip
BOTH = ("complexity", "quality")


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def rated(pool, out, ratings=BOTH, **options) -> list[dict]:
    score(ScoreRequest((str(pool),), "builtin", out, backend="transformers", ratings=ratings, **options))
    return pq.read_table(out / "scores.parquet").to_pylist()


def prompted(*names) -> Rendered:
    """An example of which only the rating prompts matter."""
    none, digits = np.zeros(0, np.int32), np.arange(6, dtype=np.int32)
    prompts = tuple(RatingPrompt(name, none, digits) for name in names)
    return Rendered("x", "p", "", none, none, none, "ok", (), 0, ratings=prompts)


def test_the_expected_digit_by_hand():
    # p = 1/10, 1/10, 2/10, 4/10, 1/10, 1/10: 0.1 + 0.2 + 0.6 + 1.6 + 0.5 + 0.6 = 3.6
    logits = np.log(np.array([1, 1, 2, 4, 1, 1], np.float32))
    assert expected_digit(logits) == pytest.approx(3.6)
    assert expected_digit(logits - 700) == pytest.approx(3.6, abs=1e-3)  # log-probabilities are logits minus a constant
    assert expected_digit(np.zeros(6, np.float32)) == 3.5
    assert expected_digit(np.array([-90, -90, -90, -90, -90, 0], np.float32)) == pytest.approx(6)
    with pytest.raises(FloatingPointError):
        expected_digit(np.array([0, np.nan], np.float32))


def test_a_dialogue_has_the_mean_of_each_rating_and_the_sum_of_the_products():
    # complexity 2 and 4, quality 3 and 6: means 3 and 4.5; 2 * 3 + 4 * 6 = 30
    digits = np.full((4, 6), -200, np.float32)
    digits[[0, 1, 2, 3], [1, 3, 2, 5]] = 0
    found = rating_numbers(prompted("complexity", "complexity", "quality", "quality"), digits)
    assert found == pytest.approx({"complexity": 3, "quality": 4.5, "complexity_quality": 30})
    assert rating_numbers(prompted("quality"), digits[:1]) == pytest.approx({"quality": 2})
    assert rating_columns(("quality",)) == ("quality",)
    assert rating_columns(("quality", "complexity")) == ("complexity", "quality", "complexity_quality")


def test_ratings_are_those_of_the_models_own_logits(pool, tmp_path, builtin):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(builtin)
    digits = [tokenizer.convert_tokens_to_ids(digit) for digit in "123456"]

    def truth(name, instruction, output):
        prompt = tokenizer(PROMPTS[name].format(instruction=instruction, output=output), return_tensors="pt")
        with torch.inference_mode():
            logits = model(**prompt).logits[0, -1].double()[digits]
        return sum(k * p for k, p in enumerate(logits.softmax(-1).tolist(), start=1))

    single, dialogue = rated(pool, tmp_path / "out")[:2]
    asked, said = "Name a fruit.\n\nIt is red.", "An apple."
    assert single["complexity"] == pytest.approx(truth("complexity", asked, said), abs=1e-4)
    assert single["quality"] == pytest.approx(truth("quality", asked, said), abs=1e-4)
    assert single["complexity_quality"] == pytest.approx(single["complexity"] * single["quality"])
    turns = [("I need a table.", "At what time?"), ("At seven, please.", "It is booked.")]
    each = [[truth(name, *turn) for turn in turns] for name in BOTH]
    assert dialogue["complexity"] == pytest.approx(np.mean(each[0]), abs=1e-4)
    assert dialogue["quality"] == pytest.approx(np.mean(each[1]), abs=1e-4)
    assert dialogue["complexity_quality"] == pytest.approx(np.dot(*each), abs=1e-3)
    assert 1 < single["quality"] < 6


def test_what_cannot_be_rated_is_null_and_nothing_else_changes(pool, tmp_path):
    with_ratings, without = rated(pool, tmp_path / "a"), rated(pool, tmp_path / "b", ratings=())
    for row in with_ratings[2:]:
        assert [row[name] for name in rating_columns(BOTH)] == [None] * 3
    assert [row["status"] for row in with_ratings] == ["ok", "ok", "ok", "empty_response"]
    assert "complexity" not in without[0]
    for ours, plain in zip(with_ratings, without, strict=True):
        for name, value in plain.items():
            assert ours[name] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value)


def test_ratings_do_not_depend_on_batches_and_stand_beside_all_other_scores(pool, tmp_path):
    first = rated(pool, tmp_path / "a")
    other = rated(pool, tmp_path / "b", batch_tokens=64, ifd=True, tokens=True, cache=False)
    for one, again in zip(first, other, strict=True):
        for name in rating_columns(BOTH):
            assert again[name] == pytest.approx(one[name], abs=1e-4)
    assert other[0]["ifd"] > 0
    assert (other[0]["windows"], other[2]["windows"]) == (1, 1)


def test_rated_rows_come_from_the_cache_and_unrated_ones_do_not_pass_for_them(pool, tmp_path):
    request = ScoreRequest((str(pool),), "builtin", tmp_path / "plain", backend="transformers")
    score(request)
    first = score(ScoreRequest((str(pool),), "builtin", tmp_path / "a", backend="transformers", ratings=BOTH))
    assert first.cached == 1  # plain text, which is never rated
    again = score(ScoreRequest((str(pool),), "builtin", tmp_path / "b", backend="transformers", ratings=BOTH))
    assert again.cached == 3
    left, right = (pq.read_table(tmp_path / name / "scores.parquet") for name in "ab")
    assert left.equals(right)


def test_other_ratings_are_another_run(pool, tmp_path):
    rated(pool, tmp_path / "out", ratings=("quality", "complexity"))
    assert len(rated(pool, tmp_path / "out", ratings=BOTH)) == 4  # in whatever order
    with pytest.raises(ArtifactError, match=r"scorers\.ratings"):
        rated(pool, tmp_path / "out", ratings=("quality",))
    with pytest.raises(UsageError, match="complexity and quality, each once, got 'beauty'"):
        rated(pool, tmp_path / "other", ratings=("beauty",))


def test_a_rated_folder_can_be_verified(pool, tmp_path):
    rated(pool, tmp_path / "out", tokens=True)
    asked = ["verify", str(pool), "--model", "builtin", "--backend", "transformers", "--scores", str(tmp_path / "out")]
    assert run(asked) == 0


def test_the_estimate_counts_six_sequences_for_each_prompt(pool, builtin):
    example = next(iter(PoolReader([str(pool)])))
    plain, with_ratings = (Renderer(builtin, ratings=names).render([example])[0] for names in ((), BOTH))
    prompts = sum(len(prompt.token_ids) for prompt in with_ratings.ratings)
    assert computed_tokens(with_ratings, 1000) == computed_tokens(plain, 1000) + 6 * prompts


def test_the_command_makes_what_deita_asks_for(pool, tmp_path, capsys):
    missing = ["select", str(pool), "--strategy", "column", "--param", "name=quality", "--budget", "1"]
    score(ScoreRequest((str(pool),), "builtin", tmp_path / "plain", backend="transformers"))
    assert run([*missing, "--scores", str(tmp_path / "plain"), "--out", str(tmp_path / "a.jsonl")]) == 1
    assert "--rating complexity --rating quality" in capsys.readouterr().err
    scores, vectors = str(tmp_path / "scores"), str(tmp_path / "vectors")
    asked = ["score", str(pool), "--model", "builtin", "--rating", "complexity", "--rating", "quality"]
    assert run([*asked, "--backend", "transformers", "--out", scores]) == 0
    assert run(["embed", str(pool), "--encoder", "builtin", "--out", vectors]) == 0
    out = tmp_path / "best.jsonl"
    select = ["select", str(pool), "--strategy", "deita", "--scores", scores, "--embeddings", vectors, "--budget", "2"]
    assert run([*select, "--param", "threshold=1.0", "--out", str(out)]) == 0
    best = [json.loads(line)["_dataselect"] for line in out.read_text().splitlines()]
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "scores" / "scores.parquet").to_pylist()}
    for one in best:
        assert one["score"] == pytest.approx(rows[one["id"]]["complexity"] * rows[one["id"]]["quality"])
    assert best[0]["score"] >= best[1]["score"]
    assert math.isfinite(best[0]["score"])


def test_the_listing_names_them(capsys):
    assert run(["ls", "scorers"]) == 0
    listed = capsys.readouterr().out
    for name in rating_columns(BOTH):
        assert any(line.startswith(name) and "--rating" in line for line in listed.splitlines())
