"""From examples to vectors, chunk by chunk, with a count of everything that got none.

A chunk is small enough for memory and large enough for batches of like length; each is kept as a shard, and read from
there by a run that goes on after a stop. An example without text has no embedding: it is counted and listed with the
rejects (reason `no_text`; `no_token` where there is text, but no token that the encoder knows), since any vector in its
place would look real. A text beyond the encoder's limit is embedded by its beginning and counted as truncated.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from dataselect.embeddings.chunks import Counts, EncodedChunk
from dataselect.embeddings.encoder import Encoder
from dataselect.embeddings.shards import Shards
from dataselect.embeddings.texts import EmbedText, text_of
from dataselect.errors import PoolError
from dataselect.records import Example, Reject

CHUNK = 1024
"""Records per chunk: what a run that is stopped may have to encode again."""

Progress = Callable[[int], object]
"""Called with the number of records that were just done."""


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
    records: Iterable[Example | Reject], encoder: Encoder, embed_text: EmbedText, progress: Progress, shards: Shards
) -> Iterator[EncodedChunk]:
    """Encode a stream of records, but for the chunks that are there as shards; keep each chunk as one.

    Args:
        records: What a pool reader yields.
        embed_text: Which part of an example is embedded.
        progress: Called after each chunk has been taken in.
        shards: Of these records.
    """
    remaining = iter(records)
    for index in itertools.count():
        chunk = list(itertools.islice(remaining, CHUNK))
        if not chunk:
            return
        encoded = shards.read(index)
        if encoded is None:
            encoded = _encode(chunk, encoder, embed_text)
            shards.write(index, encoded)
        yield encoded
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
    without = {examples[i].id: "no_token" if texts[i] else "no_text" for i in np.flatnonzero(num_tokens == 0)}
    ids, sources = tuple(e.id for e in embedded), tuple(e.source for e in embedded)
    return EncodedChunk(ids, sources, vectors, counts, _rejects(chunk, without), seconds)


def _rejects(chunk: list[Example | Reject], without: dict[str, str]) -> tuple[Reject, ...]:
    """The records of a chunk that have no embedding, the examples among them by their id and why."""
    return tuple(
        record
        if isinstance(record, Reject)
        else Reject(record.source, record.line, without[record.id], f"id {record.id}")
        for record in chunk
        if isinstance(record, Reject) or record.id in without
    )
