"""Join score tables to the pool by id: which rows can be ranked, why the others cannot, and the columns.

A row is scorable when every given table has it and, where the table has a status, calls it `ok` or `truncated`. With
the same tables every strategy therefore ranks the same rows, `random` included. Each row that is left out is counted
under one reason: without scores, or else the status in the first table that objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import ArtifactError
from dataselect.records import SCORABLE
from dataselect.selection.tables import ScoreTable


@dataclass(frozen=True, slots=True)
class JoinedScores:
    """The tables, aligned to the pool.

    Attributes:
        scorable: (n_pool,) bool.
        columns: name -> (n_pool,) float64, NaN where missing.
        without_scores: Pool rows that some table does not have.
        unscorable: status -> pool rows left out for it.
        not_in_pool: Distinct ids of the tables that the pool does not have.
        rendering: How the scored text was rendered; None where no table says.
    """

    scorable: NDArray[np.bool_]
    columns: Mapping[str, NDArray[np.float64]]
    without_scores: int
    unscorable: Mapping[str, int]
    not_in_pool: int
    rendering: Mapping[str, Any] | None


def join(ids: Sequence[str], tables: Sequence[ScoreTable]) -> JoinedScores:
    """Align `tables` to the pool's `ids`.

    Raises:
        ArtifactError: If a table has no id in common with the pool, or two tables disagree.
    """
    index = {id_: row for row, id_ in enumerate(ids)}
    absent = np.zeros(len(ids), bool)
    reasons: dict[int, str] = {}
    columns: dict[str, NDArray[np.float64]] = {}
    owner: dict[str, str] = {}
    strangers: set[str] = set()
    for table in tables:
        rows = np.fromiter((index.get(id_, -1) for id_ in table.ids), np.int64, len(table.ids))
        known = rows >= 0
        _check_overlap(table, ids, known)
        strangers.update(id_ for id_ in table.ids if id_ not in index)
        here = np.zeros(len(ids), bool)
        here[rows[known]] = True
        absent |= ~here
        _note_status(reasons, table, rows)
        for name, values in table.columns.items():
            aligned = np.full(len(ids), np.nan)
            aligned[rows[known]] = values[known]
            columns[name] = _merge(name, columns.get(name), aligned, ids, owner.get(name, ""), table.name)
            owner.setdefault(name, table.name)
    unscorable = Counter(reason for row, reason in reasons.items() if not absent[row])
    scorable = ~absent
    scorable[list(reasons)] = False
    return JoinedScores(
        scorable, columns, int(absent.sum()), dict(sorted(unscorable.items())), len(strangers), common_rendering(tables)
    )


def _check_overlap(table: ScoreTable, ids: Sequence[str], known: NDArray[np.bool_]) -> None:
    if not table.ids:
        raise ArtifactError(f"{table.name} has no rows", "give the scores of this pool")
    if not known.any():
        raise ArtifactError(
            f"{table.name} and the pool have no id in common: {table.ids[0]!r} there, {ids[0]!r} in the pool",
            "give the scores of this pool, with the same --id-column and --prefix-ids",
        )


def _note_status(reasons: dict[int, str], table: ScoreTable, rows: NDArray[np.int64]) -> None:
    if table.status is not None:
        for row, status in zip(rows.tolist(), table.status, strict=True):
            if row >= 0 and status not in SCORABLE:
                reasons.setdefault(row, status)


def _merge(
    name: str, first: NDArray[np.float64] | None, second: NDArray[np.float64], ids: Sequence[str], *tables: str
) -> NDArray[np.float64]:
    if first is None:
        return second
    clash = np.flatnonzero((first != second) & ~np.isnan(first) & ~np.isnan(second))
    if len(clash):
        at = clash[0]
        raise ArtifactError(
            f"{tables[0]} and {tables[1]} disagree in the column {name} for {len(clash):,} rows, the first being "
            f"{ids[at]!r}: {first[at]:.6g} and {second[at]:.6g}",
            "give one of the two",
        )
    return np.where(np.isnan(first), second, first)


def common_rendering(tables: Sequence[ScoreTable]) -> Mapping[str, Any] | None:
    """The one rendering of all tables that name one.

    Raises:
        ArtifactError: If two differ: a model could not be trained as both were scored.
    """
    named = [table for table in tables if table.rendering is not None]
    for table in named[1:]:
        if table.rendering != named[0].rendering:
            raise ArtifactError(
                f"{named[0].name} and {table.name} were scored with different renderings",
                "score both with the same model and template options",
            )
    return named[0].rendering if named else None
