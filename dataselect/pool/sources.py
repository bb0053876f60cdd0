"""The pools of one command: what each argument is, and the name under which its examples go.

A name is the file's own, or, where two sources share it, the shortest end of the path that tells them apart; it never
depends on the folder in which a command runs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import PoolError
from dataselect.pool.arrow import saved_folder
from dataselect.pool.streams import COMPRESSED

STDIN = "-"
SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".txt")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class Source:
    """One pool.

    Attributes:
        name: What examples and rejects call it.
        path: The file or folder; for the hub, its id; "-" for standard input.
        kind: The format: a suffix without compression, or "saved" (a folder), "hub" or "stdin".
    """

    name: str
    path: Path
    kind: str


def find_sources(given: Sequence[str]) -> tuple[Source, ...]:
    """Tell what each argument is; reads nothing but names and sizes.

    Raises:
        PoolError: If one is missing, empty or of no known kind, or one is given twice.
    """
    if not given:
        raise PoolError("no pool was given", "name a file, a folder, a hub id, or - for standard input")
    kinds = [_kind(one) for one in given]
    places = [_place(one, kind) for one, kind in zip(given, kinds, strict=True)]
    for index, place in enumerate(places):
        if place in places[:index]:
            raise PoolError(f"{given[index]} is given twice", "name each pool once")
    names = _names([_parts(one, kind) for one, kind in zip(given, kinds, strict=True)])
    return tuple(Source(name, Path(one), kind) for name, one, kind in zip(names, given, kinds, strict=True))


def format_of(path: Path) -> str | None:
    """The suffix that tells a file's format, compression aside; None if it is not one of ours."""
    inner = Path(path.stem) if path.suffix.lower() in COMPRESSED else path
    return inner.suffix.lower() if inner.suffix.lower() in SUFFIXES else None


def _kind(given: str) -> str:
    path = Path(given)
    if given == STDIN:
        return "stdin"
    if path.is_dir():
        saved_folder(path)
        return "saved"
    kind = format_of(path)
    if path.exists():
        if kind is None:
            raise PoolError(f"cannot tell the format of {given}", f"known: {' '.join(SUFFIXES)}, each also .gz or .zst")
        if path.stat().st_size == 0:
            raise PoolError(f"{given} is empty", "give a file with at least one record")
        return kind
    if kind is not None or path.suffix.lower() in COMPRESSED or not _HUB_ID.fullmatch(given):
        raise PoolError(f"{given} does not exist", "check the path")
    return "hub"


def _place(given: str, kind: str) -> str:
    return given if kind in ("hub", "stdin") else os.path.realpath(given)


def _parts(given: str, kind: str) -> tuple[str, ...]:
    return (given,) if kind in ("hub", "stdin") else Path(os.path.abspath(given)).parts


def _names(parts: list[tuple[str, ...]]) -> list[str]:
    """The shortest ends of the paths that no two share."""
    return [str(Path(*own[-_needed(own, parts) :])) for own in parts]


def _needed(own: tuple[str, ...], parts: list[tuple[str, ...]]) -> int:
    others = [other for other in parts if other is not own]
    return next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own))
