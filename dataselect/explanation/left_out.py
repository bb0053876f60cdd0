"""The rows that a selection left out for one reason, with their text and their numbers.

Rows that were ranked come in their order, best first, so that those next to the cut are listed first; the others by id.
Records that could not be read have no row in the ranking; they are listed under the reason `unreadable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.comparison.excerpts import Excerpt, excerpt, printable_values
from dataselect.errors import UsageError
from dataselect.explanation.inputs import SCORE, existing, open_pool, read_examples
from dataselect.explanation.numbers import read_numbers
from dataselect.explanation.request import DroppedRequest
from dataselect.explanation.selected import Selected, open_selection
from dataselect.library_errors import user_errors
from dataselect.pool import PoolReader
from dataselect.records import Reject

UNREADABLE = "unreadable"
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """One row that is not in the selection.

    Attributes:
        id: Empty for a record that could not be read.
        line: None where the pool is not available.
        rank: In the final order; None where it has none.
        because: The other row, or the text, that excluded it, or why it could not be read; None for other reasons.
        numbers: Its columns of the score tables, what the selection used first.
        text: The beginnings of prompt and response; of an unreadable record, what the file says there. None where the
            pool is not available.
    """

    id: str
    source: str
    line: int | None
    rank: int | None
    because: str | None
    numbers: Mapping[str, float | str]
    text: Excerpt | None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows of one reason.

    Attributes:
        reason: In the words of the ranking file; `unreadable` for records that could not be read.
        count: How many rows have it; `rows` are the first of them.
        missing: What is not available, and what makes it, one line each.
    """

    selection: str
    strategy: str
    reason: str
    count: int
    rows: tuple[DroppedRow, ...]
    missing: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        document: dict[str, Any] = printable_values({"kind": "dropped", **asdict(self)})
        return document


@dataclass(frozen=True, slots=True)
class Reasons:
    """The reasons of a selection, with the number of rows of each.

    Attributes:
        counts: Reason -> rows, in the order of the steps, without those that are kept.
    """

    selection: str
    pool_rows: int
    kept: int
    counts: Mapping[str, int]

    @property
    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {"kind": "reasons", **asdict(self)}


@user_errors()
def reasons(selection: Path) -> Reasons:
    """Count the rows that are not in a selection by reason.

    Raises:
        DataselectError: If the selection is missing or damaged.
    """
    return _reasons(open_selection(selection))


@user_errors()
def dropped(request: DroppedRequest) -> Dropped:
    """List rows that a selection left out for one reason.

    Raises:
        UsageError: If no row was left out for it; the hint lists the reasons.
        DataselectError: If the selection is missing or damaged, or its pool has moved or changed.
    """
    selected = open_selection(request.selection)
    found = _reasons(selected).counts
    if request.reason not in found:
        known = ", ".join(f"{reason} ({count:,})" for reason, count in found.items()) or "none: all rows are kept"
        raise UsageError(f"{request.selection} excluded no row for {request.reason!r}", f"its reasons: {known}")
    missing: list[str] = []
    reader = open_pool(selected, request.pools, missing)
    if request.reason == UNREADABLE:
        rows = [] if reader is None else list(islice(_unreadable(reader), request.limit))
    else:
        rows = _rows(selected, request, reader, missing)
    return Dropped(
        str(request.selection), selected.manifest["strategy"], request.reason, found[request.reason], tuple(rows),
        tuple(missing),
    )  # fmt: skip


def _reasons(selected: Selected) -> Reasons:
    counts = dict(selected.cut.exclusions.counts())
    unreadable = int(selected.manifest["counts"]["rejects"])
    if unreadable:
        counts = {UNREADABLE: unreadable, **counts}
    return Reasons(str(selected.path), len(selected), selected.kept, counts)


def _rows(
    selected: Selected, request: DroppedRequest, reader: PoolReader | None, missing: list[str]
) -> list[DroppedRow]:
    rows = _best_first(selected, selected.cut.exclusions.of(request.reason))[: request.limit].tolist()
    scores = request.scores or existing(selected.input_paths.scores, missing, "score table", "--scores")
    if not scores and not selected.input_paths.scores:
        missing.append(f"numbers: the selection used no scores ({SCORE})")
    numbers = read_numbers(selected.ids, scores, None, selected.manifest)
    examples = read_examples(reader, {selected.ids[row] for row in rows})
    codes, names = selected.ranked.sources.encoded()
    made = []
    for row in rows:
        example = examples.get(selected.ids[row])
        made.append(
            DroppedRow(
                selected.ids[row], names[codes[row]], None if example is None else example.line,
                int(selected.rank[row]) or None, selected.cut.exclusions.because.get(row),
                {**numbers.texts_of(row), **numbers.of(row)}, None if example is None else excerpt(example),
            )
        )  # fmt: skip
    return made


def _best_first(selected: Selected, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """By final rank, then by how far a row came and its place there, then by id."""
    rank, ranked = selected.rank[rows], selected.ranked
    stage, place = ranked.stage[rows].astype(np.int64), ranked.place[rows].astype(np.int64)
    order = np.lexsort((rows, np.where(place > 0, place, _LAST), -stage, np.where(rank > 0, rank, _LAST)))
    best: NDArray[np.int64] = rows[order]
    return best


def _unreadable(reader: PoolReader) -> Iterator[DroppedRow]:
    for item in reader:
        if isinstance(item, Reject):
            yield DroppedRow("", item.file, item.line, None, item.reason, {}, Excerpt("", item.excerpt))
