"""Reading pools: every record of every source becomes one `Example` or one `Reject`, in order, as a stream.

Memory does not grow with the pool, apart from 11 to 17 bytes per id. A reader can be iterated again and gives the same.
Before the first item all sources are looked into, so that an empty file or a mapped column that is not there is told at
once, not after hours of work on the sources before it. Rendering and filtering are not done here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any

from dataselect.errors import PoolError, UsageError
from dataselect.pool.columns import ColumnMap
from dataselect.pool.faults import Unreadable, one_line, shown_value
from dataselect.pool.formats import content_digest, read_rows
from dataselect.pool.ids import IdAssigner, content_id, own_id, selected_id
from dataselect.pool.rows import DAMAGED, Row
from dataselect.pool.schema import is_record, mapped, read_content
from dataselect.pool.sources import Source, find_sources
from dataselect.pool.streams import spool_stdin
from dataselect.records import Example, Reject


class PoolReader:
    """The examples and rejects of one or more pools.

    Args:
        sources: Files, folders of `datasets.save_to_disk`, hub ids, or "-" for standard input (JSON lines).
        columns: Columns named by the user.
        prefix_ids: Put "<source>:" before each own id.
        limit: Yield at most so many items, examples and rejects together.

    Raises:
        UsageError: If the column map contradicts itself.
        PoolError: If a source is missing, empty, given twice or of no known format. While iterating: also if it holds
            no record, lacks a mapped column, is damaged from the start, or an own id repeats.
    """

    def __init__(
        self,
        sources: Sequence[str],
        columns: ColumnMap = ColumnMap(),  # noqa: B008 - frozen
        prefix_ids: bool = False,
        limit: int | None = None,
    ) -> None:
        if columns.text is not None and (columns.prompt is not None or columns.response is not None):
            raise UsageError("a text column leaves no place for a prompt or response column", "name one or the other")
        if limit is not None and limit < 1:
            raise UsageError(f"a limit should be at least 1, not {limit}")
        self._given = find_sources(sources)
        self._columns = columns
        self._prefix_ids = prefix_ids
        self._limit = limit
        self._spool: IO[bytes] | None = None
        self._checked = False

    def __iter__(self) -> Iterator[Example | Reject]:
        if not self._checked:
            for source in self._sources:
                self._check(source)
            self._checked = True
        return islice(self._items(), self._limit)

    @cached_property
    def inputs(self) -> list[dict[str, str]]:
        """Name and sha256 of each source's content, in order; independent of paths."""
        try:
            return [{"source": source.name, "sha256": content_digest(source)} for source in self._sources]
        except DAMAGED as error:
            raise PoolError(f"a pool cannot be read: {error}", "check the file and your rights") from None

    @cached_property
    def _sources(self) -> tuple[Source, ...]:
        """The sources, with standard input as the file that it was copied into."""
        if any(source.kind == "stdin" for source in self._given):
            self._spool = spool_stdin()
            spooled = Path(self._spool.name)
            return tuple(
                replace(source, path=spooled, kind=".jsonl") if source.kind == "stdin" else source
                for source in self._given
            )
        return self._given

    def _items(self) -> Iterator[Example | Reject]:
        ids = IdAssigner()
        before = 0
        for source in self._sources:
            for row in self._rows(source):
                yield self._item(source.name, row, ids, before)
                before += 1

    def _rows(self, source: Source) -> Iterator[Row]:
        """The rows of a source; where it is damaged, one more that says so."""
        line = 0
        try:
            for row in read_rows(source, self._is_record):
                line = row.line
                yield row
        except DAMAGED as error:
            told = " ".join(str(error).split())[:200]
            if line == 0:
                raise PoolError(
                    f"{source.name} cannot be read: {told}", "check that it is what its name says"
                ) from None
            yield Row(line + 1, told, "rest_unreadable")
        except PoolError as error:
            raise PoolError(f"{source.name}: {error.message}", error.hint) from None

    def _is_record(self, record: Mapping[str, Any]) -> bool:
        return is_record(record, self._columns)

    def _item(self, source: str, row: Row, ids: IdAssigner, before: int) -> Example | Reject:
        """One row as an item; `before` is the number of rows that came before it."""
        try:
            record = _record(row)
            content = read_content(record, self._columns)
            own = own_id(record, self._columns.id or "id")
        except Unreadable as fault:
            return Reject(source, row.line, fault.reason, one_line(fault.shown))
        selected = selected_id(record)
        if selected is not None or own is None:
            name = ids.name(selected or content_id(record))
        else:
            name = f"{source}:{own}" if self._prefix_ids else own
            if not ids.take(name):
                self._refuse_repeated(name, source, row.line, before)
        return Example(name, source, record, content.messages, content.text, content.tools, row.line)

    def _refuse_repeated(self, name: str, source: str, line: int, before: int) -> None:
        """Raise if one of the `before` first items has the id `name`; else only two hashes were equal."""
        for item in islice(self._items(), before):
            if isinstance(item, Example) and item.id == name:
                places = f"{item.source} line {item.line} and {source} line {line}"
                hint = "make the ids unique" if item.source == source else "add --prefix-ids, or make the ids unique"
                raise PoolError(f"the id {name!r} is in {places}", hint)

    def _check(self, source: Source) -> None:
        """Look for a first record, and for the mapped columns in it."""
        empty = True
        for row in self._rows(source):
            empty = False
            if not row.fault and isinstance(row.value, Mapping):
                self._check_columns(source, row.value)
                return
        if empty:
            raise PoolError(f"{source.name} holds no record", "give a file with at least one record")

    def _check_columns(self, source: Source, record: Mapping[str, Any]) -> None:
        for name in mapped(self._columns):
            if name not in record:
                near = difflib.get_close_matches(name, map(str, record), n=3, cutoff=0.5)
                hint = f"did you mean {' or '.join(near)}?" if near else f"its columns: {', '.join(map(str, record))}"
                raise PoolError(f"{source.name} has no column {name!r}", hint)


def _record(row: Row) -> Mapping[str, Any]:
    """The row's record.

    Raises:
        Unreadable: With the fault of its format, or `not_an_object`.
    """
    if row.fault:
        assert isinstance(row.value, str | bytes)
        raise Unreadable(row.fault, row.value)
    if not isinstance(row.value, Mapping):
        raise Unreadable("not_an_object", shown_value(row.value))
    return row.value
