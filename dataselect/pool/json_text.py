"""JSON text to values, so that no text whatever ends in anything but a value or a reason.

Beyond the grammar this refuses nesting deeper than `DEEPEST` (every later stage walks or writes records recursively,
from deeper stacks than this one) and lone surrogates, which no tokenizer and no UTF-8 file can hold. NaN and Infinity
are taken, as Python's own parser does. Both checks cost next to nothing unless the text looks suspicious.
"""

from __future__ import annotations

import json
import re

from dataselect.pool.faults import Unreadable

DEEPEST = 200
"""Levels of nesting that a record may have."""

DECODER = json.JSONDecoder()
WHITE_SPACE = " \t\r\n"
"""What JSON takes for white space."""

_SURROGATE = re.compile(r"\\u[dD]")
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)


def parse(text: str) -> object:
    """The value of one JSON text.

    Raises:
        Unreadable: With `malformed_json`, `too_deep` or `lone_surrogate`.
    """
    bare = text.strip(WHITE_SPACE)  # quicker than DECODER.decode, which looks for it with regular expressions
    try:
        value, end = DECODER.raw_decode(bare)
    except RecursionError:
        raise Unreadable("too_deep", text) from None
    except ValueError:  # also integers of more digits than Python converts
        raise Unreadable("malformed_json", text) from None
    if end < len(bare):
        raise Unreadable("malformed_json", text)
    check(text, value, 0, len(text))
    return value


def check(text: str, value: object, start: int, end: int) -> None:
    """Refuse what parses but cannot be worked with; `value` came from `text[start:end]`.

    Raises:
        Unreadable: With `too_deep` or `lone_surrogate`.
    """
    if text.count("{", start, end) + text.count("[", start, end) > DEEPEST and depth(text[start:end]) > DEEPEST:
        raise Unreadable("too_deep", text[start:end])
    # A surrogate cannot be in decoded UTF-8; it takes an escape to bring one.
    if text.find("\\u", start, end) >= 0 and _SURROGATE.search(text, start, end):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise Unreadable("lone_surrogate", text[start:end]) from None


def depth(text: str) -> int:
    """Deepest nesting of brackets outside strings."""
    deepest = level = 0
    for match in _BRACKETS.finditer(text):
        token = match.group()
        level += (token in "{[") - (token in "}]")
        deepest = max(deepest, level)
    return deepest
