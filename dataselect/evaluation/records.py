"""The records of a task file as they come, for tasks that are no SFT examples; and their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dataselect.errors import DataselectError
from dataselect.pool.faults import Unreadable
from dataselect.pool.formats import read_rows
from dataselect.pool.ids import IdAssigner, content_id, own_id
from dataselect.pool.rows import DAMAGED
from dataselect.pool.sources import find_sources


def read_records(file: Path) -> Iterator[tuple[int, object]]:
    """Line and value of each record, None for one that its format cannot parse.

    Raises:
        DataselectError: If the file cannot be read or its format is not known.
    """
    (source,) = find_sources([str(file)])
    try:
        for row in read_rows(source, lambda record: True):
            yield row.line, None if row.fault else row.value
    except DAMAGED as error:
        raise DataselectError(f"{file} cannot be read: {error}", "check that it is what its name says") from None


class ItemIds:
    """Ids of a task's items, by the rules of pools: the own `id`, else one made from the content.

    Args:
        file: The task's file, for messages.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._assigner = IdAssigner()

    def name(self, line: int, record: Mapping[str, Any]) -> str:
        """The id of one item.

        Raises:
            DataselectError: If its own id is no text or repeats.
        """
        try:
            own = own_id(record, "id")
        except Unreadable as fault:
            raise DataselectError(f"{self._file} line {line}: the id is not usable: {fault.shown!r}") from None
        if own is None:
            return self._assigner.name(content_id(record))
        if not self._assigner.take(own):
            raise DataselectError(f"{self._file} line {line}: the id {own!r} was there before", "make the ids unique")
        return own


def unscored(task: str, left_out: Mapping[str, int]) -> DataselectError:
    """The error of a task of which no item has an outcome."""
    told = ", ".join(f"{number} {reason}" for reason, number in left_out.items()) or "it has no items"
    return DataselectError(f"no item of the task {task} can be scored: {told}", "check the length of its items")
