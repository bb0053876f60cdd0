import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from dataselect.errors import DataselectError, UsageError
from dataselect.pool import Renderer
from dataselect.records import Example, Message
from dataselect.stage import StageDirectory
from dataselect.training.config import TrainConfig
from dataselect.training.loop import LOG, check_tracker, fit
from dataselect.training.model import load_trainable
from dataselect.training.rows import make_train_set


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def train_set(builtin):
    examples = [
        Example(str(i), "p", {}, (Message("user", f"Count {i} sheep."), Message("assistant", "One sheep. " * (i + 1))))
        for i in range(6)
    ]
    return make_train_set(examples, Renderer(builtin))


def run(builtin, train_set, folder, **settings):
    config = TrainConfig(**{"warmup_ratio": 0.0, "learning_rate": 1e-3, **settings})
    model = load_trainable(builtin, config, "float32")
    steps = []
    with StageDirectory("train", folder, {}, {}) as stage:
        trained = fit(model, train_set, config, "float32", stage, steps.append)
    return model, trained, steps


def test_the_first_loss_is_the_mean_nll_of_the_trained_tokens(builtin, train_set, tmp_path):
    _, trained, steps = run(builtin, train_set, tmp_path, max_steps=1, batch_size=6, micro_batch_size=2)
    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()
    total, tokens = 0.0, 0
    for row in train_set.rows:  # one row at a time, one token at a time
        ids = torch.tensor(row.input_ids[None].astype(np.int64))
        with torch.no_grad():
            logprobs = model(ids).logits[0].double().log_softmax(-1)
        for position in np.flatnonzero(row.labels != -100):
            total -= float(logprobs[position - 1, row.input_ids[position]])
            tokens += 1
    assert steps[0].loss == pytest.approx(total / tokens, abs=1e-5)
    assert trained.final_loss == steps[0].loss
    assert tokens == train_set.response_tokens + train_set.end_tokens


def test_steps_tokens_and_log_agree(builtin, train_set, tmp_path):
    config = TrainConfig(epochs=2, batch_size=4)
    _, trained, steps = run(builtin, train_set, tmp_path, epochs=2, batch_size=4)
    assert trained.steps == len(steps) == config.num_steps(6) == steps[0].of == 4
    assert trained.tokens == steps[-1].tokens == 2 * train_set.total_tokens
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert [line["loss"] for line in lines] == [step.loss for step in steps]
    assert lines[0]["learning_rate"] == 1e-3  # no warm-up was asked for
    assert set(lines[0]) == {"step", "loss", "learning_rate", "tokens"}


def test_a_step_does_not_depend_on_how_it_is_cut(builtin, train_set, tmp_path):
    whole, _, at_once = run(builtin, train_set, tmp_path / "whole", max_steps=2, batch_size=6, micro_batch_size=6)
    cut, _, in_parts = run(builtin, train_set, tmp_path / "cut", max_steps=2, batch_size=6, micro_batch_size=1)
    assert [step.loss for step in in_parts] == pytest.approx([step.loss for step in at_once], abs=1e-5)
    moved = max(float((a - b).detach().abs().max()) for a, b in zip(whole.parameters(), cut.parameters(), strict=True))
    assert moved < 1e-4  # two steps of 1e-3 move a weight by up to 2e-3


def test_a_diverging_training_is_an_error(builtin, train_set, tmp_path):
    with pytest.raises(DataselectError, match="diverged") as caught:
        run(builtin, train_set, tmp_path, max_steps=3, learning_rate=1e30)
    assert "learning rate" in caught.value.hint


def test_an_unknown_tracker_is_refused():
    check_tracker("none")
    with pytest.raises(UsageError, match="paper-diary"):
        check_tracker("paper-diary")
