"""Vectors of an `embed` folder: which rows are embedded, their vectors, and those of the targets.

    embeddings.npy + ids.txt         the vectors of the pools, joined to the pool by id
    truncated.txt                    the rows whose vector is that of their beginning alone
    targets.npy + targets.jsonl      the vectors of the target set, where `embed` was given one

The vectors stay on disk as a memory map. Where the wanted rows are all rows in their order, the map itself is returned;
else they are gathered once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import file_digest
from dataselect.embeddings.store import IDS, SCORES, TARGET_VECTORS, TARGETS, TRUNCATED, VECTORS
from dataselect.errors import ArtifactError
from dataselect.library_errors import refused
from dataselect.selection.score_tables import ScoreTable, read_table
from dataselect.stage import FinishedStage, read_finished

_AGAIN = "make it again: dataselect embed POOL --encoder E --target FILE --out DIR --overwrite"
_ROWS = 65_536
_UNIT = 1e-3
"""Largest deviation of a vector's length from 1: bfloat16 models are pooled in float32, so that it is rounding."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of a folder.

    Attributes:
        folder: The folder as given.
        ids: (n,) distinct ids, in the order of the rows.
        matrix: (n, d) float32, a memory map.
        targets: (m, d) float32 of the target set; (0, d) where none is wanted.
        target_tasks: (m,) the file that each target came from.
        truncated: Ids of the rows whose vector is that of their beginning alone.
    """

    folder: Path
    ids: Sequence[str]
    matrix: NDArray[np.float32]
    targets: NDArray[np.float32]
    target_tasks: tuple[str, ...]
    truncated: frozenset[str] = frozenset()

    def of(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `ids`, in that order.

        Raises:
            ArtifactError: If an id has no vector, or a vector's length is not 1.
        """
        rows = self.rows_of(ids)
        whole = len(rows) == len(self.ids) and bool((np.diff(rows) == 1).all())
        return self.matrix if whole else self.matrix[rows]

    def rows_of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of `matrix` that are those of `ids`, for reading them in blocks.

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
        more = {TARGET_VECTORS: len(self.targets), TRUNCATED: len(self.truncated)}
        names = (VECTORS, *(name for name, rows in more.items() if rows))
        return [
            {"role": "embeddings", "source": str(self.folder / name), "sha256": file_digest(self.folder / name)}
            for name in names
        ]


def read_embedded(path: Path, wanted: Sequence[str], text_columns: Collection[str] = ()) -> ScoreTable:
    """Read the rows that a folder embeds as a score table: with its similarities, if it has any.

    Raises:
        ArtifactError: If the folder is missing, unfinished or damaged.
    """
    if path.is_file() or SCORES in (stage := read_finished(path, "embed")):
        table = read_table(path, wanted, text_columns)
    else:
        table = ScoreTable(name=str(path), ids=_read_ids(stage), sha256=file_digest(path / IDS))
    return replace(table, embedded=True, sources=None)


def read_vectors(folder: Path, targets: bool) -> Vectors:
    """Open the vectors of a finished folder, and read those of its targets if they are wanted.

    Raises:
        ArtifactError: If they are missing or damaged.
    """
    stage = read_finished(folder, "embed")
    matrix = _read_matrix(stage.file(VECTORS))
    ids = _read_ids(stage)
    if len(ids) != len(matrix):
        raise ArtifactError(f"{folder} has {len(matrix):,} vectors and {len(ids):,} ids", _AGAIN)
    in_part = stage.manifest.get("counts", {}).get("truncated", 0)
    truncated = frozenset(_read_lines(stage, TRUNCATED)) if in_part else frozenset[str]()
    vectors = Vectors(
        folder=folder,
        ids=ids,
        matrix=matrix,
        targets=np.zeros((0, matrix.shape[1]), np.float32),
        target_tasks=(),
        truncated=truncated,
    )
    if not targets:
        return vectors
    if TARGET_VECTORS not in stage:
        raise ArtifactError(
            f"{folder} was embedded without a target set: it has no {TARGET_VECTORS}",
            "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR",
        )
    target_vectors = np.array(_read_matrix(stage.file(TARGET_VECTORS)))
    tasks = _read_tasks(stage)
    if len(tasks) != len(target_vectors) or target_vectors.shape[1:] != matrix.shape[1:]:
        raise ArtifactError(f"{TARGET_VECTORS}, {TARGETS} and {VECTORS} of {folder} do not match", _AGAIN)
    _check_unit(target_vectors, folder / TARGET_VECTORS)
    return replace(vectors, targets=target_vectors, target_tasks=tasks)


def _read_matrix(path: Path) -> NDArray[np.float32]:
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        doing = f"cannot read {path}"
        raise refused(error, doing) or ArtifactError(f"{path} cannot be read: {error}", _AGAIN) from None
    if matrix.ndim != 2 or matrix.dtype != np.float32 or not len(matrix):
        raise ArtifactError(f"{path} should hold float32 vectors, got {matrix.dtype} of shape {matrix.shape}", _AGAIN)
    return np.asarray(matrix)


def _read_ids(stage: FinishedStage) -> list[str]:
    ids = _read_lines(stage, IDS)
    if len(set(ids)) < len(ids):
        raise ArtifactError(f"{stage.file(IDS)} has an id twice", _AGAIN)
    return ids


def _read_lines(stage: FinishedStage, name: str) -> list[str]:
    path = stage.file(name)
    try:
        return path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise refused(error, f"cannot read {path}") or ArtifactError(
            f"{path} cannot be read: {error}", _AGAIN
        ) from None


def _read_tasks(stage: FinishedStage) -> tuple[str, ...]:
    try:
        return tuple(str(json.loads(line)["task"]) for line in _read_lines(stage, TARGETS))
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{stage.file(TARGETS)} cannot be read: {error}", _AGAIN) from None


def _check_unit(vectors: NDArray[np.float32], path: Path) -> None:
    off = np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1.0)
    if not (off <= 2 * _UNIT).all():
        raise ArtifactError(f"{path} holds vectors that are not of length 1", _AGAIN)
