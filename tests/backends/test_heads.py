"""The vocabulary head against full logits in float64."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dataselect.backends.heads import VocabularyHead
from dataselect.errors import DataselectError

WIDTH = 16


def head_of(weight, bias=None, **config) -> VocabularyHead:
    """The head of a model that has this projection and these settings."""
    settings = SimpleNamespace(**config)
    settings.get_text_config = lambda: settings
    projection = SimpleNamespace(weight=weight, bias=bias)
    return VocabularyHead(SimpleNamespace(get_output_embeddings=lambda: projection, config=settings))


def in_full(hidden, weight, targets, bias=None) -> tuple[np.ndarray, np.ndarray]:
    logits = hidden.double().numpy() @ weight.double().numpy().T + (0 if bias is None else bias.double().numpy())
    chosen = logits[np.arange(len(targets)), targets]
    top = logits.max(1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(1))
    return chosen - total, (logits >= chosen[:, None]).sum(1)


def scored(head, hidden, targets, ranks=True):
    import torch

    with torch.inference_mode():
        logprobs, found = head.score(hidden, torch.as_tensor(targets), ranks)
    return logprobs.numpy(), found.numpy()


@pytest.mark.parametrize("size", [1, 3, 1023, 1024, 1025, 2500])
@pytest.mark.parametrize("biased", [False, True])
def test_tiles_give_what_full_logits_give(size, biased):
    import torch

    torch.manual_seed(size)
    weight, bias = torch.randn(size, WIDTH), torch.randn(size) if biased else None
    targets = np.unique(np.clip([0, 1, 500, 1022, 1023, 1024, 2047, 2048, size - 1], 0, size - 1))
    hidden = torch.randn(len(targets), WIDTH)
    logprobs, ranks = scored(head_of(weight, bias), hidden, targets)
    expected, expected_ranks = in_full(hidden, weight, targets, bias)
    np.testing.assert_allclose(logprobs, expected, atol=1e-5)
    np.testing.assert_array_equal(ranks, expected_ranks)


def test_more_positions_than_fit_at_once():
    import torch

    torch.manual_seed(0)
    weight, hidden = torch.randn(50, WIDTH), torch.randn(2500, WIDTH)
    targets = np.random.default_rng(0).integers(0, 50, 2500)
    logprobs, ranks = scored(head_of(weight), hidden, targets)
    expected, expected_ranks = in_full(hidden, weight, targets)
    np.testing.assert_allclose(logprobs, expected, atol=1e-5)
    assert (ranks != expected_ranks).mean() < 0.001


def test_uniform_logits_are_the_vocabulary():
    import torch

    logprobs, ranks = scored(head_of(torch.zeros(3000, WIDTH)), torch.randn(3, WIDTH), [0, 1500, 2999])
    np.testing.assert_allclose(logprobs, -np.log(3000), atol=1e-6)
    assert ranks.tolist() == [3000, 3000, 3000]  # every entry has a logit at or above the target's


def test_a_target_counts_itself_and_its_equals():
    # rows 7 and 2000 are the same: whichever is the target, two entries are at or above it
    import torch

    torch.manual_seed(1)
    weight = torch.randn(2500, WIDTH) * 0.01
    weight[7] = weight[2000] = torch.ones(WIDTH)
    logprobs, ranks = scored(head_of(weight), torch.ones(2, WIDTH), [7, 2000])
    assert ranks.tolist() == [2, 2]
    assert logprobs[0] == pytest.approx(-np.log(2), abs=1e-3)


def test_logits_far_apart_neither_overflow_nor_vanish():
    import torch

    weight = torch.zeros(1500, 1)
    weight[0], weight[1400] = 1e4, -1e4
    logprobs, ranks = scored(head_of(weight), torch.ones(3, 1), [0, 5, 1400])
    assert logprobs.tolist() == [0.0, -1e4, -2e4]
    assert ranks.tolist() == [1, 1499, 1500]


def test_entries_that_can_never_be_chosen_do_no_harm():
    import torch

    bias = torch.zeros(1100)
    bias[1024:] = -torch.inf
    logprobs, _ = scored(head_of(torch.zeros(1100, WIDTH), bias), torch.randn(1, WIDTH), [3])
    assert logprobs[0] == pytest.approx(-np.log(1024), abs=1e-5)


def test_bfloat16_logits_are_rounded_as_the_model_rounds_them_and_summed_in_float32():
    import torch

    torch.manual_seed(2)
    weight, hidden = torch.randn(2500, 64).bfloat16(), torch.randn(40, 64).bfloat16()
    targets = torch.arange(0, 2500, 63)[:40]
    logits = torch.nn.functional.linear(hidden, weight).double()
    chosen = logits.gather(1, targets[:, None])
    logprobs, ranks = scored(head_of(weight), hidden, targets)
    np.testing.assert_allclose(logprobs, (chosen[:, 0] - logits.logsumexp(1)).numpy(), atol=1e-5)
    np.testing.assert_array_equal(ranks, (logits >= chosen).sum(1).numpy())


def test_caps_and_scales_are_applied():
    import torch

    torch.manual_seed(3)
    weight, hidden = torch.randn(50, WIDTH), torch.randn(4, WIDTH)
    targets = torch.tensor([0, 9, 30, 49])
    plain = hidden @ weight.T
    for config, logits in (
        ({"final_logit_softcapping": 0.8}, 0.8 * torch.tanh(plain / 0.8)),
        ({"logit_scale": 0.25}, plain * 0.25),
        ({"logits_scaling": 4.0}, plain / 4.0),
    ):
        expected = logits.log_softmax(1).gather(1, targets[:, None])[:, 0]
        np.testing.assert_allclose(scored(head_of(weight, **config), hidden, targets)[0], expected.numpy(), atol=1e-5)


def test_no_positions_no_answers():
    import torch

    logprobs, ranks = scored(head_of(torch.randn(9, WIDTH)), torch.zeros(0, WIDTH), np.zeros(0, np.int64))
    assert logprobs.shape == ranks.shape == (0,)


def test_without_ranks_there_are_none():
    import torch

    assert scored(head_of(torch.randn(9, WIDTH)), torch.randn(2, WIDTH), [1, 2], ranks=False)[1].tolist() == [0, 0]


def test_a_model_without_a_head_is_refused():
    with pytest.raises(DataselectError, match="no vocabulary head"):
        VocabularyHead(SimpleNamespace(get_output_embeddings=lambda: None))
