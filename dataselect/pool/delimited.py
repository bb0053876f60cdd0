"""CSV and TSV with a header row. Every value is text; fields of any size, quoted fields over several lines.

Quoting is read strictly: the lenient reader would take a quote that is never closed for one field that swallows the
rest of the file. Here such a row is a fault that says from which line on nothing could be read, and how many bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, TextIO

from dataselect.errors import PoolError
from dataselect.pool.json_text import BROKEN
from dataselect.pool.rejects import RawRecord, lines_excerpt, rest_excerpt

_FIELD_LIMIT = 2**31 - 1


def read_delimited(file: BinaryIO, delimiter: str) -> Iterator[RawRecord]:
    """One row per record, with the line on which it begins.

    Args:
        delimiter: What separates the fields. A first line that only names it ("sep=;") is passed over.

    Raises:
        OSError, EOFError: If the file is damaged.
        PoolError: If the header names a column twice or cannot be read.
    """
    csv.field_size_limit(_FIELD_LIMIT)  # of the whole process; the default of 128 KiB refuses long documents
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    lines = _CountedLines(text)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next((fields for fields in rows if fields and fields != ["sep=", ""]), [])
    except csv.Error as error:
        raise PoolError(f"the header row cannot be read: {error}", "check the quotes in the first line") from None
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise PoolError(
            f"the header names {', '.join(map(repr, twice))} more than once", "give each column its own name"
        )
    while True:
        line, before = rows.line_num + 1, lines.size
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            reason = f"line {line}: {error}"
            size = lines.size - before
            shown = (
                rest_excerpt(line, f"{size:,}", reason)
                if lines.ended
                else lines_excerpt(line, rows.line_num, size, reason)
            )
            yield RawRecord(line, shown, "malformed_csv")
            continue
        if fields:
            row = _row(line, header, fields)
            if row.fault == "malformed_csv":
                row = replace(row, value=lines_excerpt(line, rows.line_num, lines.size - before, str(row.value)))
            yield row


class _CountedLines:
    """The lines of a file, with the number of bytes that they had so far, a BOM not counted."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.size = 0
        self.ended = False

    def __iter__(self) -> _CountedLines:
        return self

    def __next__(self) -> str:
        line = self._text.readline()
        if not line:
            self.ended = True
            raise StopIteration
        self.size += len(line) if line.isascii() else len(line.encode("utf-8", "surrogateescape"))
        return line


def _row(line: int, header: Sequence[str], fields: list[str]) -> RawRecord:
    shown = ",".join(fields)
    if not shown.isascii() and BROKEN.search(shown):
        return RawRecord(line, shown.encode("utf-8", "surrogateescape"), "not_utf8")
    if len(fields) != len(header):
        return RawRecord(line, f"{len(fields)} fields, the header has {len(header)}: {shown}", "malformed_csv")
    return RawRecord(line, dict(zip(header, fields, strict=True)))
