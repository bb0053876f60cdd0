r"""Escape text from outside before it is printed: what a terminal would obey is written out.

Control characters (an escape sequence can rewrite a screen, a bell can ring), those that turn the direction of writing
or cannot be seen, and halves of surrogate pairs become `\x1b`, `\u202e` and the like. Tabs and line ends stay: a
caller that prints one line folds them. Errors are escaped when they are made, and every line when it is printed.

Left out: JSON, which has escapes that lose nothing (`artifacts.json_line`), and pages (`comparison.excerpts`).
"""

from __future__ import annotations

import re

ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters, and others that cannot be seen."""


def escaped(text: str) -> str:
    """Return the text with every such character written out, as in a Python literal."""
    return ACTING.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


_QUOTED, _WORD = 160, 400
_LONG_QUOTE = re.compile(rf"(?<![\w'\"])(?:'(?:[^'\\]|\\.){{{_QUOTED},}}'|\"(?:[^\"\\]|\\.){{{_QUOTED},}}\")")
_LONG_WORD = re.compile(rf"\S{{{_WORD},}}")


def bearable(text: str, most: int = 800) -> str:
    """Shorten a message: cut the middle of a quotation, a word, or the whole that is too long.

    Errors quote their input, which may be a whole expression, record or file.

    Args:
        most: Most characters of the whole.
    """
    text = _LONG_QUOTE.sub(lambda found: _without_middle(found.group(), _QUOTED), text)
    text = _LONG_WORD.sub(lambda found: _without_middle(found.group(), _WORD), text)
    return _without_middle(text, most)


def _without_middle(text: str, most: int) -> str:
    end = most // 4
    return text if len(text) <= most else f"{text[: most - end - 5]} ... {text[-end:]}"


def one_line(text: object, most: int = 200) -> str:
    """Return a text from outside as one harmless line of at most `most` characters."""
    return escaped(" ".join(str(text).split()))[:most]
