"""Reading pools: every record of every source becomes one `Example` or one `Reject`, in order, as a stream.

Memory does not grow with the pool, apart from 11 to 17 bytes per id. A reader can be iterated again and gives the same.
Before the first item all sources are opened, so that an empty file or a mapped column that does not exist is reported
at once, not after hours of work on the sources before it.

A sample does not depend on the order of the records: each has a key, the digest of the seed and of its name (its id, or
its content, and of exact repetitions also which one it is), and the records with the smallest keys are the sample. So
the same seed draws the same records from a shuffled file, and a larger sample holds every smaller one.

The files of a target set are read like pools, each by a reader of its own, since each is a task of its own whose ids
may be those of another. A target without a response is read where its schema leaves room for that (a dialogue that ends
with the user's turn, plain text).

Left out: rendering and filtering.
"""

from __future__ import annotations

import difflib
import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any

from dataselect.arguments import PathLike, as_texts
from dataselect.errors import PoolError, UsageError
from dataselect.library_errors import refused
from dataselect.pool.columns import ColumnMap, unread_note
from dataselect.pool.ids import IdAssigner, content_id, own_id, selected_id
from dataselect.pool.pairs import is_pair, read_pair
from dataselect.pool.rejects import DAMAGED, RawRecord, Unreadable, one_line, shown_value
from dataselect.pool.schema import is_record, mapped_columns, read_content
from dataselect.pool.sources import Source, content_digest, find_sources, read_rows
from dataselect.pool.streams import spool_stdin
from dataselect.records import Example, Reject


class PoolReader:
    """The examples and rejects of one or more pools.

    Args:
        sources: Files, folders of `datasets.save_to_disk`, hub ids, or "-" for standard input (JSON lines); one or
            many.
        columns: Columns named by the user.
        prefix_ids: Put "<source>:" before each own id.
        limit: Yield at most so many items of each source, examples and rejects together: the first ones.
        sample_seed: Draw the items of a limit by chance instead, which takes a further pass.
        repeated_ids: Number own ids that repeat, as those of equal records, instead of refusing the pool.

    Raises:
        UsageError: If the column map contradicts itself, the limit is below 1, or there is a seed and no limit.
        PoolError: If a source is missing, empty, given twice or of no known format. While iterating: also if it holds
            no record, lacks a mapped column, is damaged from the start, or an own id repeats.
    """

    def __init__(
        self,
        sources: PathLike | Sequence[PathLike],
        columns: ColumnMap = ColumnMap(),  # noqa: B008 - frozen
        prefix_ids: bool = False,
        limit: int | None = None,
        sample_seed: int | None = None,
        repeated_ids: bool = False,
    ) -> None:
        if columns.text is not None and (columns.prompt is not None or columns.response is not None):
            raise UsageError(
                "a text column cannot be combined with a prompt or response column", "name one or the other"
            )
        if limit is not None and limit < 1:
            raise UsageError(f"a limit should be at least 1, not {limit}")
        if sample_seed is not None and limit is None:
            raise UsageError("a seeded sample requires the number of records", "add --limit N")
        self._given = find_sources(as_texts(sources, "sources of a pool"))
        self._columns = columns
        self._prefix_ids = prefix_ids
        self._limit = limit
        self._sample_seed = sample_seed
        self._repeated_ids = repeated_ids
        self._drawn: dict[str, frozenset[int]] = {}
        self._spool: IO[bytes] | None = None
        self._checked = False
        self._unread: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Example | Reject]:
        if not self._checked:
            for source in self._sources:
                self._check(source)
            self._checked = True
        self._unread = Counter()
        return self._items(self._unread)

    def count(self) -> int:
        """Count the items, in a pass that only splits the sources into rows.

        Raises:
            PoolError: As while iterating.
        """
        return sum(1 for source in self._sources for _ in self._taken(source))

    @property
    def unread(self) -> dict[str, int]:
        """Known columns that the last pass met and did not read, with the number of examples, most often first."""
        return dict(sorted(self._unread.items(), key=lambda one: (-one[1], one[0])))

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings about the last pass, one line each."""
        return unread_note(self.unread)

    @cached_property
    def inputs(self) -> list[dict[str, str]]:
        """Name and sha256 of each source's content, in order; independent of paths."""
        return [{"source": source.name, "sha256": content_digest(source)} for source in self._sources]

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

    def _items(self, unread: Counter[str]) -> Iterator[Example | Reject]:
        ids = IdAssigner()
        before = 0
        for source in self._sources:
            for row in self._taken(source):
                yield self._item(source.name, row, ids, before, unread)
                before += 1

    def _taken(self, source: Source) -> Iterator[RawRecord]:
        """The rows of a source within the limit."""
        if self._sample_seed is None or self._limit is None:
            return islice(self._rows(source), self._limit)
        if source.name not in self._drawn:
            self._drawn[source.name] = drawn_places(self._names(source), self._limit, self._sample_seed)
        drawn = self._drawn[source.name]
        rows = islice(self._rows(source), max(drawn, default=-1) + 1)
        return (row for place, row in enumerate(rows) if place in drawn)

    def _names(self, source: Source) -> Iterator[str]:
        """A distinct name for each record of a source: its id or content, and which of equal ones it is."""
        ids = IdAssigner()
        for row in self._rows(source):
            try:
                record = _record(row)
                own = selected_id(record) or own_id(record, self._columns.id or "id")
                yield ids.name(own or content_id(record))
            except Unreadable as fault:
                yield ids.name(f"{fault.reason}:{fault.shown!r}")

    def _rows(self, source: Source) -> Iterator[RawRecord]:
        """The rows of a source; where it is damaged, one more with the reason."""
        line = 0
        try:
            for row in read_rows(source, self._is_record):
                line = row.line
                yield row
        except DAMAGED as error:
            if stopped := refused(error, f"{source.name} cannot be read"):
                raise stopped from None
            reason = " ".join(str(error).split())[:200]
            if line == 0:
                raise PoolError(
                    f"{source.name} cannot be read: {reason}", "check that it is what its name says"
                ) from None
            yield RawRecord(line + 1, f"from line {line + 1:,} on nothing could be read: {reason}", "rest_unreadable")
        except PoolError as error:
            raise PoolError(f"{source.name}: {error.message}", error.hint) from None

    def _is_record(self, record: Mapping[str, Any]) -> bool:
        return (self._columns.pairs and is_pair(record)) or is_record(record, self._columns)

    def _item(
        self, source: str, row: RawRecord, ids: IdAssigner, before: int, unread: Counter[str]
    ) -> Example | Reject:
        """One row as an item; `before` is the number of rows that came before it, `unread` counts columns."""
        try:
            record = _record(row)
            content = (read_pair if self._columns.pairs else read_content)(record, self._columns)
            own = own_id(record, self._columns.id or "id")
        except Unreadable as fault:
            return Reject(source, row.line, fault.reason, one_line(fault.shown))
        selected = selected_id(record)
        if selected is not None or own is None:
            name = ids.name(selected or content_id(record))
        else:
            name = f"{source}:{own}" if self._prefix_ids else own
            if self._repeated_ids:
                name = ids.name(name)
            elif not ids.take(name):
                self._refuse_repeated(name, source, row.line, before)
        if content.unread:
            unread.update(content.unread)
        return Example(
            id=name,
            source=source,
            record=record,
            messages=content.messages,
            text=content.text,
            tools=content.tools,
            line=row.line,
            rejected=content.rejected,
            desirable=content.desirable,
        )

    def _refuse_repeated(self, name: str, source: str, line: int, before: int) -> None:
        """Raise if one of the `before` first items has the id `name`; else only two hashes were equal."""
        for item in islice(self._items(Counter()), before):
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
        for name in mapped_columns(self._columns):
            if name not in record:
                near = difflib.get_close_matches(name, map(str, record), n=3, cutoff=0.5)
                hint = f"did you mean {' or '.join(near)}?" if near else f"its columns: {', '.join(map(str, record))}"
                raise PoolError(f"{source.name} has no column {name!r}", hint)


def _record(row: RawRecord) -> Mapping[str, Any]:
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


def drawn_places(names: Iterable[str], size: int, seed: int) -> frozenset[int]:
    """Places, from 0, of the records that are drawn.

    Args:
        names: Of all records, in the order of the pool; distinct.
        size: Most records drawn.
        seed: Another one draws other records.
    """
    keys = ((_key(name, seed), place) for place, name in enumerate(names))
    return frozenset(place for _, place in heapq.nsmallest(size, keys))


def _key(name: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class TargetFile:
    """One file of the target set, under a name that no other has."""

    name: str
    reader: PoolReader


def target_files(targets: Sequence[str], columns: ColumnMap) -> list[TargetFile]:
    """The files of the target set; none where none is given.

    Raises:
        PoolError: If one is missing, empty, of no known format or given twice.
    """
    sources = find_sources(targets) if targets else ()
    return [
        TargetFile(source.name, PoolReader([target], replace(columns, pairs=False)))
        for source, target in zip(sources, targets, strict=True)
    ]
