"""The change of one tensor, from the tensor before and either the tensor after or the factors of the difference.

Three sums say all of it but the spectrum:

    a = sum W^2,  b = sum W D,  c = sum D^2          D = W' - W
    relative change   sqrt(c / a)
    cosine            (a + b) / sqrt(a (a + 2 b + c))                     of W and W', as vectors
    angle             atan2(sqrt(c - b^2 / a), (a + b) / sqrt(a))         the same in degrees, sharp where the cosine is
                                                                          1 to all digits

They add up over tensors, so a layer's numbers are those of all its weights as one vector. Both tensors go by in parts
along the longer side, of at most 2^20 weights, in float64; what stays in memory is the Gram matrix of the smaller side
(see `spectrum`). From LoRA factors D = L R follow b = sum (L^T W) R, part by part, and c from their QR decompositions:
the product is never made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.layers.checkpoint import StoredTensor
from dataselect.layers.spectrum import Spectrum, add_gram, core, from_factors, from_gram

_PART = 2**20
"""Weights of one tensor in memory at once."""


@dataclass(frozen=True, slots=True)
class LowRank:
    """A change given as `left @ right`, (m, r) and (r, n) float64, the adapter's scale included."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the change."""
        return len(self.left), self.right.shape[1]


@dataclass(frozen=True, slots=True)
class Sums:
    """The three sums over some weights, and how many these are."""

    weights: int
    base: float
    cross: float
    change: float

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.weights + other.weights, self.base + other.base, self.cross + other.cross, self.change + other.change
        )

    @property
    def finite(self) -> bool:
        """Whether every weight was a number."""
        return math.isfinite(self.base) and math.isfinite(self.cross) and math.isfinite(self.change)

    @property
    def relative(self) -> float | None:
        """||W' - W|| / ||W||; None where W is 0."""
        return math.sqrt(self.change / self.base) if self.base > 0 else None

    @property
    def cosine(self) -> float | None:
        """Of W and W'; None where one of them is 0."""
        after = self.base + 2 * self.cross + self.change
        if self.base <= 0 or after <= 0:
            return None
        return max(-1.0, min(1.0, (self.base + self.cross) / math.sqrt(self.base * after)))

    @property
    def angle(self) -> float | None:
        """Between W and W', in degrees; None where one of them is 0."""
        if self.cosine is None:
            return None
        across = max(self.change - self.cross**2 / self.base, 0.0)
        return math.degrees(math.atan2(math.sqrt(across), (self.base + self.cross) / math.sqrt(self.base)))


NOTHING = Sums(0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one tensor; `spectrum` is None for vectors, for no change, and where it was not asked for."""

    sums: Sums
    spectrum: Spectrum | None


def unchanged(base: StoredTensor) -> Change:
    """A tensor that the tuned model shares."""
    total = sum(_dot(piece, piece) for _, piece in _parts(base))
    return Change(Sums(math.prod(base.shape), total, 0.0, 0.0), None)


def full_change(base: StoredTensor, tuned: StoredTensor, with_spectrum: bool) -> Change:
    """The change between two stored tensors of one shape."""
    axis = _axis(base.shape)
    wanted = with_spectrum and len(base.shape) == 2 and min(base.shape) > 0
    side = min(base.shape) if wanted else 0
    gram = np.zeros((side, side), order="F")
    sums = NOTHING
    for (begin, end), before in _parts(base):
        change = tuned.part(axis, begin, end)
        change -= before
        sums += Sums(before.size, _dot(before, before), _dot(before, change), _dot(change, change))
        if wanted:
            gram = add_gram(gram, change, rows=axis == 1)
    spectrum = from_gram(gram, max(base.shape)) if wanted and sums.finite else None
    return Change(sums, spectrum)


def low_rank_change(base: StoredTensor, change: LowRank, with_spectrum: bool) -> Change:
    """The change that factors make to a stored matrix of their shape."""
    squares, cross = 0.0, 0.0
    axis = _axis(base.shape)
    for (begin, end), before in _parts(base):
        left = change.left[begin:end] if axis == 0 else change.left
        right = change.right if axis == 0 else change.right[:, begin:end]
        squares += _dot(before, before)
        cross += _dot(left.T @ before, right)
    moved = float((core(change.left, change.right) ** 2).sum())
    sums = Sums(math.prod(base.shape), squares, cross, moved)
    spectrum = from_factors(change.left, change.right) if with_spectrum and sums.finite else None
    return Change(sums, spectrum)


def _dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.vdot(one, other))


def _axis(shape: tuple[int, ...]) -> int:
    """The axis along which a tensor goes by: the longer of two, else the first."""
    return 1 if len(shape) == 2 and shape[1] > shape[0] else 0


def _parts(tensor: StoredTensor) -> Iterator[tuple[tuple[int, int], NDArray[np.float64]]]:
    axis = _axis(tensor.shape)
    length = tensor.shape[axis] if tensor.shape else 1
    step = max(1, _PART * length // max(1, math.prod(tensor.shape)))
    for begin in range(0, length, step):
        end = min(begin + step, length)
        yield (begin, end), tensor.part(axis, begin, end)
