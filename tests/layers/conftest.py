"""Small models made on the spot: folders with random weights and nothing else, and two real trainings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dataselect.training import TrainConfig, TrainRequest, train


def _write_model(folder: Path, tensors: dict[str, torch.Tensor], config: dict | None = None, shards: int = 1) -> Path:
    """A model folder, sharded or not."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config or {}), encoding="utf-8")
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    parts = {name: f"model-{n % shards + 1:05d}-of-{shards:05d}.safetensors" for n, name in enumerate(tensors)}
    for file in sorted(set(parts.values())):
        save_file({name: tensors[name] for name in tensors if parts[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}), encoding="utf-8")
    return folder


def _random_weights(layers: int = 4, seed: int = 0, scale: float = 1.0) -> dict[str, torch.Tensor]:
    """An embedding, and per layer a tall, a wide and a square matrix and a norm."""
    draw = torch.Generator().manual_seed(seed)
    weights = {"model.embed_tokens.weight": torch.randn(40, 8, generator=draw) * scale}
    for layer in range(layers):
        stem = f"model.layers.{layer}"
        weights |= {
            f"{stem}.mlp.up_proj.weight": torch.randn(20, 8, generator=draw) * scale,
            f"{stem}.mlp.down_proj.weight": torch.randn(8, 20, generator=draw) * scale,
            f"{stem}.self_attn.q_proj.weight": torch.randn(8, 8, generator=draw) * scale,
            f"{stem}.input_layernorm.weight": torch.ones(8) * scale,
        }
    return weights


@pytest.fixture(scope="session")
def rows(tmp_path_factory) -> Path:
    """Sixteen short examples."""
    file = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    made = [{"instruction": f"What is {a} plus {b}?", "output": f"It is {a + b}."} for a in range(8) for b in (5, 9)]
    file.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return file


def trained(rows: Path, out: Path, **settings) -> Path:
    """The folder of a real, very short training of the bundled model."""
    train(TrainRequest(rows, "builtin", out, TrainConfig(max_steps=3, batch_size=4, learning_rate=1e-3, **settings)))
    return out


@pytest.fixture(scope="session")
def full_run(rows, tmp_path_factory) -> Path:
    """A real full fine-tuning."""
    return trained(rows, tmp_path_factory.mktemp("full") / "model")


@pytest.fixture(scope="session")
def lora_run(rows, tmp_path_factory) -> Path:
    """A real LoRA training: the merged model, with its adapter in adapter/."""
    return trained(rows, tmp_path_factory.mktemp("lora") / "model", lora=True)


@pytest.fixture(scope="session")
def write_model():
    """Writes a model folder."""
    return _write_model


@pytest.fixture(scope="session")
def random_weights():
    """Draws weights."""
    return _random_weights


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    """Random weights of four layers."""
    return _random_weights()


@pytest.fixture
def changed(weights) -> dict[str, torch.Tensor]:
    """The same, each a little off."""
    draw = torch.Generator().manual_seed(9)
    return {name: tensor + 0.01 * torch.randn(tensor.shape, generator=draw) for name, tensor in weights.items()}
