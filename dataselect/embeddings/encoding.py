"""From examples to vectors, chunk by chunk, each kept as a shard, with a count of everything that got no vector.

A chunk is small enough for memory and large enough for batches of similar length. An example without text has no
embedding: it is counted and listed with the rejects (reason `no_text`; `no_token` where there is text, but no token
that the encoder knows), since any vector in its place would look real. A text beyond the encoder's limit is embedded by
its beginning and counted as truncated.

A shard is one chunk of a pool or of a target file, in input order, so that shard k is the same records in every run of
one fingerprint. It is done when the stage lists both its files and their digests still fit; one that is damaged, or was
replaced by another, is encoded again. The vectors of a chunk depend on its texts alone, so a run that resumes from
shards ends with the bytes of one that was never stopped, on the same machine. Shards go when the manifest is written;
until then the vectors are on disk twice.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, astuple, dataclass, field
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.encoder import SILENT, Encoder, Progress
from dataselect.embeddings.texts import EmbedText, text_of
from dataselect.errors import PoolError
from dataselect.records import Example, Reject
from dataselect.stage import StageDirectory

CHUNK = 1024
"""Records per chunk: what a run that is stopped may have to encode again."""

DIRECTORY = "shards"


@dataclass(frozen=True, slots=True)
class EmbedCounts:
    """Numbers of records by their outcome.

    Attributes:
        examples: Readable records: those embedded and those without text.
        without_text: Those without a text, or without a token of it that the encoder knows.
        truncated: Those among the embedded of which only the beginning was read.
        rejects: Unreadable records.
    """

    examples: int = 0
    embedded: int = 0
    without_text: int = 0
    truncated: int = 0
    rejects: int = 0

    def __add__(self, other: EmbedCounts) -> EmbedCounts:
        return EmbedCounts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """The embedded examples of a chunk, in the order of the pools.

    Attributes:
        ids: (n,) ids.
        sources: (n,) names of the files they came from.
        vectors: (n, dim) float32 of length 1.
        truncated: Ids of those of which only the beginning was read.
        rejects: Records that could not be read and examples without text, in the order of the pools.
        seconds: Time spent tokenising and encoding.
    """

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    vectors: NDArray[np.float32]
    truncated: tuple[str, ...]
    counts: EmbedCounts
    rejects: tuple[Reject, ...]
    seconds: float


@dataclass(slots=True)
class Tally:
    """The sums of chunks, apart from their vectors.

    Args:
        source: The name of a target file; empty for the pools together.
        called: What messages call it.
    """

    source: str
    called: str
    ids: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
    counts: EmbedCounts = field(default_factory=EmbedCounts)
    rejects: list[Reject] = field(default_factory=list)
    seconds: float = 0.0
    resumed: int = 0

    def add(self, chunk: EncodedChunk) -> None:
        """Count one chunk."""
        self.ids.extend(chunk.ids)
        self.sources.extend(chunk.sources)
        self.truncated.extend(chunk.truncated)
        self.counts += chunk.counts
        self.rejects.extend(chunk.rejects)
        self.seconds += chunk.seconds

    def require_embedded(self) -> None:
        """Refuse a source of which nothing was embedded.

        Raises:
            PoolError: If no example was embedded.
        """
        if self.counts.embedded:
            return
        found = f"{self.counts.examples} examples, {self.counts.rejects} unreadable records"
        first = next((f"; the first: {r.file} line {r.line}: {r.reason}" for r in self.rejects), "")
        raise PoolError(
            f"{self.called} should hold examples with text to embed, got {found}{first}",
            "check the file, the column options and --embed-text",
        )


def encoded_chunks(
    records: Iterable[Example | Reject],
    encoder: Encoder,
    embed_text: EmbedText,
    progress: Progress,
    shards: VectorShards,
    advance: Progress = SILENT,
) -> Iterator[EncodedChunk]:
    """Encode a stream of records, except chunks that exist as shards; keep each chunk as one.

    Args:
        records: What a pool reader yields.
        embed_text: Which part of an example is embedded.
        progress: Called after each chunk has been taken in.
        advance: Called with the same numbers batch by batch, for a progress bar.
        shards: Of these records.
    """
    remaining = iter(records)
    for index in itertools.count():
        chunk = list(itertools.islice(remaining, CHUNK))
        if not chunk:
            return
        encoded, reported = shards.read(index), 0
        if encoded is None:
            encoded = _encode(chunk, encoder, embed_text, advance)
            reported = encoded.counts.embedded
            shards.write(index, encoded)
        yield encoded
        advance(len(chunk) - reported)
        progress(len(chunk))


def _encode(chunk: list[Example | Reject], encoder: Encoder, embed_text: EmbedText, advance: Progress) -> EncodedChunk:
    examples = [record for record in chunk if isinstance(record, Example)]
    texts = [text_of(example, embed_text) for example in examples]
    start = time.perf_counter()
    num_tokens = encoder.count_tokens(texts)
    kept = np.flatnonzero(num_tokens > 0)
    vectors = encoder.encode([texts[i] for i in kept], advance)
    seconds = time.perf_counter() - start
    truncated = tuple(examples[i].id for i in np.flatnonzero(num_tokens > encoder.max_tokens))
    counts = EmbedCounts(
        examples=len(examples),
        embedded=len(kept),
        without_text=len(examples) - len(kept),
        truncated=len(truncated),
        rejects=len(chunk) - len(examples),
    )
    embedded = [examples[i] for i in kept]
    without = {examples[i].id: "no_token" if texts[i] else "no_text" for i in np.flatnonzero(num_tokens == 0)}
    return EncodedChunk(
        ids=tuple(e.id for e in embedded),
        sources=tuple(e.source for e in embedded),
        vectors=vectors,
        truncated=truncated,
        counts=counts,
        rejects=_rejects(chunk, without),
        seconds=seconds,
    )


def _rejects(chunk: list[Example | Reject], without: dict[str, str]) -> tuple[Reject, ...]:
    """The records of a chunk that have no embedding, the examples among them by their id and why."""
    return tuple(
        record
        if isinstance(record, Reject)
        else Reject(record.source, record.line, without[record.id], f"id {record.id}")
        for record in chunk
        if isinstance(record, Reject) or record.id in without
    )


class VectorShards:
    """The shards of the pools, or of one target file, of one embedding run.

    Args:
        stage: The stage directory.
        name: What they are shards of; the name of a folder.

    Attributes:
        resumed: Records of the shards that were read so far, which an earlier run encoded.
    """

    def __init__(self, stage: StageDirectory, name: str) -> None:
        self._stage = stage
        self._folder = PurePosixPath(DIRECTORY, name)
        self.resumed = 0

    def _vectors(self, index: int) -> str:
        return str(self._folder / f"{index:06d}.npy")

    def _rows(self, index: int) -> str:
        return str(self._folder / f"{index:06d}.json")

    def read(self, index: int) -> EncodedChunk | None:
        """A shard that an earlier run finished; None if none did."""
        if not (self._stage.intact(self._rows(index)) and self._stage.intact(self._vectors(index))):
            return None
        rows = json.loads((self._stage.path / self._rows(index)).read_text(encoding="utf-8"))
        counts = EmbedCounts(**rows["counts"])
        self.resumed += counts.examples + counts.rejects
        return EncodedChunk(
            ids=tuple(rows["ids"]),
            sources=tuple(rows["sources"]),
            vectors=np.load(self._stage.path / self._vectors(index), allow_pickle=False),
            truncated=tuple(rows["truncated"]),
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
            "truncated": chunk.truncated,
            "counts": asdict(chunk.counts),
            "rejects": [asdict(one) for one in chunk.rejects],
            "seconds": chunk.seconds,
        }
        self._stage.write_text(self._rows(index), json.dumps(rows), interim=True)
        with self._stage.write(self._vectors(index), interim=True) as temporary, temporary.open("wb") as file:
            np.save(file, chunk.vectors, allow_pickle=False)
