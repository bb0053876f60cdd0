"""Shards of an embedding run: written whole or not at all, read instead of encoded when they are there.

A shard is one chunk of a pool or of a target file, in input order, so that shard k is the same records in every run of
one fingerprint. What is said of its rows is written before its vectors: the presence of the vectors means that it is
done. The vectors of a chunk depend on its texts alone, so a run that goes on from shards ends with the bytes of one
that was never stopped, on the same machine. Shards go when the manifest is written; until then the vectors are on disk
twice.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from dataselect.artifacts import atomic, write_text
from dataselect.embeddings.chunks import Counts, EncodedChunk
from dataselect.records import Reject

DIRECTORY = "shards"
OWN = (f"{DIRECTORY}/**/*.npy", f"{DIRECTORY}/**/*.json")


class Shards:
    """The shards of the pools, or of one target file, of one embedding run.

    Args:
        directory: The stage directory.
        name: What they are shards of; the name of a folder.

    Attributes:
        resumed: Records of the shards that were read so far, which an earlier run encoded.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._folder = directory / DIRECTORY / name
        self.resumed = 0

    def _vectors(self, index: int) -> Path:
        return self._folder / f"{index:06d}.npy"

    def _rows(self, index: int) -> Path:
        return self._folder / f"{index:06d}.json"

    def read(self, index: int) -> EncodedChunk | None:
        """A shard that an earlier run finished; None if none did."""
        if not self._vectors(index).exists():
            return None
        rows = json.loads(self._rows(index).read_text(encoding="utf-8"))
        counts = Counts(**rows["counts"])
        self.resumed += counts.examples + counts.rejects
        return EncodedChunk(
            ids=tuple(rows["ids"]),
            sources=tuple(rows["sources"]),
            vectors=np.load(self._vectors(index), allow_pickle=False),
            counts=counts,
            rejects=tuple(Reject(**one) for one in rows["rejects"]),
            seconds=rows["seconds"],
        )

    def write(self, index: int, chunk: EncodedChunk) -> None:
        """Write one shard.

        Raises:
            ArtifactError: If it cannot be written.
        """
        rows = {
            "ids": chunk.ids,
            "sources": chunk.sources,
            "counts": asdict(chunk.counts),
            "rejects": [asdict(one) for one in chunk.rejects],
            "seconds": chunk.seconds,
        }
        write_text(self._rows(index), json.dumps(rows))
        with atomic(self._vectors(index)) as temporary, temporary.open("wb") as file:
            np.save(file, chunk.vectors, allow_pickle=False)


def remove_shards(directory: Path) -> None:
    """Remove the shards of a finished run."""
    folder = directory / DIRECTORY
    for pattern in OWN:
        for file in directory.glob(pattern):
            file.unlink()
    for inside in sorted(folder.glob("**/"), reverse=True):
        with suppress(OSError):
            inside.rmdir()
