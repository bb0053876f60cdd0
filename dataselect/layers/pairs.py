"""Which tensor of a tuned model belongs to which of its base, and which cannot be compared and why.

Names are matched without the wrappers that files differ in (`model.`, `transformer.`, `base_model.model.`). A model
that ties its output embedding stores it once; where only the other side stores it, it is compared with the input
embedding that it was tied to. Everything else that has no partner, another shape or no floating-point numbers is
listed, never skipped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import DataselectError
from dataselect.layers.adapter import CONFIG, Adapter
from dataselect.layers.change import LowRank
from dataselect.layers.checkpoint import PLAIN, Checkpoint, StoredTensor
from dataselect.layers.names import input_embedding, is_output_embedding, same_names


@dataclass(frozen=True, slots=True)
class Pair:
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
class Pairing:
    """All tensors of a base and a tuned model.

    Attributes:
        kind: `full model` or `LoRA adapter`.
        pairs: In the order of the base's names.
    """

    kind: str
    pairs: tuple[Pair, ...]
    not_compared: tuple[NotCompared, ...]


def pair_up(base: Checkpoint, folder: Path) -> Pairing:
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


def _full_pairs(base: Checkpoint, tuned: Checkpoint) -> Pairing:
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
            pairs.append(Pair(name, tensor, other))
    used = set(partners.values())
    refused += [NotCompared(name, "not in the base") for name in sorted(after) if name not in used]
    return Pairing("full model", tuple(pairs), tuple(refused))


def _adapter_pairs(base: Checkpoint, adapter: Adapter) -> Pairing:
    changed = adapter.matrices
    before = dict(base.tensors)
    _untie(before, base.tied, {**dict.fromkeys(changed), **adapter.whole})
    targets = {there: name for name, there in same_names([*changed, *adapter.whole], before).items()}
    pairs, refused = [], []
    for name, tensor in sorted(before.items()):
        one, reason = _of_adapter(adapter, targets.get(name), tensor)
        if reason:
            refused.append(NotCompared(name, reason))
        else:
            pairs.append(Pair(name, tensor, one))
    known = set(targets.values())
    refused += [NotCompared(name, "not in the base") for name in (*changed, *adapter.whole) if name not in known]
    return Pairing("LoRA adapter", tuple(pairs), tuple(refused))


def _of_adapter(adapter: Adapter, name: str | None, tensor: StoredTensor) -> tuple[StoredTensor | LowRank | None, str]:
    """What an adapter makes of one tensor of the base, or why that cannot be said."""
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
    """Why two tensors cannot be compared; empty if they can."""
    if tensor.shape != shape:
        return f"shape {_shown(tensor.shape)} in the base, {_shown(shape)} in the tuned model"
    stored = next((one for one in (tensor.dtype, dtype) if one not in PLAIN), None)
    return f"stored as {stored}, not as plain floating-point numbers" if stored else ""


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "of a single number"


def _untie(tensors: dict[str, StoredTensor], tied: bool, others: Mapping[str, object]) -> None:
    """Let a tied output embedding stand under its own name, where the other side has one of its own."""
    wanted = next((name for name in others if is_output_embedding(name)), None)
    source = input_embedding(tensors)
    if tied and wanted and source and not any(map(is_output_embedding, tensors)):
        tensors[wanted] = tensors[source]
