"""The two passes of an embedding run: over the targets, kept in memory, and over the pools, streamed to disk.

Both go from shard to shard; what a run that was stopped had finished is read and not encoded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings.chunks import Counts
from dataselect.embeddings.encoder import Encoder
from dataselect.embeddings.encoding import Progress, Tally, encoded_chunks
from dataselect.embeddings.request import TargetCounts
from dataselect.embeddings.shards import Shards
from dataselect.embeddings.similarity import TargetSet, TargetSimilarity
from dataselect.embeddings.store import VECTORS, vector_file
from dataselect.embeddings.texts import EmbedText
from dataselect.pool import PoolReader
from dataselect.pool.targets import TargetFile
from dataselect.records import Reject


@dataclass(frozen=True, slots=True)
class EncodedTargets:
    """The target set of a run, file after file.

    Attributes:
        vectors: (m, dim) float32 of length 1.
        ids: (m,) ids, which may clash between files.
        tasks: (m,) name of the file that each came from.
        target_set: All of them, to compare with.
        counts: One entry per file.
        seconds: Time spent encoding.
        resumed: Records that an earlier run had done.
    """

    vectors: NDArray[np.float32]
    ids: tuple[str, ...]
    tasks: tuple[str, ...]
    target_set: TargetSet
    counts: tuple[TargetCounts, ...]
    rejects: tuple[Reject, ...]
    seconds: float
    resumed: int


@dataclass(frozen=True, slots=True)
class EncodedPool:
    """What was embedded of the pools; the vectors are on disk in the same order.

    Attributes:
        similarity: Of each row to the target set; None without one.
        seconds: Time spent encoding.
        resumed: Records that an earlier run had done.
    """

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    similarity: TargetSimilarity | None
    counts: Counts
    rejects: tuple[Reject, ...]
    seconds: float
    resumed: int


def encode_targets(
    files: Sequence[TargetFile], out: Path, encoder: Encoder, embed_text: EmbedText, top_k: int, progress: Progress
) -> EncodedTargets:
    """Encode target files, at least one, into one target set.

    Args:
        out: The stage directory, for shards.
        top_k: Nearest targets to average over.

    Raises:
        PoolError: If a file has no example with text to embed.
    """
    parts: list[NDArray[np.float32]] = []
    ids: list[str] = []
    tasks: list[str] = []
    tallies: list[Tally] = []
    shards = [Shards(out, f"target-{number:03d}") for number in range(len(files))]
    for file, kept in zip(files, shards, strict=True):
        tally = Tally()
        for chunk in encoded_chunks(file.reader, encoder, embed_text, progress, kept):
            tally.add(chunk)
            parts.append(chunk.vectors)
            ids.extend(chunk.ids)
            tasks.extend([file.name] * len(chunk.ids))
        tally.require_embedded(f"the target {file.name}")
        tallies.append(tally)
    vectors = np.concatenate(parts)
    return EncodedTargets(
        vectors,
        tuple(ids),
        tuple(tasks),
        TargetSet(vectors, top_k),
        tuple(TargetCounts(file.name, tally.counts) for file, tally in zip(files, tallies, strict=True)),
        tuple(reject for tally in tallies for reject in tally.rejects),
        sum(tally.seconds for tally in tallies),
        sum(one.resumed for one in shards),
    )


def encode_pool(
    reader: PoolReader,
    out: Path,
    encoder: Encoder,
    embed_text: EmbedText,
    target_set: TargetSet | None,
    progress: Progress,
) -> EncodedPool:
    """Encode the pools into the file of vectors, comparing with the targets on the way.

    Args:
        out: The stage directory.

    Raises:
        PoolError: If no example has text to embed; there is no file then.
        ArtifactError: If the file cannot be written.
    """
    tally = Tally()
    ids: list[str] = []
    sources: list[str] = []
    similarities: list[TargetSimilarity] = []
    shards = Shards(out, "pool")
    with vector_file(out / VECTORS, encoder.dim) as writer:
        for chunk in encoded_chunks(reader, encoder, embed_text, progress, shards):
            tally.add(chunk)
            writer.append(chunk.vectors)
            ids.extend(chunk.ids)
            sources.extend(chunk.sources)
            if target_set is not None:
                similarities.append(target_set.similarity(chunk.vectors))
        tally.require_embedded("the pools")
    similarity = TargetSimilarity.concatenate(similarities) if similarities else None
    return EncodedPool(
        tuple(ids), tuple(sources), similarity, tally.counts, tuple(tally.rejects), tally.seconds, shards.resumed
    )
