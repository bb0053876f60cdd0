"""What a ranking takes from the stages below it: columns of a scoring run, and similarities from embedding runs.

The target set is embedded once, and the pools one by one; similarities are then taken from the vectors on disk, so that
the target is not embedded anew for every pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.embeddings import EmbedRequest, embed
from dataselect.embeddings.similarity import TargetSet, TargetSimilarity
from dataselect.embeddings.store import IDS, VECTORS
from dataselect.pool.sources import find_sources
from dataselect.ranking.request import RankRequest
from dataselect.ranking.result import Target
from dataselect.scoring import ScoreRequest, score

_COLUMNS = ("status", "response_tokens", "response_bytes", "response_nll")
_ROWS = 65536


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """Columns of a score table, and how many records were rejected."""

    columns: dict[str, NDArray[Any]]
    rejects: int


@dataclass(frozen=True, slots=True)
class EmbeddedTarget:
    """The target set, searchable, and what it is."""

    targets: TargetSet
    described: Target


def score_columns(request: ScoreRequest, ids: Sequence[str]) -> ScoreColumns:
    """Score a pool, and read the columns that a ranking uses.

    Args:
        ids: The rows that are wanted; those that the model's template cannot render are absent.

    Returns:
        Columns of the wanted rows.
    """
    import pyarrow.parquet as pq

    summary = score(request)
    table = pq.read_table(request.out / "scores.parquet", columns=["id", *_COLUMNS])
    wanted = set(ids)
    kept = np.array([one in wanted for one in table["id"].to_pylist()], dtype=bool)
    return ScoreColumns({name: table[name].to_numpy()[kept] for name in _COLUMNS}, summary.rejects)


def embedded_target(request: RankRequest, out: Path) -> EmbeddedTarget:
    """Embed the target files into one set. Ids get the file's name before them, since they may clash."""
    summary = embed(_embed_request(request, request.targets, out, prefix_ids=True, limit=None))
    targets = TargetSet(np.load(out / VECTORS, mmap_mode="r"), request.top_k)
    names = tuple(source.name for source in find_sources(request.targets))
    return EmbeddedTarget(targets, Target(names, summary.counts.embedded, targets.top_k, request.encoder))


def similarities(
    request: RankRequest, pool: str, out: Path, ids: Sequence[str], target: EmbeddedTarget
) -> TargetSimilarity:
    """Embed a pool, and compare those of its rows that are wanted with the target.

    Args:
        ids: The rows that are wanted; those without text to embed are absent.
    """
    embed(_embed_request(request, (pool,), out, request.prefix_ids, request.limit))
    vectors = np.load(out / VECTORS, mmap_mode="r")
    wanted = set(ids)
    kept = np.flatnonzero([one in wanted for one in (out / IDS).read_text(encoding="utf-8").split("\n")[:-1]])
    if len(kept) == 0:
        return TargetSimilarity(np.zeros(0), None)
    blocks = [kept[at : at + _ROWS] for at in range(0, len(kept), _ROWS)]
    return TargetSimilarity.concatenate([target.targets.similarity(vectors[block]) for block in blocks])


def _embed_request(
    request: RankRequest, files: tuple[str, ...], out: Path, prefix_ids: bool, limit: int | None
) -> EmbedRequest:
    return EmbedRequest(
        pools=files, encoder=request.encoder, out=out, embed_text=request.embed_text, columns=request.columns,
        prefix_ids=prefix_ids, limit=limit,
    )  # fmt: skip
