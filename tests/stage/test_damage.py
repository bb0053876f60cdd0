"""No damaged byte is believed: whatever happens to a file of a stage is told by its name, or changes no result."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataselect.cli import run

STAGES = {
    "scores": "score", "embeddings": "embed", "ranked": "rank", "model": "train", "results/chosen": "evaluate",
    "comparison": "compare", "layers": "layers", "tokens": "tokens", "explained": "explain", "diffed": "diff",
    "analysis": "analyze",
}  # fmt: skip
READERS = {
    "scores": ("select", "tokens", "explain"), "embeddings": ("similarity", "explain"), "model": ("evaluate", "layers"),
    "results/chosen": ("compare",), "comparison": ("report",), "runs": ("analyze", "report-run", "compare-run"),
    "chosen": ("again", "diff", "explain", "train"),
}  # fmt: skip
TIMED = ("run.json", "manifest.json", ".lock", "train_log.jsonl")
"""Files that tell times; a result is every other one."""


def flip(path: Path, draw: np.random.Generator) -> None:
    """One bit is another one."""
    data = bytearray(path.read_bytes())
    place = int(draw.integers(len(data)))
    data[place] ^= 1 << int(draw.integers(8))
    path.write_bytes(bytes(data))


def truncate(path: Path, draw: np.random.Generator) -> None:
    """The end is missing."""
    data = path.read_bytes()
    path.write_bytes(data[: int(draw.integers(len(data)))])


def lengthen(path: Path, _: np.random.Generator) -> None:
    """There are more bytes than were written."""
    path.write_bytes(path.read_bytes() + b"\n")


def remove(path: Path, _: np.random.Generator) -> None:
    """The file is gone."""
    path.unlink()


def replace(path: Path, draw: np.random.Generator) -> None:
    """The file is a copy of another one."""
    others = sorted(one for one in path.parent.iterdir() if one.is_file() and one.read_bytes() != path.read_bytes())
    if not others:
        lengthen(path, draw)
    else:
        path.write_bytes(others[int(draw.integers(len(others)))].read_bytes())


DAMAGES = (flip, truncate, lengthen, remove, replace)


def files(folder: Path) -> list[str]:
    """The files of a stage that can be damaged, the stages inside included."""
    found = [one for one in folder.rglob("*") if one.is_file() and one.name != ".lock" and one.stat().st_size]
    return sorted(one.relative_to(folder).as_posix() for one in found)


def results(out: Path, given: Path | None = None) -> dict[str, bytes]:
    """Every file of a result that tells no times, without the path of the inputs."""
    found = [out] if out.is_file() else [one for one in out.rglob("*") if one.is_file() and one.name not in TIMED]
    return {one.relative_to(out).as_posix(): one.read_bytes().replace(str(given).encode(), b"GIVEN") for one in found}


@pytest.fixture(scope="module")
def readers(line, call):
    """Commands that read stages, each a function of the folder of inputs and of the output."""

    def similar(given: Path, out: Path) -> int:
        vectors = ["--scores", str(given / "scores"), "--embeddings", str(given / "embeddings")]
        return run(["select", str(given / "pool.jsonl"), "--strategy", "k-center", *vectors, "--budget", "6", "--out", str(out)])  # fmt: skip

    def again(given: Path, out: Path) -> int:
        ranking = ["--ranking", str(given / "chosen.ranking.parquet")]
        return run(["select", str(given / "pool.jsonl"), *ranking, "--budget", "5", "--out", str(out)])

    def explain(given: Path, out: Path) -> int:
        inputs = ["--scores", str(given / "scores"), "--embeddings", str(given / "embeddings")]
        inputs += ["--pool", str(given / "pool.jsonl"), "--target", str(given / "target.jsonl")]
        return run(["explain", str(given / "chosen.jsonl"), "function-0004", *inputs, "--out", str(out)])

    def of_runs(command: str, given: Path, out: Path) -> int:
        return run([command, str(given / "runs"), "--out", str(out)])

    named = {name: partial(call, name) for name in ("select", "tokens", "explain", "evaluate", "layers", "compare", "report", "analyze", "diff", "train")}  # fmt: skip
    return {
        **named, "similarity": similar, "again": again, "report-run": partial(of_runs, "report"),
        "compare-run": partial(of_runs, "compare"), "explain": explain,
    }  # fmt: skip


ENDINGS = {"select": "out.jsonl", "similarity": "out.jsonl", "again": "out.jsonl", "report": "out.html", "report-run": "out.html"}  # fmt: skip


@pytest.fixture(scope="module")
def expected(line, readers, tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """What the commands give where nothing is damaged. Output folders have the same name everywhere."""
    found = {}
    for name, command in readers.items():
        out = tmp_path_factory.mktemp("expected") / ENDINGS.get(name, "out")
        assert command(line, out) == 0, name
        found[name] = results(out, line)
    return found


@pytest.fixture
def copy(line, tmp_path) -> Path:
    """A copy of the whole line, to be damaged."""
    shutil.copytree(line, tmp_path / "line")
    return tmp_path / "line"


@pytest.mark.parametrize("stage", [*READERS])
def test_who_reads_a_stage_names_the_damaged_file_or_gives_the_same(stage, copy, line, readers, expected, tmp_path, capsys):  # fmt: skip
    draw = np.random.default_rng(len(stage))
    if stage == "chosen":
        targets = ["chosen.jsonl", "chosen.manifest.json", "chosen.ranking.parquet"]
    else:
        targets = [f"{stage}/{file}" for file in files(copy / stage)]
    for number, file in enumerate(targets):
        one_of_each = stage == "runs" or file.endswith("model.safetensors")
        for damage in (DAMAGES[number % len(DAMAGES)],) if one_of_each else DAMAGES:
            damage(copy / file, draw)
            for reader in READERS[stage]:
                out = tmp_path / ENDINGS.get(reader, "out")
                capsys.readouterr()
                code = readers[reader](copy, out)
                said = capsys.readouterr().err
                found = results(out, copy) if not code else {}
                if reader == "explain" and found:  # what is not at hand is told, and the rest is shown
                    said += found["explain.json"].decode()
                if found != expected[reader]:
                    assert Path(file).name in said, (reader, file, damage.__name__, said)
                for left in (out, out.with_suffix(".manifest.json"), out.with_suffix(".ranking.parquet")):
                    shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
            (copy / file).unlink(missing_ok=True)
            shutil.copy2(line / file, copy / file)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_command_itself_tells_damage_and_overwrite_makes_the_same_again(
    data, line, call, tmp_path_factory, capsys, monkeypatch
):
    stage = data.draw(st.sampled_from(sorted(STAGES)))
    folder = tmp_path_factory.mktemp("damaged") / "line"
    # a row that another stage scored among other rows differs in its last digits
    monkeypatch.setenv("DATASELECT_CACHE", str(folder.parent / "cache"))
    shutil.copytree(line / stage, folder)
    file = data.draw(st.sampled_from(files(folder)))
    damage: Callable[..., None] = data.draw(st.sampled_from(DAMAGES))
    damage(folder / file, np.random.default_rng(data.draw(st.integers(0, 2**32))))
    capsys.readouterr()
    code = call(STAGES[stage], line, folder)
    said = capsys.readouterr().err
    if code:
        assert Path(file).name in said, (stage, file, damage.__name__, said)
        if not (folder / file).exists() or Path(file).name == "run.json":
            return  # without its record a folder is somebody's: it is refused, with --overwrite too
        code = call(STAGES[stage], line, folder, "--overwrite")
        said = capsys.readouterr().err
        assert code == 0, (stage, file, damage.__name__, said)
    assert results(folder) == results(line / stage), (stage, file, damage.__name__)
    shutil.rmtree(folder)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_experiment_makes_damaged_parts_again_or_names_them(data, line, call, tmp_path_factory, capsys):
    folder = tmp_path_factory.mktemp("damaged") / "runs"
    shutil.copytree(line / "runs", folder)
    file = data.draw(st.sampled_from(files(folder)))
    damage: Callable[..., None] = data.draw(st.sampled_from(DAMAGES))
    damage(folder / file, np.random.default_rng(data.draw(st.integers(0, 2**32))))
    capsys.readouterr()
    if call("run", line, folder):
        assert Path(file).name in capsys.readouterr().err, (file, damage.__name__)
        return
    now, then = results(folder), results(line / "runs")
    changed = {name for name in now.keys() | then.keys() if now.get(name) != then.get(name)}
    assert not {name for name in changed if not name.startswith(("comparison/", "report."))}, (file, damage.__name__)
