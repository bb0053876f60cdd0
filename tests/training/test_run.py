import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from dataselect.artifacts import file_digest, read_json
from dataselect.errors import ArtifactError, UsageError
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.training import TrainConfig, TrainRequest, train
from dataselect.training.rows import make_train_set

RECIPE = {"max_steps": 4, "batch_size": 4, "learning_rate": 1e-3, "warmup_ratio": 0.0}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pool(tmp_path):
    file = tmp_path / "pool.jsonl"
    rows = [{"instruction": f"Name the number after {n}.", "output": f"After {n} comes {n + 1}."} for n in range(8)]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"instruction": "Hm?", "output": ""}]))
    return file


def request(file, out, overwrite=False, rendering=None, **settings):
    return TrainRequest(file, "builtin", out, TrainConfig(**{**RECIPE, **settings}), rendering or {}, overwrite)


def mean_nll(model_folder, builtin, file):
    """Mean NLL of the trained tokens under a model, in nats, by plain transformers."""
    rows = make_train_set(PoolReader([str(file)]), Renderer(builtin)).rows
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval()
    total, tokens = 0.0, 0
    for row in rows:
        ids, labels = torch.tensor(row.input_ids).long()[None], torch.tensor(row.labels).long()[None]
        with torch.no_grad():
            count = int((labels != -100).sum())
            total += float(model(ids, labels=labels).loss) * count
            tokens += count
    return total / tokens


def test_training_lowers_the_nll_of_its_rows_and_leaves_a_whole_model_folder(pool, tmp_path, builtin):
    out = tmp_path / "model"
    summary = train(request(pool, out))
    assert mean_nll(out, builtin, pool) < mean_nll(builtin, builtin, pool) - 0.5
    assert (summary.rows, dict(summary.left_out), summary.steps, summary.fresh) == (8, {"empty_response": 1}, 4, True)
    assert {file.name for file in out.iterdir()} == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "chat_template.jinja", "train_log.jsonl", "manifest.json", "run.json", ".lock",
    }  # fmt: skip
    manifest = read_json(out / "manifest.json")
    assert manifest["selection"] is None
    assert manifest["run"] == {
        "strategy": "unselected", "budget": 8, "unit": "examples", "seed": 0, "training_seed": 0,
    }  # fmt: skip
    assert manifest["rendering"]["template"] == "chat"
    assert manifest["counts"]["trained_tokens"] == summary.trained_tokens
    assert manifest["training"]["final_loss"] == summary.final_loss
    assert read_json(out / "config.json")["use_cache"] is True  # as in the base, though training turns it off


def test_one_seed_gives_one_model_and_another_seed_another(pool, tmp_path):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(request(pool, tmp_path / out, seed=seed))
    weights = [file_digest(tmp_path / out / "model.safetensors") for out in "abc"]
    assert weights[0] == weights[1] != weights[2]
    log = (tmp_path / "a" / "train_log.jsonl").read_text()
    assert log == (tmp_path / "b" / "train_log.jsonl").read_text()


def test_lora_with_one_seed_gives_one_model_and_keeps_the_adapter(pool, tmp_path, builtin):
    for out in "ab":
        train(request(pool, tmp_path / out, lora=True, lora_dropout=0.1, seed=3))
    for file in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert file_digest(tmp_path / "a" / file) == file_digest(tmp_path / "b" / file)
    assert mean_nll(tmp_path / "a", builtin, pool) < mean_nll(builtin, builtin, pool)


def test_a_finished_training_is_left_alone_and_another_recipe_refused(pool, tmp_path):
    out = tmp_path / "model"
    first = train(request(pool, out))
    before = {file.name: file.stat().st_mtime_ns for file in out.iterdir() if file.name != ".lock"}
    again = train(request(pool, out))
    assert not again.fresh
    assert again.final_loss == first.final_loss
    assert {file.name: file.stat().st_mtime_ns for file in out.iterdir() if file.name != ".lock"} == before
    with pytest.raises(ArtifactError, match="training"):
        train(request(pool, out, learning_rate=1e-4))
    assert train(request(pool, out, learning_rate=1e-4, overwrite=True)).fresh


def test_a_training_that_was_stopped_is_no_model_and_is_done_again(pool, tmp_path):
    out = tmp_path / "model"

    def stop(step):
        if step.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(request(pool, out), stop)
    assert not (out / "config.json").exists()
    assert not (out / "manifest.json").exists()
    train(request(pool, out))
    train(request(pool, tmp_path / "whole"))
    assert file_digest(out / "model.safetensors") == file_digest(tmp_path / "whole" / "model.safetensors")


def test_the_selection_decides_the_rendering_and_the_run(pool, tmp_path, builtin, seal_selection):
    rendering = Renderer(builtin, RenderOptions(template="qa")).settings()
    manifest = {
        "strategy": "ppl-low", "params": {}, "budget": 400, "unit": "tokens", "seed": 5, "rendering": rendering,
        "columns": {},
    }  # fmt: skip
    seal_selection(pool, manifest)
    with pytest.raises(UsageError, match=r"--template alpaca contradicts the selection.*--template qa"):
        train(request(pool, tmp_path / "model", rendering={"template": "alpaca"}))
    assert not (tmp_path / "model").exists()
    train(request(pool, tmp_path / "model", max_steps=1))
    written = read_json(tmp_path / "model" / "manifest.json")
    assert written["run"] == {
        "strategy": "ppl-low", "params": {}, "budget": 400, "unit": "tokens", "seed": 5, "training_seed": 0,
    }  # fmt: skip
    assert written["rendering"] == rendering
    assert written["selection"] == {"kind": "selection", "sha256": file_digest(pool), **manifest}


def test_the_folder_of_the_base_model_is_not_written_to(pool, builtin, tmp_path):
    with pytest.raises(UsageError, match="the folder of the model itself"):
        train(request(pool, builtin, max_steps=1))
