"""Attention over packs, as an attention function that transformers' own models call.

Transformers keeps a registry of attention functions. Under a name without a maker of masks a model builds no mask and
hands over queries, keys, values and whatever else attention depends on: a sliding window, a soft cap, sinks. Each
sequence of the pack then attends to itself alone. On a GPU in 16 bits PyTorch's variable-length FlashAttention takes
the whole pack at once; elsewhere each sequence is a call of its own (`sequence_attention`).

An argument of unknown meaning is refused, and so is a mask: whoever loads a model then runs it without packs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataselect.backends.sequence_attention import fused, written_out

NAME = "dataselect_packed"

_WITHOUT_EFFECT = {
    "dropout", "position_ids", "position_embeddings", "use_cache", "past_key_values", "cache_position",
    "output_attentions", "output_hidden_states", "output_router_logits", "return_dict",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the sequences of a pack lie.

    Attributes:
        places: First token and end of each sequence.
        tensor: (n_sequences + 1,) int32, the same on the model's device.
    """

    places: tuple[tuple[int, int], ...]
    tensor: Any

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(end - begin for begin, end in self.places)


def register() -> None:
    """Make the function known to transformers; doing it again changes nothing."""
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
    """Causal attention of each sequence of a pack to itself. The signature is transformers'.

    Args:
        query: (1, heads, n_tokens, width); keys and values may have fewer heads.
        scaling: Factor of the scores; None for 1 / sqrt(width).
        sliding_window: How many tokens a token sees, itself included.
        softcap: Bound that scores are bent to by a tanh.
        s_aux: (heads,) score of each head's sink, a key without a value.

    Returns:
        (1, n_tokens, heads, width of the values), and None for the weights.

    Raises:
        TypeError: If something is asked for that this function does not compute.
    """
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    unknown = sorted(name for name, given in others.items() if given is not None and name not in _WITHOUT_EFFECT)
    if not causal or attention_mask is not None or unknown:
        raise TypeError(f"attention over packs is causal, takes no mask and does not know {', '.join(unknown)}")
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
    """The kernel for whole packs, where these heads fit it and it runs here."""
    width = query.shape[-1]
    fits = query.is_cuda and query.element_size() == 2 and width == value.shape[-1] <= 256 and width % 8 == 0
    return _kernel() if fits else None


@functools.cache
def _kernel() -> Callable[..., Any] | None:
    """PyTorch's variable-length FlashAttention, if this PyTorch has it with windows and this GPU runs it."""
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
