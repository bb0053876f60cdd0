"""FILE.ranking.parquet: one row per row of the pool, with its place and why it is chosen or not.

    id            ascending
    source        the pool file
    stage         the last strategy that ranked the row, from 1; null for none
    place         its place in the order of that strategy, from 1
    score         what it was ranked by there; null where there is no number
    rank          its place after duplicates have left and quotas are kept: chosen rows are the first ones
    total_tokens  as the score table counts them; null where it does not
    length        of the response, in the unit that the manifest names
    reason        "" for chosen rows, else why not (`fates`)
    because       for duplicates the id of the row that stays, for contaminated rows the item and the words shared

It explains every row, and it is all that another budget needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import atomic
from dataselect.errors import ArtifactError
from dataselect.selection.fates import CHOSEN, CUT, Fates
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
    import pyarrow.parquet as pq

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
            "reason": _dictionary(*_reasons(cut.fates)),
            "because": _because(cut.fates),
        }
    )
    with atomic(path) as temporary:
        pq.write_table(table, temporary, use_dictionary=["source", "stage", "reason"])


def _dictionary(codes: NDArray[np.int64], names: list[str]) -> Any:  # noqa: ANN401 - pyarrow.DictionaryArray
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names, pa.string()))


def _reasons(fates: Fates) -> tuple[NDArray[np.int64], list[str]]:
    """The reasons that are there, in the order of the steps, whatever the order in which they were noted."""
    names = [CHOSEN, *fates.counts()]
    number = np.zeros(len(fates.names), np.int64)
    number[[fates.names.index(name) for name in names]] = np.arange(len(names))
    return number[fates.codes], names


def _because(fates: Fates) -> Any:  # noqa: ANN401 - pyarrow.StringArray
    import pyarrow as pa

    if not fates.because:
        return pa.nulls(len(fates), pa.string())
    indices = np.full(len(fates), -1, np.int64)
    indices[list(fates.because)] = np.arange(len(fates.because))
    return pa.array(list(fates.because.values()), pa.string()).take(pa.array(indices, mask=indices < 0))


def read_ranking(path: Path, complete: bool, length_unit: str, quota: Quota | None) -> RankedPool:
    """Read a file that `write_ranking` wrote, as it was before the budget cut it.

    Args:
        complete: Whether every row that can be ranked has a rank.
        length_unit: Of the lengths.
        quota: That the ranks follow.

    Raises:
        ArtifactError: If it cannot be read, or is another kind of file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=list(_COLUMNS), read_dictionary=["source", "reason"])
    except (OSError, pa.ArrowException) as error:
        raise ArtifactError(
            f"{path} cannot be read as a ranking: {' '.join(str(error).split())[:200]}",
            "give the FILE.ranking.parquet that `dataselect select` wrote",
        ) from None
    numbers = {name: _numbers(table, name) for name in ("stage", "place", "score", "rank", "total_tokens", "length")}
    ranks = numbers["rank"]
    order = np.argsort(ranks, kind="stable")[: int(np.isfinite(ranks).sum())].astype(np.int64)
    tokens = numbers["total_tokens"]
    return RankedPool(
        Strings(table["id"]),
        Strings(table["source"]),
        _fates(table),
        np.nan_to_num(numbers["stage"]).astype(np.int8),
        np.nan_to_num(numbers["place"]).astype(np.int32),
        numbers["score"],
        order,
        None if np.isnan(tokens).all() else tokens,
        numbers["length"],
        length_unit,
        complete,
        quota,
    )


def _fates(table: Any) -> Fates:  # noqa: ANN401 - pyarrow.Table
    """The reasons that do not depend on the budget."""
    import pyarrow as pa

    fates = Fates(table.num_rows)
    codes, names = Strings(table["reason"]).encoded()
    for code, name in enumerate(names):
        if name not in (CHOSEN, *CUT):
            fates.leave(np.flatnonzero(codes == code), name)
    rows = np.flatnonzero(table["because"].is_valid().to_numpy())
    fates.because = dict(zip(rows.tolist(), table["because"].take(pa.array(rows)).to_pylist(), strict=True))
    return fates


def _numbers(table: Any, name: str) -> NDArray[np.float64]:  # noqa: ANN401 - pyarrow.Table
    """A column as float64, null as NaN."""
    import pyarrow as pa

    values: NDArray[np.float64] = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
