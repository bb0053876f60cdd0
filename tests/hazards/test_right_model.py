"""P14: numbers of another model than the one that was asked for."""

from __future__ import annotations

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from dataselect.cli import run
from dataselect.errors import DataselectError
from dataselect.pool import RenderOptions

FILES = ["config.json", "tokenizer.json", "model.safetensors"]
QA = RenderOptions(template="qa")
RECORDS = [{"question": "Now?", "answer": "It is noon."}, {"question": "Is it late?", "answer": "No."}]


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return path


@pytest.mark.parametrize(
    "name", ["buitlin", "./models/misspelt", "/no/such/folder/here", "dataselect-tests/no-such-model", "no such model"]
)
def test_P14_a_model_that_is_not_there_is_an_error_and_never_another_one(pool, tmp_path, capsys, name):
    assert run(["score", str(pool), "--model", name, "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert name in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()
    # Everything else about this command is in order: a substitute would have given numbers.
    assert run(["score", str(pool), "--model", "builtin", "--out", str(tmp_path / "out")]) == 0


def test_P14_a_checkpoint_that_lacks_weights_is_an_error_and_not_filled_up_at_random(make_model, score_pool):
    """transformers draws missing weights at random and goes on; the numbers look real, and differ from run to run."""
    model = make_model()
    weights = load_file(model / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "layers.1." not in name}
    assert len(kept) < len(weights)
    save_file(kept, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataselectError, match="weights"):
        score_pool(model, RECORDS, rendering=QA)


def test_P14_a_checkpoint_without_a_vocabulary_head_is_an_error(make_model, score_pool):
    model = make_model()
    weights = load_file(model / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataselectError, match="weights"):
        score_pool(model, RECORDS, rendering=QA)


def test_P14_a_token_that_the_model_does_not_know_is_no_number(make_model, load_tokenizer, score_pool):
    """The tokenizer of another model: its ids run past the embeddings."""
    larger = make_model(merges=[("Ġ", "n"), ("Ġn", "o")])
    smaller = make_model()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(larger / file, smaller / file)
    known = json.loads((smaller / "config.json").read_text())["vocab_size"]
    assert load_tokenizer(smaller)(" no")["input_ids"] == [known + 1]
    records = [{"question": "Now?", "answer": "Is it no?"}, {"question": "Is it late?", "answer": "Yes."}]
    rows = score_pool(smaller, records, rendering=QA).rows
    assert [(row["status"], row["ppl"] is None) for row in rows] == [("engine_error", True), ("ok", False)]


def test_P14_the_manifest_names_what_was_really_used(make_model, score_pool, tmp_path):
    model = make_model()
    scored = score_pool(model, RECORDS, rendering=QA)
    digest = scored.manifest["fingerprint"]["model"]
    copied = score_pool(shutil.copytree(model, tmp_path / "another-name"), RECORDS, rendering=QA)
    assert copied.manifest["fingerprint"]["model"] == digest  # the content, not the name
    assert copied.rows == scored.rows

    weights = load_file(model / "model.safetensors")
    weights["lm_head.weight"][5, 5] += 1.0  # one number of them all, under the same name
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    changed = score_pool(model, RECORDS, rendering=QA)
    assert changed.manifest["model"] == scored.manifest["model"]
    assert changed.manifest["fingerprint"]["model"] != digest
    assert changed.rows != scored.rows


@pytest.mark.parametrize("file", FILES)
def test_P14_a_damaged_model_is_an_error(make_model, pool, tmp_path, capsys, file):
    model = make_model()
    (model / file).write_bytes((model / file).read_bytes()[:100])
    assert run(["score", str(pool), "--model", str(model), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert not (tmp_path / "out" / "manifest.json").exists()
