"""The one pass over the pools: every record becomes a row of numbers, or is counted among what cannot be read."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataselect.pool import ColumnMap, PoolReader, Renderer
from dataselect.pool.ids import own_id, selected_id
from dataselect.progress import counted
from dataselect.recommendation.audit.kinds import BITS
from dataselect.recommendation.audit.languages import Languages
from dataselect.recommendation.audit.repeats import content_hash, text_hash
from dataselect.recommendation.audit.rows import Rows
from dataselect.recommendation.audit.signs import long_response, opening, schema, signs, traits
from dataselect.records import END, RESPONSE, Example, Reject, Rendered
from dataselect.selection.band_keys import BandKeys
from dataselect.selection.contamination import EvaluationWords
from dataselect.selection.dedup import shingles
from dataselect.selection.pool_index import response_bytes, text_of_example
from dataselect.selection.text_normalisation import normalised
from dataselect.strategies import Text

_BATCH = 256
_VALUES = ("source", "dataset", "origin", "category", "kind", "type", "task", "domain", "topic", "lang", "language")
"""Columns whose values say where a row comes from or what it is."""

_DISTINCT = 1_000
"""Values of such a column beyond which it describes rows and not kinds of rows."""


@dataclass(slots=True)
class PoolCounts:
    """Counts of one pool besides its rows.

    Attributes:
        records: Records so far, readable or not.
        rejects: Unreadable records by reason.
        columns: Rows in which each column holds something.
        values: Column of `_VALUES` -> its values; None where there are too many.
        unread: Known columns that were not read.
    """

    records: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[str] | None] = field(default_factory=dict)
    unread: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Reading:
    """All that one pass saw.

    Attributes:
        rows: The readable records.
        pools: By name, in order.
        rejected: The first unreadable records of each pool and reason.
        leaks: Task -> rows of each pool that leak it.
        keys: For near-duplicates; None where they cannot be compared.
        template_errors: row -> why the template refuses it.
    """

    rows: Rows
    pools: dict[str, PoolCounts]
    languages: Languages
    keys: BandKeys | None
    rejected: dict[tuple[str, str], list[Reject]] = field(default_factory=dict)
    leaks: dict[str, Counter[str]] = field(default_factory=dict)
    template_errors: dict[int, str] = field(default_factory=dict)


class Pass:
    """Reads pools into a `Reading`.

    Args:
        tasks: The words of each task.
        renderer: Renders rows for a model; None without one.
        near: Whether near-duplicates can be compared.
    """

    def __init__(
        self,
        names: Sequence[str],
        columns: ColumnMap,
        prefix_ids: bool,
        tasks: Mapping[str, EvaluationWords],
        renderer: Renderer | None,
        languages: Languages,
        near: bool,
    ) -> None:
        self._columns, self._prefix_ids, self._tasks, self._renderer = columns, prefix_ids, tasks, renderer
        keys = BandKeys() if near else None
        self.reading = Reading(Rows(names), {name: PoolCounts() for name in names}, languages, keys)
        self.reading.leaks = {task: Counter() for task in tasks}

    def read(self, reader: PoolReader) -> Reading:
        """Read everything.

        Raises:
            PoolError: As `PoolReader`.
        """
        with_unread = self._unread_aside(reader)
        for batch in iter(lambda: list(itertools.islice(with_unread, _BATCH)), []):
            examples = [item for item, _ in batch if isinstance(item, Example)]
            rendered = iter(self._renderer.render(examples) if self._renderer else [None] * len(examples))
            for item, unread in batch:
                self.reading.pools[item.file if isinstance(item, Reject) else item.source].records += 1
                if isinstance(item, Reject):
                    self._reject(item)
                else:
                    self._add(item, unread, next(rendered))
        self.reading.rows.close_columns()
        return self.reading

    def _unread_aside(self, reader: PoolReader) -> Iterator[tuple[Example | Reject, bool]]:
        """Each item, with whether it has columns that were not read."""
        before: Mapping[str, int] = {}
        for item in counted(reader, "read the pools", "records"):
            now = reader.unread if isinstance(item, Example) else before
            more = {name: number - before.get(name, 0) for name, number in now.items() if number != before.get(name)}
            if more:
                self.reading.pools[item.source].unread.update(more)  # type: ignore[union-attr]
            before = now
            yield item, bool(more)

    def _reject(self, reject: Reject) -> None:
        self.reading.pools[reject.file].rejects[reject.reason] += 1
        shown = self.reading.rejected.setdefault((reject.file, reject.reason), [])
        if len(shown) < 3:
            shown.append(reject)

    def _add(self, example: Example, unread: bool, rendered: Rendered | Reject | None) -> None:
        reading = self.reading
        text = text_of_example(example)
        flags = signs(example, text) | (BITS["unread_columns"] if unread else 0) | self._suspect(text)
        numbers = {
            "schema": schema(example.record, self._columns), "traits": traits(example, text),
            "turns": len(example.messages), "language": reading.languages.number(text.response),
            "prompt_characters": len(text.prompt), "response_characters": len(text.response),
            "response_bytes": response_bytes(example), "own_id": self._own_id(example),
            "content": content_hash(text), "prompt": text_hash(normalised(text.prompt)),
            "record": reading.pools[example.source].records, "flags": flags,
            "response": text_hash(long_response(text.response)), "opening": text_hash(opening(text.response)),
        }  # fmt: skip
        if isinstance(rendered, Reject):
            reading.template_errors[len(reading.rows)] = rendered.excerpt
        if rendered is not None:
            self._add_rendering(numbers, rendered)
        if reading.keys is not None:
            reading.keys.add(shingles(text))
        self._count_columns(example)
        reading.rows.add(example, text, numbers)

    def _suspect(self, text: Text) -> int:
        """The bit of a row that shares words with a task; `judge_leaks` decides what that is."""
        return BITS["leak"] if any(known.overlap(text) is not None for known in self._tasks.values()) else 0

    def _own_id(self, example: Example) -> int:
        """The hash of an id that the record brings along and that has to be its own; 0 without one."""
        own = None if selected_id(example.record) else own_id(example.record, self._columns.id or "id")
        return text_hash(f"{example.source}:{own}" if own and self._prefix_ids else own or "")

    def _add_rendering(self, numbers: dict[str, int], rendered: Rendered | Reject) -> None:
        """Add what a rendering shows: tokens, and rows that cannot be trained on."""
        if isinstance(rendered, Reject):
            numbers["flags"] |= BITS["template_error"]
            return
        if rendered.status in ("empty_response", "too_short"):
            numbers["flags"] |= BITS["no_trained_token"]
        if rendered.status in ("too_long", "truncated"):
            numbers["flags"] |= BITS["too_long"]
        if rendered.special_texts:
            numbers["flags"] |= BITS["special_text"]
        if rendered.tokenised:
            if rendered.status == "ok" and not rendered.plain_text and not (rendered.parts == END).any():
                numbers["flags"] |= BITS["no_end_mark"]
            numbers["total_tokens"] = len(rendered.token_ids)
            numbers["response_tokens"] = int((rendered.parts == RESPONSE).sum())

    def _count_columns(self, example: Example) -> None:
        counts = self.reading.pools[example.source]
        for name, value in example.record.items():
            if value in (None, "", [], {}):
                continue
            counts.columns[name] += 1
            if name in _VALUES and isinstance(value, str) and len(value) <= 60:
                _count_value(counts.values, name, value)


def _count_value(values: dict[str, Any], name: str, value: str) -> None:
    counter = values.setdefault(name, Counter())
    if counter is not None:
        counter[value] += 1
        if len(counter) > _DISTINCT:
            values[name] = None
