"""Files that are not what their name says, given to every command that reads them: one line, no traceback, no hang."""

from __future__ import annotations

import os
import shutil

import pytest

from dataselect.artifacts import ordinary_file, read_json, read_json_object, write_text
from dataselect.errors import ArtifactError
from dataselect.stage.record import RunRecord

SECONDS = 60
"""A command that waits for a pipe would wait for ever; these take about one."""


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def folder(path):
    path.unlink()
    path.mkdir()


def device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def not_utf8(path):
    path.write_bytes(b'{"a": "\xff\xfe"}')


def of(content: bytes):
    return lambda path: path.write_bytes(content)


DAMAGE = {
    "pipe": pipe, "folder": folder, "device": device, "half": half, "not utf-8": not_utf8, "empty": of(b""),
    "list": of(b"[]"), "null": of(b"null"), "number": of(b"3"), "text": of(b'"x"'), "object": of(b'{"a": [{}]}'),
    "deep": of(b"[" * 100_000),
}  # fmt: skip

READ = [
    ("select", "scores/run.json"), ("select", "scores/manifest.json"), ("select", "scores/scores.parquet"),
    ("train", "a.manifest.json"), ("train", "model/config.json"), ("train", "model/tokenizer.json"),
    ("train", "model/model.safetensors"), ("evaluate", "tuned/run.json"), ("evaluate", "tuned/manifest.json"),
    ("compare", "results/a/run.json"), ("compare", "results/a/results.parquet"), ("report", "comparison/run.json"),
    ("report", "comparison/comparison.json"), ("layers", "model/config.json"), ("layers", "model/model.safetensors"),
    ("tokens", "scores/tokens/000000.parquet"), ("diff", "b.manifest.json"), ("diff", "b.ranking.parquet"),
    ("validate", "run.yaml"), ("analyze", "runs.csv"), ("analyze", "analyze.yaml"), ("explain", "a.manifest.json"),
    ("rank", "embeddings/tfidf.npz"), ("rank", "embeddings/run.json"), ("show", "model/tokenizer.json"),
]  # fmt: skip
"""Commands, and files that they cannot do without."""

HARMLESS = {("layers", "model/config.json", "object")}
"""`layers` reads weights: a configuration that says nothing of them contradicts nothing."""


@pytest.fixture
def copied(place, tmp_path):
    """The inputs, and the model among them, in a folder where they may be damaged."""
    here = tmp_path / "here"
    shutil.copytree(place.folder, here)
    shutil.copytree(place.model, here / "model")
    return type(place)(here, here / "model")


@pytest.mark.parametrize(("name", "file"), READ, ids=[f"{name}-{file}" for name, file in READ])
def test_a_file_that_is_something_else_is_told(dataselect, copied, tmp_path, name, file):
    path = copied.folder / file
    whole = path.read_bytes()
    for what, damage in DAMAGE.items():
        if (name, file, what) in HARMLESS:
            continue
        damage(path)
        out = tmp_path / what
        out.mkdir()
        ended = dataselect(*copied.commands(out)[name], seconds=SECONDS)
        assert ended.code in (1, 2), f"{file} as {what}: exit {ended.code} {ended.err[-500:]}"
        assert ended.line, what
        assert not list(out.rglob("manifest.json")), what
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.write_bytes(whole)


POOLS = [("show", "pool.jsonl"), ("score", "pool.jsonl"), ("embed", "task.jsonl"), ("evaluate", "task.jsonl"),
         ("train", "a.jsonl"), ("select", "pool.jsonl"), ("rank", "other.jsonl"), ("explain", "a.jsonl")]  # fmt: skip


@pytest.mark.parametrize(("name", "file"), POOLS)
@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_a_pool_that_never_ends_is_refused_by_name(dataselect, copied, tmp_path, name, file, what):
    path = copied.folder / file
    DAMAGE[what](path)
    ended = dataselect(*copied.commands(tmp_path)[name], seconds=SECONDS)
    assert str(path) in ended.line
    assert {"pipe": "is a pipe", "device": "is a device", "folder": "is a folder"}[what] in ended.line


@pytest.mark.parametrize("name", ["select", "report"])
@pytest.mark.parametrize("what", ["pipe", "device", "folder"])
def test_an_output_file_is_never_put_in_the_place_of_a_pipe_device_or_folder(place, dataselect, tmp_path, name, what):
    arguments = place.commands(tmp_path)[name]
    path = arguments[-1]
    path.write_text("")
    DAMAGE[what](path)
    kind = path.lstat().st_mode
    for more in ((), ("--overwrite",)):
        ended = dataselect(*arguments, *more, seconds=SECONDS)
        assert str(path) in ended.line
        assert path.lstat().st_mode == kind


@pytest.mark.parametrize("name", ["score", "train", "compare", "layers"])
def test_a_stage_folder_that_is_a_file_pipe_or_holds_a_record_of_another_kind(place, dataselect, tmp_path, name):
    arguments = place.commands(tmp_path)[name]
    out = arguments[arguments.index("--out") + 1]
    pipe(out)
    assert str(out) in dataselect(*arguments, seconds=SECONDS).line
    out.unlink()
    for content in ("[]", "3", '{"command": 1}', '{"command": "score", "fingerprint": [], "outputs": [], "seal": 1}'):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        (out / "run.json").write_text(content)
        assert str(out) in dataselect(*arguments, seconds=SECONDS).line
        assert [file.name for file in out.iterdir() if file.name != ".lock"] == ["run.json"]
        assert (out / "run.json").read_text() == content


@pytest.mark.parametrize(
    "outputs", [[], {"a": 1}, {"a": {}}, {"a": {"size": 1, "sha256": "x", "more": 2}}, None, {"a": [1, 2]}]
)
def test_a_sealed_record_of_another_form_is_refused(tmp_path, outputs):
    from dataselect.artifacts import json_text, write_text
    from dataselect.stage.record import sealed

    value = {
        "command": "score",
        "fingerprint": {},
        "options": {},
        "outputs": outputs,
        "started": 0,
        "token": "t",
        "stages": [],
    }
    write_text(tmp_path / "run.json", json_text(sealed(value)))
    with pytest.raises(ArtifactError, match=r"run\.json has another form"):
        RunRecord.read(tmp_path)


def test_json_of_another_type_is_told(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("[1]")
    assert read_json(path) == [1]
    with pytest.raises(ArtifactError, match="should hold a JSON object, not list"):
        read_json_object(path)
    path.write_text("[" * 100_000)
    with pytest.raises(ArtifactError, match="cannot be read as JSON"):
        read_json(path)


def test_what_is_no_ordinary_file_is_refused_before_it_is_opened(tmp_path):
    pipe(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder")):
        with pytest.raises(ArtifactError, match=f"is {kind}, but a file is needed"):
            ordinary_file(path)
        with pytest.raises(ArtifactError, match=f"is {kind}, but a file is needed"):
            write_text(path, "x")
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(ArtifactError, match="is a device, but a file is needed"):
        ordinary_file(tmp_path / "link")
    assert ordinary_file(tmp_path / "none") == tmp_path / "none"
