"""Compare two fingerprints, and name the values that differ.

A fingerprint lists an input under its role and, if a role takes several, at its position in a list, with the digest of
its content: no path, so that a moved file is the same input, and never a name alone, so that two files of one name are
two inputs. Values are compared as JSON, in which 1, 1.0 and true are three things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataselect.artifacts import canonical_json

_LISTED = 5
"""Differences that a message lists; the others are counted."""


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Return the dotted names of the values that differ, each with both values; empty if the fingerprints are equal."""
    old, new = dict(leaves(before)), dict(leaves(now))
    return [
        f"{name} (was {_shown(old, name)}, now {_shown(new, name)})"
        for name in sorted(old.keys() | new.keys())
        if _shown(old, name, None) != _shown(new, name, None)
    ]


def listed(different: list[str]) -> str:
    """Join differences into one line of limited length."""
    more = len(different) - _LISTED
    return ", ".join(different[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of nested mappings and lists under names such as `input[0].sha256`; an empty one is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            name = str(key).replace(".", r"\.")
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{place}]")
    elif path:
        yield path, value


def short(value: object, most: int | None = 24) -> str:
    """Return a value as JSON of at most `most` characters; None for all of it."""
    text = canonical_json(value)
    return text if most is None or len(text) <= most else text[: most - 3] + "..."


def _shown(values: Mapping[str, object], name: str, most: int | None = 24) -> str:
    return short(values[name], most) if name in values else "nothing"
