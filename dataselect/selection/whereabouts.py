"""Where the inputs of a selection were, so that a later look at it (`dataselect explain`) finds them again.

The manifest names inputs by digest, which tells what they were but not where. Paths stand beside that, relative to the
folder of the manifest: a folder that holds a pool, its scores and its selections can be moved as a whole, and no path
names a home directory that is not needed. What comes from standard input or a hub has no place.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Paths of the inputs of a selection, absolute.

    Attributes:
        pools: In the order in which they were given; None for one that is no file or folder.
        scores: Score tables.
        embeddings: The folder of embeddings; None where none was given.
    """

    pools: tuple[Path | None, ...] = ()
    scores: tuple[Path, ...] = ()
    embeddings: Path | None = None

    @classmethod
    def given(cls, pools: Sequence[str], scores: Sequence[Path], embeddings: Path | None) -> Whereabouts:
        """From what a user typed, in the folder where the command runs."""
        found = tuple(_absolute(Path(pool)) if Path(pool).exists() else None for pool in pools)
        return cls(found, tuple(map(_absolute, scores)), None if embeddings is None else _absolute(embeddings))

    @classmethod
    def recorded(cls, manifest: Mapping[str, Any], folder: Path) -> Whereabouts:
        """From a manifest in `folder`; a manifest that records none gives none."""
        told = manifest.get("paths") or {"pools": (), "scores": (), "embeddings": None}
        pools, scores = ([_from(folder, path) for path in told[name]] for name in ("pools", "scores"))
        return cls(tuple(pools), tuple(path for path in scores if path is not None), _from(folder, told["embeddings"]))

    def described(self, folder: Path) -> dict[str, Any]:
        """As a manifest in `folder` records it."""
        return {
            "pools": [_to(folder, path) for path in self.pools],
            "scores": [_to(folder, path) for path in self.scores],
            "embeddings": _to(folder, self.embeddings),
        }


def _absolute(path: Path) -> Path:
    """The path with the links of its folder resolved. Not its own: what it links to may have another suffix."""
    whole = Path(os.path.abspath(path))
    return Path(os.path.realpath(whole.parent), whole.name)


def _to(folder: Path, path: Path | None) -> str | None:
    return None if path is None else os.path.relpath(path, os.path.realpath(folder))


def _from(folder: Path, path: str | None) -> Path | None:
    return None if path is None else Path(os.path.normpath(os.path.join(os.path.realpath(folder), path)))
