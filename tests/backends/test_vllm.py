"""The vLLM backend, with the real engine, against the transformers backend in float32.

A process that used the engine ends by itself: its exit must not wait for the engine's process for ever.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dataselect.backends import TokenSequence
from dataselect.pool import PoolReader, Renderer, rolling_windows
from dataselect.records import Example

pytestmark = pytest.mark.vllm

TOLERANCE = 1e-4  # nats per token


@pytest.fixture(scope="module")
def sequences() -> list[TokenSequence]:
    rng = np.random.default_rng(0)
    return [
        TokenSequence(np.concatenate(([0], rng.integers(4, 8192, n))).astype(np.int32))
        for n in [1, 2, 15, 16, 17, 31, 33, 64, 100, 250, 513, 1022]
    ]


def largest_difference(a, b) -> float:
    return max(float(np.nanmax(np.abs(x.logprobs - y.logprobs))) for x, y in zip(a, b, strict=True))


def test_agrees_with_transformers_token_by_token(vllm_backend, transformers_backend, sequences):
    ours, reference = vllm_backend.score(sequences), transformers_backend.score(sequences)
    assert largest_difference(ours, reference) < TOLERANCE
    assert [np.isnan(s.logprobs).sum() for s in ours] == [1] * len(sequences)
    differing = sum((a.ranks != b.ranks).sum() for a, b in zip(ours, reference, strict=True))
    assert differing < 0.01 * sum(len(s.ids) for s in sequences)


def test_order_and_neighbours_change_nothing(vllm_backend, sequences):
    # vLLM issues 42019, 11778: with prefix caching on, prompt log-probabilities have depended on the order of requests
    shared = sequences[8].ids
    family = [TokenSequence(np.concatenate((shared[:64], s.ids[:9])).astype(np.int32)) for s in sequences]
    together = vllm_backend.score(family)
    backwards = vllm_backend.score(family[::-1])[::-1]
    alone = [vllm_backend.score([s])[0] for s in family]
    assert largest_difference(together, backwards) < TOLERANCE
    assert largest_difference(together, alone) < TOLERANCE


def test_the_longest_sequence_that_fits_is_scored(vllm_backend):
    # P23: one token has to be generated, so a prompt of exactly the model's positions would be refused
    ids = np.concatenate(([0], np.full(vllm_backend.max_length - 1, 100))).astype(np.int32)
    assert len(ids) == 1023
    assert np.isfinite(vllm_backend.score([TokenSequence(ids)])[0].logprobs[1:]).all()


def test_a_sequence_without_anything_to_score_gets_nothing(vllm_backend):
    scores = vllm_backend.score([TokenSequence(np.array([7], np.int32)), TokenSequence(np.array([0, 7], np.int32))])
    assert np.isnan(scores[0].logprobs).all()
    assert np.isfinite(scores[1].logprobs[1])


def test_only_what_is_asked_for_is_returned(vllm_backend, sequences):
    whole = sequences[8]
    part = vllm_backend.score([TokenSequence(whole.ids, 50)])[0]
    assert np.isnan(part.logprobs[:50]).all()
    np.testing.assert_allclose(part.logprobs[50:], vllm_backend.score([whole])[0].logprobs[50:], atol=TOLERANCE)


def test_real_rows_of_four_pools_agree(vllm_backend, transformers_backend, builtin, shared_data):
    names = (
        "alpaca__alpaca_5000.json", "gsm8k__train.jsonl", "long_is_more__fastchat_lima_1k.json",
        "sgd_dialogues__sgd_messages_dev.jsonl",
    )  # fmt: skip
    renderer = Renderer(builtin)
    asked = []
    for name in names:
        reader = PoolReader([str(shared_data / "pools" / name)], limit=25)
        rendered = renderer.render([r for r in reader if isinstance(r, Example)])
        assert len(rendered) == 25
        for one in rendered:
            ids = one.token_ids[: renderer.max_length]
            asked += [TokenSequence(ids[w.begin : w.end]) for w in rolling_windows(len(ids), renderer.max_length)]
    assert largest_difference(vllm_backend.score(asked), transformers_backend.score(asked)) < TOLERANCE


CODE = """
import weakref  # a finalizer made before multiprocessing is imported is what once let the exit hang
class Thing: pass
thing = Thing(); weakref.finalize(thing, print)
from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.models import model_path
import numpy as np
if __name__ == "__main__":
    keep = load_backend("vllm", model_path(), BackendOptions("float32", max_length=64))
    print(len(keep.score([TokenSequence(np.array([0, 5, 6], np.int32))])))
"""


@pytest.mark.vllm
@pytest.mark.usefixtures("vllm_installed")
def test_the_process_ends_while_the_engine_is_still_held(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(CODE)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[0] == "1"
