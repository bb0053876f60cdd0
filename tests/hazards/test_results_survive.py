"""P16: a result that is lost at the very end. P18: what is there of an unfinished run, taken for the whole."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest
import torch

from dataselect.cli import run
from dataselect.errors import ArtifactError
from dataselect.pool import RenderOptions
from dataselect.scoring import ScoreRequest, score

ROWS = 4_500  # three shards of 2,048 or fewer
STOP = 4_300


class Stopped(Exception):
    """What ends a run half way."""


@pytest.fixture(scope="module")
def place(tmp_path_factory, make_model):
    """A pool of many small rows, an undisturbed run over it (`calm`), and one that was stopped (`stopped`)."""
    folder = tmp_path_factory.mktemp("survive")
    with (folder / "pool.jsonl").open("w") as file:
        for n in range(ROWS):
            file.write(json.dumps({"id": f"row {n}", "question": str(n), "answer": str(n * n)}) + "\n")
    shutil.copytree(make_model(), folder / "model")
    score(request(folder, "calm"))
    done = 0

    def stop(more: int) -> None:
        nonlocal done
        done += more
        if done > STOP:
            raise Stopped

    with pytest.raises(Stopped):
        score(request(folder, "stopped"), stop)
    return folder


def request(place, out: str, **options) -> ScoreRequest:
    settings = {"backend": "transformers", "rendering": RenderOptions("qa"), "cache": False, "ranks": False} | options
    return ScoreRequest((str(place / "pool.jsonl"),), str(place / "model"), place / out, **settings)


def ids(file) -> list[str]:
    return pq.read_table(file, columns=["id"])["id"].to_pylist()


def shards(out) -> list:
    return sorted(file for file in out.rglob("*.parquet") if not file.name.startswith("."))


@pytest.fixture
def computed():
    """Counts the tokens that any model computes while the test runs."""
    counted = [0]

    def count(module, arguments) -> None:
        if isinstance(module, torch.nn.Embedding):
            counted[0] += arguments[0].numel()

    hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
    yield counted
    hook.remove()


def test_P16_what_was_finished_before_a_stop_is_on_disk_and_is_not_computed_again(place, tmp_path, computed):
    kept = [name for shard in shards(place / "stopped") for name in ids(shard)]
    assert ROWS / 2 < len(kept) == len(set(kept)) < ROWS  # saved once, at the end, it would be nothing
    shutil.copytree(place / "stopped", place / "again")
    assert score(request(place, "again")).counts["ok"] == ROWS
    resumed, computed[0] = computed[0], 0
    score(request(place, "once more"))
    assert resumed < 0.7 * computed[0]
    for name in ("scores.parquet", "rejects.jsonl"):
        assert (place / "again" / name).read_bytes() == (place / "calm" / name).read_bytes()


def test_P16_a_folder_that_is_not_there_is_made_before_anything_is_scored(place):
    told: list[bool] = []
    out = place / "not" / "yet" / "there"
    score(request(place, "not/yet/there", limit=3), lambda done: told.append(out.is_dir()))
    assert told
    assert all(told)
    assert ids(out / "scores.parquet") == ["row 0", "row 1", "row 2"]


def test_P16_a_folder_that_cannot_be_written_is_told_before_anything_is_scored(place, computed):
    (place / "a file").touch()
    for out in ("a file", "a file/inside", "/proc/nowhere"):
        with pytest.raises(ArtifactError, match=out):
            score(request(place, out))
    assert computed == [0]


def test_P18_an_unfinished_run_is_no_result(place, capsys):
    stopped = place / "stopped"
    assert len(shards(stopped)) >= 1
    assert not list(stopped.rglob("scores.parquet"))
    assert not (stopped / "manifest.json").exists()
    arguments = ["--strategy", "ppl-low", "--budget", "5", "--scores", str(stopped)]
    assert run(["select", str(place / "pool.jsonl"), *arguments, "--out", str(place / "chosen.jsonl")]) == 1
    assert "stopped is not finished" in capsys.readouterr().err
    assert not (place / "chosen.jsonl").exists()


def test_P18_a_shard_that_is_gone_is_scored_again_and_never_left_out(place):
    shutil.copytree(place / "stopped", place / "holed")
    lost = shards(place / "holed")[0]
    missing = set(ids(lost))
    lost.unlink()
    there = {name for shard in shards(place / "holed") for name in ids(shard)}
    assert there.isdisjoint(missing)  # what is left is not whole: merged as it is, these rows would be missing
    assert score(request(place, "holed")).counts["ok"] == ROWS
    assert ids(place / "holed" / "scores.parquet") == [f"row {n}" for n in range(ROWS)]
    assert (place / "holed" / "scores.parquet").read_bytes() == (place / "calm" / "scores.parquet").read_bytes()
