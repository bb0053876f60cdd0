"""JSON lines: one value per line; only a line feed ends a line (U+2028 is text); blank lines are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from dataselect.pool.faults import Unreadable
from dataselect.pool.json_text import parse
from dataselect.pool.rows import Row

_BOM = b"\xef\xbb\xbf"


def read_jsonl(file: BinaryIO) -> Iterator[Row]:
    """One row per line that is not blank; a line that is not UTF-8 or not JSON costs only itself.

    Raises:
        OSError, EOFError: If the file is damaged.
    """
    for number, line in enumerate(file, 1):
        raw = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
        if raw:
            yield _row(number, raw)


def _row(number: int, raw: bytes) -> Row:
    try:
        return Row(number, parse(raw.decode("utf-8")))
    except UnicodeDecodeError:
        return Row(number, raw, "not_utf8")
    except Unreadable as fault:
        return Row(number, fault.shown, fault.reason)
