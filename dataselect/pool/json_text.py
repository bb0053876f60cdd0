"""JSON text to values, so that every text gives either a value or a reason for rejecting it.

`parse` takes one whole text. `JsonWindow` takes a file of any size value by value: it moves a window over the text,
which grows until the value at its start is whole, and forgets what has been passed. Bytes that are not UTF-8 become
lone surrogates there, which `value` finds, so that they cost one value and not the file.

Beyond the grammar this refuses nesting deeper than `DEEPEST` (every later stage walks or writes records recursively,
from deeper stacks than this one) and lone surrogates, which no tokenizer and no UTF-8 file can hold. NaN and Infinity
are taken, as Python's own parser does. Both checks cost next to nothing unless the text looks suspicious.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import BinaryIO

from dataselect.pool.rejects import DAMAGED, EXCERPT_LENGTH, Unreadable, lines_excerpt

DEEPEST = 200
"""Levels of nesting that a record may have."""

DECODER = json.JSONDecoder()
WHITE_SPACE = " \t\r\n"
"""The characters that JSON allows as white space."""

_SURROGATE = re.compile(r"\\u[dD]")
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
_CHUNK = 1 << 18
_LONGEST_TOKEN = 16
_NUMBER_TAIL = 2  # "1", "1." and "1e+" all parse as 1: behind a whole number stands more than two characters
_SPACE = re.compile(f"[{WHITE_SPACE}]*")
BROKEN = re.compile("[\udc80-\udcff]")
"""Bytes that are not UTF-8, as `surrogateescape` decodes them."""

_MARKS = re.compile(r'["\\{}\[\]]')
_CLOSES = {"}": "{", "]": "["}
_FOLLOWING = ("", ",", "]", "}", "{")


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


class UndividableText(Exception):
    """From `line`, which is at the byte `offset`, the text of the file cannot be divided into values."""

    def __init__(self, line: int, offset: int, shown: str) -> None:
        super().__init__(shown)
        self.line = line
        self.offset = offset
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
        self._offset = 0
        self._measured = 0

    @property
    def offset(self) -> int:
        """Bytes before the current place, a BOM not counted."""
        passed = self._text[self._measured : self._at]
        self._offset += len(passed) if passed.isascii() else len(passed.encode("utf-8", "surrogateescape"))
        self._measured = self._at
        return self._offset

    @property
    def line(self) -> int:
        """1-based line of the current place."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    @property
    def excerpt(self) -> str:
        """The text at the current place."""
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
        """Skip `mark` if it comes next."""
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
        try:
            value, end = self._decode()
        except (ValueError, RecursionError) as error:  # ValueError: also integers of more digits than Python converts
            line, shown, begin = self.line, self.excerpt, self.offset
            whole = self._skip()
            last, end = self.line, self.offset
            if not (whole and self.peek() in _FOLLOWING):
                raise UndividableText(line, begin, shown) from None
            reason = "too_deep" if isinstance(error, RecursionError) else "malformed_json"
            raise Unreadable(reason, lines_excerpt(line, last, end - begin, shown)) from None
        start, self._at = self._at, end
        if self._broken and BROKEN.search(self._text, start, end):
            raise Unreadable("not_utf8", self._bytes(start, end))
        check(self._text, value, start, end)
        return value

    def lost(self, expected: str) -> UndividableText:
        """The exception for text that does not continue as it must."""
        found = f"found: {self.excerpt}" if self.peek() else "the file ends"
        return UndividableText(self.line, self.offset, f"expected {expected}, {found}")

    def behind(self, offset: int) -> str:
        """Number of bytes from `offset` to the end of the file, which is read."""
        try:
            while not self._ended:
                self._at = len(self._text)
                self._extend()
        except DAMAGED:
            return f"at least {self.offset - offset:,}"
        self._at = len(self._text)
        return f"{self.offset - offset:,}"

    def _bytes(self, start: int, end: int) -> bytes:
        return self._text[start : min(end, start + EXCERPT_LENGTH + 4)].encode("utf-8", "surrogateescape")

    def _skip(self) -> bool:
        """Skip an object or list that does not parse, by its brackets; False if they do not match."""
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
        self._line, self._offset = self.line, self.offset
        left = self._text[self._at :]
        data = self._file.read(max(self._chunk, len(left)))
        self._ended = not data
        new = self._decoder.decode(data, final=self._ended)
        self._broken = self._broken or BROKEN.search(new) is not None
        self._text, self._at, self._counted, self._measured = left + new, 0, 0, 0
