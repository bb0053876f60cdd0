"""Text that a file can hold and a page can show.

Records may hold half surrogate pairs, which no UTF-8 file can hold, and characters that act on a page instead of being
shown: control characters, and those that turn the direction of writing. Each becomes U+FFFD, and every line end a line
feed.
Left out: escaping, which depends on where the text goes.
"""

from __future__ import annotations

import re
from typing import Any

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufeff]")


def printable(text: str) -> str:
    """The text with every unprintable character replaced."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))


def printable_values(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Nested plain values with every text in them, keys too, made printable; tuples become lists."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(k)): printable_values(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [printable_values(v) for v in value]
    return value
