"""Small pieces of English grammar for the text that the makers compose: articles, lists, numbers of things."""

from __future__ import annotations

from collections.abc import Sequence

_VOWEL_SOUND = ("hour", "honest", "8", "11 ", "18")
_CONSONANT_SOUND = ("uni", "use", "eu", "one")


def a(phrase: str) -> str:
    """The phrase with its indefinite article: `a taxi`, `an apple`, `an hour`, `a university`."""
    lower = phrase.lower()
    vowel = lower.startswith(_VOWEL_SOUND) or (lower[0] in "aeiou" and not lower.startswith(_CONSONANT_SOUND))
    return f"{'an' if vowel else 'a'} {phrase}"


def capital(text: str) -> str:
    """The text with its first letter in upper case and the rest untouched."""
    return text[:1].upper() + text[1:]


def listing(items: Sequence[str], last: str = "and") -> str:
    """The items as English lists them: `x`, `x and y`, `x, y and z`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def counted(count: int, singular: str, plural: str = "") -> str:
    """The count with the noun in the right number: `1 night`, `3 nights`."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def numbered(items: Sequence[str]) -> str:
    """The items as a numbered list, one per line, from 1."""
    return "\n".join(f"{number}. {item}" for number, item in enumerate(items, start=1))


def bulleted(items: Sequence[str]) -> str:
    """The items as a list with dashes, one per line."""
    return "\n".join(f"- {item}" for item in items)


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for lists of single words that read better without quotes."""
    return tuple(text.split())
