"""The embedding run: pools and targets in, a folder with vectors, ids, an index and similarities out.

The targets are encoded first and kept in memory; the pools are streamed through the encoder, so that only the index,
built at the end from a memory map, holds all vectors at once. A finished run of the same fingerprint is left as it is;
a run that was stopped, however it was stopped, resumes from its shards. Every file appears whole, the manifest last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import json_line, write_parquet
from dataselect.embeddings.encoder import Encoder, Progress
from dataselect.embeddings.encoders import load_encoder
from dataselect.embeddings.encoding import EncodedChunk, Tally, VectorShards, encoded_chunks
from dataselect.embeddings.index import require_faiss
from dataselect.embeddings.index_file import store_index
from dataselect.embeddings.request import EmbedRequest, EmbedSummary, TargetCounts, summary_of
from dataselect.embeddings.similarity import TargetSimilarity, TargetVectors
from dataselect.embeddings.store import REJECTS, SCORES, TRUNCATED, VECTORS, vector_file, write_ids, write_targets
from dataselect.embeddings.tfidf import TfidfEncoder
from dataselect.library_errors import user_errors
from dataselect.pool import PoolReader
from dataselect.pool.reader import TargetFile, target_files
from dataselect.progress import measured
from dataselect.stage import FinishedStage, StageDirectory, recorded_options, run_stage


@user_errors()
def embed(request: EmbedRequest, progress: Progress = lambda _: None) -> EmbedSummary:
    """Embed pools, and compare them with targets if there are any.

    Args:
        request: Pools, targets, encoder and folder.
        progress: Called after each chunk of records, targets included.

    Raises:
        PoolError: If a pool or target cannot be read, or has no example with text to embed.
        ArtifactError: If the folder holds something else or cannot be written.
        MissingExtraError: If the encoder's package or FAISS is not installed.
        UsageError: If a pooling or a dimension is asked of an encoder that has its own.
        DataselectError: If the encoder cannot be loaded or fails.
    """
    return run_stage(Embedding(request, progress), request.out, request.overwrite)


class Embedding:
    """`dataselect embed`: the pools, targets and encoder that a request names."""

    name = "embed"

    def __init__(self, request: EmbedRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        self._encoder = load_encoder(request.encoder, request.pooling, request.dim)
        self._pool = PoolReader(
            request.pools,
            columns=request.columns,
            prefix_ids=request.prefix_ids,
            limit=request.limit,
            sample_seed=request.sample_seed,
        )
        self._targets = target_files(request.targets, request.columns)

    @cached_property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the vectors and similarities depend on."""
        request = self._request
        return {
            "inputs": self._pool.inputs,
            "encoder": self._encoder.settings(),
            "embed_text": request.embed_text,
            "targets": [entry for target in self._targets for entry in target.reader.inputs],
            "top_k": request.top_k if self._targets else None,
            "columns": request.columns.recorded(),
            "prefix_ids": request.prefix_ids,
            "limit": request.limit,
            "sample_seed": request.sample_seed,
            "index": request.index,
        }

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write vectors, ids, similarities and the index."""
        require_faiss()  # first of all, so that a missing package shows before the work
        readers = [self._pool, *(target.reader for target in self._targets)]
        with measured("embed", "records", lambda: sum(one.count() for one in readers)) as meter:
            work = _Encoding(directory, self._encoder, self._request, self._progress, meter.advance)
            if isinstance(self._encoder, TfidfEncoder):
                self._encoder.fit(self._pool, self._request.embed_text, directory)
            targets = encode_targets(self._targets, work) if self._targets else None
            pool = encode_pool(self._pool, work, targets.vectors if targets else None)
            _write_files(directory, pool, targets)
            index = store_index(directory, self._request.index, self._request.top_k if targets else None)
            encoder = {"name": self._request.encoder, "dim": self._encoder.dim, **self._encoder.settings()}
            return {
                **self.fingerprint,
                "encoder": encoder | _fitted_on(self._encoder),
                **_counts(pool, targets),
                "index": asdict(index),
                "wall_time_s": directory.wall_seconds,
                "unread_columns": self._pool.unread,
                "notes": list(self._pool.notes),
            }

    def result(self, finished: FinishedStage, fresh: bool) -> EmbedSummary:
        """Return the summary that the manifest gives."""
        return summary_of(finished, already_finished=not fresh)


@dataclass(frozen=True, slots=True)
class _Encoding:
    """Everything that turns the records of one run into chunks of vectors.

    Attributes:
        progress: Called after each chunk.
        advance: Called batch by batch.
    """

    directory: StageDirectory
    encoder: Encoder
    request: EmbedRequest
    progress: Progress
    advance: Progress

    def chunks(self, reader: PoolReader, shards: str, tally: Tally) -> Iterator[EncodedChunk]:
        """Yield the chunks of a reader, counted in `tally`.

        Args:
            shards: Name of the folder of their shards.

        Raises:
            PoolError: At the end, if no example has text to embed.
        """
        kept = VectorShards(self.directory, shards)
        for chunk in encoded_chunks(reader, self.encoder, self.request.embed_text, self.progress, kept, self.advance):
            tally.add(chunk)
            yield chunk
        tally.resumed = kept.resumed
        tally.require_embedded()


@dataclass(frozen=True, slots=True)
class EncodedTargets:
    """The target set of a run, file after file.

    Attributes:
        rows: (m, dim) float32 of length 1.
        vectors: The same, to compare with.
        tallies: One per file.
    """

    rows: NDArray[np.float32]
    vectors: TargetVectors
    tallies: tuple[Tally, ...]


def encode_targets(files: Sequence[TargetFile], work: _Encoding) -> EncodedTargets:
    """Encode target files, at least one, into one target set.

    Raises:
        PoolError: If a file has no example with text to embed.
    """
    tallies = tuple(Tally(file.name, f"the target {file.name}") for file in files)
    parts = [
        chunk.vectors
        for number, (file, tally) in enumerate(zip(files, tallies, strict=True))
        for chunk in work.chunks(file.reader, f"target-{number:03d}", tally)
    ]
    rows = np.concatenate(parts)
    return EncodedTargets(rows, TargetVectors(rows, work.request.top_k), tallies)


@dataclass(frozen=True, slots=True)
class EncodedPool:
    """The embedded rows of the pools, whose vectors are on disk in the same order.

    Attributes:
        similarity: Of each row to the target set; None without one.
    """

    tally: Tally
    similarity: TargetSimilarity | None


def encode_pool(reader: PoolReader, work: _Encoding, targets: TargetVectors | None) -> EncodedPool:
    """Encode the pools into the file of vectors, and compare them with the targets on the way.

    Raises:
        PoolError: If no example has text to embed; no file is written then.
        ArtifactError: If the file cannot be written.
    """
    tally = Tally("", "the pools")
    similarities: list[TargetSimilarity] = []
    with work.directory.write(VECTORS) as temporary, vector_file(temporary, work.encoder.dim) as writer:
        for chunk in work.chunks(reader, "pool", tally):
            writer.append(chunk.vectors)
            if targets is not None:
                similarities.append(targets.similarity(chunk.vectors))
    return EncodedPool(tally, TargetSimilarity.concatenate(similarities) if similarities else None)


def _write_files(directory: StageDirectory, pool: EncodedPool, targets: EncodedTargets | None) -> None:
    tallies = targets.tallies if targets else ()
    write_ids(directory, pool.tally.ids)
    if pool.tally.truncated:
        directory.write_text(TRUNCATED, "".join(f"{id_}\n" for id_ in pool.tally.truncated))
    if targets is not None:
        ids = [id_ for tally in tallies for id_ in tally.ids]
        tasks = [tally.source for tally in tallies for _ in tally.ids]
        write_targets(directory, targets.rows, ids, tasks)
    rejects = [reject for tally in (*tallies, pool.tally) for reject in tally.rejects]
    directory.write_text(REJECTS, "".join(json_line(asdict(reject)) for reject in rejects))
    if pool.similarity is not None:
        _write_scores(directory, pool.tally, pool.similarity)


def _write_scores(directory: StageDirectory, tally: Tally, similarity: TargetSimilarity) -> None:
    import pyarrow

    centroid = similarity.centroid_similarity
    no_centroid = pyarrow.nulls(len(tally.ids), pyarrow.float64())
    columns = {
        "id": pyarrow.array(tally.ids, pyarrow.string()),
        "source": pyarrow.array(tally.sources, pyarrow.string()),
        "similarity": pyarrow.array(similarity.similarity),
        "centroid_similarity": no_centroid if centroid is None else pyarrow.array(centroid),
    }
    with directory.write(SCORES) as temporary:
        write_parquet(pyarrow.table(columns), temporary)


def _counts(pool: EncodedPool, targets: EncodedTargets | None) -> dict[str, Any]:
    """The counts of records and the speed, for the manifest."""
    tallies = targets.tallies if targets else ()
    seconds = pool.tally.seconds + sum(tally.seconds for tally in tallies)
    embedded = pool.tally.counts.embedded + sum(tally.counts.embedded for tally in tallies)
    return {
        "top_k_used": targets.vectors.top_k if targets else None,
        "counts": asdict(pool.tally.counts),
        "sources": dict(Counter(pool.tally.sources)),
        "target_counts": [asdict(TargetCounts(tally.source, tally.counts)) for tally in tallies],
        "resumed_records": pool.tally.resumed + sum(tally.resumed for tally in tallies),
        "encoding_s": round(seconds, 6),
        "texts_per_second": round(embedded / seconds, 3),
    }


def _fitted_on(encoder: Encoder) -> dict[str, int]:
    """The texts and terms that a fitted encoder was fitted on; empty for the others."""
    if not isinstance(encoder, TfidfEncoder) or encoder.space is None:
        return {}
    return {"fitted_texts": encoder.space.num_texts, "terms": len(encoder.space.terms)}
