"""P12: log-softmax taken in bfloat16, whose steps near -10 are 1/16 of a nat."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dataselect.backends import BackendOptions, TokenSequence, load_backend


@pytest.fixture(scope="module")
def sequences() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.concatenate(([0], rng.integers(4, 8192, n))).astype(np.int32) for n in (60, 120, 200)]


@pytest.fixture(scope="module")
def logits(builtin, sequences) -> list[torch.Tensor]:
    """The bfloat16 model's own logits, as it gives them."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.bfloat16).eval()
    with torch.inference_mode():
        return [model(torch.tensor(ids.tolist())[None]).logits[0, :-1] for ids in sequences]


def chosen(logprobs: torch.Tensor, ids: np.ndarray) -> np.ndarray:
    return logprobs.float().gather(1, torch.tensor(ids[1:, None].tolist()))[:, 0].numpy()


def on_the_grid(values: np.ndarray) -> float:
    """Share of values that bfloat16 can hold."""
    tensor = torch.from_numpy(values)
    return float((tensor == tensor.bfloat16().float()).float().mean())


def test_P12_log_softmax_is_in_float32_when_the_model_is_not(builtin, sequences, logits):
    backend = load_backend("transformers", builtin, BackendOptions("bfloat16"))
    ours = np.concatenate([s.logprobs[1:] for s in backend.score([TokenSequence(ids) for ids in sequences])])
    right = np.concatenate([chosen(z.float().log_softmax(-1), ids) for z, ids in zip(logits, sequences, strict=True)])
    wrong = np.concatenate([chosen(z.log_softmax(-1), ids) for z, ids in zip(logits, sequences, strict=True)])
    assert (on_the_grid(wrong), on_the_grid(right) < 0.05) == (1.0, True)
    assert np.abs(wrong - right).max() > 0.02
    assert on_the_grid(ours) < 0.05
    # The logits themselves are rounded to bfloat16, so a sum in another order moves a few of them by one step.
    assert np.quantile(np.abs(ours - right), 0.5) < 0.2 * np.quantile(np.abs(wrong - right), 0.5)


def test_P12_scores_of_a_bfloat16_run_are_no_multiples_of_a_coarse_step(builtin, score_pool):
    records = [{"prompt": f"Count {n}.", "response": f"The number {n} comes after {n - 1}."} for n in range(10, 40)]
    half, full = (score_pool(builtin, records, dtype=dtype) for dtype in ("bfloat16", "float32"))
    assert (half.manifest["dtype"], full.manifest["dtype"]) == ("bfloat16", "float32")
    means = [np.array([row["response_nll"] / row["response_tokens"] for row in scored.rows]) for scored in (half, full)]
    assert np.median(np.abs(means[0] - means[1])) < 2e-2
    assert on_the_grid(np.array([row["mink_20"] for row in half.rows], np.float32)) < 0.2
