"""Whatever commands are run, with and without --overwrite: no file goes or changes that the same command did not write."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FOLDERS = {
    "score": "scores", "embed": "embeddings", "rank": "ranked", "train": "model", "evaluate": "result",
    "compare": "comparison", "layers": "layers", "tokens": "tokens", "explain": "explained", "diff": "diffed",
    "analyze": "analysis",
}  # fmt: skip
NAMES = (
    "scores.parquet", "embeddings.npy", "index.faiss", "model.safetensors", "config.json", "results.parquet",
    "comparison.json", "layers.json", "tokens.json", "explain.json", "diff.json", "analyze.json", "rank.json",
    "manifest.json", "config.yaml", "report.html", "rejects.jsonl", "notes.md", "scores/notes.md", "models/a/config.json",
    "tokens/000000.parquet", "selections/a.jsonl", "results/a/results.parquet", "shards/000000.parquet", "rank/.lock",
)  # fmt: skip
"""Names of somebody's files: those that commands write, and others."""


def contents(folder: Path) -> dict[Path, str]:
    """Digest of every file, locks and such included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: sha256(path.read_bytes()).hexdigest() for path in files}


def of_the_command(command: str, folder: Path) -> set[Path]:
    """What a command may replace in a folder: what its run listed there, and in the stages inside that it listed.

    Read from `run.json` as plain JSON.
    """
    path = folder / "run.json"
    if not path.is_file():
        return set()
    record = json.loads(path.read_text())
    if record["command"] != command:
        return set()
    allowed = {folder / name for name in (*record["outputs"], "run.json", ".lock", "manifest.json")}
    for name in record["stages"]:
        inner = json.loads((folder / name / "run.json").read_text())
        allowed |= of_the_command(inner["command"], folder / name)
    return allowed


def with_its_files(out: Path) -> set[Path]:
    """A selection and the two files beside it."""
    return {out, out.with_suffix(".manifest.json"), out.with_suffix(".ranking.parquet")}


@pytest.fixture(scope="module")
def start(line, tmp_path_factory):
    """Folders of every command, one that is somebody's, and files, to be copied for each sequence."""
    folder = tmp_path_factory.mktemp("start")
    for command, name in FOLDERS.items():
        shutil.copytree(line / ("results/chosen" if command == "evaluate" else name), folder / name)
    for name in NAMES:
        path = folder / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"my {name}")
    for name in ("chosen.jsonl", "chosen.manifest.json", "chosen.ranking.parquet", "report.html", "pool.jsonl"):
        shutil.copy(line / name, folder / name)
    (folder / "model" / "mine").mkdir()
    (folder / "model" / "mine" / "notes.md").write_text("my notes")
    (folder / "tokens" / "more.txt").write_text("my text")
    return folder


FILES = ("chosen.jsonl", "pool.jsonl", "new.jsonl", "report.html", "new.html", "mine/notes.jsonl", "model/tokens.html")
PLACES = (*FOLDERS.values(), "mine", "new", "new/inner", "ranked/scores", "model/mine", "scores/tokens")
step = st.one_of(
    st.tuples(st.sampled_from([*FOLDERS, "run"]), st.sampled_from(PLACES), st.booleans()),
    st.tuples(st.sampled_from(("select", "report")), st.sampled_from(FILES), st.booleans()),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(step, min_size=1, max_size=4))
def test_random_commands_leave_what_is_not_theirs(line, call, start, tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("work") / "work"
    shutil.copytree(start, folder)
    inputs = contents(line)
    for command, place, overwrite in steps:
        out = folder / place
        if command == "run" and (not out.exists() or out.name == "tokens"):
            continue  # a whole experiment: `test_an_experiment_leaves_what_is_not_its_own`
        before = contents(folder)
        if command in ("select", "report"):
            allowed = (with_its_files(out) if command == "select" else {out}) if overwrite else set()
            if command == "select" and out.name == "chosen.jsonl":  # the same selection: where its inputs are is noted
                allowed.add(out.with_suffix(".manifest.json"))
        else:
            allowed = of_the_command(command, out)
        code = call(command, line, out, *(["--overwrite"] if overwrite else []))
        after = contents(folder)
        lost = {path for path, digest in before.items() if after.get(path) != digest} - allowed
        assert not lost, (command, place, overwrite, code)
        if code:
            assert not {path for path in set(after) - set(before) if path.name != ".lock"}
    assert contents(line) == inputs
    shutil.rmtree(folder)


@pytest.mark.parametrize("command", [*FOLDERS, "run"])
def test_no_command_takes_a_file_of_its_own_names_for_its_own(line, call, start, tmp_path, capsys, command):
    """The folder holds a file under every name that any command writes, but no run.json."""
    shutil.copytree(start / "mine", tmp_path / "mine")
    before = contents(tmp_path)
    for more in ((), ("--overwrite",)):
        assert call(command, line, tmp_path / "mine", *more) == 1
        said = capsys.readouterr().err
        assert "which this command did not write there" in said
        assert said.count("dataselect: ") == 1
    assert contents(tmp_path) == before


def test_ranking_over_somebodys_score_folder_is_refused(line, call, tmp_path, capsys):
    """`rank` keeps score folders in OUT/scores: one that `score` put there is not its own."""
    shutil.copytree(line / "scores", tmp_path / "work" / "scores")
    (tmp_path / "work" / "embeddings").mkdir()
    (tmp_path / "work" / "embeddings" / "notes.md").write_text("mine")
    before = contents(tmp_path)
    for more in ((), ("--overwrite",)):
        assert call("rank", line, tmp_path / "work", *more) == 1
        assert "work holds" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_an_experiment_leaves_what_is_not_its_own(line, call, tmp_path, capsys):
    """Somebody's file in the folder of an experiment, at any depth, stops it before it replaces anything."""
    shutil.copytree(line / "runs", tmp_path / "runs")
    cell = sorted((tmp_path / "runs" / "models").iterdir())[0]
    for place in (tmp_path / "runs" / "notes.md", tmp_path / "runs" / "selections" / "mine.jsonl", cell / "mine.bin"):
        place.write_text("mine")
        before = contents(tmp_path)
        assert call("run", line, tmp_path / "runs", "--overwrite") == 1
        assert place.name in capsys.readouterr().err
        after = contents(tmp_path)
        assert after[place] == before[place]
        place.unlink()
