"""A moving window over the text of one JSON file, so that a file of any size is parsed value by value.

The window grows until the value at its start is whole, and forgets what has been passed. Bytes that are not UTF-8
become lone surrogates here, which `value` finds, so that they cost one value and not the file.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import BinaryIO

from dataselect.pool.faults import EXCERPT_LENGTH, Unreadable
from dataselect.pool.json_text import DECODER, WHITE_SPACE, check

_CHUNK = 1 << 18
_LONGEST_TOKEN = 16
_NUMBER_TAIL = 2  # "1", "1." and "1e+" all parse as 1: behind a whole number stands more than two characters
_SPACE = re.compile(f"[{WHITE_SPACE}]*")
_BROKEN = re.compile("[\udc80-\udcff]")
_MARKS = re.compile(r'["\\{}\[\]]')
_CLOSES = {"}": "{", "]": "["}
_FOLLOWING = ("", ",", "]", "}", "{")


class Lost(Exception):
    """From `line` on the text of the file cannot be divided into values."""

    def __init__(self, line: int, shown: str) -> None:
        super().__init__(shown)
        self.line = line
        self.shown = shown


class JsonWindow:
    """Reads values and punctuation off a file.

    Args:
        file: Bytes of UTF-8, with or without BOM.
        chunk: Bytes to read at least at a time.
    """

    def __init__(self, file: BinaryIO, chunk: int = _CHUNK) -> None:
        self._file = file
        self._chunk = chunk
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text = ""
        self._at = 0
        self._ended = False
        self._line = 1
        self._counted = 0
        self._broken = False

    @property
    def line(self) -> int:
        """1-based line of the current place."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    @property
    def excerpt(self) -> str:
        """What stands at the current place."""
        while len(self._text) - self._at < EXCERPT_LENGTH and not self._ended:
            self._extend()
        return self._text[self._at : self._at + EXCERPT_LENGTH + 4]

    def peek(self) -> str:
        """The next character that is not white space, which is passed over; empty at the end of the file."""
        if self._text[self._at : self._at + 1].strip(WHITE_SPACE):
            return self._text[self._at]
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._extend()

    def take(self, mark: str) -> bool:
        """Pass over `mark` if it comes next."""
        if self.peek() != mark:
            return False
        self._at += 1
        return True

    def value(self) -> object:
        """The value that begins at the current place, which then moves behind it.

        Raises:
            Unreadable: If it cannot be taken, but its end is known; the place is behind it.
            Lost: If its end is not known.
        """
        line = self.line
        try:
            value, end = self._decode()
        except (ValueError, RecursionError) as error:  # ValueError: also integers of more digits than Python converts
            shown = self.excerpt
            if not (self._skip() and self.peek() in _FOLLOWING):
                raise Lost(line, shown) from None
            reason = "too_deep" if isinstance(error, RecursionError) else "malformed_json"
            raise Unreadable(reason, shown) from None
        start, self._at = self._at, end
        if self._broken and _BROKEN.search(self._text, start, end):
            raise Unreadable("not_utf8", self._bytes(start, end))
        check(self._text, value, start, end)
        return value

    def lost(self, expected: str) -> Lost:
        """The exception for text that does not go on as it must."""
        found = f"found: {self.excerpt}" if self.peek() else "the file ends"
        return Lost(self.line, f"expected {expected}, {found}")

    def _bytes(self, start: int, end: int) -> bytes:
        return self._text[start : min(end, start + EXCERPT_LENGTH + 4)].encode("utf-8", "surrogateescape")

    def _skip(self) -> bool:
        """Pass over an object or list that does not parse, by its brackets; False if they do not add up."""
        opened: list[str] = []
        if self.peek() not in _CLOSES.values():
            return False
        in_string = False
        while True:
            match = _MARKS.search(self._text, self._at)
            if match is None:
                self._at = len(self._text)
                if self._ended:
                    return False
                self._extend()
                continue
            mark, self._at = match.group(), match.end()
            if mark == "\\":
                self._step()
            elif mark == '"':
                in_string = not in_string
            elif not in_string and mark in "{[":
                opened.append(mark)
            elif not in_string and (not opened or opened.pop() != _CLOSES[mark]):
                return False
            if not opened:
                return not in_string

    def _step(self) -> None:
        if self._at == len(self._text) and not self._ended:
            self._extend()
        self._at += 1

    def _decode(self) -> tuple[object, int]:
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or not self._cut_off(error):
                    raise
            else:
                if len(self._text) - end > _NUMBER_TAIL or self._ended:
                    return value, end
            self._extend()

    def _cut_off(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or len(self._text) - error.pos < _LONGEST_TOKEN

    def _extend(self) -> None:
        self._line = self.line
        left = self._text[self._at :]
        data = self._file.read(max(self._chunk, len(left)))
        self._ended = not data
        new = self._decoder.decode(data, final=self._ended)
        self._broken = self._broken or _BROKEN.search(new) is not None
        self._text, self._at, self._counted = left + new, 0, 0
