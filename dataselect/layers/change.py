"""The change of one tensor, from the tensor before and either the tensor after or the factors of the difference.

Three sums determine everything but the spectrum:

    a = sum W^2,  b = sum W D,  c = sum D^2          D = W' - W
    relative change   sqrt(c / a)
    cosine            (a + b) / sqrt(a (a + 2 b + c))                     of W and W', as vectors
    angle             atan2(sqrt(c - b^2 / a), (a + b) / sqrt(a))         the same in degrees, accurate where the cosine
                                                                          is 1 to all digits

They add up over tensors, so a layer's numbers are those of all its weights as one vector. Both tensors are read in
parts along the longer side, of at most 2^20 weights, in float64; what stays in memory is the Gram matrix of the smaller
side. From LoRA factors D = L R follow b = sum (L^T W) R, part by part, and c from their QR decompositions: the product
is never made.

The singular values s_1 >= s_2 >= ... of D say how many directions the change has:

    effective rank   exp(-sum p_i ln p_i), p_i = s_i / sum s       (Roy and Vetterli 2007, EUSIPCO)
    stable rank      ||D||_F^2 / s_1^2                             (Rudelson and Vershynin 2007, J. ACM 54:21)
    rank 90          fewest singular values that hold 90 % of ||D||_F^2

The effective rank is 1 for a change along one direction, and the number of singular values where all are equal; the
stable rank measures the energy and is never above the rank. For a full change the squares of the singular values are
the eigenvalues of the Gram matrix of the smaller side, in float64: a k x k matrix and no copy of the change. Singular
values below about 1e-6 of the largest are lost in that and count as 0. For low-rank factors they come from the two
small triangles of their QR decompositions, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.layers.checkpoints import LowRank, StoredTensor

_PART = 2**20
"""Weights of one tensor in memory at once."""


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
        """True if every weight was a finite number."""
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
    """The axis along which a tensor is read in parts: the longer of two, else the first."""
    return 1 if len(shape) == 2 and shape[1] > shape[0] else 0


def _parts(tensor: StoredTensor) -> Iterator[tuple[tuple[int, int], NDArray[np.float64]]]:
    axis = _axis(tensor.shape)
    length = tensor.shape[axis] if tensor.shape else 1
    step = max(1, _PART * length // max(1, math.prod(tensor.shape)))
    for begin in range(0, length, step):
        end = min(begin + step, length)
        yield (begin, end), tensor.part(axis, begin, end)


KEPT = 16
"""Singular values that are stored."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """The singular values of a change, summarised; `largest` holds at most `KEPT`, descending."""

    effective_rank: float
    stable_rank: float
    rank_90: int
    largest: tuple[float, ...]


def add_gram(gram: NDArray[np.float64], piece: NDArray[np.float64], rows: bool) -> NDArray[np.float64]:
    """Add a part of the change to its Gram matrix, in place: only the lower triangle, and no second matrix.

    Args:
        gram: (k, k) in Fortran's order.
        piece: (k, p) with `rows`, for the products of rows; else (p, k), for those of columns.
    """
    from scipy.linalg.blas import dsyrk

    transposed = np.ascontiguousarray(piece).T  # in Fortran's order, without a copy
    added: NDArray[np.float64] = dsyrk(1.0, transposed, beta=1.0, c=gram, trans=int(rows), lower=True, overwrite_c=True)
    return added


def from_gram(gram: NDArray[np.float64], longer: int) -> Spectrum | None:
    """The spectrum behind the lower triangle of a Gram matrix, which is overwritten; None for no change.

    Args:
        gram: (k, k) of D D^T or D^T D.
        longer: The longer side of D, for what float64 can resolve.
    """
    from scipy.linalg import eigh

    squares = eigh(gram, lower=True, eigvals_only=True, overwrite_a=True, check_finite=False)[::-1]
    resolved = squares[0] * longer * np.finfo(np.float64).eps if squares[0] > 0 else 0.0
    return summarise(np.sqrt(np.where(squares > resolved, squares, 0.0)))


def from_factors(left: NDArray[np.float64], right: NDArray[np.float64]) -> Spectrum | None:
    """The spectrum of `left @ right`, (m, r) and (r, n); None for no change."""
    return summarise(np.asarray(np.linalg.svd(core(left, right), compute_uv=False), np.float64))


def core(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """A small matrix with the singular values of `left @ right`, the others being 0."""
    of_left: NDArray[np.float64] = np.linalg.qr(left).R
    of_right: NDArray[np.float64] = np.linalg.qr(right.T).R
    return of_left @ of_right.T


def summarise(values: NDArray[np.float64]) -> Spectrum | None:
    """Summarise descending singular values; None where all are 0."""
    if not len(values) or values[0] <= 0:
        return None
    scaled = values / values[0]  # squares of tiny values would underflow
    shares = scaled[scaled > 0] / scaled.sum()
    energy = np.cumsum(scaled**2)
    return Spectrum(
        effective_rank=float(np.exp(-(shares * np.log(shares)).sum())),
        stable_rank=float(energy[-1]),
        rank_90=int(np.searchsorted(energy, 0.9 * energy[-1])) + 1,
        largest=tuple(float(value) for value in values[values > 0][:KEPT]),
    )
