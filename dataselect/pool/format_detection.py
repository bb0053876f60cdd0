"""The format of a file by its first bytes, where its name is wrong or says nothing.

Parquet, compressed data and arrays of JSON come as .jsonl, JSON lines as .json, semicolons as .csv. Where the content
leaves no doubt it decides, and the records and ids are the same; elsewhere the name decides. Other formats are refused
by name.

Left out: text in other encodings than UTF-8, UTF-16 and UTF-32, which cannot be distinguished; its rows are rejected
one by one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from dataselect.errors import PoolError
from dataselect.pool.json_records import IsRecord, records_of
from dataselect.pool.json_text import DECODER, WHITE_SPACE, parse
from dataselect.pool.rejects import Unreadable
from dataselect.pool.streams import HEAD

DELIMITERS = {".csv": ",", ".tsv": "\t"}
_OTHERS = ";\t,|"
_LINES = (".jsonl", ".ndjson")
_TWO = re.compile(r"\}[ \t]*\{")


def detect_format(head: bytes, kind: str, is_record: IsRecord) -> str:
    """The format of a file.

    Args:
        head: Its first `HEAD` bytes, or all; decompressed, and in UTF-8 if it is text.
        kind: The suffix of its name; empty if that is not known.
        is_record: Recognises a record by its columns.

    Returns:
        A suffix; empty if neither name nor content decide.

    Raises:
        PoolError: If the content is of a kind that is not read, or is JSON under the name of plain text.
    """
    if head.startswith(b"PAR1"):
        return ".parquet"
    if head.startswith(b"ARROW1"):
        raise PoolError("it is an Arrow file", "write it as Parquet, or name the folder of datasets.save_to_disk")
    text = head.decode("utf-8-sig", "replace").lstrip(WHITE_SPACE)
    if kind == ".txt":
        _refuse_json_lines(text, is_record)
        return kind
    found = _json_kind(text, kind, len(head) < HEAD, is_record)
    if not found and kind not in DELIMITERS and _is_table(text, is_record):
        return ".csv"
    return found or kind


def detect_delimiter(head: bytes, kind: str, is_record: IsRecord) -> str:
    """Find the delimiter of a table: that of its suffix, unless only another one gives columns that are known.

    Args:
        kind: ".csv" or ".tsv".
    """
    text = head.decode("utf-8-sig", "replace").lstrip("\r\n")
    if text[:4].lower() == "sep=" and text[5:6] in ("", "\r", "\n"):
        return text[4]
    usual = DELIMITERS[kind]
    header = _header(text, usual)
    for other in _OTHERS:
        names = _header(text, other)
        if len(names) > 1 and (len(header) < 2 or (_known(names, is_record) and not _known(header, is_record))):
            return other
    return usual


def _json_kind(text: str, kind: str, whole: bool, is_record: IsRecord) -> str:
    """The suffix of JSON or JSON lines where the text cannot be anything else; else empty."""
    if not text.startswith(("[", "{")):
        return ""
    first, _, rest = text.partition("\n")
    rest, inner = rest.lstrip(WHITE_SPACE), text[1:].lstrip(WHITE_SPACE)[:1]
    value = _value(first) if rest or whole else None
    if kind in _LINES and value is None and _has_line(text, rest, whole, is_record):
        return ""
    if text.startswith("["):
        return ".json" if inner in ("{", "]") and (value is None or not rest) else ""
    if isinstance(value, dict):
        if rest:
            return ".jsonl" if _are_lines(text, whole) else ""
        is_line = kind in _LINES and is_record(value) and records_of(value, is_record) is None
        return "" if is_line else ".json"
    inside = {"{": '"}', "[": '{["]'}.get(first.rstrip()[-1:], "")
    if rest and rest[0] in inside:
        return ".json"
    return ".json" if inner == '"' and kind not in (*_LINES, ".json") else ""


def _are_lines(text: str, whole: bool) -> bool:
    """Return whether each line is a record, or a broken one: none is only a part of one, and none holds two."""
    lines = [line.strip(WHITE_SPACE) for line in text.split("\n")[: None if whole else -1]]
    return all(line.startswith("{") and not _TWO.search(line) for line in lines if line)


def _has_line(text: str, rest: str, whole: bool, is_record: IsRecord) -> bool:
    """Return whether a record fills a line of its own after a first line that is broken.

    Inside a document a comma or a bracket follows a value, on its line or the next; behind a line there comes another.
    """
    try:
        DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        lines = [line for line in map(str.strip, rest.split("\n")) if line]
        following = [line[0] for line in lines[1:]] + (["{"] if whole else [])
        return any(
            after == "{" and line[0] == "{" and isinstance(value := _value(line), dict) and is_record(value)
            for line, after in zip(lines, following, strict=False)
        )
    return False


def _value(line: str) -> object:
    """The value of one line of JSON; None if it is none."""
    try:
        return parse(line)
    except Unreadable:
        return None


def _refuse_json_lines(text: str, is_record: IsRecord) -> None:
    """Refuse plain text that begins with a record: it is JSON lines, whose braces would be trained."""
    first = _value(text.partition("\n")[0]) if text.startswith("{") else None
    if isinstance(first, dict) and is_record(first):
        raise PoolError("it holds JSON lines under the name of plain text", "name it .jsonl")


def _is_table(text: str, is_record: IsRecord) -> bool:
    """Return whether the first line names known columns."""
    headers: Iterator[list[str]] = (_header(text, one) for one in _OTHERS)
    return any(len(names) > 1 and _known(names, is_record) for names in headers)


def _known(names: list[str], is_record: IsRecord) -> bool:
    """Return whether these column names make a record, where a record without columns is none."""
    return is_record(dict.fromkeys(names, "x")) and not is_record({})


def _header(text: str, separator: str) -> list[str]:
    line = text.partition("\n")[0].rstrip("\r")
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return []
