"""The bundled model, names of models, and how many tokens a model takes: what it states, or a default."""

from __future__ import annotations

import json
import shutil

import pytest

from dataselect.cli import run
from dataselect.errors import UsageError
from dataselect.models import UNSTATED, max_positions, model_path, stated_positions
from dataselect.pool import Renderer, RenderOptions


def test_the_model_lies_in_the_package_with_its_card():
    names = {path.name for path in model_path().iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "MODEL_CARD.md"} <= names


def test_the_card_states_the_sizes_of_the_configuration():
    config = json.loads((model_path() / "config.json").read_text())
    card = (model_path() / "MODEL_CARD.md").read_text()
    assert f"{config['num_hidden_layers']} layers, width {config['hidden_size']}" in card
    assert f"{config['vocab_size']:,} entries" in card
    assert f"{config['max_position_embeddings']:,} (trained" in card


def test_the_card_names_the_licences_of_the_training_data():
    card = (model_path() / "MODEL_CARD.md").read_text()
    for licence in ("CC BY-SA 4.0", "PSF License", "Apache-2.0", "CC BY,", "public domain"):
        assert licence in card or licence.rstrip(",") in card
    assert "Schema-Guided Dialogue" in card


STATED = {
    "llama": ({"max_position_embeddings": 77}, 77),
    "gpt2": ({"n_positions": 77}, 77),
    "mpt": ({"max_seq_len": 77}, 77),
    "whisper": ({"max_target_positions": 77}, 77),
    "gemma3": ({"text_config": {"max_position_embeddings": 77}}, 77),
    "rwkv": ({"context_length": 77}, 77),
    "mamba": ({}, None),
    "bloom": ({"seq_length": 77}, 77),
    "xlnet": ({}, None),
}


@pytest.mark.parametrize("kind", STATED)
def test_positions_are_read_by_every_name_that_configurations_have_for_them(kind, tmp_path):
    settings, positions = STATED[kind]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, **settings}))
    assert stated_positions(tmp_path) == positions
    assert max_positions(tmp_path) == positions or UNSTATED


@pytest.fixture(params=["bloom", "mamba"])
def unbounded(request, tmp_path, builtin):
    """A tiny model that states no number of positions, with the bundled model's tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    vocabulary = json.loads((builtin / "config.json").read_text())["vocab_size"]
    sizes = {"vocab_size": vocabulary, "hidden_size": 16, "n_layer": 1, "n_head": 2, "num_hidden_layers": 1}
    torch.manual_seed(0)
    folder = tmp_path / request.param
    AutoModelForCausalLM.from_config(AutoConfig.for_model(request.param, **sizes)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(builtin / name, folder / name)
    return folder


def test_a_model_that_states_no_positions_takes_a_default_or_any_length(unbounded, tmp_path, capsys):
    assert Renderer(unbounded, RenderOptions()).max_length == UNSTATED - 1
    assert Renderer(unbounded, RenderOptions(max_length=5000)).max_length == 5000
    pool = tmp_path / "pool.jsonl"
    rows = [{"prompt": "say a", "response": "a"}, {"prompt": "say many", "response": "many words " * 1500}]
    pool.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(["score", str(pool), "--model", str(unbounded), "--out", str(tmp_path / "default")]) == 0
    told = capsys.readouterr().err
    assert "states no number of positions: its limit is taken to be 2,047 tokens" in told
    assert "1 ok, 1 too_long" in told
    longer = ["--max-length", "5000", "--out", str(tmp_path / "longer")]
    assert run(["score", str(pool), "--model", str(unbounded), *longer]) == 0
    told = capsys.readouterr().err
    assert "2 ok" in told
    assert "positions" not in told


def test_a_stated_number_of_positions_still_is_the_limit(builtin):
    most = max_positions(builtin) - 1
    with pytest.raises(UsageError, match=f"over the model's limit of {most}"):
        Renderer(builtin, RenderOptions(max_length=most + 1))
