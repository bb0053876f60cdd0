"""Text normalisation for comparing texts: white space, case and compatibility forms aside, and split into words.

Scripts that are written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are split into characters, the
rest at white space. This is decided character by character, since real texts mix scripts.
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
    """Replacement of each character before a text is split at white space; filled as characters are met.

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
    """Apply NFKC and lower case, and collapse white space to single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def tokens(text: str) -> list[str]:
    """Split into words with their punctuation; into characters in scripts without spaces."""
    return normalised(text).translate(_WITH).split()


def words(text: str) -> list[str]:
    """Split into words without punctuation and symbols; into characters in scripts without spaces."""
    return normalised(text).translate(_WITHOUT).split()


def full_text(text: Text) -> str:
    """Return prompt and response as one text."""
    return f"{text.prompt}\n{text.response}"
