"""Scores derived again from kept tokens: equal to those of the run that kept them, without the model or the pool."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import ArtifactError, UsageError
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.rescore import RescoreRequest, rescore

LONG = "Once upon a time there was a king who had three daughters. "
ROWS = [
    {"prompt": "What is the time?", "response": "It is noon."},
    {"messages": [
        {"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day to you."},
        {"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "I am a model."},
    ]},
    {"prompt": "Say nothing.", "response": ""},
    {"text": LONG * 120},
    {"prompt": "Tell a story.", "response": LONG * 120},
    {"prompt": "", "response": "An answer to nothing <|endoftext|> at all."},
    {"prompt": "What is the time?", "response": "It is noon."},
]  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    file = tmp_path_factory.mktemp("rescore") / "pool.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + "{broken\n")
    return file


def scored(pool, out, model, *, references=(), **options):
    score(ScoreRequest(
        pools=(str(pool),), model=str(model), references=references, out=out, tokens=True, cache=False, **options
    ))  # fmt: skip
    return out


@pytest.fixture(scope="module")
def kept(pool, tiny_model, builtin):
    """Two models, IFD and ratings; one row is truncated, one has windows, one has no response."""
    from dataselect.pool import RenderOptions

    rendering = RenderOptions(truncate=True, max_length=200)
    return scored(
        pool, pool.parent / "kept", tiny_model, references=(("bundled", "builtin"),), ifd=True,
        ratings=("quality", "complexity"), rendering=rendering,
    )  # fmt: skip


def test_the_table_is_that_of_the_run_to_the_last_bit(kept, tmp_path):
    summary = rescore(RescoreRequest(kept, tmp_path / "out"))
    old, new = (pq.read_table(folder / "scores.parquet") for folder in (kept, tmp_path / "out"))
    assert new.schema.equals(old.schema)
    assert new.equals(old)
    assert {"truncated", "empty_response", "ok"} <= set(new["status"].to_pylist())
    assert max(new["windows"].to_pylist()) > 1
    assert (tmp_path / "out/rejects.jsonl").read_bytes() == (kept / "rejects.jsonl").read_bytes()
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (kept, tmp_path / "out")]
    for key in ("counts", "pool", "inputs", "model", "references", "rendering", "sources", "notes", "feeding"):
        assert manifests[0][key] == manifests[1][key]
    assert summary.counts == manifests[0]["counts"]
    assert summary.tokens_per_second is None
    assert not list((tmp_path / "out").glob("tokens*"))


@pytest.mark.parametrize("options", [{}, {"ifd": True, "ranks": False}, {"limit": 2}, {"ratings": ("quality",)}])
def test_it_has_the_columns_of_the_run(pool, tiny_model, tmp_path, options):
    kept = scored(pool, tmp_path / "kept", tiny_model, **options)
    rescore(RescoreRequest(kept, tmp_path / "out"))
    old, new = (pq.read_table(folder / "scores.parquet") for folder in (kept, tmp_path / "out"))
    assert new.schema.equals(old.schema)
    assert new.equals(old)


def test_shards_and_records_that_one_model_rejects_stay_in_step(pool, tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr("dataselect.scoring.run.SHARD_RECORDS", 2)
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    template = (other / "chat_template.jinja").read_text()
    refusal = "{% if messages | length > 2 %}{{ raise_exception('one turn only') }}{% endif %}"
    (other / "chat_template.jinja").write_text(refusal + template)
    kept = scored(pool, tmp_path / "kept", tiny_model, references=(("other", str(other)),))
    assert json.loads((kept / "manifest.json").read_text())["counts"]["rejects"] == 2
    rescore(RescoreRequest(kept, tmp_path / "out"))
    assert pq.read_table(tmp_path / "out/scores.parquet").equals(pq.read_table(kept / "scores.parquet"))


def test_the_manifest_names_the_folder_and_its_digest(kept, tmp_path):
    rescore(RescoreRequest(kept, tmp_path / "out"))
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["from_tokens"]["folder"] == str(kept.resolve())
    assert manifest["from_tokens"]["digest"] == manifest["fingerprint"]["from_tokens"]
    assert manifest["fingerprint"]["scorers"]["tokens"] is False


def test_a_finished_folder_is_used_and_another_source_refused(kept, pool, tiny_model, tmp_path):
    out = tmp_path / "out"
    rescore(RescoreRequest(kept, out))
    before = (out / "manifest.json").stat().st_mtime_ns
    assert not rescore(RescoreRequest(kept, out)).fresh
    assert (out / "manifest.json").stat().st_mtime_ns == before
    other = scored(pool, tmp_path / "other", tiny_model)
    with pytest.raises(ArtifactError, match="another"):
        rescore(RescoreRequest(other, out))
    assert rescore(RescoreRequest(other, out, overwrite=True)).fresh
    assert "ifd" not in pq.read_schema(out / "scores.parquet").names


def test_the_folder_of_the_tokens_is_never_written(kept, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(kept)
    for out in (kept, link):
        with pytest.raises(UsageError, match="same folder"):
            RescoreRequest(kept, out, overwrite=True)
    with pytest.raises(ArtifactError, match="another"):
        rescore(RescoreRequest(kept, scored_again(kept, tmp_path)))


def scored_again(kept, tmp_path):
    """A copy of the folder: finished, and of the same command."""
    return shutil.copytree(kept, tmp_path / "copy")


def test_a_folder_without_a_sidecar_is_named(pool, tiny_model, kept, tmp_path):
    score(ScoreRequest(pools=(str(pool),), model=str(tiny_model), out=tmp_path / "plain", limit=1))
    with pytest.raises(ArtifactError, match="plain holds no kept tokens") as raised:
        rescore(RescoreRequest(tmp_path / "plain", tmp_path / "out"))
    assert "--tokens" in raised.value.hint
    rescore(RescoreRequest(kept, tmp_path / "derived"))
    with pytest.raises(ArtifactError, match="derived holds no kept tokens"):
        rescore(RescoreRequest(tmp_path / "derived", tmp_path / "out"))
    with pytest.raises(ArtifactError, match="does not exist"):
        rescore(RescoreRequest(tmp_path / "nowhere", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["tokens/000000.parquet", "tokens/bundled/000000.parquet", "scores.parquet"])
@pytest.mark.parametrize("damage", ["missing", "one byte"])
def test_damage_is_refused_by_name(kept, tmp_path, name, damage):
    copy = shutil.copytree(kept, tmp_path / "copy")
    if damage == "missing":
        (copy / name).unlink()
    else:
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=name):
        rescore(RescoreRequest(copy, tmp_path / "out"))


def test_the_command_derives_the_table_and_resumes(kept, tmp_path, capsys):
    command = ["score", "--from-tokens", str(kept), "--out", str(tmp_path / "out")]
    assert run(command) == 0
    assert capsys.readouterr().err.splitlines()[-1].endswith("out: 5 ok, 1 truncated, 1 empty_response, 1 rejects")
    assert pq.read_table(tmp_path / "out/scores.parquet").equals(pq.read_table(kept / "scores.parquet"))
    assert run(command) == 0
    assert "is finished already" in capsys.readouterr().err
    assert run([*command, "--strict"]) == 1
    assert run([*command, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("others", "named"),
    [
        (["pool.jsonl"], "POOL"), (["--model", "builtin"], "--model"), (["--limit", "2"], "--limit"),
        (["--ifd", "--tokens"], "--ifd, --tokens"), (["--estimate"], "--estimate"), (["--no-cache"], "--no-cache"),
    ],
)  # fmt: skip
def test_options_of_a_model_or_a_pool_are_wrong_usage(kept, tmp_path, capsys, others, named):
    assert run(["score", *others, "--from-tokens", str(kept), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"dataselect: --from-tokens derives the scores of an earlier run and cannot be combined with {named} (hint: "
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x"], "Missing argument 'POOL...'"),
        (["pool.jsonl", "--out", "x"], "Missing option '--model'"),
        (["--from-tokens", "kept"], "Missing option '--out'"),
    ],
)
def test_without_it_a_pool_and_a_model_are_required(capsys, arguments, message):
    assert run(["score", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_selection_from_the_derived_table_is_that_from_the_table(kept, pool, tmp_path):
    rescore(RescoreRequest(kept, tmp_path / "derived"))
    chosen = []
    for number, scores in enumerate((kept, tmp_path / "derived")):
        out = tmp_path / f"{number}.jsonl"
        options = ["--scores", str(scores), "--strategy", "ifd-high", "--budget", "2", "--out", str(out)]
        assert run(["select", str(pool), *options]) == 0
        chosen.append(out.read_bytes())
    assert chosen[0] == chosen[1]
