"""Texts as they are compared: white space, case and compatibility forms aside, and split into words.

Scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are split into characters, the
rest at white space. That is decided character by character, since real texts mix them.
"""

from __future__ import annotations

import unicodedata

from dataselect.strategies import Text

_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF),
)  # fmt: skip
"""Thai and Lao, Burmese, Khmer, kana, and Chinese characters."""


class _Split(dict[int, str]):
    """What becomes of a character before a text is split at white space; filled as characters are met.

    Args:
        punctuation: Whether it stays.
    """

    def __init__(self, punctuation: bool) -> None:
        super().__init__()
        self._punctuation = punctuation

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if any(low <= code <= high for low, high in _UNSPACED) and not unicodedata.category(character).startswith("M"):
            made = f" {character}"  # marks stay with the character before them
        elif not self._punctuation and unicodedata.category(character)[0] in "PSZC":
            made = " "
        else:
            made = character
        self[code] = made
        return made


_WITH, _WITHOUT = _Split(True), _Split(False)


def normalised(text: str) -> str:
    """NFKC, lower case, white space collapsed to single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def tokens(text: str) -> list[str]:
    """What stands between spaces, punctuation included; characters in scripts without spaces."""
    return normalised(text).translate(_WITH).split()


def words(text: str) -> list[str]:
    """Words without any punctuation or symbol; characters in scripts without spaces."""
    return normalised(text).translate(_WITHOUT).split()


def whole(text: Text) -> str:
    """Prompt and response as one text."""
    return f"{text.prompt}\n{text.response}"
