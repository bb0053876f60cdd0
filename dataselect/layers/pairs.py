"""Pairs of the tensors of a base and a tuned model, the layer of each, and the tensors that cannot be compared and why.

Names are matched without the wrappers in which files differ (`model.`, `transformer.`, `base_model.model.`). A model
that ties its output embedding stores it once; where only the other side stores it, it is compared with the input
embedding that it was tied to. Every other tensor without a partner, with another shape or without floating-point
numbers is listed, never skipped in silence.

A name such as `model.layers.7.mlp.up_proj.weight` is a stack (`model.layers`), a layer (7) and a module
(`mlp.up_proj.weight`). Of several stacks (a vision tower beside a language model) the one with the most weights is the
model's; the others stand outside the layers. The position of layer l of L is its relative depth l / (L - 1), 0 for the
first and 1 for the last (0 where there is only one), so that models of different depth share one axis.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import DataselectError
from dataselect.layers.checkpoints import CONFIG, PLAIN, Adapter, Checkpoint, LowRank, StoredTensor


@dataclass(frozen=True, slots=True)
class TensorPair:
    """A tensor of the base and what became of it: another tensor, factors of its change, or None for nothing."""

    name: str
    base: StoredTensor
    tuned: StoredTensor | LowRank | None


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A tensor without numbers, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class TensorPairing:
    """All tensors of a base and a tuned model.

    Attributes:
        kind: `full model` or `LoRA adapter`.
        pairs: In the order of the base's names.
    """

    kind: str
    pairs: tuple[TensorPair, ...]
    not_compared: tuple[NotCompared, ...]


def pair_up(base: Checkpoint, folder: Path) -> TensorPairing:
    """Pair the tensors of a base with those of a tuned model or an adapter.

    Raises:
        DataselectError: If the folder holds neither, or no tensor of it can be compared.
    """
    if (folder / CONFIG).exists():
        found = _adapter_pairs(base, Adapter(folder))
    else:
        found = _full_pairs(base, Checkpoint(folder))
    if not any(pair.tuned is not None for pair in found.pairs):
        first = found.not_compared[0] if found.not_compared else NotCompared("it", "no weights")
        raise DataselectError(
            f"no weight of {folder} can be compared with {base.folder}: {first.name}: {first.reason}",
            "give the base that this model was tuned from",
        )
    return found


def _full_pairs(base: Checkpoint, tuned: Checkpoint) -> TensorPairing:
    before, after = dict(base.tensors), dict(tuned.tensors)
    _untie(before, base.tied, after)
    _untie(after, tuned.tied, before)
    partners = same_names(before, after)
    pairs, refused = [], []
    for name, tensor in sorted(before.items()):
        other = after.get(partners.get(name, ""))
        reason = "not in the tuned model" if other is None else _difference(tensor, other.shape, other.dtype)
        if other is None or reason:
            refused.append(NotCompared(name, reason))
        else:
            pairs.append(TensorPair(name, tensor, other))
    used = set(partners.values())
    refused += [NotCompared(name, "not in the base") for name in sorted(after) if name not in used]
    return TensorPairing("full model", tuple(pairs), tuple(refused))


def _adapter_pairs(base: Checkpoint, adapter: Adapter) -> TensorPairing:
    changed = adapter.matrices
    before = dict(base.tensors)
    _untie(before, base.tied, {**dict.fromkeys(changed), **adapter.whole})
    targets = {of_base: name for name, of_base in same_names([*changed, *adapter.whole], before).items()}
    pairs, refused = [], []
    for name, tensor in sorted(before.items()):
        one, reason = _of_adapter(adapter, targets.get(name), tensor)
        if reason:
            refused.append(NotCompared(name, reason))
        else:
            pairs.append(TensorPair(name, tensor, one))
    known = set(targets.values())
    refused += [NotCompared(name, "not in the base") for name in (*changed, *adapter.whole) if name not in known]
    return TensorPairing("LoRA adapter", tuple(pairs), tuple(refused))


def _of_adapter(adapter: Adapter, name: str | None, tensor: StoredTensor) -> tuple[StoredTensor | LowRank | None, str]:
    """The tensor or change that an adapter gives for one tensor of the base, or why it cannot be compared."""
    if not tensor.floating:
        return None, f"stored as {tensor.dtype}, not as plain floating-point numbers"
    if name is None:
        return None, ""
    if name in adapter.whole:
        whole = adapter.whole[name]
        return whole, _difference(tensor, whole.shape, whole.dtype)
    factors = adapter.change(adapter.matrices[name], tensor.shape)
    return factors, "" if factors else f"the adapter's factors do not fit its shape {_shown(tensor.shape)}"


def _difference(tensor: StoredTensor, shape: tuple[int, ...], dtype: str) -> str:
    """The reason why two tensors cannot be compared; empty if they can."""
    if tensor.shape != shape:
        return f"shape {_shown(tensor.shape)} in the base, {_shown(shape)} in the tuned model"
    stored = next((one for one in (tensor.dtype, dtype) if one not in PLAIN), None)
    return f"stored as {stored}, not as plain floating-point numbers" if stored else ""


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "of a single number"


def _untie(tensors: dict[str, StoredTensor], tied: bool, others: Mapping[str, object]) -> None:
    """Add a tied output embedding under its own name, where the other side stores one."""
    wanted = next((name for name in others if is_output_embedding(name)), None)
    source = input_embedding(tensors)
    if tied and wanted and source and not any(map(is_output_embedding, tensors)):
        tensors[wanted] = tensors[source]


_IN_LAYER = re.compile(r"(?P<stack>(?:.*?\.)?(?:layers|h|blocks|block|layer))\.(?P<layer>\d+)\.(?P<module>.+)")
_WRAPPERS = ("base_model.model.", "model.", "transformer.")
_OUTPUT = ("lm_head.weight", "embed_out.weight", "output.weight")
_INPUT = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """The layer and module of a tensor: `layer` is None outside the layers, and `module` then the whole name."""

    layer: int | None
    module: str


def bare(name: str) -> str:
    """The name without the wrappers that one file may have around the model and another not."""
    while wrapper := next((one for one in _WRAPPERS if name.startswith(one)), None):
        name = name[len(wrapper) :]
    return name


def same_names(wanted: Iterable[str], available: Iterable[str]) -> dict[str, str]:
    """Map every wanted name to the available one of the same tensor; absent if there is none, or more than one."""
    exact = set(available)
    by_bare: dict[str, list[str]] = {}
    for name in exact:
        by_bare.setdefault(bare(name), []).append(name)
    found = {}
    for name in wanted:
        candidates = [name] if name in exact else by_bare.get(bare(name), [])
        if len(candidates) == 1:
            found[name] = candidates[0]
    return found


def is_output_embedding(name: str) -> bool:
    """Return whether a tensor is the output embedding, which a model may tie to its input embedding."""
    return name.endswith(_OUTPUT)


def input_embedding(names: Iterable[str]) -> str | None:
    """The name of the input embedding, if one is known as such."""
    return next((name for name in names if name.endswith(_INPUT)), None)


def places(sizes: Mapping[str, int]) -> dict[str, TensorPlace]:
    """Locate every tensor.

    Args:
        sizes: Name -> number of weights.
    """
    matches = {name: _IN_LAYER.fullmatch(name) for name in sizes}
    stacks: Counter[str] = Counter()
    for name, match in matches.items():
        if match:
            stacks[match["stack"]] += sizes[name]
    main = stacks.most_common(1)[0][0] if stacks else ""
    return {
        name: TensorPlace(int(match["layer"]), match["module"])
        if match and match["stack"] == main
        else TensorPlace(None, name)
        for name, match in matches.items()
    }


def position(layer: int, layers: int) -> float:
    """Relative depth of a layer, 0 to 1."""
    return layer / (layers - 1) if layers > 1 else 0.0
