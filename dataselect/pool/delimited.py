"""CSV and TSV with a header row. Every value is text; fields of any size, quoted fields over several lines.

Quoting is read strictly: the lenient reader would take a quote that is never closed for one field that swallows the
rest of the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from dataselect.errors import PoolError
from dataselect.pool.rows import Row

_FIELD_LIMIT = 2**31 - 1
_BROKEN = re.compile("[\udc80-\udcff]")


def read_delimited(file: BinaryIO, dialect: str) -> Iterator[Row]:
    """One row per record, with the line on which it begins.

    Args:
        dialect: "excel" for commas, "excel-tab" for tabs.

    Raises:
        OSError, EOFError: If the file is damaged.
        PoolError: If the header names a column twice or cannot be read.
    """
    csv.field_size_limit(_FIELD_LIMIT)  # of the whole process; the default of 128 KiB refuses long documents
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(text, dialect, strict=True)
    try:
        header = next((fields for fields in rows if fields), [])
    except csv.Error as error:
        raise PoolError(f"the header row cannot be read: {error}", "check the quotes in the first line") from None
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise PoolError(
            f"the header names {', '.join(map(repr, twice))} more than once", "give each column its own name"
        )
    while True:
        line = rows.line_num + 1
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, f"line {line}: {error}", "malformed_csv")
            continue
        if fields:
            yield _row(line, header, fields)


def _row(line: int, header: Sequence[str], fields: list[str]) -> Row:
    shown = ",".join(fields)
    if not shown.isascii() and _BROKEN.search(shown):
        return Row(line, shown.encode("utf-8", "surrogateescape"), "not_utf8")
    if len(fields) != len(header):
        return Row(line, f"{len(fields)} fields, the header has {len(header)}: {shown}", "malformed_csv")
    return Row(line, dict(zip(header, fields, strict=True)))
