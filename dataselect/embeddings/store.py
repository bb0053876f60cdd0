"""The files of an embedding run: vectors row by row, and their ids.

    embeddings.npy   (n, dim) float32 of length 1, in the order of the pools
    ids.txt          n lines of UTF-8: line i is the id of row i
    index.faiss      the same rows, searchable; perhaps an approximate index, which no other stage reads
    tfidf.npz        the space that the encoder tfidf was fitted to (`tfidf`), where it is the encoder
    targets.npy      (m, dim) float32 of length 1: the target set, file after file, where there is one
    targets.jsonl    m lines: the id of each target and its task, the file that it came from

Vectors are appended as they come, so that a pool larger than memory can be embedded; the header of the file is written
again at the end with the number of rows (NumPy leaves room for it). A file appears under its name when it is whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import atomic, write_text
from dataselect.errors import PoolError

VECTORS, IDS, INDEX, SCORES, REJECTS = "embeddings.npy", "ids.txt", "index.faiss", "scores.parquet", "rejects.jsonl"
TARGET_VECTORS, TARGETS = "targets.npy", "targets.jsonl"
FILES = (VECTORS, IDS, INDEX, SCORES, REJECTS, TARGET_VECTORS, TARGETS)
"""All that an embedding run may write, beside what every stage writes."""


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
    """A .npy file that grows row by row and appears at `path` when the block ends well.

    Raises:
        ArtifactError: If it cannot be written.
    """
    with atomic(path) as temporary, temporary.open("wb") as file:
        writer = VectorWriter(file, dim)
        yield writer
        writer.complete()


def write_ids(path: Path, ids: Sequence[str]) -> None:
    """Write one id per line.

    Raises:
        PoolError: If an id holds a line break.
    """
    broken = next((one for one in ids if "\n" in one), None)
    if broken is not None:
        raise PoolError(
            f"the id {broken!r} holds a line break, but {IDS} has one id per line", "rename the file or the ids"
        )
    write_text(path, "".join(f"{one}\n" for one in ids))


def write_targets(folder: Path, vectors: NDArray[np.float32], ids: Sequence[str], tasks: Sequence[str]) -> None:
    """Write the vectors of the target set, and whose they are.

    Args:
        vectors: (m, dim) unit vectors.
        ids: (m,) ids.
        tasks: (m,) the file that each came from.

    Raises:
        ArtifactError: If they cannot be written.
    """
    with vector_file(folder / TARGET_VECTORS, vectors.shape[1]) as writer:
        writer.append(vectors)
    lines = (json.dumps({"id": id_, "task": task}, ensure_ascii=False) for id_, task in zip(ids, tasks, strict=True))
    write_text(folder / TARGETS, "".join(f"{line}\n" for line in lines))
