"""FILE.ranking.parquet: one row per row of the pool, with its place and why it is chosen or not.

    id            ascending
    source        the pool file
    stage         the last strategy that ranked the row, from 1; null for none
    place         its place in the order of that strategy, from 1
    score         what it was ranked by there; null where there is no number
    rank          its place after duplicates have left and quotas are kept: chosen rows are the first ones
    total_tokens  as the score table counts them; null where it does not
    length        of the response, in the unit that the manifest names
    reason        "" for chosen rows, else the exclusion reason (`exclusions`)
    because       for duplicates the id of the row that stays, for contaminated rows the item and the words shared

It explains every row, and another budget needs nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import read_parquet, write_parquet
from dataselect.errors import ArtifactError
from dataselect.selection.exclusions import BUDGET_REASONS, CHOSEN, Exclusions
from dataselect.selection.quota import Quota
from dataselect.selection.ranked_pool import Cut, RankedPool
from dataselect.strategies.strings import Strings

_COLUMNS = ("id", "source", "stage", "place", "score", "rank", "total_tokens", "length", "reason", "because")


def write_ranking(path: Path, ranked: RankedPool, cut: Cut) -> None:
    """Write the file atomically.

    Raises:
        ArtifactError: If it cannot be written.
    """
    import pyarrow as pa

    rank = np.zeros(len(ranked.ids), np.int32)
    rank[ranked.order] = np.arange(1, len(ranked.order) + 1, dtype=np.int32)
    tokens = np.full(len(rank), np.nan) if ranked.tokens is None else ranked.tokens
    table = pa.table(
        {
            "id": ranked.ids.plain,
            "source": _dictionary(*ranked.sources.encoded()),
            "stage": pa.array(ranked.stage, mask=ranked.stage == 0),
            "place": pa.array(ranked.place, mask=ranked.place == 0),
            "score": pa.array(ranked.score, mask=np.isnan(ranked.score)),
            "rank": pa.array(rank, mask=rank == 0),
            "total_tokens": pa.array(np.nan_to_num(tokens).astype(np.int64), mask=np.isnan(tokens)),
            "length": pa.array(ranked.length, mask=np.isnan(ranked.length)),
            "reason": _dictionary(*_reasons(cut.exclusions)),
            "because": _because(cut.exclusions),
        }
    )
    write_parquet(table, path, use_dictionary=["source", "stage", "reason"])


def _dictionary(codes: NDArray[np.int64], names: list[str]) -> Any:  # noqa: ANN401 - pyarrow.DictionaryArray
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names, pa.string()))


def _reasons(exclusions: Exclusions) -> tuple[NDArray[np.int64], list[str]]:
    """Return the codes and names of the reasons that occur, in the order of the steps, not of recording."""
    names = [CHOSEN, *exclusions.counts()]
    number = np.zeros(len(exclusions.names), np.int64)
    number[[exclusions.names.index(name) for name in names]] = np.arange(len(names))
    return number[exclusions.codes], names


def _because(exclusions: Exclusions) -> Any:  # noqa: ANN401 - pyarrow.StringArray
    import pyarrow as pa

    if not exclusions.because:
        return pa.nulls(len(exclusions), pa.string())
    indices = np.full(len(exclusions), -1, np.int64)
    indices[list(exclusions.because)] = np.arange(len(exclusions.because))
    return pa.array(list(exclusions.because.values()), pa.string()).take(pa.array(indices, mask=indices < 0))


def read_ranking(path: Path, complete: bool, length_unit: str, quota: Quota | None) -> RankedPool:
    """Read a file that `write_ranking` wrote, as it was before the budget cut it.

    Args:
        complete: Whether every row that can be ranked has a rank.
        length_unit: Of the lengths.
        quota: That the ranks follow.

    Raises:
        ArtifactError: If it cannot be read, or is another kind of file.
    """
    table = read_parquet(path, _COLUMNS, read_dictionary=["source", "reason"])
    if missing := [name for name in _COLUMNS if name not in table.column_names]:
        raise ArtifactError(
            f"{path} is not a ranking: it lacks {', '.join(missing)}",
            "give the FILE.ranking.parquet that `dataselect select` wrote",
        )
    numbers = {name: _numbers(table, name) for name in ("stage", "place", "score", "rank", "total_tokens", "length")}
    ranks = numbers["rank"]
    order = np.argsort(ranks, kind="stable")[: int(np.isfinite(ranks).sum())].astype(np.int64)
    tokens = numbers["total_tokens"]
    return RankedPool(
        ids=Strings(table["id"]),
        sources=Strings(table["source"]),
        exclusions=_exclusions(table),
        stage=np.nan_to_num(numbers["stage"]).astype(np.int8),
        place=np.nan_to_num(numbers["place"]).astype(np.int32),
        score=numbers["score"],
        order=order,
        tokens=None if np.isnan(tokens).all() else tokens,
        length=numbers["length"],
        length_unit=length_unit,
        complete=complete,
        quota=quota,
    )


def _exclusions(table: Any) -> Exclusions:  # noqa: ANN401 - pyarrow.Table
    """Read the reasons that do not depend on the budget."""
    import pyarrow as pa

    exclusions = Exclusions(table.num_rows)
    codes, names = Strings(table["reason"]).encoded()
    for code, name in enumerate(names):
        if name not in (CHOSEN, *BUDGET_REASONS):
            exclusions.exclude(np.flatnonzero(codes == code), name)
    rows = np.flatnonzero(table["because"].is_valid().to_numpy())
    exclusions.because = dict(zip(rows.tolist(), table["because"].take(pa.array(rows)).to_pylist(), strict=True))
    return exclusions


def _numbers(table: Any, name: str) -> NDArray[np.float64]:  # noqa: ANN401 - pyarrow.Table
    """Return a column as float64, null as NaN."""
    import pyarrow as pa

    values: NDArray[np.float64] = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
