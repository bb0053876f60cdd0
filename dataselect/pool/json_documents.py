"""JSON files: an array of records, an object that holds one such array, one record, or records one after another.

The file is parsed value by value, in bounded memory. A record that does not parse is passed over by its brackets where
these add up, and costs only itself; where they do not, nothing behind it can be told apart, and one row says that the
rest is unreadable. Many files named .json are JSON lines; they read as records one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from dataselect.pool.faults import Unreadable
from dataselect.pool.json_window import JsonWindow, Lost
from dataselect.pool.rows import Row

IsRecord = Callable[[Mapping[str, object]], bool]


def read_json(file: BinaryIO, is_record: IsRecord) -> Iterator[Row]:
    """One row per record.

    Args:
        is_record: Tells a record by its columns; decides which list inside an object holds the records.

    Raises:
        OSError, EOFError: If the file is damaged.
    """
    window = JsonWindow(file)
    try:
        if window.take("["):
            yield from _array(window)
        elif window.peek() == "{":
            yield from _Object(window, is_record).rows()
        while window.peek():
            yield _element(window)
    except Lost as lost:
        yield Row(lost.line, lost.shown, "rest_unreadable")


def _element(window: JsonWindow) -> Row:
    window.peek()
    line = window.line
    try:
        return Row(line, window.value())
    except Unreadable as fault:
        return Row(line, fault.shown, fault.reason)


def _array(window: JsonWindow) -> Iterator[Row]:
    """The elements of an array whose opening bracket has been passed."""
    if window.take("]"):
        return
    while True:
        yield _element(window)
        if window.take("]"):
            return
        if not window.take(","):
            raise window.lost("a comma or the end of the array")


class _Object:
    """The object at the top of a file: a record, or the holder of an array of records, which is not kept."""

    def __init__(self, window: JsonWindow, is_record: IsRecord) -> None:
        self._window = window
        self._is_record = is_record
        self._members: dict[str, object] = {}
        self._fault: Row | None = None
        self._holder = False

    def rows(self) -> Iterator[Row]:
        """The records of its array, or the object itself as the one record."""
        window, line = self._window, self._window.line
        window.take("{")
        if not window.take("}"):
            while True:
                yield from self._member()
                if window.take("}"):
                    break
                if not window.take(","):
                    raise window.lost("a comma or the end of the object")
        if not self._holder:
            fault = self._fault
            yield Row(line, fault.value, fault.fault) if fault else Row(line, self._members)

    def _member(self) -> Iterator[Row]:
        key = self._plain(_element(self._window)) if self._window.peek() == '"' else None
        if not isinstance(key, str) or not self._window.take(":"):
            raise self._window.lost("a name and a colon")
        if self._window.peek() != "[" or self._is_record(self._members):
            self._members[key] = self._plain(_element(self._window))
            return
        self._window.take("[")
        elements = _array(self._window)
        first = next(elements, None)
        if first is not None and isinstance(first.value, dict) and self._is_record(first.value):
            if self._holder:
                raise Lost(first.line, f"a second array of records, under {key}")
            self._holder = True
            yield first
            yield from elements
        else:
            self._members[key] = [self._plain(row) for row in (*([first] if first else ()), *elements)]

    def _plain(self, row: Row) -> object:
        if row.fault:
            self._fault = row
        return row.value
