"""From examples to vectors, chunk by chunk, with a count of everything that got none.

A chunk is small enough for memory and large enough for batches of like length. An example without a token of text has
no embedding: it is counted and listed with the rejects (reason `no_text`), since any vector in its place would look
real. A text beyond the encoder's limit is embedded by its beginning and counted as truncated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.encoder import Encoder
from dataselect.embeddings.texts import EmbedText, text_of
from dataselect.errors import PoolError
from dataselect.records import Example, Reject

CHUNK = 1024
"""Records per chunk."""

Progress = Callable[[int], object]
"""Called with the number of records that were just done."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of records.

    Attributes:
        examples: Readable records: those embedded and those without text.
        truncated: Those among the embedded of which only the beginning was read.
        rejects: Unreadable records.
    """

    examples: int = 0
    embedded: int = 0
    without_text: int = 0
    truncated: int = 0
    rejects: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """The embedded examples of a chunk, in the order of the pools.

    Attributes:
        ids: (n,) ids.
        sources: (n,) names of the files they came from.
        vectors: (n, dim) float32 of length 1.
        rejects: Records that could not be read and examples without text, in the order of the pools.
        seconds: Time spent tokenising and encoding.
    """

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    vectors: NDArray[np.float32]
    counts: Counts
    rejects: tuple[Reject, ...]
    seconds: float


@dataclass(slots=True)
class Tally:
    """What chunks add up to, apart from their vectors."""

    counts: Counts = field(default_factory=Counts)
    rejects: list[Reject] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, chunk: EncodedChunk) -> None:
        """Count one chunk."""
        self.counts += chunk.counts
        self.rejects.extend(chunk.rejects)
        self.seconds += chunk.seconds

    def require_embedded(self, name: str) -> None:
        """Refuse to go on with nothing.

        Raises:
            PoolError: If no example was embedded.
        """
        if self.counts.embedded:
            return
        found = f"{self.counts.examples} examples, {self.counts.rejects} unreadable records"
        first = next((f"; the first: {r.file} line {r.line}: {r.reason}" for r in self.rejects), "")
        raise PoolError(
            f"{name} should hold examples with text to embed, got {found}{first}",
            "check the file, the column options and --embed-text",
        )


def encoded_chunks(
    records: Iterable[Example | Reject],
    encoder: Encoder,
    embed_text: EmbedText,
    progress: Progress,
    size: int = CHUNK,
) -> Iterator[EncodedChunk]:
    """Encode a stream of records.

    Args:
        records: What a pool reader yields.
        embed_text: Which part of an example is embedded.
        progress: Called after each chunk has been taken in.
        size: Records per chunk.
    """
    remaining = iter(records)
    while chunk := list(islice(remaining, size)):
        yield _encode(chunk, encoder, embed_text)
        progress(len(chunk))


def _encode(chunk: list[Example | Reject], encoder: Encoder, embed_text: EmbedText) -> EncodedChunk:
    examples = [record for record in chunk if isinstance(record, Example)]
    texts = [text_of(example, embed_text) for example in examples]
    start = time.perf_counter()
    num_tokens = encoder.count_tokens(texts)
    kept = np.flatnonzero(num_tokens > 0)
    vectors = encoder.encode([texts[i] for i in kept])
    seconds = time.perf_counter() - start
    counts = Counts(
        examples=len(examples),
        embedded=len(kept),
        without_text=len(examples) - len(kept),
        truncated=int(np.count_nonzero(num_tokens > encoder.max_tokens)),
        rejects=len(chunk) - len(examples),
    )
    embedded = [examples[i] for i in kept]
    empty = {examples[i].id for i in np.flatnonzero(num_tokens == 0)}
    ids, sources = tuple(e.id for e in embedded), tuple(e.source for e in embedded)
    return EncodedChunk(ids, sources, vectors, counts, _rejects(chunk, empty), seconds)


def _rejects(chunk: list[Example | Reject], empty: set[str]) -> tuple[Reject, ...]:
    """The records of a chunk that have no embedding, those of `empty` by their id."""
    return tuple(
        record if isinstance(record, Reject) else Reject(record.source, record.line, "no_text", f"id {record.id}")
        for record in chunk
        if isinstance(record, Reject) or record.id in empty
    )
