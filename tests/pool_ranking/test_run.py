"""Whole rankings of small pools by the bundled model: leaks, pools that cannot be distinguished, and resuming."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.backends import load_backend
from dataselect.embeddings import EmbedRequest, embed
from dataselect.errors import DataselectError, PoolError, UsageError
from dataselect.pool_ranking.measures import SIMILARITY
from dataselect.pool_ranking.printed import lines
from dataselect.scoring import ScoreRequest, score, worker


def by_name(ranking):
    return {pool.pool: pool for pool in ranking.pools}


def raw_similarity(out, name):
    """Mean over all embedded rows of a pool of the mean of the three largest cosines to the target, the slow way."""
    target = np.load(out / "embeddings" / "targets.npy")
    sources = pq.read_table(out / "embeddings" / "scores.parquet")["source"].to_pylist()
    rows = [row for row, source in enumerate(sources) if source == name]
    cosines = np.load(out / "embeddings" / "embeddings.npy")[rows] @ target.T
    return np.sort(cosines, axis=1)[:, -3:].mean()


def test_a_pool_that_holds_the_target_does_not_win_by_it(sums, noise, write, ranked, tmp_path):
    target = sums(30, seed=0)
    honest = write("honest.jsonl", sums(15, seed=1) + noise(10, seed=2))
    leaked = write("leaked.jsonl", noise(10, seed=3) + target)
    ranking = ranked(honest, leaked, targets=(write("target.jsonl", target),))
    out = tmp_path / "out"
    assert raw_similarity(out, "leaked.jsonl") > raw_similarity(out, "honest.jsonl")  # it would have won
    order = ranking.order(SIMILARITY, None)
    assert order.pools == ("honest.jsonl", "leaked.jsonl")
    assert order.pairs[0].distinguishable
    pools = by_name(ranking)
    assert (pools["leaked.jsonl"].removed, pools["leaked.jsonl"].rows) == (30, 10)
    assert (pools["honest.jsonl"].removed, pools["honest.jsonl"].rows) == (0, 25)
    listed = [json.loads(line) for line in (out / "overlap.jsonl").read_text().splitlines()]
    assert len(listed) == 30
    assert listed[0]["pool"] == "leaked.jsonl"
    assert (listed[0]["line"], listed[0]["target"]) == (11, "target.jsonl:1")


def test_every_number_of_a_pool_is_that_of_the_pool_without_its_leaked_rows(sums, noise, write, ranked):
    target, rest = sums(8, seed=0), noise(6, seed=3)
    files = (write("target.jsonl", target),)
    leaked = by_name(ranked(write("pool.jsonl", target + rest), targets=files))["pool.jsonl"]
    clean = by_name(ranked(write("clean/pool.jsonl", rest), targets=files, out="clean_out"))["pool.jsonl"]
    assert leaked.models["builtin"].statuses == clean.models["builtin"].statuses
    assert leaked.models["builtin"].lengths == clean.models["builtin"].lengths
    assert leaked.defects == clean.defects
    for name in ("ppl", "ppl_token_weighted", "bits_per_byte"):
        ours, theirs = (pool.measure(name, "builtin").document for pool in (leaked, clean))
        assert ours == pytest.approx(theirs, rel=1e-5)  # rows were scored in other batches
    assert leaked.measure(SIMILARITY, None).document == pytest.approx(
        clean.measure(SIMILARITY, None).document, rel=1e-5
    )


def test_two_identical_pools_are_not_distinguishable(sums, write, ranked):
    ranking = ranked(write("a.jsonl", sums(12, seed=1)), write("b.jsonl", sums(12, seed=1)))
    for order in ranking.orders:
        assert order.pools == ("a.jsonl", "b.jsonl")
        assert [pair.distinguishable for pair in order.pairs] == [False]
        assert order.pairs[0].difference == pytest.approx(0.0, abs=1e-6)


def test_several_models_side_by_side(sums, noise, write, ranked, other_model):
    pools = write("easy.jsonl", sums(12, seed=1)), write("hard.jsonl", noise(12, seed=2))
    ranking = ranked(*pools, models=(("base", "builtin"), ("other", other_model)))
    values = {model: ranking.pools[0].measure("ppl", model).value for model in ("base", "other")}
    assert values["base"] != values["other"]
    assert [(one.verdict, one.first_by_model) for one in ranking.verdicts] == [
        ("general", {"base": "easy.jsonl", "other": "easy.jsonl"})
    ]
    assert [(tau.first, tau.second, tau.tau) for tau in ranking.taus] == [("ppl of base", "ppl of other", 1.0)]
    printed = " ".join(" ".join(lines(ranking)).split())
    assert "By perplexity under other, lowest first:" in printed
    assert "ppl of base and ppl of other: Kendall tau 1.00." in printed
    assert "General, distinguished by every model in the same order: easy.jsonl before hard.jsonl." in printed


def test_what_cannot_be_scored_is_counted_and_in_no_number(sums, write, ranked):
    bad = [{"question": "What is it?", "answer": ""}, {"question": "So?"}]
    pool = by_name(ranked(write("pool.jsonl", [*sums(5, seed=1), *bad]), limit=7))["pool.jsonl"]
    measured = pool.models["builtin"]
    assert (pool.rows, pool.rejects) == (6, 1)
    assert (measured.scored, measured.statuses["empty_response"], measured.rejects) == (5, 1, 1)
    assert {one.defect: one.rows for one in pool.defects if one.rows} == {"empty_response": 1}
    assert pool.removed is None


def test_a_limit_is_each_pools_own(sums, write, ranked):
    ranking = ranked(write("a.jsonl", sums(9, seed=1)), write("b.jsonl", sums(3, seed=2)), limit=4)
    assert [pool.rows for pool in ranking.pools] == [4, 3]


def test_a_sample_is_another_part_of_each_pool_and_says_so(sums, write, ranked):
    pools = write("a.jsonl", sums(9, seed=1)), write("b.jsonl", sums(3, seed=2))
    first = ranked(*pools, limit=4)
    drawn = ranked(*pools, limit=4, sample_seed=0, out="drawn")
    assert [pool.rows for pool in drawn.pools] == [4, 3]
    assert drawn.pools[0].measure("ppl", "builtin").value != first.pools[0].measure("ppl", "builtin").value
    assert drawn.document["sample_seed"] == 0
    assert "At most 4 records of each pool were read, drawn at random." in " ".join(" ".join(lines(drawn)).split())


def test_each_model_is_loaded_once_and_scores_all_pools_in_one_run(
    sums, noise, write, ranked, other_model, monkeypatch
):
    loaded = []
    monkeypatch.setattr(worker, "load_backend", lambda *args: loaded.append(args[1].name) or load_backend(*args))
    pools = write("a.jsonl", sums(3, seed=1)), write("b.jsonl", noise(3, seed=2)), write("c.jsonl", sums(2, seed=3))
    ranked(*pools, models=(("base", "builtin"), ("other", other_model)), targets=(write("t.jsonl", sums(3, seed=0)),))
    assert len(loaded) == len(set(loaded)) == 2


def test_numbers_are_those_of_scoring_each_pool_by_itself(sums, noise, write, ranked, tmp_path):
    """An independent way: `score` and `embed` of one pool, and the formulas."""
    files = {"a.jsonl": write("a.jsonl", sums(7, seed=1)), "b.jsonl": write("b.jsonl", noise(5, seed=2))}
    target = write("target.jsonl", sums(6, seed=0))
    ranking = ranked(*files.values(), targets=(target,))
    for pool in ranking.pools:
        score(ScoreRequest(files[pool.pool], "builtin", tmp_path / f"s-{pool.pool}", cache=False))
        rows = pq.read_table(tmp_path / f"s-{pool.pool}" / "scores.parquet").to_pylist()
        nats = [row["response_nll"] / row["response_tokens"] for row in rows]
        assert pool.measure("ppl", "builtin").value == pytest.approx(np.exp(np.mean(nats)), rel=1e-5)
        embed(EmbedRequest(files[pool.pool], "builtin", tmp_path / f"e-{pool.pool}", target, top_k=3))
        near = pq.read_table(tmp_path / f"e-{pool.pool}" / "scores.parquet")["similarity"].to_numpy()
        assert pool.measure(SIMILARITY, None).value == pytest.approx(near.mean(), rel=1e-5)


def test_files_of_one_name_and_ids_that_clash_are_kept_apart(sums, write, ranked, tmp_path):
    records = [record | {"id": str(i)} for i, record in enumerate(sums(4, seed=1))]
    ranking = ranked(
        write("x/pool.jsonl", records), write("y/pool.jsonl", records[:3]), targets=(write("t.jsonl", records[:1]),)
    )
    assert [(pool.pool, pool.rows) for pool in ranking.pools] == [("x/pool.jsonl", 3), ("y/pool.jsonl", 2)]
    listed = [json.loads(line) for line in (tmp_path / "out" / "overlap.jsonl").read_text().splitlines()]
    assert [(row["pool"], row["id"]) for row in listed] == [("x/pool.jsonl", "0"), ("y/pool.jsonl", "0")]


def test_a_stopped_run_goes_on_and_ends_as_an_undisturbed_one(sums, noise, write, ranked, tmp_path, monkeypatch):
    pools = write("a.jsonl", sums(6, seed=1)), write("b.jsonl", noise(6, seed=2))
    target = (write("target.jsonl", sums(6, seed=0)),)
    ranked(*pools, targets=target, out="whole", cache=False)
    with monkeypatch.context() as patch:
        patch.setattr("dataselect.pool_ranking.run.embed_pools", _killed)
        with pytest.raises(KeyboardInterrupt):
            ranked(*pools, targets=target, cache=False)
    out = tmp_path / "out"
    assert not (out / "rank.json").exists()
    first = out / "scores" / "1-builtin" / "scores.parquet"
    before = first.stat().st_mtime_ns
    ranked(*pools, targets=target, cache=False)
    assert first.stat().st_mtime_ns == before
    assert (out / "rank.json").read_bytes() == (tmp_path / "whole" / "rank.json").read_bytes()


def _killed(*_):
    raise KeyboardInterrupt


def test_a_finished_folder_is_returned_again_and_not_written(sums, noise, write, ranked, tmp_path):
    pools = write("a.jsonl", sums(4, seed=1)), write("b.jsonl", noise(4, seed=2))
    once = ranked(*pools)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json*")}
    assert ranked(*pools).document == once.document
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json*")} == before
    with pytest.raises(DataselectError, match=r"was made with another bootstrap.seed"):
        ranked(*pools, seed=1)
    assert ranked(*pools, seed=1, overwrite=True).seed == 1


def test_the_manifest_says_what_was_ranked_with_what(sums, write, ranked, tmp_path):
    target = sums(3, seed=0)
    ranked(write("a.jsonl", sums(4, seed=1) + target), targets=(write("target.jsonl", target),))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["stage"] == "rank"
    assert manifest["counts"] == {"a.jsonl": {"rows": 4, "rejects": 0, "removed": 3}}
    assert [one["source"] for one in manifest["targets"]] == ["target.jsonl"]
    assert manifest["fingerprint"]["target"]["ngram"] == 13


def test_a_target_that_is_a_pool_is_refused(sums, write, ranked, tmp_path):
    pool, copy = write("a.jsonl", sums(4, seed=1)), write("copy.jsonl", sums(4, seed=1))
    for target in (pool, copy):
        with pytest.raises(UsageError, match=r"is also the pool a.jsonl"):
            ranked(pool, targets=(target,))
    assert not (tmp_path / "out").exists()


def test_a_pool_of_which_nothing_is_left_is_refused_by_name(sums, write, ranked):
    target = sums(5, seed=1)
    with pytest.raises(PoolError, match=r"half.jsonl has no row to rank: 3 overlap with the target"):
        ranked(write("half.jsonl", target[:3]), targets=(write("target.jsonl", target),))


def test_a_pool_of_which_nothing_can_be_scored_is_refused_by_name(sums, write, ranked):
    empty = write("mute.jsonl", [{"question": "What is it?", "answer": ""}])
    with pytest.raises(DataselectError, match=r"mute.jsonl: nothing in the pool could be scored: 1 empty_response"):
        ranked(write("a.jsonl", sums(3, seed=1)), empty)


def test_the_order_by_rank_surprisal_is_that_of_the_score_table(sums, noise, write, ranked, tmp_path):
    ranking = ranked(write("easy.jsonl", sums(12, seed=1)), write("hard.jsonl", noise(12, seed=2)))
    rows = pq.read_table(next((tmp_path / "out" / "scores").iterdir()) / "scores.parquet").to_pylist()
    for pool in ranking.pools:
        mine = [row for row in rows if row["source"] == pool.pool]
        ratio = sum(row["response_rank_sum"] for row in mine) / sum(row["response_nll"] for row in mine)
        assert pool.measure("rsr", "builtin").value == pytest.approx(ratio)
        assert pool.measure("rsr_mean", "builtin").value == pytest.approx(np.mean([row["rsr"] for row in mine]))
    order = ranking.order("rsr", "builtin")
    values = [by_name(ranking)[name].measure("rsr", "builtin").value for name in order.pools]
    assert values == sorted(values)
    printed = "\n".join(lines(ranking))
    assert "By ranks over surprisal (RSR, arXiv 2601.14249) under builtin, lowest first:" in printed
    assert "mean of ratios" in printed
