"""The embedding run: pools and targets in, a folder with vectors, ids, an index and similarities out.

The targets are encoded first and kept in memory; the pools are streamed through the encoder, so that only the index,
built at the end from a memory map, holds all vectors at once. A finished run of the same fingerprint is left as it is;
a run that was stopped, however it was stopped, goes on from its shards. Every file appears whole, the manifest last.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataselect.artifacts import StageDirectory, atomic, write_text
from dataselect.embeddings.encoder import Encoder
from dataselect.embeddings.encoders import load_encoder
from dataselect.embeddings.encoding import Progress
from dataselect.embeddings.index import require_faiss
from dataselect.embeddings.passes import EncodedPool, EncodedTargets, encode_pool, encode_targets
from dataselect.embeddings.request import EmbedRequest, EmbedSummary, read_summary
from dataselect.embeddings.shards import OWN, remove_shards
from dataselect.embeddings.store import FILES, IDS, REJECTS, SCORES, write_ids, write_targets
from dataselect.embeddings.stored_index import IndexReport, store_index
from dataselect.embeddings.tfidf import STATE, TfidfEncoder
from dataselect.pool import PoolReader
from dataselect.pool.targets import TargetFile, target_files
from dataselect.provenance import environment


def embed(request: EmbedRequest, progress: Progress = lambda _: None) -> EmbedSummary:
    """Embed pools, and compare them with targets if there are any.

    Args:
        request: What to embed, how and where to.
        progress: Called after each chunk of records, targets included.

    Raises:
        PoolError: If a pool or target cannot be read, or has no example with text to embed.
        ArtifactError: If the folder is in the way or cannot be written.
        MissingExtraError: If the encoder's package or FAISS is not installed.
        UsageError: If a pooling or a dimension is asked of an encoder that has its own.
        DataselectError: If the encoder cannot be loaded or fails.
    """
    encoder = load_encoder(request.encoder, request.pooling, request.dim)
    pool = PoolReader(request.pools, request.columns, request.prefix_ids, request.limit)
    targets = target_files(request.targets, request.columns)
    fingerprint = _fingerprint(request, encoder, pool, targets)
    options = {**asdict(request), "out": str(request.out)}
    with StageDirectory(request.out, fingerprint, options, (*FILES, STATE, *OWN), request.overwrite) as stage:
        already_finished = stage.finished
        if not already_finished:
            stage.finish({**fingerprint, **_run(request, encoder, pool, targets, progress)})
        remove_shards(request.out)  # after a run that was killed behind its manifest, too
    return read_summary(request.out, already_finished)


def _fingerprint(
    request: EmbedRequest, encoder: Encoder, pool: PoolReader, targets: list[TargetFile]
) -> dict[str, Any]:
    return {
        "inputs": pool.inputs,
        "encoder": encoder.settings(),
        "embed_text": request.embed_text,
        "targets": [entry for target in targets for entry in target.reader.inputs],
        "top_k": request.top_k if targets else None,
        "columns": asdict(request.columns),
        "prefix_ids": request.prefix_ids,
        "limit": request.limit,
        "index": request.index,
    }


def _run(
    request: EmbedRequest, encoder: Encoder, pool: PoolReader, targets: list[TargetFile], progress: Progress
) -> dict[str, Any]:
    """Write all files but the manifest, and return what the manifest says about the run."""
    start = time.perf_counter()
    require_faiss()  # first of all, so that a missing package shows before the work
    if isinstance(encoder, TfidfEncoder):
        encoder.fit(pool, request.embed_text, request.out)
    encoded_targets = _encode_targets(request, encoder, targets, progress) if targets else None
    target_set = encoded_targets.target_set if encoded_targets else None
    encoded = encode_pool(pool, request.out, encoder, request.embed_text, target_set, progress)
    _write_files(request.out, encoded, encoded_targets)
    index = store_index(request.out, request.index, request.top_k if targets else None)
    return _outcome(request, encoder, encoded, encoded_targets, index, time.perf_counter() - start)


def _encode_targets(
    request: EmbedRequest, encoder: Encoder, targets: list[TargetFile], progress: Progress
) -> EncodedTargets:
    return encode_targets(targets, request.out, encoder, request.embed_text, request.top_k, progress)


def _write_files(out: Path, pool: EncodedPool, targets: EncodedTargets | None) -> None:
    write_ids(out / IDS, pool.ids)
    if targets is not None:
        write_targets(out, targets.vectors, targets.ids, targets.tasks)
    rejects = [*(targets.rejects if targets else ()), *pool.rejects]
    write_text(out / REJECTS, "".join(json.dumps(asdict(reject), ensure_ascii=False) + "\n" for reject in rejects))
    if pool.similarity is not None:
        _write_scores(out / SCORES, pool)


def _write_scores(path: Path, pool: EncodedPool) -> None:
    import pyarrow
    from pyarrow import parquet

    assert pool.similarity is not None
    centroid = pool.similarity.centroid_similarity
    columns = {
        "id": pyarrow.array(pool.ids, pyarrow.string()),
        "source": pyarrow.array(pool.sources, pyarrow.string()),
        "similarity": pyarrow.array(pool.similarity.similarity),
        "centroid_similarity": pyarrow.nulls(len(pool.ids), pyarrow.float64())
        if centroid is None
        else pyarrow.array(centroid),
    }
    with atomic(path) as temporary:
        parquet.write_table(pyarrow.table(columns), temporary)


def _outcome(
    request: EmbedRequest,
    encoder: Encoder,
    pool: EncodedPool,
    targets: EncodedTargets | None,
    index: IndexReport,
    wall_time_s: float,
) -> dict[str, Any]:
    seconds = pool.seconds + (targets.seconds if targets else 0.0)
    num_texts = pool.counts.embedded + (sum(one.counts.embedded for one in targets.counts) if targets else 0)
    return {
        "encoder": {"name": request.encoder, "dim": encoder.dim, **encoder.settings(), **_fitted(encoder)},
        "top_k_used": targets.target_set.top_k if targets else None,
        "counts": asdict(pool.counts),
        "target_counts": [asdict(one) for one in targets.counts] if targets else [],
        "index": asdict(index),
        "resumed_records": pool.resumed + (targets.resumed if targets else 0),
        "wall_time_s": round(wall_time_s, 3),
        "encoding_s": round(seconds, 6),
        "texts_per_second": round(num_texts / seconds, 3),
        "environment": environment(),
    }


def _fitted(encoder: Encoder) -> dict[str, int]:
    """What a fitted encoder was fitted on."""
    if not isinstance(encoder, TfidfEncoder) or encoder.space is None:
        return {}
    return {"fitted_texts": encoder.space.num_texts, "terms": len(encoder.space.terms)}
