"""What one order, or one filter, of a pool with planted defects is worth, kind by kind.

Of a copy and its original the one with the worse place stands for the defect, the other for nothing: either may stay,
and a strategy that keeps one of the two has done right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from defect_kinds import CLEAN, COPIES, KINDS, SPOILED, Row
from defect_measures import auc, auc_within, recall

Cell = dict[str, Any]
BUDGETS = (50, 10)
ANY = "any spoiled response"


def standing(pool: list[Row], place: dict[str, float]) -> dict[str, list[str]]:
    """The ids that stand for each kind: of a copy and its original the one with the worse place."""
    found: dict[str, list[str]] = {kind: [] for kind in (CLEAN, *KINDS)}
    copied = {row.twin for row in pool if row.twin}
    for row in pool:
        if row.kind in COPIES:
            found[row.kind].append(max((row.id, row.twin), key=lambda id_: place[id_]))
        elif row.id not in copied:
            found[row.kind].append(row.id)
    found[ANY] = [id_ for kind in SPOILED for id_ in found[kind]]
    return found


def judged(pool: list[Row], place: dict[str, float], bins: dict[str, int]) -> Cell:
    """All measures of one order, kind by kind."""
    found = standing(pool, place)

    def of(ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
        return np.array([place[id_] for id_ in ids]), np.array([bins[id_] for id_ in ids])

    clean, clean_bins = of(found.pop(CLEAN))
    cell: Cell = {}
    for kind, ids in found.items():
        if ids:
            where, in_bins = of(ids)
            cell[kind] = {"auc": auc(clean, where), "auc_within": auc_within(clean, clean_bins, where, in_bins)}
            cell[kind] |= {f"recall_{percent}": recall(where, len(pool), percent) for percent in BUDGETS}
    return cell


def sieved(pool: list[Row], out: set[str]) -> Cell:
    """The share of each kind that a filter removes; of a copy and its original one is enough."""
    copied = {row.twin for row in pool if row.twin}
    gone: dict[str, list[bool]] = {}
    for row in pool:
        if row.id not in copied:
            gone.setdefault(row.kind, []).append(row.id in out or (row.kind in COPIES and row.twin in out))
    return {kind: {"removed": float(np.mean(each))} for kind, each in gone.items()}


def length_bins(scores: Path, pool: list[Row]) -> dict[str, int]:
    """The decile of response tokens of each row of a pool; rows without scores are in the first."""
    import pyarrow.parquet as pq

    from dataselect.selection import LengthBins

    table = pq.read_table(scores / "scores.parquet", columns=["id", "response_tokens"])
    tokens = dict(zip(table["id"].to_pylist(), table["response_tokens"].to_pylist(), strict=True))
    lengths = np.array([tokens[row.id] for row in pool], np.float64)
    return dict(zip((row.id for row in pool), LengthBins(10).assign(lengths).tolist(), strict=True))
