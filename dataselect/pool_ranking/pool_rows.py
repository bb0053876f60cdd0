"""The rows of each pool: their texts without those that overlap with the target, their scores and their similarities.

A pool that holds the target's own examples would look similar to it, and be likely under a model that has seen them.
Such rows are removed before anything is measured: those that share 13 words in a row with a target example, or the
whole of a shorter prompt (`dataselect.selection.contamination`).

Scores come from one scoring run per model, similarities from one embedding run. Each is over all pools together, so
that a model is loaded once, however many pools there are. Ids hold the name of their pool, since those of different
pools may clash.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import column_names, read_parquet
from dataselect.embeddings import EmbedRequest, embed
from dataselect.errors import DataselectError, PoolError
from dataselect.pool import PoolReader
from dataselect.pool.rejects import lost_parts
from dataselect.pool.sources import find_sources
from dataselect.pool_ranking.request import RankRequest
from dataselect.pool_ranking.result import RankTarget
from dataselect.progress import counted
from dataselect.records import SCORABLE, Example, Reject
from dataselect.scoring import ScoreRequest, score
from dataselect.selection.contamination import EvaluationWords
from dataselect.selection.pool_index import text_of_example
from dataselect.stage import read_finished
from dataselect.strategies import Text


@dataclass(frozen=True, slots=True)
class RemovedRow:
    """One row that shares text with the target: its place in the pool, the example of the target, and the words."""

    pool: str
    line: int
    id: str
    target: str
    words: str


@dataclass(frozen=True, slots=True)
class PoolRows:
    """The rows of one pool that all numbers are over.

    Attributes:
        name: Of the pool.
        ids: Ids of the rows that are left, in order.
        texts: Their prompts and responses.
        rejects: Records that could not be read.
        removed: Rows that were taken out.
    """

    name: str
    ids: list[str] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    removed: list[RemovedRow] = field(default_factory=list)

    @property
    def lost(self) -> tuple[str, ...]:
        """Messages about parts of its files that could not be read at all."""
        return lost_parts(self.rejects)

    def add(self, example: Example, target: EvaluationWords | None, prefix_ids: bool) -> None:
        """Add one row, to those that are kept or to those removed."""
        text = text_of_example(example)
        shared = None if target is None else target.overlap(text)
        if shared is None:
            self.ids.append(example.id)
            self.texts.append(text)
            return
        own = example.id if prefix_ids else example.id.removeprefix(f"{self.name}:")
        self.removed.append(RemovedRow(self.name, example.line, own, shared.where, shared.words))


def read_pools(
    names: Sequence[str], reader: PoolReader, target: EvaluationWords | None, prefix_ids: bool
) -> list[PoolRows]:
    """Read all pools and take out what overlaps with the target.

    Args:
        names: Of the pools, as the reader's sources.
        reader: Of all pools, with ids that carry their names.
        target: The words of the target set; None without one.
        prefix_ids: Whether the ids of removed rows keep the name of their pool.

    Raises:
        PoolError: If a pool cannot be read, or no row of one is left.
    """
    pools = {name: PoolRows(name) for name in names}
    for item in counted(reader, "read the pools", "records"):
        if isinstance(item, Reject):
            pools[item.file].rejects.append(item)
        else:
            pools[item.source].add(item, target, prefix_ids)
    for pool in pools.values():
        if not pool.ids:
            raise PoolError(
                f"{pool.name} has no row to rank: {len(pool.removed):,} overlap with the target, {len(pool.rejects):,} "
                "cannot be read",
                "leave this pool out, or check the file",
            )
    return list(pools.values())


_COLUMNS = ("status", "response_tokens", "response_bytes", "response_nll")
_RANKS = "response_rank_sum"
"""A column that scores of older versions lack."""


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """Columns of a score table, of the rows of one pool that are wanted, and how many records were rejected."""

    columns: dict[str, NDArray[Any]]
    rejects: int


@dataclass(frozen=True, slots=True)
class TargetSimilarities:
    """Similarities of the rows of one pool that are wanted and have an embedding.

    Attributes:
        similarity: (n,) mean cosine to the nearest targets.
        centroid_similarity: (n,) cosine to their middle; None where the targets cancel out.
    """

    similarity: NDArray[np.float64]
    centroid_similarity: NDArray[np.float64] | None


def score_pools(request: ScoreRequest, pools: Sequence[PoolRows], warn: Callable[[str], object]) -> list[ScoreColumns]:
    """Score all pools in one run, and read the columns that a ranking uses.

    Args:
        pools: The rows that are wanted; those that the model's template cannot render are absent.
        warn: Called with anything suspicious about the model, before it is used.

    Raises:
        DataselectError: If nothing in one of the pools could be scored, or the run fails.
    """
    score(request, warn=warn)
    stage = read_finished(request.out, "score")
    file = stage.file("scores.parquet")
    columns = (*_COLUMNS, *((_RANKS,) if _RANKS in column_names(file) else ()))
    table = read_parquet(file, ["id", "source", *columns])
    with stage.file("rejects.jsonl").open(encoding="utf-8") as lines:
        rejects = Counter(json.loads(line)["file"] for line in lines)
    parts = _by_pool(table, pools)
    for pool, of_it in zip(pools, parts, strict=True):
        _require_some(pool.name, of_it.whole["status"].to_pylist())
    return [
        ScoreColumns({name: of_it.wanted[name].to_numpy() for name in columns}, rejects[pool.name])
        for pool, of_it in zip(pools, parts, strict=True)
    ]


def embed_pools(
    request: RankRequest, out: Path, pools: Sequence[PoolRows]
) -> tuple[RankTarget, list[TargetSimilarities]]:
    """Embed the target and all pools in one run, and read the similarities.

    Args:
        pools: The rows that are wanted; those without text to embed are absent.
    """
    summary = embed(
        EmbedRequest(
            pools=request.pools, encoder=request.encoder, out=out, targets=request.targets, top_k=request.top_k,
            embed_text=request.embed_text, columns=request.columns, prefix_ids=True, limit=request.limit,
            sample_seed=request.sample_seed, overwrite=request.inner_overwrite,
        )
    )  # fmt: skip
    assert summary.top_k is not None, "there are targets"
    names = tuple(source.name for source in find_sources(request.targets))
    target = RankTarget(files=names, examples=summary.num_targets, top_k=summary.top_k, encoder=request.encoder)
    columns = ["id", "source", "similarity", "centroid_similarity"]
    table = read_parquet(read_finished(out, "embed").file("scores.parquet"), columns)
    return target, [_similarities(of_it.wanted) for of_it in _by_pool(table, pools)]


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of a table that are of one pool: all of them, and those that are wanted."""

    whole: Any
    wanted: Any


def _by_pool(table: Any, pools: Sequence[PoolRows]) -> list[_Part]:  # noqa: ANN401 - an Arrow table
    sources = np.array(table["source"].to_pylist(), object)
    parts = []
    for pool in pools:
        whole = table.filter(sources == pool.name)
        wanted = set(pool.ids)
        parts.append(_Part(whole, whole.filter(np.array([one in wanted for one in whole["id"].to_pylist()], bool))))
    return parts


def _require_some(pool: str, statuses: list[str]) -> None:
    found = Counter(statuses)
    if not any(found[status] for status in SCORABLE):
        counts = ", ".join(f"{count:,} {status}" for status, count in found.items()) or "no row could be rendered"
        raise DataselectError(
            f"{pool}: nothing in the pool could be scored: {counts}", "dataselect show POOL prints the rows as read"
        )


def _similarities(table: Any) -> TargetSimilarities:  # noqa: ANN401 - an Arrow table
    centroid = table["centroid_similarity"]
    known = None if centroid.null_count else centroid.to_numpy()
    return TargetSimilarities(table["similarity"].to_numpy(), known)
