"""One tuned model against its base: the change of every tensor, of every layer, and of every kind of matrix.

A layer's change is that of all its weights as one vector, so large matrices count for more and an adapter's untouched
norms count as unchanged. Its ranks are means over its changed matrices. `share` is the layer's part of the squared
change of the whole model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from dataselect.layers.change import NOTHING, Change, Spectrum, Sums, full_change, low_rank_change, unchanged
from dataselect.layers.checkpoints import Checkpoint, LowRank
from dataselect.layers.pairs import NotCompared, TensorPair, TensorPlace, pair_up, places, position

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


@dataclass(frozen=True, slots=True)
class TensorChange:
    """One tensor: where it stands and how it changed."""

    name: str
    place: TensorPlace
    shape: tuple[int, ...]
    sums: Sums
    spectrum: Spectrum | None

    @property
    def kind(self) -> str:
        """The module without its layer; the numbers of experts are replaced by `*`."""
        return _NUMBER.sub("*", self.place.module).removesuffix(".weight")


@dataclass(frozen=True, slots=True)
class PartChange:
    """Some tensors as one: a layer, a kind of matrix, or the whole model.

    Attributes:
        share: Of the squared change of the whole model; None if nothing changed.
        effective_rank, stable_rank: Means over its changed matrices; None without any.
    """

    sums: Sums
    share: float | None
    effective_rank: float | None
    stable_rank: float | None


@dataclass(frozen=True, slots=True)
class LayerChange:
    """One layer; `position` is its relative depth, 0 to 1."""

    layer: int
    position: float
    change: PartChange


@dataclass(frozen=True, slots=True)
class RunChange:
    """A tuned model against its base.

    Attributes:
        kind: `full model` or `LoRA adapter`.
    """

    name: str
    kind: str
    whole: PartChange
    layers: tuple[LayerChange, ...]
    kinds: dict[str, PartChange]
    tensors: tuple[TensorChange, ...]
    not_compared: tuple[NotCompared, ...]

    @property
    def middle_share(self) -> float | None:
        """The part of the layers' squared change that lies in the middle third of the depths."""
        moved = sum(one.change.sums.change for one in self.layers)
        middle = sum(one.change.sums.change for one in self.layers if 1 / 3 <= one.position <= 2 / 3)
        return middle / moved if moved > 0 else None

    @property
    def mean_spectrum(self) -> tuple[float, ...]:
        """The largest singular values as shares of the first, mean over changed matrices; empty without any."""
        spectra = [one.spectrum.largest for one in self.tensors if one.spectrum is not None]
        longest = max(map(len, spectra), default=0)
        return tuple(
            sum(values[i] / values[0] for values in spectra if i < len(values)) / len(spectra) for i in range(longest)
        )

    @property
    def matrices(self) -> dict[str, dict[int, float | None]]:
        """Kind of matrix -> layer -> relative change of its matrices of that kind together."""
        found: dict[str, dict[int, Sums]] = {}
        for one in self.tensors:
            if one.place.layer is not None and len(one.shape) > 1:
                row = found.setdefault(one.kind, {})
                row[one.place.layer] = row.get(one.place.layer, NOTHING) + one.sums
        return {kind: {layer: sums.relative for layer, sums in row.items()} for kind, row in found.items()}


def compare_run(
    base: Checkpoint, name: str, folder: Path, spectra: bool, tick: Callable[[str], None] = lambda tensor: None
) -> RunChange:
    """Compare one tuned model or adapter with its base, tensor by tensor.

    Args:
        spectra: Whether to compute singular values, which is most of the work for full models.
        tick: Called with the name of every tensor that is done.

    Raises:
        DataselectError: If files cannot be read, or nothing can be compared.
    """
    pairing = pair_up(base, folder)
    sizes = {pair.name: math.prod(pair.base.shape) for pair in pairing.pairs}
    where = places(sizes)
    tensors, refused = [], list(pairing.not_compared)
    for pair in pairing.pairs:
        change = _change(pair, spectra)
        tick(pair.name)
        if change.sums.finite:
            tensors.append(TensorChange(pair.name, where[pair.name], pair.base.shape, change.sums, change.spectrum))
        else:
            refused.append(NotCompared(pair.name, "holds values that are no finite numbers"))
    return _summed(name, pairing.kind, tensors, refused)


def _change(pair: TensorPair, spectra: bool) -> Change:
    if pair.tuned is None:
        return unchanged(pair.base)
    if isinstance(pair.tuned, LowRank):
        return low_rank_change(pair.base, pair.tuned, spectra)
    return full_change(pair.base, pair.tuned, spectra)


def _summed(name: str, kind: str, tensors: Sequence[TensorChange], refused: Sequence[NotCompared]) -> RunChange:
    whole = _part(tensors, None)
    numbers = sorted({one.place.layer for one in tensors if one.place.layer is not None})
    depth = numbers[-1] + 1 if numbers else 0
    layers = tuple(
        LayerChange(layer, position(layer, depth), _part((t for t in tensors if t.place.layer == layer), whole))
        for layer in numbers
    )
    layers_first = sorted(tensors, key=lambda t: (t.place.layer is None, t.place.module))
    names = dict.fromkeys(t.kind for t in layers_first)
    kinds = {kind: _part((t for t in tensors if t.kind == kind), whole) for kind in names}
    return RunChange(name, kind, whole, layers, kinds, tuple(tensors), tuple(refused))


def _part(tensors: Iterable[TensorChange], whole: PartChange | None) -> PartChange:
    chosen = list(tensors)
    sums = reduce(Sums.__add__, (one.sums for one in chosen), NOTHING)
    total = sums.change if whole is None else whole.sums.change
    spectra = [one.spectrum for one in chosen if one.spectrum is not None]
    return PartChange(
        sums,
        sums.change / total if total > 0 else None,
        _mean([one.effective_rank for one in spectra]),
        _mean([one.stable_rank for one in spectra]),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
