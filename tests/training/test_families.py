"""Every causal architecture of the installed transformers: one loss however a step is cut, with adapters or without.

The truth is the model as it came, in evaluation mode, on one row at a time. Passes go through the loss, the adapters
and the loading that a training uses; the loop around them is the same for all families and has tests of its own.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from model_zoo import VOCABULARY, families, save_tiny_model

from dataselect.training.adapters import with_adapters
from dataselect.training.config import TrainConfig
from dataselect.training.loop import TrainedPositions, mean_nll
from dataselect.training.model import load_trainable
from dataselect.training.rows import collate

LENGTHS = (5, 9, 6)
NO_TRAINING = {
    "cpmant": "its tokens see those that follow",
    "emu3": "the weights of its language model stand under other names",
    "gemma4_assistant": "it needs the hidden states of another model",
    "gemma4_unified_assistant": "it needs the hidden states of another model",
    "prophetnet": "its tokens see those that follow",
    "reformer": "it trains on sequences of one length only",
}
"""By family, why it is not trained on text alone; all but the last are refused in scoring too."""


def rows():
    rng = np.random.default_rng(0)
    for length in LENGTHS:
        ids = rng.integers(3, VOCABULARY, length).astype(np.int64)
        yield {"input_ids": ids, "labels": np.where(np.arange(length) < length // 3, -100, ids)}


def true_loss(model):
    """Mean NLL of the labels, one row at a time, in double precision."""
    total, number = 0.0, 0
    for row in rows():
        with torch.no_grad():
            logits = model(input_ids=torch.tensor(row["input_ids"])[None], use_cache=False).logits[0, :-1].double()
        labels = torch.tensor(row["labels"][1:])
        trained = labels != -100
        total -= float(logits.log_softmax(-1)[trained].gather(1, labels[trained][:, None]).sum())
        number += int(trained.sum())
    return total / number


def step(model, cut):
    """Loss of a step in passes of `cut` rows, and the length of its gradient."""
    model.train()
    model.zero_grad()
    given, positions, loss = list(rows()), TrainedPositions(model), 0.0
    number = sum(int((row["labels"] != -100).sum()) for row in given)
    for first in range(0, len(given), cut):
        batch = collate(given[first : first + cut])
        labels = batch.pop("labels")
        with positions.of(labels):
            part = mean_nll(model(**batch, use_cache=False), labels, number)
        part.backward()
        loss += float(part.detach())
    squares = [float((w.grad.double() ** 2).sum()) for w in model.parameters() if w.grad is not None]
    return loss, math.sqrt(sum(squares))


@pytest.mark.parametrize("family", [one for one in families() if one not in NO_TRAINING])
def test_a_step_is_the_mean_over_its_trained_tokens_however_it_is_cut(family, tmp_path):
    made = save_tiny_model(family, tmp_path)
    if made is None:
        pytest.skip("transformers builds none without another package or model")
    truth = true_loss(made)
    model = load_trainable(tmp_path, TrainConfig(), "float32")
    whole, whole_gradient = step(model, len(LENGTHS))
    alone, alone_gradient = step(model, 1)
    assert (whole, alone) == pytest.approx((truth, truth), abs=1e-5)
    assert whole_gradient == pytest.approx(alone_gradient, rel=1e-3)
    assert whole_gradient > 0
    adapted = with_adapters(model, TrainConfig(lora=True, lora_r=2))
    fresh, gradient = step(adapted, len(LENGTHS))
    assert fresh == pytest.approx(truth, abs=1e-5)
    assert gradient > 0
