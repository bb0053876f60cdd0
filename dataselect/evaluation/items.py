"""The items of a task file that is no SFT pool: its records with their ids, checked, and gone through in chunks.

A benchmark is small and curated, so a malformed record is an error and not left out: the numbers would be those of
another benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dataselect.errors import DataselectError
from dataselect.library_errors import refused
from dataselect.pool.ids import IdAssigner, content_id, own_id
from dataselect.pool.rejects import DAMAGED, Unreadable
from dataselect.pool.sources import find_sources, read_rows

ITEMS_AT_ONCE = 512
"""Items that are rendered and scored together."""

Progress = Callable[[str, int, int], None]
"""Called with a task's name, its items done so far, and its items in all."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One record of a task file.

    Attributes:
        file: The task file.
        fields: The record itself.
    """

    file: Path
    line: int
    fields: Mapping[str, Any]
    _assigner: IdAssigner

    def text(self, name: str) -> str:
        """Return a field that must be text.

        Raises:
            DataselectError: If it is missing, empty or no text.
        """
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{name} should be text, got {value!r}")
        return value

    def fault(self, message: str, hint: str = "fix the record") -> DataselectError:
        """The error of a malformed record, with its place in front."""
        return DataselectError(f"{self.file} line {self.line}: {message}", hint)

    def item_id(self, fields: Mapping[str, Any] | None = None) -> str:
        """Assign the id by the rules of pools: the record's own `id`, else one made from its content.

        Args:
            fields: Another form of the record to take the id from.

        Raises:
            DataselectError: If its own id is no text or repeats.
        """
        fields = self.fields if fields is None else fields
        try:
            own = own_id(fields, "id")
        except Unreadable as fault:
            raise self.fault(f"id should be one line of text, got {fault.shown!r}") from None
        if own is None:
            return self._assigner.name(content_id(fields))
        if not self._assigner.take(own):
            raise self.fault(f"the id {own!r} occurs twice", "make the ids unique")
        return own


def read_values(file: Path) -> Iterator[tuple[int, object]]:
    """Read line and value of each record, None for one that its format cannot parse.

    Raises:
        DataselectError: If the file cannot be read or its format is not known.
    """
    (source,) = find_sources([str(file)])
    try:
        for row in read_rows(source, lambda record: True):
            yield row.line, None if row.fault else row.value
    except DAMAGED as error:
        raise refused(error, f"cannot read {file}") or DataselectError(
            f"{file} cannot be read: {error}", "check that its content fits its suffix"
        ) from None


def read_records(file: Path, fields: str) -> Iterator[ItemRecord]:
    """Read the records of a task file.

    Args:
        fields: The names of the expected fields, for the message about a value that is no record.

    Raises:
        DataselectError: If the file cannot be read, or a value is no record.
    """
    assigner = IdAssigner()
    for line, value in read_values(file):
        if not isinstance(value, Mapping):
            raise DataselectError(f"{file} line {line}: expected a record with {fields}", "fix the record")
        yield ItemRecord(file, line, value, assigner)


def chunks(task: str, items: Sequence[Item], progress: Progress) -> Iterator[Sequence[Item]]:
    """Go through a task's items some at a time, and report those that are done."""
    progress(task, 0, len(items))
    for begin in range(0, len(items), ITEMS_AT_ONCE):
        chunk = items[begin : begin + ITEMS_AT_ONCE]
        yield chunk
        progress(task, begin + len(chunk), len(items))
