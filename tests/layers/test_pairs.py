"""Which tensors belong together, and what is refused or told instead of dropped."""

from __future__ import annotations

import json

import pytest
import torch

from dataselect.cli import run
from dataselect.errors import DataselectError
from dataselect.layers.checkpoints import Checkpoint
from dataselect.layers.compare import compare_run
from dataselect.layers.pairs import TensorPlace, bare, pair_up, places, position, same_names


@pytest.fixture
def models(write_model):
    def make(folder, before, after, config=None, tuned_config=None, shards=1):
        base = write_model(folder / "base", before, config)
        return Checkpoint(base), write_model(folder / "tuned", after, tuned_config or config, shards)

    return make


def test_places_of_several_architectures():
    names = [
        "model.layers.3.mlp.up_proj.weight",
        "transformer.h.0.attn.c_attn.weight",
        "gpt_neox.layers.1.attention.dense.bias",
    ]
    assert [places({name: 1})[name] for name in names] == [
        TensorPlace(3, "mlp.up_proj.weight"), TensorPlace(0, "attn.c_attn.weight"), TensorPlace(1, "attention.dense.bias"),
    ]  # fmt: skip
    assert places({"lm_head.weight": 1})["lm_head.weight"] == TensorPlace(None, "lm_head.weight")
    assert places({"model.layers.0.mlp.experts.7.up.weight": 1}) == {
        "model.layers.0.mlp.experts.7.up.weight": TensorPlace(0, "mlp.experts.7.up.weight")
    }


def test_the_larger_of_two_stacks_is_the_model():
    found = places({"vision.layers.0.w": 10, "model.layers.0.w": 100, "model.layers.1.w": 100})
    assert [one.layer for one in found.values()] == [None, 0, 1]


def test_positions_run_from_0_to_1_whatever_the_depth():
    assert [position(layer, 5) for layer in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert position(0, 1) == 0


def test_names_match_without_wrappers_but_never_two_to_one():
    assert bare("base_model.model.model.layers.0.w") == "layers.0.w"
    assert same_names(["h.0.w"], ["transformer.h.0.w"]) == {"h.0.w": "transformer.h.0.w"}
    assert same_names(["model.h.w"], ["h.w", "model.h.w"]) == {"model.h.w": "model.h.w"}
    assert same_names(["model.h.w"], ["h.w", "transformer.h.w"]) == {}


def test_shards_and_a_missing_wrapper_change_nothing(models, tmp_path, weights, changed):
    base, tuned = models(tmp_path, weights, changed)
    plain = compare_run(base, "tuned", tuned, True)
    sharded = models(tmp_path / "s", weights, {n.removeprefix("model."): t for n, t in changed.items()}, shards=3)[1]
    again = compare_run(base, "tuned", sharded, True)
    assert again == plain
    assert plain.not_compared == ()


def test_what_cannot_be_compared_is_told_with_its_reason(models, tmp_path, weights, changed):
    after = dict(changed)
    after["model.embed_tokens.weight"] = torch.randn(44, 8)  # a larger vocabulary
    after["model.layers.0.mlp.up_proj.weight"] = torch.ones(20, 8, dtype=torch.int8)
    after["model.layers.0.mlp.down_proj.weight"] = torch.ones(8, 20).to(torch.float8_e4m3fn)
    after["model.layers.1.mlp.up_proj.weight"] = torch.full((20, 8), float("nan"))
    del after["model.layers.2.mlp.up_proj.weight"]
    after["extra.weight"] = torch.ones(3)
    base, tuned = models(tmp_path, weights, after)
    found = compare_run(base, "tuned", tuned, True)
    assert {one.name: one.reason for one in found.not_compared} == {
        "model.embed_tokens.weight": "shape 40 x 8 in the base, 44 x 8 in the tuned model",
        "model.layers.0.mlp.up_proj.weight": "stored as I8, not as plain floating-point numbers",
        "model.layers.0.mlp.down_proj.weight": "stored as F8_E4M3, not as plain floating-point numbers",
        "model.layers.1.mlp.up_proj.weight": "holds values that are no finite numbers",
        "model.layers.2.mlp.up_proj.weight": "not in the tuned model",
        "extra.weight": "not in the base",
    }
    assert len(found.tensors) == len(weights) - 5


def test_nothing_comparable_is_an_error(models, tmp_path, weights):
    base, tuned = models(tmp_path, weights, {"other.weight": torch.ones(2)})
    with pytest.raises(DataselectError, match=r"no weight of .* can be compared"):
        pair_up(base, tuned)


@pytest.mark.parametrize("tied", [True, False])
def test_an_untied_output_embedding_is_compared_with_the_input_it_was_tied_to(models, tmp_path, weights, changed, tied):
    after = {**changed, "lm_head.weight": weights["model.embed_tokens.weight"] * 2}
    base, tuned = models(tmp_path, weights, after, {"tie_word_embeddings": tied}, {"tie_word_embeddings": False})
    found = compare_run(base, "tuned", tuned, False)
    relative = {one.name: one.sums.relative for one in found.tensors}
    assert relative.get("lm_head.weight") == (1.0 if tied else None)
    assert [one.name for one in found.not_compared] == ([] if tied else ["lm_head.weight"])


def test_pickled_weights_are_refused_with_a_way_out(models, tmp_path, weights, capsys):
    base = models(tmp_path, weights, weights)[0]
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    torch.save({"w": torch.ones(2)}, folder / "pytorch_model.bin")
    assert run(["layers", str(base.folder), str(folder), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "pytorch_model.bin" in told
    assert "save_pretrained" in told
    assert not (tmp_path / "out" / "layers.json").exists()


def test_an_index_may_not_lead_out_of_the_folder(models, tmp_path, weights):
    base, tuned = models(tmp_path, weights, weights, shards=2)
    index = tuned / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": "../base/model.safetensors"}}))
    with pytest.raises(DataselectError, match="no safetensors file beside it"):
        pair_up(base, tuned)
    index.write_text(json.dumps({"weight_map": {"w": "model-00009-of-00009.safetensors"}}))
    with pytest.raises(DataselectError, match="lacks model-00009"):
        pair_up(base, tuned)


def test_a_damaged_file_is_named(models, tmp_path, weights):
    base, tuned = models(tmp_path, weights, weights)
    (tuned / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00not json")
    with pytest.raises(DataselectError, match="cannot be read as safetensors"):
        pair_up(base, tuned)


def test_the_base_itself_twice_a_name_and_a_missing_folder(models, tmp_path, weights, changed, capsys):
    base, tuned = models(tmp_path, weights, changed)
    out = ["--out", str(tmp_path / "out")]
    assert run(["layers", str(base.folder), str(base.folder), *out]) == 2
    assert "the base itself" in capsys.readouterr().err
    assert run(["layers", str(base.folder), str(tuned), str(tuned), *out]) == 2
    assert "NAME=DIR" in capsys.readouterr().err
    assert run(["layers", str(base.folder), str(tmp_path / "no where"), *out]) == 1
    assert "no where" in capsys.readouterr().err
