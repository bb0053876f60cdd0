"""The transformers backend against the slow truth: the model's own logits, one sequence at a time."""

from __future__ import annotations

import json
import shutil
import threading
import time

import numpy as np
import pytest

from dataselect.backends import BackendOptions, TokenSequence, choose_backend, load_backend
from dataselect.backends.decoder import Decoder
from dataselect.errors import DataselectError, UsageError


def random_sequences(count: int, longest: int, seed: int = 0) -> list[TokenSequence]:
    rng = np.random.default_rng(seed)
    return [
        TokenSequence(np.concatenate(([0], rng.integers(4, 8192, n))).astype(np.int32))
        for n in rng.integers(1, longest, count)
    ]


def test_agrees_with_full_logits(transformers_backend, truth):
    sequences = random_sequences(12, 120)
    for sequence, scores in zip(sequences, transformers_backend.score(sequences), strict=True):
        logprobs, ranks = truth(sequence)
        np.testing.assert_allclose(scores.logprobs[1:], logprobs, atol=1e-4)
        assert np.isnan(scores.logprobs[0])
        assert (scores.ranks[1:] != ranks).mean() < 0.01  # near ties may fall either way in float32
        assert scores.ranks[0] == 0


def test_a_batch_gives_what_each_sequence_gives_alone(transformers_backend):
    # P1, P10, P13: no padding counted, nothing averaged over a batch
    sequences = random_sequences(20, 200, seed=1)
    together = transformers_backend.score(sequences)
    for sequence, scores in zip(sequences, together, strict=True):
        alone = transformers_backend.score([sequence])[0]
        np.testing.assert_allclose(scores.logprobs, alone.logprobs, atol=2e-5)


def test_order_and_batch_size_change_nothing(builtin, transformers_backend):
    sequences = random_sequences(20, 200, seed=2)
    expected = transformers_backend.score(sequences)
    order = np.random.default_rng(3).permutation(len(sequences))
    small = load_backend("transformers", builtin, BackendOptions("float32", batch_tokens=64))
    for i, scores in zip(order, small.score([sequences[j] for j in order]), strict=True):
        np.testing.assert_allclose(scores.logprobs, expected[i].logprobs, atol=2e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_tokenizers_padding_side_changes_nothing(builtin, transformers_backend, tmp_path, side):
    folder = shutil.copytree(builtin, tmp_path / side)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "padding_side": side}))
    sequences = random_sequences(6, 80, seed=4)
    for scores, expected in zip(
        load_backend("transformers", folder, BackendOptions("float32")).score(sequences),
        transformers_backend.score(sequences),
        strict=True,
    ):
        np.testing.assert_array_equal(scores.logprobs, expected.logprobs)


def test_only_what_is_asked_for_is_scored(transformers_backend):
    whole = random_sequences(1, 90, seed=5)[0]
    start = len(whole.ids) // 2
    part = transformers_backend.score([TokenSequence(whole.ids, start)])[0]
    full = transformers_backend.score([whole])[0]
    assert np.isnan(part.logprobs[:start]).all()
    np.testing.assert_allclose(part.logprobs[start:], full.logprobs[start:], atol=2e-5)


def test_without_ranks_there_are_none(transformers_backend):
    scores = transformers_backend.score(random_sequences(2, 30), ranks=False)
    assert all((s.ranks == 0).all() for s in scores)


def test_sequences_of_one_token_have_nothing_to_score(transformers_backend):
    assert np.isnan(transformers_backend.score([TokenSequence(np.array([5], np.int32))])[0].logprobs).all()
    assert transformers_backend.score([]) == []


def test_a_soft_cap_on_the_logits_is_applied(tmp_path):
    # Gemma 2 caps its logits; leaving that out would give other numbers that look as real
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=64, final_logit_softcapping=0.5, sliding_window=32,
    )  # fmt: skip
    model = Gemma2ForCausalLM(config).eval()
    model.save_pretrained(tmp_path)
    ids = torch.arange(2, 22)
    with torch.inference_mode():
        expected = model(ids[None]).logits[0, :-1].log_softmax(-1).gather(1, ids[1:, None])[:, 0]
    scores = load_backend("transformers", tmp_path, BackendOptions("float32")).score(
        [TokenSequence(ids.numpy().astype(np.int32))]
    )[0]
    np.testing.assert_allclose(scores.logprobs[1:], expected.numpy(), atol=1e-5)


def test_bfloat16_stays_close_to_float32(builtin, transformers_backend):
    # P12: log-softmax is taken in float32, so a mean over tokens moves by thousandths, not hundredths
    sequences = random_sequences(10, 150, seed=6)
    half = load_backend("transformers", builtin, BackendOptions("bfloat16")).score(sequences)
    full = transformers_backend.score(sequences)
    differences = [abs(np.nanmean(a.logprobs) - np.nanmean(b.logprobs)) for a, b in zip(half, full, strict=True)]
    assert np.median(differences) < 2e-2


def test_wrong_models_and_names_are_told_in_one_error(builtin, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 8}')
    with pytest.raises(DataselectError, match="has no weights"):
        load_backend("transformers", tmp_path)
    with pytest.raises(UsageError, match="did you mean transformers"):
        load_backend("transformer", builtin)
    with pytest.raises(UsageError, match="float32"):
        load_backend("transformers", builtin, BackendOptions("float23"))


@pytest.fixture
def in_work(monkeypatch):
    """The most tokens that were computed at once, on a machine with four cores."""
    import torch

    hidden, lock, now, most = Decoder.hidden, threading.Lock(), [0], [0]

    def counted(self, one):
        with lock:
            now[0] += len(one.ids)
            most[0] = max(most[0], now[0])
        try:
            time.sleep(0.05)  # the other lanes come too
            return hidden(self, one)
        finally:
            with lock:
                now[0] -= len(one.ids)

    before = torch.get_num_threads()
    torch.set_num_threads(4)
    monkeypatch.setattr(Decoder, "hidden", counted)
    yield most
    torch.set_num_threads(before)


@pytest.mark.parametrize(("lengths", "tokens"), [([900] * 2 + [60] * 8, 1024), ([300] * 4, 1024), ([1000] * 3, 600)])
def test_lanes_share_the_tokens_that_may_be_computed_at_once(transformers_backend, in_work, lengths, tokens):
    # four lanes have 256 of 1,024 tokens each: two rows of 900 at once would be 1,800
    asked = [TokenSequence(np.full(n, 9, np.int32)) for n in lengths]
    transformers_backend.score(asked, ranks=False, batch_tokens=tokens)
    assert max(lengths) <= in_work[0] <= max(tokens, *lengths)


def test_auto_is_transformers_without_a_gpu():
    import torch

    assert torch.cuda.is_available() or choose_backend("auto") == "transformers"
