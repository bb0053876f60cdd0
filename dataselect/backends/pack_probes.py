"""Prove, when a model is loaded, that packs change nothing: by its logits, and by the attention of each kind of layer.

Logits. Three short sequences go through the model alone, by its own forward pass, and through the decoder, in one pack
where it takes packs. What rounding can move is measured on the same model in the same dtype: one sequence again, with
every linear layer as the sum of two halves, which is another order of the same sums. Each sequence is judged by the
median over its positions, since in a mixture of experts rounding may send single tokens another way. A token that sees
its neighbours in the pack, positions that continue from one sequence to the next, layers that carry a state, and logits
that are scaled in an unknown way all move logits by far more than that.

Attention. What a single layer does at the edge of its window does not show in the logits: in a model in 16 bits one
token too many in a window of 512 is as small as rounding. So the model also runs over one sequence that is longer
than its sliding window, its attention chunk and the switch of its rotary frequencies. Wherever a layer calls attention,
three answers to the same call are compared: the layer's plain attention in float64, with the mask that the model itself
made, is the truth; the attention that transformers runs by default shows what rounding alone moves; attention over
packs has to be as near. It gets the sequence behind another one, as it lies in packs, and both get it in float32 as
well as in the model's dtype.

Few rows suffice: those around every length at which something changes, and the first and the last. A kind of layer is
looked at once, and the pass ends with the last kind: of most models one to six layers are computed. Left out: lengths
over `REACH`. A window beyond it is trusted where layers hand its size over; anything else that changes there keeps a
model out of packs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dataselect.backends.attention import NAME, Bounds
from dataselect.backends.contract import TokenSequence
from dataselect.backends.pretrained import body

_LENGTHS = (5, 9, 4)
"""Tokens of the sequences; the one in the middle shows what rounding does."""

ROUNDING = 4.0
"""Times that a difference may be the one that rounding explains: of another order of the sums, or of the model's own
attention, where both are the largest of some hundred rows."""

REACH = 8192
"""Longest window that is looked at: a layer over as many tokens takes seconds on a CPU."""

EXACT = "dataselect_exact"
"""Name of the plain attention in float32."""

_BEFORE, _BEYOND, _SHORTEST = 24, 16, 40
"""Tokens of the sequence in front, tokens beyond the longest window, and the least of both."""


def probes(model: Any) -> list[TokenSequence]:  # noqa: ANN401
    """Return the probe sequences: ids from all over the vocabulary of a model."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    numbers = np.arange(1, sum(_LENGTHS) + 1, dtype=np.int32) * 7 % vocabulary
    return [TokenSequence(one) for one in np.split(numbers, np.cumsum(_LENGTHS)[:-1])]


@dataclass(frozen=True, slots=True)
class OwnLogits:
    """A model's logits of each probe alone, and the difference that rounding makes.

    Attributes:
        each: (n_tokens, vocabulary) float32 logits of each probe.
        rounding: Median relative difference by another order of the same sums.
    """

    each: Sequence[Any]
    rounding: float

    @classmethod
    def of(cls, model: Any) -> OwnLogits:  # noqa: ANN401
        """Run a model unchanged, with its own attention."""
        asked = probes(model)
        each = [_logits(model, probe) for probe in asked]
        with _sums_in_halves(model):
            again = _logits(model, asked[1])
        return cls(each, _difference(again, each[1]))

    def fault(self, found: Sequence[Any]) -> str | None:
        """Describe how other logits of the probes differ by more than rounding; None if they do not."""
        if any(one.shape != own.shape for one, own in zip(found, self.each, strict=True)):
            return "its logits have another shape than its own forward pass gives them"
        away = max(_difference(one, own) for one, own in zip(found, self.each, strict=True))
        if away <= ROUNDING * self.rounding:
            return None
        return f"its logits would differ by {away:.1e} from its own, where rounding explains {self.rounding:.1e}"


def _logits(model: Any, probe: TokenSequence) -> Any:  # noqa: ANN401
    import torch

    ids = torch.tensor(probe.ids.tolist(), device=model.device)[None]
    with torch.inference_mode():
        return model(input_ids=ids, use_cache=False).logits[0].float()


def _difference(found: Any, expected: Any) -> float:  # noqa: ANN401
    """Return the median over positions of the relative difference, each position centred over the vocabulary."""
    difference, size = ((x - x.mean(1, keepdim=True)).norm(dim=1) for x in (found - expected, expected))
    return float((difference / size).nan_to_num(nan=float("inf")).median())


@contextmanager
def _sums_in_halves(model: Any) -> Iterator[None]:  # noqa: ANN401
    """Make every linear layer add the products of the two halves of its inputs, each rounded."""
    import torch
    from transformers.pytorch_utils import Conv1D

    layers = [layer for layer in model.modules() if type(layer) in (torch.nn.Linear, Conv1D)]
    for layer in layers:
        layer.forward = _halved(layer.weight.t() if isinstance(layer, Conv1D) else layer.weight, layer.bias)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _halved(weight: Any, bias: Any) -> Any:  # noqa: ANN401
    from torch.nn.functional import linear

    half = weight.shape[1] // 2
    return lambda x: linear(x[..., :half], weight[:, :half], bias) + linear(x[..., half:], weight[:, half:])


class _SeenAllError(Exception):
    """Every kind of layer has been compared."""


@dataclass
class _Watch:
    """The observations of one pass; handed to every call of attention as an argument.

    Attributes:
        rows: (n,) queries that are compared.
        calls: Calls after which every kind of layer was seen.
        own: The attention that transformers runs by default; None where it is the plain one.
        error: Largest error of attention over packs in a row, as a share of the row's possible size, in the call
            where it is farthest from `rounding`: the same error of the model's own attention.
        windows: Sliding windows that were handed over.
    """

    rows: Any
    calls: int
    own: Any
    error: float = 0.0
    rounding: float = 1.0
    seen: int = 0
    plain: bool = False
    windows: set[int] = field(default_factory=set)

    def add(self, error: float, rounding: float) -> None:
        """Keep the call in which packs are farthest from the model's own; NaN counts as infinitely far."""
        error = error if math.isfinite(error) else math.inf
        if error * self.rounding > self.error * rounding:
            self.error, self.rounding = error, rounding


@dataclass(frozen=True, slots=True)
class AttentionCheck:
    """The result of comparing attention over packs with a model's own.

    Attributes:
        fault: The reason why packs cannot be used; None if they can.
        plain: Whether transformers' default attention leaves something out (a soft cap), so that the plain one counts.
    """

    fault: str | None
    plain: bool


def compare_attention(model: Any, switch: int | None) -> AttentionCheck:  # noqa: ANN401
    """Compare attention over packs with a model's own, which is restored afterwards.

    Args:
        switch: The length at which rotary frequencies change; None if they do not.

    Raises:
        TypeError: If attention is called with an argument that packs do not support.
    """
    import torch

    config = model.config.get_text_config()
    most = getattr(config, "max_position_embeddings", None) or sys.maxsize
    limits = {one for one in (*_lengths(config), switch) if one is not None and 1 < one < most}
    n = min(most, max([_SHORTEST, *(limit + _BEYOND for limit in limits if limit <= REACH)]))
    own = model.config._attn_implementation
    watch = _Watch(_rows(n, limits, model.device), _kinds(model), _registered(own))
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(1, n + 1, device=model.device) * 7 % vocabulary)[None]
    _register_exact()
    model.set_attn_implementation(EXACT)
    try:
        with torch.inference_mode(), suppress(_SeenAllError):
            body(model)(input_ids=ids, use_cache=False, watch=watch)
    finally:
        model.set_attn_implementation(own)
    return AttentionCheck(_fault(watch, limits), watch.plain)


def _fault(watch: _Watch, limits: Iterable[int]) -> str | None:
    beyond = sorted(limit for limit in limits if limit > REACH and limit not in watch.windows)
    if not watch.seen:
        return "its layers call no attention that could be exchanged"
    if watch.error > ROUNDING * watch.rounding:
        return f"attention over packs differs from its own by {watch.error:.1e}, rounding by {watch.rounding:.1e}"
    return f"its attention changes after {beyond[0]:,} tokens, in a way that it does not hand over" if beyond else None


def _lengths(config: Any) -> set[int]:  # noqa: ANN401
    """Return every length at which its attention may change: windows and chunks, by their names."""
    named = (value for name, value in config.to_dict().items() if "window" in name or "chunk" in name)
    return {value for value in named if isinstance(value, int)}


def _rows(n: int, limits: Iterable[int], device: Any) -> Any:  # noqa: ANN401
    import torch

    around = {limit + step for limit in limits for step in (-1, 0, 1)}
    return torch.tensor(sorted(i for i in {0, 1, 2, *range(n - 8, n), *around} if i < n), device=device)


def _kinds(model: Any) -> int:  # noqa: ANN401
    """Count the layers up to the first of the last kind; two where the configuration names no kinds."""
    kinds = getattr(model.config.get_text_config(), "layer_types", None) or [0, 1]
    return max(kinds.index(kind) for kind in set(kinds)) + 1


def _registered(name: str) -> Any:  # noqa: ANN401
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    return ALL_ATTENTION_FUNCTIONS.get(name)


def _register_exact() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(EXACT, _watched)
    AttentionMaskInterface.register(EXACT, eager_mask)


def _watched(
    module: Any,  # noqa: ANN401
    query: Any,  # noqa: ANN401
    key: Any,  # noqa: ANN401
    value: Any,  # noqa: ANN401
    attention_mask: Any,  # noqa: ANN401
    *,
    watch: _Watch | None = None,
    **others: Any,  # noqa: ANN401
) -> tuple[Any, None]:
    """Compute attention of one sequence in transformers' signature: plain in float32, or over packs where watched."""
    import torch

    if watch is None:
        exact = _plain(module, query, key, value, attention_mask, torch.float32, **others)
        return exact.to(query.dtype), None
    if attention_mask is None:
        raise TypeError("its attention gets no mask that would say what a token sees")
    watch.plain |= watch.own is None or any(others.get(name) is not None for name in ("softcap", "s_aux"))
    watch.windows |= {others["sliding_window"]} if others.get("sliding_window") else set()
    part = query[:, :, watch.rows], key, value, attention_mask[:, :, watch.rows]
    truth = _plain(module, *part, torch.float64, **others)
    size = _plain(module, *part[:2], value.abs(), part[3], torch.float64, **others).norm(dim=-1).clamp_min(1e-30)
    for dtype in {torch.float32, query.dtype}:
        found = _behind_another(module, *(one.to(dtype) for one in (query, key, value)), **others)
        own = _own(watch, module, *(one.to(dtype) for one in part), **others)
        watch.add(*(float(((one - truth).norm(dim=-1) / size).max()) for one in (found[:, watch.rows], own)))
    watch.seen += 1
    if watch.seen >= watch.calls:
        raise _SeenAllError
    return found.to(query.dtype), None


def _own(watch: _Watch, module: Any, query: Any, key: Any, value: Any, mask: Any, **others: Any) -> Any:  # noqa: ANN401
    """Compute the model's own attention in this dtype, rounding included."""
    import torch

    if watch.plain:
        return _plain(module, query, key, value, mask, torch.float32, **others).to(query.dtype)
    return watch.own(module, query, key, value, mask, **others)[0]


def _plain(module: Any, query: Any, key: Any, value: Any, mask: Any, dtype: Any, **others: Any) -> Any:  # noqa: ANN401
    """Compute (1, queries, heads, width) attention in a given dtype, by the plain function of the layer's own file."""
    plain = sys.modules[type(module).__module__].eager_attention_forward
    return plain(module, *(one.to(dtype) for one in (query, key, value, mask)), **others)[0]


def _behind_another(module: Any, query: Any, key: Any, value: Any, **others: Any) -> Any:  # noqa: ANN401
    """Compute attention over packs of a sequence that is preceded by its own first tokens."""
    import torch

    twice = (torch.cat([one[:, :, :_BEFORE], one], dim=2) for one in (query, key, value))
    ends = [0, _BEFORE, _BEFORE + query.shape[2]]
    bounds = Bounds(((0, ends[1]), (ends[1], ends[2])), torch.tensor(ends, dtype=torch.int32, device=query.device))
    return _registered(NAME)(module, *twice, None, bounds=bounds, **others)[0][:, _BEFORE:]
