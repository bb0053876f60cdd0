"""The estimate of a scoring run: what is counted is right, what is measured is put together right. No test looks at a clock."""

from __future__ import annotations

import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.cli import run
from dataselect.cli.estimate import in_bytes, in_time
from dataselect.errors import DataselectError
from dataselect.pool import PoolReader, Renderer
from dataselect.records import Example, Message
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.cache import cache_path
from dataselect.scoring.estimate.calibration import PARTS, ROUNDS, Calibration, Memory, _rounds, computed_tokens
from dataselect.scoring.estimate.run import PERCENTILES, Duration, ModelEstimate, ScoreEstimate, estimate
from dataselect.scoring.sample import draw_examples

RECORDS = [
    {"id": f"r{n}", "prompt": f"Count to {n}.", "response": " ".join(f"The number {i} follows." for i in range(n))}
    for n in range(1, 31)
] + [
    {"id": "long", "prompt": "Go on.", "response": "The sea was calm and the night was dark. " * 200},
    {"id": "empty", "prompt": "Say nothing.", "response": ""},
    {"id": "text", "text": "Once upon a time there was a king who had three daughters. " * 120},
]


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS) + "{broken\n")
    return path


def request(pool, **options) -> ScoreRequest:
    common = {"model": "builtin", "out": pool.parent / "out", "backend": "transformers", "batch_tokens": 128}
    return ScoreRequest((str(pool),), **common | options)


def test_what_is_counted_is_what_a_run_counts(pool):
    found = estimate(request(pool, cache=False))
    (model,) = found.models
    score(request(pool, cache=False))
    rows = pq.read_table(pool.parent / "out" / "scores.parquet").to_pylist()
    totals = [row["total_tokens"] for row in rows]
    assert (found.examples, found.rejects, found.sampled) == (33, 1, 33)
    assert model.tokens == sum(totals)
    assert model.percentiles[-1] == max(totals)
    assert model.percentiles[PERCENTILES.index(50)] == sorted(totals)[16]  # the middle one of 33
    assert (model.too_long, model.unscored, model.max_length) == (1, 1, 1023)
    scored = [row for row in rows if row["status"] == "ok"]
    # a text of two windows: the last one is full, so the tokens of both are 2 * 1023 where it is longer than one
    assert model.computed == sum(t["total_tokens"] for t in scored if t["windows"] == 1) + 2 * 1023


def test_the_response_alone_is_computed_too_with_ifd(pool, builtin):
    renderer = Renderer(builtin, ifd=True)
    rendered = [one for one in renderer.render([r for r in PoolReader([str(pool)]) if isinstance(r, Example)])]
    alone = sum(len(one.alone_ids) for one in rendered if one.scorable)
    assert alone > 0
    plain, with_ifd = (estimate(request(pool, ifd=ifd, cache=False)).models[0].computed for ifd in (False, True))
    assert with_ifd == plain + alone


def test_a_sample_of_a_pool_grows_with_its_characters(tmp_path, monkeypatch, builtin):
    pool = tmp_path / "pool.jsonl"
    rng = np.random.default_rng(0)
    lengths = np.exp(rng.normal(3, 1, 600)).astype(int) + 1
    pool.write_text(
        "".join(json.dumps({"prompt": f"{i}?", "response": "one two " * int(n)}) + "\n" for i, n in enumerate(lengths))
    )
    monkeypatch.setattr("dataselect.scoring.estimate.run.SAMPLE", 60)
    found = estimate(request(pool, cache=False))
    rendered = Renderer(builtin).render([r for r in PoolReader([str(pool)]) if isinstance(r, Example)])
    truth = sum(len(one.token_ids) for one in rendered)
    assert (found.examples, found.sampled) == (600, 60)
    # the tokens of the sample times the rows of the pool would be off by about the spread of a mean of 60, some 15 %
    assert found.models[0].tokens == pytest.approx(truth, rel=0.05)
    assert found.models[0].computed == found.models[0].tokens


def test_drawing_examples_is_seeded_and_counts_everything():
    records = [Example(str(i), "p", {}, text="x" * i) for i in range(100)]
    first, again, other = (draw_examples(records, 10, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert (first.readable, first.rejects, first.characters) == (100, 0, 4950)
    assert [int(e.id) for e in first.examples] == sorted(int(e.id) for e in first.examples)
    assert len(draw_examples(records, 1000, 0).examples) == 100


def test_several_models_are_each_estimated(pool):
    found = estimate(request(pool, references=(("again", "builtin"),), cache=False))
    assert [one.name for one in found.models] == ["builtin", "again"]
    assert found.models[0].computed == found.models[1].computed


def test_the_limit_holds(pool):
    assert estimate(request(pool, limit=7, cache=False)).examples == 7


def test_nothing_is_written_and_no_cache_is_made(pool, tmp_path):
    before = set(tmp_path.rglob("*"))
    estimate(request(pool))
    assert set(tmp_path.rglob("*")) == before
    assert not cache_path().exists()


def test_what_the_cache_holds_is_not_counted_as_work(pool, tmp_path):
    fresh = estimate(request(pool)).models[0]
    score(request(pool, limit=20))
    after = estimate(request(pool)).models[0]
    assert (fresh.cached, after.calibrated) == (0.0, fresh.calibrated)
    assert after.computed == round(fresh.computed * (1 - after.cached))
    score(request(pool, out=tmp_path / "all"))
    assert estimate(request(pool)).models[0].computed == 0


def test_the_sidecar_takes_room(pool):
    without, with_tokens = (
        estimate(request(pool, tokens=tokens, cache=False)).models[0].disk for tokens in (False, True)
    )
    assert with_tokens > without > 0


def test_nothing_scorable_is_an_error(tmp_path):
    pool = tmp_path / "pool.jsonl"
    pool.write_text('{"prompt": "a", "response": ""}\n{bad\n')
    with pytest.raises(DataselectError, match="none of 1 rows can be scored"):
        estimate(request(pool))


def test_the_interval_of_the_rounds_worked_by_hand():
    found = Calibration(0.0, (1.0, 2.0, 3.0, 2.0), 4, 0.0, 0.0, ())
    # mean 2, sum of squares 2, variance 2 / 3, error of the mean sqrt(2 / 3 / 4) = 0.408; 3.182 * 0.408 / 2 = 0.650
    assert found.seconds_per_token == 2.0
    assert found.margin == pytest.approx(0.6495, abs=1e-4)
    assert Calibration(0.0, (1.0, 9.0), 4, 0.0, 0.0, ()).margin == 1.0  # no duration is below nothing


def one_model(start: float, preparing: float, scoring: Duration) -> ModelEstimate:
    return ModelEstimate(
        name="m", max_length=9, tokens=0, percentiles=(), too_long=0, unscored=0, computed=0, cached=0.0, start=start,
        preparing=preparing, seconds_per_token=0.0, scoring=scoring, calibrated=0, memory=Memory(0, 0, None), disk=0,
        notes=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("workers", "shared", "expected"),
    [
        # setup 1, starts 2 + 3; work low (4 + 10) + (6 + 20) = 40, expected (4 + 12) + (6 + 24) = 46, high 52
        (1, False, Duration(6 + 40, 6 + 46, 6 + 52)),
        (2, False, Duration(6 + 20, 6 + 23, 6 + 26)),
        # shared cores: from half of the work to all of it, three quarters expected
        (2, True, Duration(6 + 20, 6 + 34.5, 6 + 52)),
    ],
)
def test_durations_worked_by_hand(workers, shared, expected):
    models = (one_model(2, 4, Duration(10, 12, 14)), one_model(3, 6, Duration(20, 24, 28)))
    assert ScoreEstimate(10, 0, 10, "b", "d", models, 1.0, workers, shared).duration == expected


@given(st.lists(st.integers(2, 900), min_size=1, max_size=300), st.integers(1, 5000))
def test_calibration_batches_are_full_batches_of_neighbours(lengths, at_once):
    lengths = np.sort(np.array(lengths))
    rounds = list(_rounds(lengths, at_once))
    assert (len(rounds), {len(batches) for batches in rounds}) == (ROUNDS, {PARTS})
    for batch in (batch for batches in rounds for batch in batches):
        chosen = lengths[batch]
        assert len(chosen) >= 1
        assert len(chosen) == 1 or chosen.sum() <= at_once
        assert batch.start == 0 or chosen.sum() + lengths[batch.start - 1] > at_once  # no room for one more


def test_calibration_rows_stand_for_short_and_long_ones():
    lengths = np.sort(np.exp(np.random.default_rng(0).normal(4.6, 0.7, 2000)).astype(int))
    per_part = np.array([[lengths[batch].mean() for batch in batches] for batches in _rounds(lengths, 1024)])
    ends = np.cumsum(lengths)
    quantiles = [lengths[np.searchsorted(ends, ends[-1] * share)] for share in (0.125, 0.375, 0.625, 0.875)]
    assert np.allclose(per_part.mean(axis=0), quantiles, rtol=0.1)
    batches = [batch for round_ in _rounds(lengths, 1024) for batch in round_]
    assert len({(batch.start, batch.stop) for batch in batches}) == PARTS * ROUNDS  # other rows in each round
    assert 50 <= sum(batch.stop - batch.start for batch in batches) <= 150


def test_computed_tokens_count_windows_and_the_response_alone(builtin):
    text = Renderer(builtin).render([Example("t", "p", {}, text="king " * 1500)])[0]
    assert 1023 < len(text.token_ids) <= 2 * 1023
    assert computed_tokens(text, 1023) == 2 * 1023  # the last of two windows is moved back until it is full
    dialogue = Example("d", "p", {}, (Message("user", "Who?"), Message("assistant", "Nobody at all.")))
    one = Renderer(builtin, ifd=True).render([dialogue])[0]
    assert computed_tokens(one, 1023) == len(one.token_ids) + len(one.alone_ids)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.42, "0.4 s"), (9.94, "9.9 s"), (35.2, "35 s"), (190, "3 min 10 s"), (7500, "2 h 5 min"), (277_000, "3 d 5 h")],
)
def test_durations_are_told_in_two_units(seconds, told):
    assert in_time(seconds) == told


@pytest.mark.parametrize(("count", "told"), [(12, "12 B"), (1234, "1.23 kB"), (5_678_000, "5.68 MB"), (3e12, "3 TB")])
def test_sizes_are_told_in_the_unit_that_fits(count, told):
    assert in_bytes(count) == told


def test_the_command_prints_facts_on_stdout_and_makes_nothing(pool, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert (
        run(["score", str(pool), "--model", "builtin", "--ifd", "--tokens", "--batch-tokens", "128", "--estimate"]) == 0
    )
    shown = capsys.readouterr().out.splitlines()
    names = [line.split("  ")[0] for line in shown]
    assert names == [
        "rows", "model", "tokens", "row length", "too long", "to compute", "speed", "memory", "disk", "time",
    ]  # fmt: skip
    assert shown[0].endswith("33, and 1 that cannot be read")
    assert "builtin: transformers, float32" in shown[1]
    assert "1 rows over 1,023 tokens; 1 rows cannot be scored for other reasons" in shown[4]
    assert os.listdir(tmp_path) == ["pool.jsonl"]


def test_workers_and_models_are_told(pool, capsys):
    arguments = ["score", str(pool), "--model", "builtin", "--model", "b=builtin", "--workers", "2"]
    assert run([*arguments, "--batch-tokens", "128", "--estimate"]) == 0
    shown = capsys.readouterr().out
    assert "b: transformers, float32" in shown
    assert "2 on the same cores" in shown


def test_out_is_missing_only_without_estimate(pool, capsys):
    assert run(["score", str(pool), "--model", "builtin"]) == 2
    told = capsys.readouterr().err
    assert "Missing option '--out'" in told
    assert "dataselect score --help" in told


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["missing.jsonl"], 1, "missing.jsonl"),
        (["POOL", "--template", "chatt"], 2, "did you mean chat"),
        (["POOL", "--limit", "0"], 2, "--limit"),
    ],
)
def test_bad_input_is_one_line_with_the_right_code(pool, capsys, arguments, code, told):
    arguments = [str(pool) if argument == "POOL" else argument for argument in arguments]
    assert run(["score", *arguments, "--model", "builtin", "--estimate"]) == code
    error = capsys.readouterr().err
    assert error.strip().count("\n") == 0
    assert told in error
