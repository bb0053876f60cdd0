"""Join of score tables and the pool by id: which rows can be ranked, why the others cannot, and the columns.

A row is scorable when every given table has it and, where the table has a status, calls it `ok` or `truncated`. With
the same tables every strategy therefore ranks the same rows, `random` included. Each excluded row has one
reason: `without_scores`, or else the status in the first table that objects, or else `without_embedding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import ArtifactError
from dataselect.records import SCORABLE
from dataselect.selection.exclusions import Exclusions
from dataselect.selection.score_tables import ScoreTable
from dataselect.strategies.strings import Strings

WITHOUT_SCORES, WITHOUT_EMBEDDING = "without_scores", "without_embedding"


@dataclass(frozen=True, slots=True)
class JoinedScores:
    """The tables, aligned to the pool.

    Attributes:
        exclusions: Why rows cannot be ranked; the scorable ones remain.
        columns: name -> (n_pool,) float64, NaN where missing.
        not_in_pool: Distinct ids of the tables that the pool does not have.
        rendering: How the scored text was rendered; None where no table says.
        texts: name -> (n_pool,) objects, text or None where missing.
    """

    exclusions: Exclusions
    columns: Mapping[str, NDArray[np.float64]]
    not_in_pool: int
    rendering: Mapping[str, Any] | None
    texts: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)


def join(pool: Sequence[str], tables: Sequence[ScoreTable]) -> JoinedScores:
    """Align `tables` to the ids of the `pool`.

    Raises:
        ArtifactError: If a table has no id in common with the pool, or two tables disagree.
    """
    ids = Strings(pool)
    unscored, unembedded = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    statuses: dict[str, NDArray[np.bool_]] = {}
    columns: dict[str, NDArray[np.float64]] = {}
    owner: dict[str, str] = {}
    strangers: set[str] = set()
    for table in tables:
        table_ids = Strings(table.ids)
        rows = ids.rows_of(table_ids)
        known = rows >= 0
        _check_overlap(table, ids, known)
        if not known.all():
            strangers.update(table_ids.take(np.flatnonzero(~known)))
        here = np.zeros(len(ids), bool)
        here[rows[known]] = True
        missing = unembedded if table.embedded else unscored
        missing |= ~here
        _note_status(statuses, table, rows, len(ids))
        for name, values in table.columns.items():
            aligned = _aligned(values, rows, len(ids))
            columns[name] = _merge(name, columns.get(name), aligned, ids, owner.get(name, ""), table.name)
            if not np.isnan(aligned).all():  # a column of nulls alone is one of numbers only by its type
                owner.setdefault(name, table.name)
    exclusions = Exclusions(len(ids))
    exclusions.exclude(np.flatnonzero(unscored), WITHOUT_SCORES)
    for status, rows_of_it in (*statuses.items(), (WITHOUT_EMBEDDING, unembedded)):
        exclusions.exclude(np.flatnonzero(rows_of_it & (exclusions.codes == 0)), status)
    return JoinedScores(
        exclusions=exclusions,
        columns=columns,
        not_in_pool=len(strangers),
        texts=joined_texts(ids, tables, owner),
        rendering=common_rendering(tables),
    )


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


def joined_texts(
    ids: Strings, tables: Sequence[ScoreTable], owner: Mapping[str, str]
) -> dict[str, NDArray[np.object_]]:
    """Join the columns of texts; each row's value is that of the first table that has one.

    Args:
        owner: The columns that have numbers, and the table of each.

    Raises:
        ArtifactError: If two tables have different texts for a row, or one has numbers where the other has texts. The
            status is that of the first table, whatever the others say.
    """
    texts: dict[str, NDArray[np.object_]] = {}
    owners: dict[str, str] = {}
    for table in tables:
        rows = ids.rows_of(Strings(table.ids))
        for name, values in table.texts.items():
            if name in owner:
                raise ArtifactError(
                    f"{owner[name]} has numbers in the column {name} and {table.name} has texts", "give one of the two"
                )
            aligned = _aligned(values, rows, len(ids))
            first = texts.get(name)
            if first is not None and name == "status":
                texts[name] = np.where(_missing(first), aligned, first)
            else:
                texts[name] = _merge(name, first, aligned, ids, owners.get(name, ""), table.name)
            owners.setdefault(name, table.name)
    return texts


def _aligned(values: NDArray[Any], rows: NDArray[np.int64], number: int) -> NDArray[Any]:
    """Put each value at its row of `number` rows; -1 is no row. Other rows are missing: None, or NaN of numbers."""
    aligned = np.full(number, None if values.dtype == object else np.nan, values.dtype)
    aligned[rows[rows >= 0]] = values[rows >= 0]
    return aligned


def _merge(name: str, first: NDArray[Any] | None, second: NDArray[Any], ids: Strings, *tables: str) -> NDArray[Any]:
    """Take each row's value of the first table that has one; both columns hold numbers, or both texts."""
    if first is None:
        return second
    clash = np.flatnonzero((first != second) & ~_missing(first) & ~_missing(second))
    if len(clash):
        at = clash[0]
        raise ArtifactError(
            f"{tables[0]} and {tables[1]} disagree in the column {name} for {len(clash):,} rows, the first being "
            f"{ids[at]!r}: {_shown(first[at])} and {_shown(second[at])}",
            "give one of the two",
        )
    return np.where(_missing(first), second, first)


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype == object:
        return np.array([value is None for value in values.tolist()], bool)
    missing: NDArray[np.bool_] = np.isnan(values)
    return missing


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else f"{value:.6g}"


def common_rendering(tables: Sequence[ScoreTable]) -> Mapping[str, Any] | None:
    """Return the one rendering of all tables that record one.

    Raises:
        ArtifactError: If two differ: a model could not be trained as both were scored.
    """
    named = [table for table in tables if table.rendering is not None]
    for table in named[1:]:
        if table.rendering != named[0].rendering:
            ours, theirs = named[0].rendering or {}, table.rendering or {}
            different = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
            raise ArtifactError(
                f"{named[0].name} and {table.name} were scored with different renderings ({', '.join(different)})",
                "score both with the same model and template options" + (" and --date" if "date" in different else ""),
            )
    return named[0].rendering if named else None
