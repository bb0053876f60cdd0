"""The files of an embedding run: vectors row by row, and their ids.

    embeddings.npy   (n, dim) float32 of length 1, in the order of the pools
    ids.txt          n lines of UTF-8: line i is the id of row i
    truncated.txt    the ids among them whose text the encoder read to its limit only; no file if none
    index.faiss      the same rows, searchable; perhaps an approximate index, which no other stage reads
    tfidf.npz        the space that the encoder tfidf was fitted to (`tfidf`), where it is the encoder
    targets.npy      (m, dim) float32 of length 1: the target set, file after file, where there is one
    targets.jsonl    m lines: the id of each target and its task, the file that it came from

Vectors are appended as they come, so that a pool larger than memory can be embedded; the header of the file is written
again at the end with the number of rows (NumPy leaves room for it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import json_line
from dataselect.errors import PoolError
from dataselect.stage import StageDirectory

VECTORS, IDS, INDEX, SCORES, REJECTS = "embeddings.npy", "ids.txt", "index.faiss", "scores.parquet", "rejects.jsonl"
TRUNCATED = "truncated.txt"
TARGET_VECTORS, TARGETS = "targets.npy", "targets.jsonl"


class VectorWriter:
    """Appends rows to an open .npy file.

    Args:
        file: Open for binary writing, at its beginning.
        dim: Length of a row.
    """

    def __init__(self, file: IO[bytes], dim: int) -> None:
        self._file = file
        self._dim = dim
        self.rows = 0
        self._write_header()
        self._data_start = file.tell()

    def append(self, vectors: NDArray[np.float32]) -> None:
        """Append (n, dim) rows."""
        assert vectors.dtype == np.float32, vectors.dtype
        assert vectors.shape[1:] == (self._dim,), vectors.shape
        self._file.write(np.ascontiguousarray(vectors).data)
        self.rows += len(vectors)

    def complete(self) -> None:
        """Write the number of rows into the header."""
        self._file.seek(0)
        self._write_header()
        assert self._file.tell() == self._data_start, "the header changed its length"

    def _write_header(self) -> None:
        header = {"descr": np.dtype("<f4").str, "fortran_order": False, "shape": (self.rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._file, header)  # type: ignore[no-untyped-call]


@contextmanager
def vector_file(path: Path, dim: int) -> Iterator[VectorWriter]:
    """A .npy file that grows row by row; it is whole when the block ends."""
    with path.open("wb") as file:
        writer = VectorWriter(file, dim)
        yield writer
        writer.complete()


def write_ids(stage: StageDirectory, ids: Sequence[str]) -> None:
    """Write one id per line.

    Raises:
        PoolError: If an id holds a line break.
    """
    broken = next((one for one in ids if "\n" in one), None)
    if broken is not None:
        raise PoolError(
            f"the id {broken!r} holds a line break, but {IDS} has one id per line", "rename the file or the ids"
        )
    stage.write_text(IDS, "".join(f"{one}\n" for one in ids))


def write_targets(
    stage: StageDirectory, vectors: NDArray[np.float32], ids: Sequence[str], tasks: Sequence[str]
) -> None:
    """Write the vectors of the target set, and whose they are.

    Args:
        vectors: (m, dim) unit vectors.
        ids: (m,) ids.
        tasks: (m,) the file that each came from.

    Raises:
        ArtifactError: If they cannot be written.
    """
    with stage.write(TARGET_VECTORS) as temporary, vector_file(temporary, vectors.shape[1]) as writer:
        writer.append(vectors)
    lines = (json_line({"id": id_, "task": task}) for id_, task in zip(ids, tasks, strict=True))
    stage.write_text(TARGETS, "".join(lines))
