"""Join score tables to the pool by id: which rows can be ranked, why the others cannot, and the columns.

A row is scorable when every given table has it and, where the table has a status, calls it `ok` or `truncated`. With
the same tables every strategy therefore ranks the same rows, `random` included. Each row that is left out has one
reason: `without_scores`, or else the status in the first table that objects, or else `without_embedding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import ArtifactError
from dataselect.records import SCORABLE
from dataselect.selection.fates import Fates
from dataselect.selection.tables import ScoreTable
from dataselect.strategies.strings import Strings

WITHOUT_SCORES, WITHOUT_EMBEDDING = "without_scores", "without_embedding"


@dataclass(frozen=True, slots=True)
class JoinedScores:
    """The tables, aligned to the pool.

    Attributes:
        fates: Why rows cannot be ranked; the scorable ones are still in.
        columns: name -> (n_pool,) float64, NaN where missing.
        not_in_pool: Distinct ids of the tables that the pool does not have.
        rendering: How the scored text was rendered; None where no table says.
    """

    fates: Fates
    columns: Mapping[str, NDArray[np.float64]]
    not_in_pool: int
    rendering: Mapping[str, Any] | None


def join(pool: Sequence[str], tables: Sequence[ScoreTable]) -> JoinedScores:
    """Align `tables` to the ids of the `pool`.

    Raises:
        ArtifactError: If a table has no id in common with the pool, or two tables disagree.
    """
    ids = Strings(pool)
    absent, bare = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    statuses: dict[str, NDArray[np.bool_]] = {}
    columns: dict[str, NDArray[np.float64]] = {}
    owner: dict[str, str] = {}
    strangers: set[str] = set()
    for table in tables:
        given = Strings(table.ids)
        rows = ids.rows_of(given)
        known = rows >= 0
        _check_overlap(table, ids, known)
        if not known.all():
            strangers.update(given.take(np.flatnonzero(~known)))
        here = np.zeros(len(ids), bool)
        here[rows[known]] = True
        missing = bare if table.embedded else absent
        missing |= ~here
        _note_status(statuses, table, rows, len(ids))
        for name, values in table.columns.items():
            aligned = np.full(len(ids), np.nan)
            aligned[rows[known]] = values[known]
            columns[name] = _merge(name, columns.get(name), aligned, ids, owner.get(name, ""), table.name)
            owner.setdefault(name, table.name)
    fates = Fates(len(ids))
    fates.leave(np.flatnonzero(absent), WITHOUT_SCORES)
    for status, rows_of_it in (*statuses.items(), (WITHOUT_EMBEDDING, bare)):
        fates.leave(np.flatnonzero(rows_of_it & (fates.codes == 0)), status)
    return JoinedScores(fates, columns, len(strangers), common_rendering(tables))


def _check_overlap(table: ScoreTable, ids: Strings, known: NDArray[np.bool_]) -> None:
    if not table.ids:
        raise ArtifactError(f"{table.name} has no rows", "give the scores of this pool")
    if not known.any():
        raise ArtifactError(
            f"{table.name} and the pool have no id in common: {table.ids[0]!r} there, {ids[0]!r} in the pool",
            "give the scores of this pool, with the same --id-column and --prefix-ids",
        )


def _note_status(
    statuses: dict[str, NDArray[np.bool_]], table: ScoreTable, rows: NDArray[np.int64], number: int
) -> None:
    """Mark the rows of each status that is not scorable; a row that an earlier table marked keeps that."""
    if table.status is None:
        return
    codes, names = Strings(table.status).encoded()
    marked = np.logical_or.reduce([np.zeros(number, bool), *statuses.values()])
    for code, name in enumerate(names):
        if name not in SCORABLE:
            here = np.zeros(number, bool)
            here[rows[(codes == code) & (rows >= 0)]] = True
            statuses[name] = statuses.get(name, np.zeros(number, bool)) | (here & ~marked)


def _merge(
    name: str, first: NDArray[np.float64] | None, second: NDArray[np.float64], ids: Strings, *tables: str
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
