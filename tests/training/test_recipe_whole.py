"""Nothing shapes a training unseen: clipping is a setting, and the loop is what a plain one in PyTorch makes of it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from dataselect.cli import run
from dataselect.pool import Renderer
from dataselect.records import Example, Message
from dataselect.stage import StageDirectory
from dataselect.training.config import TrainConfig
from dataselect.training.loop import FIXED, fit
from dataselect.training.model import load_trainable
from dataselect.training.rows import make_train_set

RATE, STEPS = 1e-3, 4


@pytest.fixture(scope="module")
def train_set(builtin):
    examples = [
        Example(str(i), "p", {}, (Message("user", f"Count {i} sheep."), Message("assistant", "One sheep. " * (i + 1))))
        for i in range(4)
    ]
    return make_train_set(examples, Renderer(builtin))


def trained(builtin, train_set, folder, **settings):
    config = TrainConfig(
        learning_rate=RATE, warmup_ratio=0.0, max_steps=STEPS, batch_size=4, micro_batch_size=4, **settings
    )
    model, steps = load_trainable(builtin, config, "float32"), []
    with StageDirectory("train", folder, {}, {}) as stage:
        fit(model, train_set, config, "float32", stage, steps.append)
    return dict(model.named_parameters()), [step.loss for step in steps]


def plain(builtin, train_set, longest, decay=0.0):
    """The same rows in one batch: mean NLL, gradients cut to a length, AdamW by its formula, a cosine to 0."""
    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).train()
    params = dict(model.named_parameters())
    means = {name: torch.zeros_like(p) for name, p in params.items()}
    squares = {name: torch.zeros_like(p) for name, p in params.items()}
    losses, lengths = [], []
    for step in range(1, STEPS + 1):
        total, tokens = 0.0, 0
        for row in train_set.rows:
            ids, labels = torch.tensor(row.input_ids.astype(np.int64)), torch.tensor(row.labels.astype(np.int64))
            logprobs = model(ids[None]).logits[0, :-1].log_softmax(-1)
            counted = labels[1:] != -100
            total = total - logprobs[counted].gather(1, labels[1:][counted][:, None]).sum()
            tokens += int(counted.sum())
        model.zero_grad()
        (total / tokens).backward()
        losses.append(float(total.detach() / tokens))
        length = math.sqrt(sum(float((p.grad.double() ** 2).sum()) for p in params.values() if p.grad is not None))
        lengths.append(length)
        scale = min(1.0, longest / (length + 1e-6)) if longest else 1.0
        rate = RATE * (1 + math.cos(math.pi * (step - 1) / STEPS)) / 2
        with torch.no_grad():
            for name, p in params.items():
                if p.grad is None:
                    continue
                grad = p.grad * scale
                means[name] = FIXED["adam_beta1"] * means[name] + (1 - FIXED["adam_beta1"]) * grad
                squares[name] = FIXED["adam_beta2"] * squares[name] + (1 - FIXED["adam_beta2"]) * grad**2
                mean = means[name] / (1 - FIXED["adam_beta1"] ** step)
                square = squares[name] / (1 - FIXED["adam_beta2"] ** step)
                if decay and p.ndim > 1:
                    p.mul_(1 - rate * decay)
                p.sub_(rate * mean / (square.sqrt() + FIXED["adam_epsilon"]))
    return params, losses, lengths


def farthest(a, b):
    return max(float((a[name].detach() - b[name].detach()).abs().max()) for name in b)


@pytest.mark.parametrize(("longest", "decay"), [(0.0, 0.0), (0.05, 0.0), (1.0, 0.1)], ids=["none", "short", "one"])
def test_a_training_is_what_a_plain_loop_makes_of_its_settings(builtin, train_set, tmp_path, longest, decay):
    found, losses = trained(builtin, train_set, tmp_path / "a", max_grad_norm=longest, weight_decay=decay)
    expected, by_hand, _ = plain(builtin, train_set, longest, decay)
    assert losses == pytest.approx(by_hand, abs=2e-4)
    # Adam divides by the size of gradients, so that where one is nearly 0 its rounding moves a weight by up to the rate;
    # four steps move a weight by up to 2.5e-3
    moved = torch.cat([(found[n] - expected[n]).detach().abs().flatten() for n in expected])
    assert float(moved.median()) < 2e-6
    assert float((moved > 1e-4).float().mean()) < 0.01


def test_the_length_to_which_gradients_are_cut_changes_the_weights(builtin, train_set, tmp_path):
    _, _, lengths = plain(builtin, train_set, 0.0)
    assert max(lengths) > 1.0  # so that the default cuts
    assert max(lengths) / min(lengths) > 1.05  # else Adam, which forgets the scale, would not see it
    default, _ = trained(builtin, train_set, tmp_path / "default")
    one, _ = trained(builtin, train_set, tmp_path / "one", max_grad_norm=1.0)
    none, _ = trained(builtin, train_set, tmp_path / "none", max_grad_norm=0.0)
    assert farthest(default, one) == 0.0
    assert farthest(default, none) > 1e-5


def test_what_the_trainer_is_given_is_what_it_runs_with(tmp_path):
    from dataselect.training.loop import _arguments

    made = _arguments(TrainConfig(max_grad_norm=0.25), 10, "float32", tmp_path)
    assert made.max_grad_norm == 0.25
    for name, value in FIXED.items():
        assert getattr(made, name) == value, name
    unseen = ("neftune_noise_alpha", "lr_scheduler_kwargs", "optim_args", "data_seed", "group_by_length")
    assert not any(getattr(made, name, None) for name in unseen)


def test_the_manifest_holds_every_setting_and_another_clipping_is_another_training(tmp_path, capfd):
    pool = tmp_path / "rows.jsonl"
    pool.write_text("".join(json.dumps({"prompt": f"q{n}", "response": "yes " * n}) + "\n" for n in range(1, 5)))
    out = tmp_path / "tuned"
    command = ["train", str(pool), "--model", "builtin", "--max-steps", "1", "--out", str(out)]
    assert run([*command, "--max-grad-norm", "0.5"]) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["training"]["max_grad_norm"] == 0.5
    assert manifest["training"]["fixed"] == FIXED
    assert run([*command, "--max-grad-norm", "2"]) == 1
    assert "max_grad_norm" in capfd.readouterr().err
    assert run([*command, "--max-grad-norm", "-1"]) == 1
    assert "max_grad_norm should be at least 0, got -1" in capfd.readouterr().err
