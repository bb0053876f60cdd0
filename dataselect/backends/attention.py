"""Attention over packs, as an attention function that transformers' own models call.

Transformers keeps a registry of attention functions. Under a name without a maker of masks a model builds no mask and
hands over queries, keys, values and whatever else attention depends on: a sliding window, a soft cap, sinks. Each
sequence of the pack then attends to itself alone. On a GPU in 16 bits PyTorch's variable-length FlashAttention takes
the whole pack at once; elsewhere each sequence is a call of its own, to PyTorch's fused kernel. Soft caps (Gemma 2) and
sinks (gpt-oss) are in no fused kernel of PyTorch, and transformers' own "sdpa" leaves a soft cap out; they are written
out here, in float32. A sliding window is walked in blocks of queries, each with the keys that its queries can see, so
that cost and memory grow with the window and not with the square of the length.

An argument of unknown meaning is refused, and so is a mask: the loader of the model then runs it without packs.

Shapes: queries (1, heads, n, width); keys and values (1, key heads, n, width), where key heads divide heads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

NAME = "dataselect_packed"

_WITHOUT_EFFECT = {
    "dropout", "position_ids", "position_embeddings", "use_cache", "past_key_values", "cache_position",
    "output_attentions", "output_hidden_states", "output_router_logits", "return_dict",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """The boundaries of the sequences of a pack.

    Attributes:
        places: First token and end of each sequence.
        tensor: (n_sequences + 1,) int32, the same on the model's device.
    """

    places: tuple[tuple[int, int], ...]
    tensor: Any

    @property
    def longest(self) -> int:
        """The tokens of the longest sequence."""
        return max(end - begin for begin, end in self.places)


def register() -> None:
    """Register the function with transformers; calling it again changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)


def packed_attention(
    module: Any,  # noqa: ANN401
    query: Any,  # noqa: ANN401
    key: Any,  # noqa: ANN401
    value: Any,  # noqa: ANN401
    attention_mask: Any,  # noqa: ANN401
    *,
    bounds: Bounds,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Any = None,  # noqa: ANN401
    **others: Any,  # noqa: ANN401
) -> tuple[Any, None]:
    """Compute causal attention of each sequence of a pack to itself. The signature is transformers'.

    Args:
        query: (1, heads, n_tokens, width); keys and values may have fewer heads.
        scaling: Factor of the scores; None for 1 / sqrt(width).
        sliding_window: How many tokens a token sees, itself included.
        softcap: Bound that scores are bent to by a tanh.
        s_aux: (heads,) score of each head's sink, a key without a value.

    Returns:
        (1, n_tokens, heads, width of the values), and None for the weights.

    Raises:
        TypeError: If it is called with an argument that this function does not support.
    """
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    unknown = sorted(name for name, given in others.items() if given is not None and name not in _WITHOUT_EFFECT)
    if not causal or attention_mask is not None or unknown:
        raise TypeError(f"attention over packs is causal, takes no mask and does not support {', '.join(unknown)}")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    plain = softcap is None and s_aux is None
    if plain and (kernel := _variable_length(query, value)):
        window = (-1, 0) if sliding_window is None else (sliding_window - 1, 0)
        return kernel(query, key, value, bounds, scale, window), None
    out = query.new_empty((1, query.shape[2], query.shape[1], value.shape[-1]))
    for begin, end in bounds.places:
        one = query[:, :, begin:end], key[:, :, begin:end], value[:, :, begin:end]
        done = fused(*one, scale, sliding_window) if plain else written_out(*one, scale, sliding_window, softcap, s_aux)
        out[:, begin:end] = done.transpose(1, 2)
    return out, None


def _variable_length(query: Any, value: Any) -> Callable[..., Any] | None:  # noqa: ANN401
    """Return the kernel for whole packs, where it supports these heads and runs here."""
    width = query.shape[-1]
    fits = query.is_cuda and query.element_size() == 2 and width == value.shape[-1] <= 256 and width % 8 == 0
    return _kernel() if fits else None


@functools.cache
def _kernel() -> Callable[..., Any] | None:
    """Return PyTorch's variable-length FlashAttention, if this PyTorch has it with windows and this GPU runs it."""
    import torch

    try:
        from torch.nn.attention.varlen import varlen_attn

        two, ends = torch.zeros(2, 1, 64, dtype=torch.bfloat16, device="cuda"), torch.tensor([0, 2], dtype=torch.int32)
        ends = ends.to("cuda")
        varlen_attn(two, two, two, ends, ends, 2, 2, scale=1.0, window_size=(-1, 0), enable_gqa=True)
    except (ImportError, TypeError, RuntimeError):
        return None

    def run(query: Any, key: Any, value: Any, bounds: Bounds, scale: float, window: tuple[int, int]) -> Any:  # noqa: ANN401
        rows = (one[0].transpose(0, 1) for one in (query, key, value))
        ends, longest = bounds.tensor, bounds.longest
        options = {"scale": scale, "window_size": window, "enable_gqa": True}
        return varlen_attn(*rows, ends, ends, longest, longest, **options)[None]

    return run


_BLOCK = 1024
"""Queries at once."""


def fused(query: Any, key: Any, value: Any, scale: float, window: int | None) -> Any:  # noqa: ANN401
    """Compute attention without soft cap and sinks by PyTorch's fused kernel.

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
    """Compute attention with a soft cap, with sinks, or both, in float32.

    Args:
        softcap: Scores s become softcap * tanh(s / softcap).
        sinks: (heads,) one further score per head that takes a share of the softmax and has no value.

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
    """Yield first query, end of the queries, and first key that any of them sees, of each block."""
    for first in range(0, n, _BLOCK):
        yield first, min(first + _BLOCK, n), 0 if window is None else max(0, first - window + 1)


def _seen(first: int, last: int, low: int, window: int | None, device: Any) -> Any:  # noqa: ANN401
    """Return a (queries, keys) mask: True where a query sees a key."""
    import torch

    back = torch.arange(first, last, device=device)[:, None] - torch.arange(low, last, device=device)
    return (back >= 0) if window is None else (back >= 0) & (back < window)
