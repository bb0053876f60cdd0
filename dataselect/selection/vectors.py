"""Read what an `embed` folder holds for a selection: which rows are embedded, their vectors, and those of the targets.

    embeddings.npy + ids.txt         the vectors of the pools, joined to the pool by id
    targets.npy + targets.jsonl      the vectors of the target set, where `embed` was given one

The vectors stay on disk as a memory map. Where the wanted rows are all rows in their order, the map itself is handed
over; else they are gathered once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import MANIFEST, RUN, file_digest
from dataselect.embeddings.store import IDS, SCORES, TARGET_VECTORS, TARGETS, VECTORS
from dataselect.errors import ArtifactError
from dataselect.selection.tables import ScoreTable, read_table

_AGAIN = "make it again: dataselect embed POOL --encoder E --target FILE --out DIR --overwrite"
_ROWS = 65_536
_UNIT = 1e-3
"""How far a vector's length may be from 1: bfloat16 models are pooled in float32, so that it is rounding."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of a folder.

    Attributes:
        folder: The folder as given.
        ids: (n,) distinct ids, in the order of the rows.
        matrix: (n, d) float32, a memory map.
        targets: (m, d) float32 of the target set; (0, d) where none is wanted.
        target_tasks: (m,) the file that each target came from.
    """

    folder: Path
    ids: Sequence[str]
    matrix: NDArray[np.float32]
    targets: NDArray[np.float32]
    target_tasks: tuple[str, ...]

    def of(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of `ids`, in that order.

        Raises:
            ArtifactError: If an id has no vector, or a vector's length is not 1.
        """
        rows = self.rows_of(ids)
        whole = len(rows) == len(self.ids) and bool((np.diff(rows) == 1).all())
        return self.matrix if whole else self.matrix[rows]

    def rows_of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """The rows of `matrix` that are those of `ids`, for who reads them in blocks.

        Raises:
            ArtifactError: If an id has no vector, or a vector's length is not 1.
        """
        places = {id_: row for row, id_ in enumerate(self.ids)}
        rows = np.fromiter((places.get(id_, -1) for id_ in ids), np.int64, len(ids))
        if (rows < 0).any():
            absent = ids[int(np.argmin(rows))]
            raise ArtifactError(f"{self.folder} has a score for {absent!r} but no vector", _AGAIN)
        for start in range(0, len(rows), _ROWS):
            _check_unit(self.matrix[rows[start : start + _ROWS]], self.folder / VECTORS)
        return rows

    @property
    def inputs(self) -> list[dict[str, str]]:
        """Path and sha256 of the files of vectors, for the manifest."""
        names = (VECTORS, TARGET_VECTORS) if len(self.targets) else (VECTORS,)
        return [
            {"role": "embeddings", "source": str(self.folder / name), "sha256": file_digest(self.folder / name)}
            for name in names
        ]


def read_embedded(path: Path, wanted: Sequence[str]) -> ScoreTable:
    """The rows that a folder embeds as a score table: with its similarities, or without columns where it has none.

    Raises:
        ArtifactError: If the folder is missing, unfinished or damaged.
    """
    if path.is_file() or (path / SCORES).exists() or not (path / IDS).exists():
        table = read_table(path, wanted)
    else:
        if not (path / MANIFEST).exists():
            fault = "is unfinished" if (path / RUN).exists() else "is no folder of `dataselect embed`"
            raise ArtifactError(f"{path} {fault}: it has no {MANIFEST}", "run `dataselect embed` to its end")
        table = ScoreTable(str(path), _read_ids(path), None, {}, {}, None, file_digest(path / IDS))
    return ScoreTable(
        table.name, table.ids, table.status, table.columns, table.not_finite, table.rendering, table.sha256, True
    )


def read_vectors(folder: Path, targets: bool) -> Vectors:
    """Open the vectors of a finished folder, and read those of its targets if they are wanted.

    Raises:
        ArtifactError: If they are missing or damaged.
    """
    if not (folder / VECTORS).exists():
        raise ArtifactError(f"{folder} has no {VECTORS}", "give a folder that `dataselect embed` wrote")
    matrix = _read_matrix(folder / VECTORS)
    ids = _read_ids(folder)
    if len(ids) != len(matrix):
        raise ArtifactError(f"{folder} has {len(matrix):,} vectors and {len(ids):,} ids", _AGAIN)
    if not targets:
        return Vectors(folder, ids, matrix, np.zeros((0, matrix.shape[1]), np.float32), ())
    if not (folder / TARGET_VECTORS).exists():
        raise ArtifactError(
            f"{folder} was embedded without a target set: it has no {TARGET_VECTORS}",
            "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR",
        )
    target_vectors = np.array(_read_matrix(folder / TARGET_VECTORS))
    tasks = _read_tasks(folder / TARGETS)
    if len(tasks) != len(target_vectors) or target_vectors.shape[1:] != matrix.shape[1:]:
        raise ArtifactError(f"{TARGET_VECTORS}, {TARGETS} and {VECTORS} of {folder} do not fit together", _AGAIN)
    _check_unit(target_vectors, folder / TARGET_VECTORS)
    return Vectors(folder, ids, matrix, target_vectors, tasks)


def _read_matrix(path: Path) -> NDArray[np.float32]:
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}", _AGAIN) from None
    if matrix.ndim != 2 or matrix.dtype != np.float32 or not len(matrix):
        raise ArtifactError(f"{path} should hold float32 vectors, got {matrix.dtype} of shape {matrix.shape}", _AGAIN)
    return np.asarray(matrix)


def _read_ids(folder: Path) -> list[str]:
    path = folder / IDS
    try:
        ids = path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}", _AGAIN) from None
    if len(set(ids)) < len(ids):
        raise ArtifactError(f"{path} has an id twice", _AGAIN)
    return ids


def _read_tasks(path: Path) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        return tuple(str(json.loads(line)["task"]) for line in lines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}", _AGAIN) from None


def _check_unit(vectors: NDArray[np.float32], path: Path) -> None:
    off = np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1.0)
    if not (off <= 2 * _UNIT).all():
        raise ArtifactError(f"{path} holds vectors that are not of length 1", _AGAIN)
