import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from dataselect.errors import DataselectError
from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.tokenizer import load_tokenizer, tokenizer_digest
from dataselect.training.config import TrainConfig
from dataselect.training.model import TEMPORARY, load_trainable, move_into_place, save_model

LORA = TrainConfig(lora=True, lora_r=4, lora_alpha=8, seed=1)


def save(model, builtin, folder, dtype="float32", options=RenderOptions()):  # noqa: B008 - frozen
    save_model(model, builtin, "builtin", Renderer(builtin, options), dtype, folder)
    assert not (folder / "config.json").exists()
    move_into_place(folder)


def test_a_saved_model_is_the_model_and_its_tokenizer_the_same_to_the_byte(builtin, tmp_path):
    save(load_trainable(builtin, TrainConfig(), "float32"), builtin, tmp_path)
    base = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).state_dict()
    again = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).state_dict()
    assert set(base) == set(again)
    assert all(torch.equal(base[name], again[name]) for name in base)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / name).read_bytes() == (builtin / name).read_bytes()
    assert tokenizer_digest(load_tokenizer(tmp_path)) == tokenizer_digest(load_tokenizer(builtin))
    assert not (tmp_path / TEMPORARY).exists()


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
    with pytest.raises(DataselectError, match="cannot be loaded"):
        load_trainable(tmp_path, TrainConfig(), "float32")
