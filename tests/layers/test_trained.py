"""`dataselect layers` on a real full run and a real LoRA run, beside the plain computation with torch."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow.parquet
import pytest
import torch
from safetensors.torch import load_file

from dataselect.cli import run


def direct(before: torch.Tensor, after: torch.Tensor) -> dict[str, float | None]:
    """The numbers of one tensor, each by its own formula and all in float64."""
    w, d = before.double(), after.double() - before.double()
    cosine = torch.nn.functional.cosine_similarity(w.flatten(), after.double().flatten(), dim=0)
    found = {"relative_change": float(d.norm() / w.norm()), "cosine": float(cosine)}
    if d.dim() == 2 and d.norm() > 0:
        values = torch.linalg.svdvals(d)
        shares = values[values > 1e-9 * values[0]] / values.sum()
        found["effective_rank"] = float(torch.exp(-(shares * shares.log()).sum()))
        found["stable_rank"] = float((d.norm() / values[0]) ** 2)
        found["largest"] = values[:16].tolist()
    return found


def check(run_: dict, before: dict[str, torch.Tensor], after: dict[str, torch.Tensor], spectra: float) -> None:
    by_name = {one["name"]: one for one in run_["tensors"]}
    assert by_name.keys() == before.keys()
    for name, one in by_name.items():
        truth = direct(before[name], after[name])
        assert one["relative_change"] == pytest.approx(truth["relative_change"], rel=1e-6, abs=1e-12), name
        assert one["cosine"] == pytest.approx(truth["cosine"], abs=1e-9), name
        if one["spectrum"] is None:
            assert "largest" not in truth, name
            continue
        for key in ("effective_rank", "stable_rank"):
            assert one["spectrum"][key] == pytest.approx(truth[key], rel=spectra), (name, key)
        largest = truth["largest"]
        assert one["spectrum"]["largest"] == pytest.approx(largest, rel=1e-5, abs=1e-5 * largest[0]), name
    for layer in run_["layers"]:
        names = [name for name in before if f"layers.{layer['layer']}." in name]
        old = torch.cat([before[name].double().flatten() for name in names])
        new = torch.cat([after[name].double().flatten() for name in names])
        assert layer["relative_change"] == pytest.approx(float((new - old).norm() / old.norm()), rel=1e-6)


@pytest.fixture(scope="module")
def compared(full_run, lora_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("layers") / "out"
    models = [f"full={full_run}", f"merged={lora_run}", f"adapter={lora_run / 'adapter'}"]
    assert run(["layers", "builtin", *models, "--out", str(out)]) == 0
    return out, {one["name"]: one for one in json.loads((out / "layers.json").read_text())["runs"]}


def test_a_full_run_agrees_with_a_direct_computation(compared, builtin, full_run):
    before, after = load_file(builtin / "model.safetensors"), load_file(full_run / "model.safetensors")
    check(compared[1]["full"], before, after, spectra=1e-4)
    assert compared[1]["full"]["kind"] == "full model"
    assert len(compared[1]["full"]["layers"]) == 6


def test_a_lora_run_read_directly_agrees_with_the_product_of_its_factors(compared, builtin, lora_run):
    before = load_file(builtin / "model.safetensors")
    factors = load_file(lora_run / "adapter" / "adapter_model.safetensors")
    after = {name: tensor.double() for name, tensor in before.items()}
    for key, a in factors.items():
        if found := re.fullmatch(r"base_model\.model\.(.+)\.lora_A\.weight", key):
            b = factors[key.replace("lora_A", "lora_B")]
            after[f"{found[1]}.weight"] = after[f"{found[1]}.weight"] + 32 / 16 * b.double() @ a.double()
    check(compared[1]["adapter"], before, after, spectra=1e-6)
    assert compared[1]["adapter"]["kind"] == "LoRA adapter"


def test_merged_and_direct_differ_by_the_rounding_of_the_merge_only(compared):
    merged, adapter = compared[1]["merged"], compared[1]["adapter"]
    for one, other in zip(merged["layers"], adapter["layers"], strict=True):
        assert one["relative_change"] == pytest.approx(other["relative_change"], rel=1e-4)
        assert one["effective_rank"] == pytest.approx(other["effective_rank"], rel=0.05)
    assert adapter["mean_spectrum"][0] == 1.0
    expected = np.mean(
        [t["spectrum"]["largest"][3] / t["spectrum"]["largest"][0] for t in adapter["tensors"] if t["spectrum"]]
    )
    assert adapter["mean_spectrum"][3] == pytest.approx(expected)
    ranks = [one["spectrum"]["effective_rank"] for one in adapter["tensors"] if one["spectrum"]]
    assert max(ranks) <= 16  # the adapter's own rank


def test_unchanged_weights_of_an_adapter_are_told_as_unchanged(compared):
    one = next(t for t in compared[1]["adapter"]["tensors"] if t["name"] == "model.embed_tokens.weight")
    assert (one["relative_change"], one["cosine"], one["spectrum"]) == (0.0, 1.0, None)


def test_again_changes_nothing_and_other_models_are_refused(compared, full_run, lora_run, capsys):
    out = compared[0]
    before = {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}
    models = [f"full={full_run}", f"merged={lora_run}", f"adapter={lora_run / 'adapter'}"]
    assert run(["layers", "builtin", *models, "--out", str(out)]) == 0
    assert {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()} == before
    assert run(["layers", "builtin", f"full={full_run}", "--out", str(out)]) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_gains_come_from_evaluated_models_of_the_same_content(lora_run, rows, tmp_path):
    for name, model in (("before", "builtin"), ("after", str(lora_run))):
        assert run(["evaluate", "--model", model, "--task", str(rows), "--out", str(tmp_path / name)]) == 0
    gains = ["--gains", str(tmp_path / "before"), "--gains", str(tmp_path / "after")]
    models = [f"merged={lora_run}", f"adapter={lora_run / 'adapter'}"]
    assert run(["layers", "builtin", *models, *gains, "--no-spectrum", "--out", str(tmp_path / "out")]) == 0
    (found,) = json.loads((tmp_path / "out" / "layers.json").read_text())["correlations"]
    tables = [
        pyarrow.parquet.read_table(tmp_path / name / "results.parquet").to_pylist() for name in ("before", "after")
    ]
    main = tables[0][0]["metric"]
    means = [np.mean([row["value"] for row in table if row["metric"] == main]) for table in tables]
    assert (
        found["gains"]["merged"] == found["gains"]["adapter"] == pytest.approx(means[0] - means[1])
    )  # lower is better
    assert found["depths"][0]["pearson"]["value"] is None  # two runs


def test_representations_of_base_and_tuned(full_run, lora_run, rows, tmp_path):
    out = tmp_path / "out"
    pool = tmp_path / "pool.jsonl"
    words = ["red", "blue", "green", "old", "new", "warm"]
    lines = [
        {"instruction": f"Name a {a} {b} thing.", "output": f"A {b} {a} hat {i}."}
        for i, (a, b) in enumerate((a, b) for a in words for b in words)
    ]
    pool.write_text("".join(json.dumps(line) + "\n" for line in [*lines, lines[0]]), encoding="utf-8")
    models = [f"merged={lora_run}", f"adapter={lora_run / 'adapter'}"]
    assert run(["layers", "builtin", *models, "--pool", str(pool), "--no-spectrum", "--out", str(out)]) == 0
    found = json.loads((out / "layers.json").read_text())["representations"]
    assert found["texts"] == 36  # the repeated row is read once
    base, merged, adapter = (one["depths"] for one in found["models"])
    assert [one["position"] for one in base] == pytest.approx(np.linspace(0, 1, 7))
    for one, other in zip(merged, adapter, strict=True):
        assert one["dimension"]["value"] == pytest.approx(other["dimension"]["value"], rel=0.01)
    assert base[6]["dimension"]["value"] != merged[6]["dimension"]["value"]
    assert base[0]["dimension"]["value"] == merged[0]["dimension"]["value"]  # the embedding is not trained
