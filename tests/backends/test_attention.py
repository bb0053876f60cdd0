"""Attention of one sequence against the formula, token by token in float64."""

from __future__ import annotations

import numpy as np
import pytest

from dataselect.backends.attention import Bounds, fused, packed_attention, written_out

HEADS, WIDTH, SCALE = 4, 8, 0.3


def random_heads(n: int, key_heads: int = HEADS):
    import torch

    torch.manual_seed(n)
    return (
        torch.randn(1, HEADS, n, WIDTH), torch.randn(1, key_heads, n, WIDTH), torch.randn(1, key_heads, n, WIDTH),
    )  # fmt: skip


def by_the_formula(query, key, value, window=None, softcap=None, sinks=None) -> np.ndarray:
    """softmax(scores) values, one query at a time; head h uses key head h // (heads per key head)."""
    q, k, v = (one[0].double().numpy() for one in (query, key, value))
    n, per = q.shape[1], q.shape[0] // k.shape[0]
    out = np.zeros((q.shape[0], n, v.shape[2]))
    for h in range(q.shape[0]):
        for i in range(n):
            low = 0 if window is None else max(0, i - window + 1)
            scores = k[h // per, low : i + 1] @ q[h, i] * SCALE
            if softcap is not None:
                scores = softcap * np.tanh(scores / softcap)
            weights = np.exp(scores)
            sink = 0.0 if sinks is None else np.exp(float(sinks[h]))
            out[h, i] = weights @ v[h // per, low : i + 1] / (weights.sum() + sink)
    return out


@pytest.mark.parametrize("window", [None, 1, 7, 40, 41])
@pytest.mark.parametrize("key_heads", [1, 2, 4])
def test_fused_attention_is_the_formula(window, key_heads):
    heads = random_heads(40, key_heads)
    np.testing.assert_allclose(fused(*heads, SCALE, window)[0].numpy(), by_the_formula(*heads, window), atol=1e-5)


@pytest.mark.parametrize(("window", "softcap", "sunk"), [(None, 0.5, False), (7, None, True), (7, 0.5, True)])
def test_soft_caps_and_sinks_are_the_formula(window, softcap, sunk):
    import torch

    heads, sinks = random_heads(40, 2), torch.tensor([0.5, -1.0, 2.0, 0.0]) if sunk else None
    found = written_out(*heads, SCALE, window, softcap, sinks)[0]
    np.testing.assert_allclose(found.numpy(), by_the_formula(*heads, window, softcap, sinks), atol=1e-5)


@pytest.mark.parametrize("window", [50, 1500])
def test_the_seam_between_blocks_of_queries_is_invisible(window):
    # blocks are 1,024 queries: 2,100 tokens are three, and a window of 1,500 reaches over a whole block
    import torch

    query, key, value = (one[:, :1] for one in random_heads(2100))
    back = torch.arange(2100)[:, None] - torch.arange(2100)
    mask = ((back >= 0) & (back < window)).expand(1, 1, -1, -1)
    whole = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=SCALE)
    torch.testing.assert_close(fused(query, key, value, SCALE, window), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(written_out(query, key, value, SCALE, window, None, None), whole, atol=1e-5, rtol=0)


def packed(heads, places, **options):
    import torch

    ends = torch.tensor([places[0][0], *(end for _, end in places)], dtype=torch.int32)
    return packed_attention(None, *heads, None, bounds=Bounds(tuple(places), ends), scaling=SCALE, **options)[0]


def test_each_sequence_of_a_pack_sees_itself_alone():
    heads = random_heads(60, 2)
    found = packed(heads, [(0, 1), (1, 24), (24, 60)], position_ids=None, use_cache=False)
    assert found.shape == (1, 60, HEADS, WIDTH)
    for begin, end in ((0, 1), (1, 24), (24, 60)):
        part = [one[:, :, begin:end] for one in heads]
        expected = by_the_formula(*part).transpose(1, 0, 2)
        np.testing.assert_allclose(found[0, begin:end].numpy(), expected, atol=1e-5)


def test_values_of_another_width_than_keys_are_taken():
    # multi-head latent attention has them
    query, key, value = random_heads(20)
    found = packed((query, key, value[..., :5]), [(0, 8), (8, 20)])
    assert found.shape == (1, 20, HEADS, 5)


def test_what_is_not_computed_is_refused():
    import torch

    heads = random_heads(4)
    with pytest.raises(TypeError, match="position_bias"):
        packed(heads, [(0, 4)], position_bias=torch.zeros(1))
    with pytest.raises(TypeError, match="causal"):
        packed(heads, [(0, 4)], is_causal=False)
    with pytest.raises(TypeError, match="no mask"):
        packed_attention(None, *heads, torch.zeros(4, 4), bounds=Bounds(((0, 4),), None))
