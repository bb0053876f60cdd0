"""An association without each group in turn, and without the few groups that it rests on most.

The few groups are found greedily: of all groups, the one without which the coefficient is farthest on the other side
goes first, then of what is left the next, up to a third of the groups and at most twelve. This is the idea of the
maximum-influence perturbation (Broderick, Giordano and Meager 2020, arXiv 2011.14999), with refitting in place of their
linear approximation, since a table of runs is small. Of each size with at most 5,000 sets all are tried instead, so
three of eleven groups are the worst three; beyond that a worse set may exist that the greedy search does not see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dataselect.run_analysis.run_table import Floats
from dataselect.run_analysis.within_models import mean_spearman

MOST_GROUPS = 12
"""More than so many are not few."""

MOST_SETS = 5_000
"""Of one size; all of them are tried."""

_CELLS = 2**22
"""Numbers held at once."""


def most_removed(n_groups: int) -> int:
    """Return how many of the groups may be left out: a third, at most `MOST_GROUPS`."""
    return min(n_groups // 3, MOST_GROUPS)


@dataclass(frozen=True, slots=True, eq=False)
class GreedyPath:
    """For n tables: (n, steps) group left out at each step, and the coefficient then, times the sign of the first."""

    groups: NDArray[np.int64]
    values: Floats


def members_of(codes: NDArray[np.int64], n_groups: int) -> Floats:
    """(n_groups, n_models, d): 1 where the cell is in the group."""
    return np.asarray((codes == np.arange(n_groups)[:, None, None]).astype(np.float64))


def greedy_path(x_signs: Floats, y_signs: Floats, known: Floats, members: Floats, steps: int) -> GreedyPath:
    """Leave out `steps` groups one after another.

    Args:
        x_signs, y_signs: (n, n_models, d, d); `x_signs` may have n = 1, for all.
        known: (n, n_models, d) of 1 where both sides are known, else 0.
        members: Of `members_of`.
    """
    n, at_once = len(known), max(1, _CELLS // (members.size + known[0].size * known.shape[2]))
    parts = []
    for begin in range(0, n, at_once):
        some = slice(begin, begin + at_once)
        x_part = x_signs if len(x_signs) == 1 else x_signs[some]
        parts.append(_path(x_part, y_signs[some], known[some], members, steps))
    return GreedyPath(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def _path(
    x_signs: Floats, y_signs: Floats, known: Floats, members: Floats, steps: int
) -> tuple[NDArray[np.int64], Floats]:
    sign = np.sign(mean_spearman(x_signs, y_signs, known[..., None])[:, 0])
    rows, held = np.arange(len(known)), known.copy()
    left = np.ones((len(known), len(members)), dtype=bool)
    groups, values = [], []
    kept = np.moveaxis(1.0 - members, 0, -1)
    for _ in range(steps):
        found = sign[:, None] * mean_spearman(x_signs, y_signs, held[..., None] * kept)
        chosen = np.argmin(np.where(left & np.isfinite(found), found, np.inf), axis=1)
        groups.append(chosen)
        values.append(found[rows, chosen])
        left[rows, chosen] = False
        held = held * (1.0 - members[chosen])
    shape = len(known), 0
    return (
        np.stack(groups, axis=1) if groups else np.zeros(shape, dtype=np.int64),
        np.stack(values, axis=1) if values else np.zeros(shape),
    )


def worst_sets(
    x_signs: Floats, y_signs: Floats, known: Floats, members: Floats, path: GreedyPath
) -> list[tuple[tuple[int, ...], float]]:
    """Return the worst set of each size, with its coefficient times the sign of the first, for one table.

    Args:
        path: Of that table: the worst known sets of sizes that have too many to try.
    """
    sign = float(np.sign(mean_spearman(x_signs, y_signs, known[..., None])[0, 0]))
    found = []
    for size, value in enumerate(path.values[0], start=1):
        worst = tuple(int(one) for one in path.groups[0][:size]), float(value)
        if size > 1 and math.comb(len(members), size) <= MOST_SETS:
            sets = np.array(list(combinations(range(len(members)), size)))
            kept = np.zeros((len(sets), len(members)))
            np.put_along_axis(kept, sets, 1.0, axis=1)
            values = sign * resampled(x_signs, y_signs, known, members, 1.0 - kept)
            if np.isfinite(values).any() and np.nanmin(values) < value:
                best = int(np.nanargmin(values))
                worst = tuple(int(one) for one in sets[best]), float(values[best])
        found.append(worst)
    return [one for one in found if np.isfinite(one[1])]


def without_each(x_signs: Floats, y_signs: Floats, known: Floats, members: Floats) -> Floats:
    """Return (n_groups,) coefficients of one table without each group; see `greedy_path`."""
    held = known[..., None] * np.moveaxis(1.0 - members, 0, -1)
    return np.asarray(mean_spearman(x_signs, y_signs, held)[0])


def resampled(x_signs: Floats, y_signs: Floats, known: Floats, members: Floats, counts: Floats) -> Floats:
    """Return (draws,) coefficients of one table whose groups are held (draws, n_groups) times."""
    held = known[..., None] * np.einsum("gmd,kg->mdk", members, counts)
    return np.asarray(mean_spearman(x_signs, y_signs, held)[0])
