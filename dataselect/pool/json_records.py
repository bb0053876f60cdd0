"""The records of JSON files: JSON lines, an array, an object that holds one array, one record, or a table of columns.

In JSON lines only a line feed ends a line (U+2028 is text), and blank lines are skipped. Any other file is parsed value
by value, in bounded memory. A record that does not parse is passed over by its brackets where these add up, and costs
only itself, or what lies between these brackets; where they do not, nothing after it can be divided into records, and
one row says from which line on that is so, and how many bytes. Many files named .json are JSON lines; they read as
records one after another. A table has to be in memory as a whole, so its size is limited. The tables are those that
data frames write:

    {"a": [1, 2], "b": [3, 4]}                      a list per column
    {"a": {"0": 1, "1": 2}, "b": {...}}             pandas, orient="columns", its default
    {"0": {"a": 1, "b": 3}, "1": {...}}             orient="index"
    {"columns": ["a", "b"], "index": [...], "data": [[1, 3], [2, 4]]}      orient="split"

A dialogue is a list too: an object whose lists hold turns is one record and no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from dataselect.errors import PoolError
from dataselect.pool.json_text import JsonWindow, UndividableText, parse
from dataselect.pool.rejects import RawRecord, Unreadable, rest_excerpt
from dataselect.pool.turns import is_turn

IsRecord = Callable[[Mapping[str, object]], bool]
"""Recognises a record by its columns."""

Records = list[dict[str, object]]
OF_TURNS = ("messages", "conversations", "prompt", "chosen")
"""Columns whose list is a dialogue."""

_BOM = b"\xef\xbb\xbf"
_LARGEST = 1 << 28
"""Bytes that an object may have which is no holder of an array of records."""


def read_jsonl(file: BinaryIO) -> Iterator[RawRecord]:
    """One row per line that is not blank; a line that is not UTF-8 or not JSON costs only itself.

    Raises:
        OSError, EOFError: If the file is damaged.
    """
    for number, line in enumerate(file, 1):
        raw = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
        if raw:
            yield _row(number, raw)


def _row(number: int, raw: bytes) -> RawRecord:
    try:
        return RawRecord(number, parse(raw.decode("utf-8")))
    except UnicodeDecodeError:
        return RawRecord(number, raw, "not_utf8")
    except Unreadable as fault:
        return RawRecord(number, fault.shown, fault.reason)


def read_json(file: BinaryIO, is_record: IsRecord) -> Iterator[RawRecord]:
    """One row per record.

    Args:
        is_record: Recognises a record by its columns; decides which list inside an object holds the records.

    Raises:
        OSError, EOFError: If the file is damaged.
        PoolError: If one object that is no holder of records is too large.
    """
    window = JsonWindow(file)
    try:
        if window.take("["):
            yield from _array(window)
        elif window.peek() == "{":
            yield from _Object(window, is_record).rows()
        while window.peek():
            yield _element(window)
    except UndividableText as lost:
        yield RawRecord(lost.line, rest_excerpt(lost.line, window.behind(lost.offset), lost.shown), "rest_unreadable")


def _element(window: JsonWindow) -> RawRecord:
    window.peek()
    line = window.line
    try:
        return RawRecord(line, window.value())
    except Unreadable as fault:
        return RawRecord(line, fault.shown, fault.reason)


def _array(window: JsonWindow) -> Iterator[RawRecord]:
    """The elements of an array whose opening bracket has been passed."""
    if window.take("]"):
        return
    while True:
        yield _element(window)
        if window.take(","):
            continue
        if window.take("]"):
            return
        raise window.lost("a comma or the end of the array")


class _Object:
    """The object at the top of a file: a record, or the holder of an array of records, which is not kept."""

    def __init__(self, window: JsonWindow, is_record: IsRecord) -> None:
        self._window = window
        self._is_record = is_record
        self._members: dict[str, object] = {}
        self._fault: RawRecord | None = None
        self._holder = False

    def rows(self) -> Iterator[RawRecord]:
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
        if self._holder:
            return
        if self._fault:
            yield RawRecord(line, self._fault.value, self._fault.fault)
        elif table := records_of(self._members, self._is_record):
            yield from (RawRecord(number, record) for number, record in enumerate(table, 1))
        else:
            yield RawRecord(line, self._members)

    def _member(self) -> Iterator[RawRecord]:
        key = self._plain(_element(self._window)) if self._window.peek() == '"' else None
        if not isinstance(key, str) or not self._window.take(":"):
            raise self._window.lost("a name and a colon")
        if self._window.peek() != "[" or key in OF_TURNS or self._is_record(self._members):
            self._members[key] = self._plain(_element(self._window))
            return
        self._window.take("[")
        elements = _array(self._window)
        first = next(elements, None)
        if first is not None and isinstance(first.value, dict) and self._is_record(first.value):
            if self._holder:
                raise UndividableText(first.line, self._window.offset, f"a second array of records, under {key}")
            self._holder = True
            yield first
            yield from elements
        else:
            self._members[key] = [self._plain(row) for row in (*([first] if first else ()), *elements)]

    def _plain(self, row: RawRecord) -> object:
        if row.fault:
            self._fault = row
        if not self._holder and self._window.offset > _LARGEST:
            reason = f"one JSON object of more than {_LARGEST >> 20} MiB that is no array of records"
            raise PoolError(reason, "write one record a line (JSON lines), or Parquet")
        return row.value


def records_of(members: Mapping[str, object], is_record: IsRecord) -> Records | None:
    """The records of a table; None if the object is not one.

    Args:
        members: The object.
    """
    for read in (_split, _by_index, _by_column, _lists):
        found = read(members)
        if found and is_record(found[0]):
            return found
    return None


def _lists(members: Mapping[str, object]) -> Records | None:
    columns = [value for value in members.values() if isinstance(value, list)]
    if len(columns) < len(members) or len({len(column) for column in columns}) != 1:
        return None
    dialogue = next((members[name] for name in OF_TURNS if name in members), None)
    if isinstance(dialogue, list) and any(map(is_turn, dialogue)):
        return None
    return [dict(zip(members, row, strict=True)) for row in zip(*columns, strict=True)]


def _by_column(members: Mapping[str, object]) -> Records | None:
    columns = [value for value in members.values() if isinstance(value, dict)]
    keys = list(columns[0]) if columns else []
    if not keys or len(columns) < len(members) or any(list(column) != keys for column in columns):
        return None
    if not all(map(str.isdigit, keys)):
        return None
    return [{name: column[key] for name, column in zip(members, columns, strict=True)} for key in keys]


def _by_index(members: Mapping[str, object]) -> Records | None:
    rows = [row for key, row in members.items() if key.isdigit() and isinstance(row, dict)]
    return rows if len(rows) == len(members) else None


def _split(members: Mapping[str, object]) -> Records | None:
    names, data = members.get("columns"), members.get("data")
    if not isinstance(names, list) or not isinstance(data, list) or not all(isinstance(name, str) for name in names):
        return None
    rows = [row for row in data if isinstance(row, list) and len(row) == len(names)]
    return [dict(zip(names, row, strict=True)) for row in rows] if len(rows) == len(data) else None
