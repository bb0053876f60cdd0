"""The final number of an answer, as GSM8K is marked: strictly behind `####`, or flexibly the last number there is.

The strict reading takes the first `#### NUMBER` (Cobbe et al. 2021, arXiv 2110.14168, whose answers end so), the
flexible one the last number anywhere; lm-evaluation-harness calls them `strict-match` and `flexible-extract`. Numbers
are compared as numbers: commas between thousands, a currency sign, a per cent sign, a plus and trailing zeros make no
difference. A hyphen is a sign only where no digit, letter or bracket stands before it, so that `18-24` ends in 24.

Left out: fractions, powers of ten, and numbers in words.
"""

from __future__ import annotations

import re
from decimal import Decimal

_BODY = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+)"
_NUMBER = rf"(?:(?<![\w)])[-+−])?(?:[$€£][-−]?)?{_BODY}%?"
_ANY = re.compile(_NUMBER)
_MARKED = re.compile(rf"####[ \t]*({_NUMBER})")
_MARK = "####"
_DECORATION = str.maketrans({"−": "-", **dict.fromkeys(",$€£%+")})


def strict_answer(text: str) -> str | None:
    """The number behind the first `####` that has one, as it stands there; None if there is none."""
    found = _MARKED.search(text)
    return found[1] if found else None


def flexible_answer(text: str) -> str | None:
    """The last number of a text, as it stands there; None if there is none."""
    found = _ANY.findall(text)
    return found[-1] if found else None


def reference_answer(answer: object) -> str | None:
    """The number that is right: what stands behind the last `####` of a worked answer, or the answer if it is a number.

    Returns:
        None if that is no number.
    """
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return None
    text = str(answer).rpartition(_MARK)[2].strip().removesuffix(".")
    return text if _ANY.fullmatch(text) else None


def number(text: str) -> Decimal:
    """The value of a number that one of the functions above found."""
    return Decimal(text.translate(_DECORATION))


def same_number(found: str | None, expected: str) -> bool:
    """Whether the number found is the one expected; none is never."""
    return found is not None and number(found) == number(expected)
