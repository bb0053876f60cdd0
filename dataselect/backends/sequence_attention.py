"""Causal attention of one sequence to itself: by PyTorch's fused kernel, or as it is written in the papers.

A sliding window is walked in blocks of queries, each with the keys that its queries can see, so that cost and memory
grow with the window and not with the square of the length. Soft caps (Gemma 2) and sinks (gpt-oss) are in no fused
kernel of PyTorch, and transformers' own "sdpa" leaves a soft cap out; they are written out here, in float32.

Shapes: queries (1, heads, n, width); keys and values (1, key heads, n, width), where key heads divide heads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_BLOCK = 1024
"""Queries at once."""


def fused(query: Any, key: Any, value: Any, scale: float, window: int | None) -> Any:  # noqa: ANN401
    """Attention without soft cap and sinks.

    Args:
        window: How many tokens a token sees, itself included; None for all before it.

    Returns:
        (1, heads, n, width).
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention as attend

    grouped = {"scale": scale, "enable_gqa": query.shape[1] != key.shape[1]}
    if window is None or query.shape[2] <= window:
        return attend(query, key, value, is_causal=True, **grouped)
    done = []
    for first, last, low in _blocks(query.shape[2], window):
        seen = _seen(first, last, low, window, query.device)
        part = attend(query[:, :, first:last], key[:, :, low:last], value[:, :, low:last], attn_mask=seen, **grouped)
        done.append(part)
    return torch.cat(done, dim=2)


def written_out(
    query: Any,  # noqa: ANN401
    key: Any,  # noqa: ANN401
    value: Any,  # noqa: ANN401
    scale: float,
    window: int | None,
    softcap: float | None,
    sinks: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Attention with a soft cap, with sinks, or both.

    Args:
        softcap: Scores s become softcap * tanh(s / softcap).
        sinks: (heads,) one further score per head that takes its share of the softmax and brings no value.

    Returns:
        (1, heads, n, width).
    """
    import torch

    groups = query.shape[1] // key.shape[1]
    key, value = key.float().repeat_interleave(groups, 1), value.float().repeat_interleave(groups, 1)
    done = []
    for first, last, low in _blocks(query.shape[2], window):
        scores = query[:, :, first:last].float() @ key[:, :, low:last].transpose(2, 3) * scale
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        scores = scores.masked_fill(~_seen(first, last, low, window, query.device), -torch.inf)
        if sinks is not None:
            extra = sinks.float()[None, :, None, None].expand(1, -1, last - first, 1)
            scores = torch.cat([scores, extra], dim=3)
        weights = scores.softmax(3)[..., : last - low]
        done.append(weights @ value[:, :, low:last])
    return torch.cat(done, dim=2).to(query.dtype)


def _blocks(n: int, window: int | None) -> Iterator[tuple[int, int, int]]:
    """First query, end of the queries, and first key that any of them sees, of each block."""
    for first in range(0, n, _BLOCK):
        yield first, min(first + _BLOCK, n), 0 if window is None else max(0, first - window + 1)


def _seen(first: int, last: int, low: int, window: int | None, device: Any) -> Any:  # noqa: ANN401
    """(queries, keys) whether a query sees a key."""
    import torch

    back = torch.arange(first, last, device=device)[:, None] - torch.arange(low, last, device=device)
    return (back >= 0) if window is None else (back >= 0) & (back < window)
