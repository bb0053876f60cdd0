"""Scores of two models: the arithmetic by hand, and one real run with three models."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import UsageError
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.contrast import contrast_names, contrasts


def table(nll, tokens, size):
    return pa.table({
        "response_nll": pa.array(nll, pa.float64()), "response_tokens": pa.array(tokens, pa.int64()),
        "response_bytes": pa.array(size, pa.int64()),
    })  # fmt: skip


def test_contrasts_by_hand():
    first = table([6.0, 10.0, None], [3, 5, 0], [12, 20, 0])
    one = table([3.0, 12.0, None], [3, 5, 0], [12, 20, 0])
    two = table([9.0, 5.0, None], [3, 4, 0], [12, 20, 0])  # its second row has other tokens
    got = contrasts(first, {"one": one, "two": two}, {"one": True, "two": True})
    nan = math.nan
    expected = {
        "nll_difference.one": [6 - 3, 10 - 12, nan],
        "excess_loss.one": [6 / 3 - 3 / 3, 10 / 5 - 12 / 5, nan],
        "nll_difference.two": [6 - 9, 10 - 5, nan],
        "excess_loss.two": [6 / 3 - 9 / 3, nan, nan],
        "excess_loss": [(1.0 - 1.0) / 2, nan, nan],
        "aligned_likelihood": [-(1 + 3) / 2, -(12 / 5 + 5 / 4) / 2, nan],
        # e^r / (e^r + e^(-mean NLL)): r = -2, -2 -> one half; r = -1.825 against -2
        "poft_weight": [0.5, math.exp(-1.825) / (math.exp(-1.825) + math.exp(-2)), nan],
    }
    assert list(got) == contrast_names(["one", "two"])
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-12, err_msg=name)


def test_another_tokenizer_or_text_leaves_no_difference():
    first, other = table([6.0, 6.0], [3, 3], [12, 12]), table([3.0, 3.0], [3, 3], [12, 11])
    got = contrasts(first, {"x": other}, {"x": False})
    np.testing.assert_array_equal(got["excess_loss.x"], [np.nan, np.nan])
    np.testing.assert_array_equal(got["nll_difference.x"], [3.0, np.nan])
    np.testing.assert_array_equal(got["aligned_likelihood"], [-1.0, -1.0])


@pytest.fixture(scope="module")
def other_model(tmp_path_factory, builtin):
    """The bundled model with its weights disturbed: another model with the same tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("models") / "disturbed"
    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(builtin).save_pretrained(folder)
    return folder


def test_a_run_with_two_models_has_the_columns_of_two_runs_with_one(tmp_path, other_model):
    rows = [{"prompt": f"Count to {i}.", "response": "One, two, three. " * (i + 1)} for i in range(6)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"bad": 1}]))
    pool = (str(tmp_path / "pool.jsonl"),)
    both = ScoreRequest(pool, "builtin", tmp_path / "both", references=(("x", str(other_model)),), tokens=True)
    assert score(both).counts["rejects"] == 1
    for name, model in (("a", "builtin"), ("b", str(other_model))):
        score(ScoreRequest(pool, model, tmp_path / name, tokens=True, cache=False))
    together, a, b = (pq.read_table(tmp_path / name / "scores.parquet") for name in ("both", "a", "b"))
    assert together.select(a.column_names).equals(a)
    for name in b.column_names[2:]:
        assert together[f"{name}.x"].equals(b[name])
    tokens = together["response_tokens"].to_numpy()
    excess = (together["response_nll"].to_numpy() - together["response_nll.x"].to_numpy()) / tokens
    np.testing.assert_allclose(together["excess_loss"].to_numpy(), excess, rtol=1e-12)
    sidecars = [
        pq.read_table(path)
        for path in (
            tmp_path / "both" / "tokens" / "x" / "000000.parquet",
            tmp_path / "b" / "tokens" / "000000.parquet",
        )
    ]
    assert sidecars[0].equals(sidecars[1])
    assert len((tmp_path / "both" / "rejects.jsonl").read_text().splitlines()) == 1


def test_a_model_against_itself_has_no_excess_and_weight_one_half(tmp_path):
    (tmp_path / "pool.jsonl").write_text(json.dumps({"prompt": "Hello", "response": "Good day."}) + "\n")
    out = tmp_path / "out"
    arguments = ["--model", "builtin", "--model", "same=builtin", "--out", str(out)]
    assert run(["score", str(tmp_path / "pool.jsonl"), *arguments]) == 0
    row = pq.read_table(out / "scores.parquet").to_pylist()[0]
    assert (row["excess_loss.same"], row["nll_difference.same"], row["poft_weight"]) == (0.0, 0.0, 0.5)
    assert row["aligned_likelihood"] == -math.log(row["ppl"])


def test_two_models_of_one_name_are_refused(tmp_path):
    with pytest.raises(UsageError, match="two models are called x"):
        ScoreRequest(("p",), "builtin", tmp_path, references=(("x", "builtin"), ("x", "builtin")))
