"""The model of a training, loaded and saved; a base's own dropout is off unless asked for, and named if turned off."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

from dataselect.errors import DataselectError
from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.tokenizer import load_tokenizer, tokenizer_digest
from dataselect.stage import StageDirectory
from dataselect.training.config import TrainConfig
from dataselect.training.ends import Ends
from dataselect.training.loop import fit
from dataselect.training.model import dropout_of, load_trainable, save_model, turn_off_dropout
from dataselect.training.rows import TrainRow, TrainSet

LORA = TrainConfig(lora=True, lora_r=4, lora_alpha=8, seed=1)


NO_ENDS = Ends((), frozenset(), 0, 0, "")


def save(model, builtin, folder, dtype="float32", options=RenderOptions()):  # noqa: B008 - frozen
    with StageDirectory("train", folder, {}, {}) as stage:
        save_model(model, builtin, "builtin", Renderer(builtin, options), NO_ENDS, dtype, stage.scratch)
        assert not (folder / "config.json").exists()
        stage.adopt(stage.scratch)
        stage.finish({})


def test_a_saved_model_is_the_model_and_its_tokenizer_the_same_to_the_byte(builtin, tmp_path):
    save(load_trainable(builtin, TrainConfig(), "float32"), builtin, tmp_path)
    base = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).state_dict()
    again = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).state_dict()
    assert set(base) == set(again)
    assert all(torch.equal(base[name], again[name]) for name in base)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / name).read_bytes() == (builtin / name).read_bytes()
    assert tokenizer_digest(load_tokenizer(tmp_path)) == tokenizer_digest(load_tokenizer(builtin))
    assert not list(tmp_path.glob(".tmp-*"))


def test_the_template_file_that_a_model_was_trained_with_becomes_its_chat_template(builtin, tmp_path):
    jinja = tmp_path / "mine.jinja"
    jinja.write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}")
    out = tmp_path / "model"
    out.mkdir()
    save(load_trainable(builtin, TrainConfig(), "float32"), builtin, out, options=RenderOptions(template=str(jinja)))
    assert load_tokenizer(out).get_chat_template() == jinja.read_text()


def test_bfloat16_is_saved_as_such(builtin, tmp_path):
    save(load_trainable(builtin, TrainConfig(), "float32"), builtin, tmp_path, "bfloat16")
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}


def test_fresh_adapters_change_nothing_and_train_few_weights(builtin):
    adapted = load_trainable(builtin, LORA, "float32")
    base = load_trainable(builtin, TrainConfig(), "float32")
    ids = torch.arange(10, 40)[None]
    with torch.no_grad():
        assert torch.equal(adapted.eval()(ids).logits, base.eval()(ids).logits)
    trainable = sum(weights.numel() for weights in adapted.parameters() if weights.requires_grad)
    # per layer, r (in + out): q, k, v, o 192 + 192 each; gate, up, down 192 + 512 each
    assert trainable == 6 * 4 * (4 * (192 + 192) + 3 * (192 + 512))


def test_merged_weights_are_the_base_plus_the_scaled_product_of_the_adapters(builtin, tmp_path):
    adapted = load_trainable(builtin, LORA, "float32")
    torch.manual_seed(0)
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.02)
    save(adapted, builtin, tmp_path)
    base = {name: tensor.float() for name, tensor in load_file(builtin / "model.safetensors").items()}
    merged = load_file(tmp_path / "model.safetensors")
    adapter = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    for name in base:
        low = f"base_model.model.{name.removesuffix('.weight')}.lora_"
        product = adapter[f"{low}B.weight"] @ adapter[f"{low}A.weight"] if f"{low}A.weight" in adapter else 0.0
        assert torch.allclose(merged[name], base[name] + 8 / 4 * product, atol=1e-6), name
    changed = {name for name in base if not torch.equal(merged[name], base[name])}
    assert changed == {name for name in base if "proj" in name}
    assert str(tmp_path) not in (tmp_path / "adapter" / "adapter_config.json").read_text()


def test_adapters_depend_on_the_seed_alone(builtin):
    def first(seed):
        model = load_trainable(builtin, TrainConfig(lora=True, seed=seed), "float32")
        return next(weights for name, weights in model.named_parameters() if "lora_A" in name)

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_a_folder_without_weights_is_an_error(builtin, tmp_path):
    (tmp_path / "config.json").write_bytes((builtin / "config.json").read_bytes())
    with pytest.raises(DataselectError, match="has no weights"):
        load_trainable(tmp_path, TrainConfig(), "float32")


SIZES = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
OLD = {
    "gpt2": ({"n_positions": 32}, {"resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1}),
    "opt": ({"ffn_dim": 16, "word_embed_proj_dim": 16, "max_position_embeddings": 32}, {"dropout": 0.1}),
}


@pytest.fixture(params=OLD)
def base(request, tmp_path):
    """A tiny model with the dropout that its family has by default, and what that is."""
    settings, expected = OLD[request.param]
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(request.param, **{**SIZES, **settings}))
    model.save_pretrained(tmp_path / "base")
    return tmp_path / "base", expected


def first_loss(folder, row, out, **settings):
    config = TrainConfig(max_steps=1, batch_size=1, **settings)
    steps = []
    train_set = TrainSet((row,), 1, {}, len(row.labels) - 1, 0, len(row.labels), Ends((), frozenset(), 1, 0, ""))
    with StageDirectory("train", out, {}, {}) as stage:
        fit(load_trainable(folder, config, "float32"), train_set, config, "float32", stage, steps.append)
    return steps[0].loss


def test_the_first_loss_is_that_of_evaluation_and_only_the_setting_brings_the_dropout_back(base, tmp_path):
    folder, expected = base
    ids = np.arange(4, 24, dtype=np.int32)
    labels = np.where(np.arange(20) == 0, -100, ids)
    with torch.no_grad():
        logprobs = AutoModelForCausalLM.from_pretrained(folder).eval()(torch.tensor(ids[None]).long()).logits[0]
    truth = -float(logprobs.double().log_softmax(-1)[range(19), ids[1:]].mean())
    row = TrainRow(ids, labels)
    assert first_loss(folder, row, tmp_path / "off") == pytest.approx(truth, abs=1e-5)
    assert abs(first_loss(folder, row, tmp_path / "on", dropout=True) - truth) > 1e-4
    assert dropout_of(AutoConfig.from_pretrained(folder)) == expected


def test_the_dropout_of_every_part_of_a_configuration_is_found():
    config = AutoConfig.for_model("emu3", text_config={"attention_dropout": 0.25})
    assert dropout_of(config) == {"text_config.attention_dropout": 0.25}
    turn_off_dropout(config)
    assert dropout_of(config) == {}
    assert config.text_config.attention_dropout == 0.0
    router = AutoConfig.for_model("phimoe")
    assert dropout_of(router) == {"router_jitter_noise": 0.01}


def test_a_saved_model_keeps_the_configuration_of_its_base(builtin, tmp_path):
    from dataselect.training import TrainRequest, train

    settings = json.loads((builtin / "config.json").read_text())
    changed = tmp_path / "base"
    changed.mkdir()
    for file in builtin.iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    (changed / "config.json").write_text(json.dumps({**settings, "attention_dropout": 0.3}))
    pool = tmp_path / "rows.jsonl"
    pool.write_text(json.dumps({"prompt": "Count.", "response": "One, two."}) + "\n")
    train(TrainRequest(pool, str(changed), tmp_path / "out", TrainConfig(max_steps=1)))
    saved = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (saved["attention_dropout"], saved["use_cache"]) == (0.3, True)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["training"]["dropout"] is False
    assert manifest["training"]["dropout_off"] == {"attention_dropout": 0.3}
