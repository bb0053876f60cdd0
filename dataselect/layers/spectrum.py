"""How many directions a change has: its singular values, summarised.

    effective rank   exp(-sum p_i ln p_i), p_i = s_i / sum s       (Roy and Vetterli 2007, EUSIPCO)
    stable rank      ||D||_F^2 / s_1^2                             (Rudelson and Vershynin 2007, J. ACM 54:21)
    rank 90          fewest singular values that hold 90 % of ||D||_F^2

of the singular values s_1 >= s_2 >= ... of the change D. The effective rank is 1 for a change along one direction, and
the number of singular values where all are alike; the stable rank looks at the energy and is never above the rank.

For a full change the squares of the singular values are the eigenvalues of the Gram matrix of the smaller side, in
float64: a k x k matrix and no copy of the change. Singular values below about 1e-6 of the largest are lost in that and
count as 0. For low-rank factors D = L R they come from the two small triangles of their QR decompositions, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
