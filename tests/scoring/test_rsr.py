"""The rank-surprisal ratio and the sums of steps: against a slow truth, from kept tokens, and in older folders."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import ArtifactError, UsageError
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import Example, Message
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.request import ScorePlan, ScoreSummary
from dataselect.scoring.rescore import RescoreRequest, rescore
from dataselect.scoring.steps import step_starts
from dataselect.scoring.table import ScoreShards
from dataselect.stage import StageDirectory

STEPS = "First add 2 and 3.\nThat is 5.\n\n  So the answer is 5."
LONG = "Once upon a time there was a king.\nHe had three daughters, and a rusty zeppelin. "
ROWS = [
    {"prompt": "What is 2 plus 3?", "response": STEPS},
    {"messages": [
        {"role": "user", "content": "Hello.\nAgain."}, {"role": "assistant", "content": "Good day to you."},
        {"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "I am\na model."},
    ]},
    {"prompt": "Say nothing.", "response": ""},
    {"text": LONG * 60},
    {"prompt": "Tell a story.", "response": LONG * 60},
]  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    file = tmp_path_factory.mktemp("rsr") / "pool.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


def request(pool, out, model="builtin", **options):
    rendering = RenderOptions(truncate=True, max_length=160)
    defaults = {"rendering": rendering, "cache": False, "tokens": True, **options}
    return ScoreRequest((str(pool),), str(model), out, **defaults)


def table(folder):
    return pq.read_table(folder / "scores.parquet").to_pylist()


@pytest.fixture(scope="module")
def kept(pool):
    score(request(pool, pool.parent / "kept"))
    return pool.parent / "kept"


def truth(folder, ids, first_scored):
    """Log-probability and rank of each token, one sequence and one token at a time."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double()
    found = []
    for at in range(first_scored, len(ids)):
        row = logits[at - 1]
        own = row[ids[at]]
        found.append((float(own - torch.logsumexp(row, 0)), int((row >= own).sum())))
    return found


def against_truth(folder, pool, out):
    """Compare the first row, whose response has three steps, with the sums of a loop."""
    score(request(pool, out, folder, limit=1, rank_clip=20))
    row = table(out)[0]
    asked = Example("x", "p", {}, (Message("user", ROWS[0]["prompt"]), Message("assistant", STEPS)))
    one = Renderer(folder, RenderOptions(max_length=160)).render([asked])[0]
    scored = dict(enumerate(truth(folder, one.token_ids.tolist(), 1), start=1))
    response = [scored[at] for at, part in enumerate(one.parts.tolist()) if part == 1]
    ranks = sum(min(rank, 20) for _, rank in response)
    surprisal = -sum(logprob for logprob, _ in response)
    assert max(rank for _, rank in response) > 20  # so that the clip matters
    assert row["response_rank_sum"] == pytest.approx(ranks, abs=1)  # a near tie may fall the other way
    assert row["rsr"] == pytest.approx(ranks / surprisal, rel=0.01)
    begins = [one.text.index(word, one.text.index("First add")) for word in ("First", "That", "So the")]
    firsts = [at for at, (low, high) in enumerate(one.spans.tolist()) if any(low <= x < high for x in begins)]
    assert row["step_tokens"] == len(firsts) == 3
    assert row["step_nll"] == pytest.approx(-sum(scored[at][0] for at in firsts), rel=1e-3)


def test_a_loop_over_tokens_finds_the_same_sums(pool, builtin, tmp_path):
    against_truth(builtin, pool, tmp_path / "out")


@pytest.mark.real_model
def test_a_loop_over_tokens_of_a_real_model_finds_the_same_sums(pool, smollm2, tmp_path):
    against_truth(smollm2, pool, tmp_path / "out")


def test_steps_begin_with_each_turn_and_each_line_of_it_and_never_in_the_prompt(builtin):
    messages = tuple(Message(**message) for message in ROWS[1]["messages"])
    one = Renderer(builtin).render([Example("x", "p", {}, messages)])[0]
    begun = [one.text[low:].split()[0] for low, _ in one.spans[step_starts(one)].tolist()]
    assert begun == ["Good", "I", "a"]


def test_plain_text_in_windows_and_truncated_rows_have_the_numbers_of_their_tokens(kept):
    rows = table(kept)
    tokens = [row for file in sorted((kept / "tokens").glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    assert rows[3]["windows"] > 1
    assert rows[4]["status"] == "truncated"
    for row, kept_row in zip(rows, tokens, strict=True):
        if kept_row["rank"] is None:
            assert row["status"] == "empty_response"
            assert (row["response_rank_sum"], row["rsr"], row["step_tokens"], row["step_nll"]) == (None, None, 0, None)
            continue
        ranks = [rank for rank, part in zip(kept_row["rank"], kept_row["part"], strict=True) if part == 1]
        assert row["response_rank_sum"] == sum(min(rank, 100) for rank in ranks)
        assert row["rsr"] == row["response_rank_sum"] / row["response_nll"]
        firsts = np.array(kept_row["logprob"], np.float32)[kept_row["step_starts"]]
        assert row["step_nll"] == -float(firsts.sum(dtype=np.float64))
        assert {kept_row["part"][at] for at in kept_row["step_starts"]} == {1}


def test_another_clip_from_kept_tokens_is_that_of_a_run_to_the_last_bit(kept, pool, tmp_path):
    score(request(pool, tmp_path / "run", rank_clip=5))
    rescore(RescoreRequest(kept, tmp_path / "derived", rank_clip=5))
    first, second = (pq.read_table(tmp_path / name / "scores.parquet") for name in ("run", "derived"))
    assert first.equals(second)
    assert first["response_rank_sum"].to_pylist() < [row["response_rank_sum"] for row in table(kept)]
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (kept, tmp_path / "derived")]
    assert [one["rank_clip"] for one in manifests] == [100, 5]
    assert manifests[1]["fingerprint"]["scorers"]["rank_clip"] == 5
    rescore(RescoreRequest(tmp_path / "run", tmp_path / "same"))  # without a clip: that of the run
    assert pq.read_table(tmp_path / "same/scores.parquet").equals(first)


def test_the_pool_has_the_ratio_of_sums_and_beside_it_the_mean_of_ratios(kept):
    rows = [row for row in table(kept) if row["rsr"] is not None]
    pool = json.loads((kept / "manifest.json").read_text())["pool"]
    ratio = sum(row["response_rank_sum"] for row in rows) / sum(row["response_nll"] for row in rows)
    assert pool["rsr"] == pytest.approx(ratio, rel=1e-12)
    assert pool["rsr_mean"] == pytest.approx(sum(row["rsr"] for row in rows) / len(rows), rel=1e-12)
    assert pool["rsr"] != pool["rsr_mean"]


def test_without_ranks_there_is_no_ratio_and_no_clip(pool, tmp_path):
    score(request(pool, tmp_path / "out", ranks=False))
    names = pq.read_schema(tmp_path / "out" / "scores.parquet").names
    assert not {"rsr", "response_rank_sum"} & set(names)
    assert {"step_tokens", "step_nll"} <= set(names)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["rank_clip"] is None
    assert not {"rsr", "rsr_mean"} & set(manifest["pool"])
    with pytest.raises(ArtifactError, match="holds no ranks to clip"):
        rescore(RescoreRequest(tmp_path / "out", tmp_path / "derived", rank_clip=5))


def test_the_default_clip_leaves_the_fingerprint_of_earlier_folders_as_it_was(pool, tmp_path):
    def scorers(**options):
        return ScorePlan(request(pool, tmp_path, **options)).fingerprint["scorers"]

    assert "rank_clip" not in scorers()
    assert scorers(rank_clip=50)["rank_clip"] == 50
    assert "rank_clip" not in scorers(rank_clip=50, ranks=False)


def test_a_finished_folder_of_an_older_version_is_left_as_it_is_and_it_is_said():
    older = ScoreSummary.of({"counts": {"ok": 1}, "sources": {}}, fresh=False)
    assert "--overwrite scores again" in older.notes[0]
    assert ScoreSummary.of({"counts": {"ok": 1}, "sources": {}, "rank_clip": None}, fresh=False).notes == ()


def test_a_shard_of_an_older_version_is_scored_again(kept, tmp_path):
    columns = pq.read_schema(kept / "scores.parquet").names
    older = pq.read_table(kept / "scores.parquet").select(columns[:-4])
    with StageDirectory("score", tmp_path / "out", {}, {}) as stage:
        shards = ScoreShards(stage, "", False, columns)
        for number, content in enumerate((older, pq.read_table(kept / "scores.parquet"))):
            stage.write_text(f"shards/{number:06d}.rejects.jsonl", "", interim=True)
            with stage.write(f"shards/{number:06d}.parquet", interim=True) as temporary:
                pq.write_table(content, temporary)
        assert (shards.done(0), shards.done(1)) == (False, True)


def test_the_cache_gives_no_row_without_the_ingredient_or_of_another_clip(pool, tmp_path, monkeypatch):
    monkeypatch.setenv("DATASELECT_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr("dataselect.scoring.request._INGREDIENTS", "older")
        score(request(pool, tmp_path / "older", cache=True))
    assert score(request(pool, tmp_path / "now", cache=True)).cached == 0
    assert score(request(pool, tmp_path / "again", cache=True)).cached == 4
    assert score(request(pool, tmp_path / "clip", cache=True, rank_clip=3)).cached == 0
    sums = [[row["response_rank_sum"] for row in table(tmp_path / name)] for name in ("now", "again", "clip")]
    assert sums[0] == sums[1]
    assert sums[2][0] < sums[0][0]


def test_kept_tokens_of_an_older_version_give_the_ratio_but_no_steps(kept, tmp_path, seal):
    """A sidecar without `step_starts`, as versions before this column left it."""
    shutil.copytree(kept, tmp_path / "older")
    for file in (tmp_path / "older/tokens").glob("*.parquet"):
        pq.write_table(pq.read_table(file).drop_columns(["step_starts"]), file)
    manifest = json.loads((kept / "manifest.json").read_text())
    seal(tmp_path / "older", "score", manifest, manifest["fingerprint"])
    rescore(RescoreRequest(tmp_path / "older", tmp_path / "derived"))
    derived, known = (pq.read_table(folder / "scores.parquet") for folder in (tmp_path / "derived", kept))
    assert not {"step_tokens", "step_nll"} & set(derived.column_names)
    assert derived.equals(known.select(derived.column_names))


def test_wrong_clips_are_refused_before_anything_is_scored(pool, kept, tmp_path, capsys):
    with pytest.raises(UsageError, match="--rank-clip 0 should be at least 1"):
        request(pool, tmp_path / "out", rank_clip=0)
    command = ["score", str(pool), "--model", "builtin", "--out", str(tmp_path / "o"), "--no-ranks", "--rank-clip", "9"]
    assert run(command) == 2
    assert "--rank-clip needs ranks" in capsys.readouterr().err
    assert run(["score", "--from-tokens", str(kept), "--rank-clip", "7", "--out", str(tmp_path / "seven")]) == 0


def agreement(runs, name, without=()):
    """Mean over students of the rank correlation of minus a number with the result after training."""
    from scipy.stats import spearmanr

    students = dict.fromkeys(run["student"] for run in runs)
    of = [[r for r in runs if r["student"] == s and r["teacher"] not in without] for s in students]
    return np.mean([spearmanr([-float(r[name]) for r in rs], [float(r["post_training"]) for r in rs])[0] for rs in of])


def test_the_55_published_runs_have_the_ratio_of_their_two_means_and_its_correlation(shared_data):
    runs = list(csv.DictReader((shared_data / "gold/rsr__55_runs.csv").open()))
    assert len(runs) == 55
    for one in runs:  # both means are over the same tokens, so their ratio is that of the sums; 3 digits are published
        clipped, surprisal = float(one["avg_rank_clipped"]), float(one["avg_surprisal"])
        slack = clipped / surprisal * (0.0005 / clipped + 0.0005 / surprisal) + 0.0006
        assert float(one["rsr"]) == pytest.approx(clipped / surprisal, abs=slack)
    short = ("GPT-OSS-120B", "GPT-OSS-20B", "Phi-4-reasoning")
    assert agreement(runs, "rsr") == pytest.approx(0.847, abs=0.0005)
    assert agreement(runs, "rsr", short) == pytest.approx(0.712, abs=0.0005)
    assert agreement(runs, "avg_surprisal") == pytest.approx(0.509, abs=0.0005)
    assert agreement(runs, "avg_surprisal", short) == pytest.approx(-0.145, abs=0.0005)
