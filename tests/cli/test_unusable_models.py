"""Model folders that cannot be used as they are, and what every command says of them: one line with what to do."""

from __future__ import annotations

import json
import shutil

import pytest

from dataselect.cli import run

COMMANDS = {
    "score": ["score", "pool.jsonl", "--out", "out"],
    "show": ["show", "pool.jsonl"],
    "train": ["train", "chosen.jsonl", "--out", "out"],
    "evaluate": ["evaluate", "--task", "task.jsonl", "--out", "out"],
    "rank": ["rank", "pool.jsonl", "other.jsonl", "--out", "out"],
}
MODELS = {
    "adapter": (
        "the folder adapter holds an adapter for org/base, not a whole model",
        "merge it into its base (merge_and_unload, then save_pretrained) and give that folder",
    ),
    "gguf": (
        "the folder gguf holds a model as a GGUF file, which is not read",
        "give the folder with config.json and safetensors weights that it was made from",
    ),
    "gguf/model.gguf": (
        "the model gguf/model.gguf is a file, but a model folder is needed",
        "give the folder with config.json and safetensors weights that it was made from",
    ),
    "slow": (
        "slow is a slow one (CTRLTokenizer): it gives no character offsets, which the masks need",
        "use a model that ships a tokenizer.json",
    ),
    "awq": ("awq are quantised (awq), and transformers is used with plain ones only", "vllm"),
    "gptq": ("gptq are quantised (gptq), and transformers is used with plain ones only", "vllm"),
    "bitsandbytes": ("bitsandbytes are quantised (bitsandbytes), and transformers", "vllm"),
}
QUANTISED = ("awq", "gptq", "bitsandbytes")


@pytest.fixture
def here(tmp_path, monkeypatch, builtin):
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"r{i}", "prompt": f"What is {i} plus 1?", "response": f"It is {i + 1}."} for i in range(4)]
    for name in ("pool.jsonl", "other.jsonl", "task.jsonl"):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["select", "pool.jsonl", "--strategy", "random", "--budget", "3", "--out", "chosen.jsonl"]) == 0
    for name in ("adapter", "gguf", "slow"):
        (tmp_path / name).mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    (tmp_path / "gguf" / "model.gguf").write_bytes(b"GGUF")
    shutil.copyfile(builtin / "model.safetensors", tmp_path / "slow" / "model.safetensors")
    (tmp_path / "slow" / "config.json").write_text('{"model_type": "ctrl"}')
    (tmp_path / "slow" / "vocab.json").write_text('{"<unk>": 0, "a": 1}')
    (tmp_path / "slow" / "merges.txt").write_text("#version: 0.2\n")
    for kind in QUANTISED:
        shutil.copytree(builtin, tmp_path / kind)
        config = json.loads((builtin / "config.json").read_text())
        (tmp_path / kind / "config.json").write_text(
            json.dumps(config | {"quantization_config": {"quant_method": kind}})
        )
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_in_one_line_what_a_folder_is_and_what_to_do(command, here, capsys):
    capsys.readouterr()
    for model, (said, hint) in MODELS.items():
        shutil.rmtree("out", ignore_errors=True)
        code = run([*COMMANDS[command], "--model", model])
        told = capsys.readouterr().err.strip().splitlines()
        if command == "show" and model in QUANTISED:
            assert code == 0, "only the tokenizer is needed"
            continue
        assert code == 1
        assert said in told[-1], told
        assert hint in told[-1]
        assert "Traceback" not in "\n".join(told)


def test_weights_in_another_form_are_named(here, builtin, capsys):
    shutil.copytree(builtin, "model")
    (here / "model" / "model.safetensors").rename(here / "model" / "pytorch_model.bin")
    assert run([*COMMANDS["score"], "--model", "model"]) == 1
    assert "has no weights but pickled ones (pytorch_model.bin), which are never loaded" in capsys.readouterr().err
    (here / "model" / "pytorch_model.bin").rename(here / "model" / "model-q4.gguf")
    shutil.rmtree("out")
    assert run([*COMMANDS["score"], "--model", "model"]) == 1
    assert "has no weights but a GGUF file, which is not read" in capsys.readouterr().err


def test_a_sentencepiece_file_without_sentencepiece_names_the_package(here, builtin, capsys, monkeypatch):
    shutil.copytree(builtin, "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (here / "model" / name).unlink()
    (here / "model" / "tokenizer.model").write_bytes(b"not read")
    assert run([*COMMANDS["show"], "--model", "model"]) == 1
    assert "it has no tokenizer.json: pip install sentencepiece protobuf makes one" in capsys.readouterr().err
