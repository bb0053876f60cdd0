"""The ranking run: read the pools, score and embed them, measure what does not overlap with the target, and order.

Each model scores all pools in one run, and the encoder embeds all of them in one, so that each is loaded once and
reports its progress. These runs are stages of their own in `DIR/scores` and `DIR/embeddings`, so that an interrupted
run resumes. They hold all rows that were read, under ids with the name of their pool; rows that overlap with the target
are left out of every number (`pool_rows`). A finished folder is measured again from these stages, and not rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from dataselect.artifacts import json_line
from dataselect.library_errors import user_errors
from dataselect.pool.sources import find_sources
from dataselect.pool_ranking.measures import PoolMeasures, model_measures, similarity_measures
from dataselect.pool_ranking.pool_rows import (
    PoolRows,
    ScoreColumns,
    TargetSimilarities,
    embed_pools,
    read_pools,
    score_pools,
)
from dataselect.pool_ranking.request import RankPlan, RankRequest
from dataselect.pool_ranking.result import PoolRanking, ReadLimit, build_ranking
from dataselect.pool_ranking.text_defects import text_defects
from dataselect.stage import FinishedStage, StageDirectory, recorded_options, run_stage

RANK, OVERLAP = "rank.json", "overlap.jsonl"
_EMBEDDINGS = "embeddings"

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


@user_errors()
def rank(request: RankRequest, say: Say = lambda line: None) -> PoolRanking:
    """Rank pools into a stage directory: `rank.json`, and `overlap.jsonl` with the rows taken out.

    Raises:
        UsageError: If a target is also a pool, or an option is wrong.
        DataselectError: If a pool, model, target, encoder or the directory cannot be used.
    """
    return run_stage(PoolRankingRun(request, say), request.out, request.overwrite)


class PoolRankingRun:
    """`dataselect rank`: the steps of one ranking in its open directory."""

    name = "rank"

    def __init__(self, request: RankRequest, say: Say) -> None:
        self.options = recorded_options(request)
        self._plan, self._say = RankPlan(request), say
        self._request = self._plan.request
        self._names = [source.name for source in find_sources(request.pools)]
        self._scores = [f"scores/{name}" for name in _folders([name for name, _ in request.models])]

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the results depend on."""
        return self._plan.fingerprint

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Rank the pools, and write the ranking and the rows taken out."""
        directory.inner(*self._scores, *([_EMBEDDINGS] if self._request.targets else []))
        ranking = self.ranking
        removed = [row for pool in self._pools for row in pool.removed]
        directory.write_text(OVERLAP, "".join(json_line(asdict(row)) for row in removed))
        directory.write_json(RANK, ranking.document)
        return {
            "stage": "rank",
            "inputs": self._plan.inputs,
            "models": dict(self._request.models),
            "targets": self._plan.targets,
            "counts": {pool.pool: {"rows": pool.rows, "rejects": pool.rejects, "removed": pool.removed}
                       for pool in ranking.pools},
            "seed": self._request.seed,
            "wall_seconds": directory.wall_seconds,
        }  # fmt: skip

    def result(self, finished: FinishedStage, fresh: bool) -> PoolRanking:
        """Return the ranking, which is measured again for a finished directory."""
        return self.ranking

    @cached_property
    def ranking(self) -> PoolRanking:
        """All pools, measured and in order."""
        request, pools = self._request, self._pools
        many = f"{len(pools)} pools" if len(pools) > 1 else pools[0].name
        scored = []
        for (name, model), folder in zip(request.models, self._scores, strict=True):
            self._say(f"score {many} with {name}")
            scored.append(score_pools(self._plan.scoring(model, request.out / folder), pools, self._warn))
        target, near = None, None
        if request.targets:
            self._say(f"embed the target and {many} with {request.encoder}")
            target, near = embed_pools(request, request.out / _EMBEDDINGS, pools)
        measured = [
            self._measure(pool, [one[at] for one in scored], None if near is None else near[at])
            for at, pool in enumerate(pools)
        ]
        return build_ranking(
            measured, models=tuple(name for name, _ in request.models), target=target, seed=request.seed,
            read_limit=ReadLimit(request.limit, request.sample_seed), same=self._plan.same,
        )  # fmt: skip

    def _warn(self, line: str) -> None:
        self._say(f"warning: {line}")

    @cached_property
    def _pools(self) -> list[PoolRows]:
        reader = self._plan.reader()
        pools = read_pools(self._names, reader, self._plan.words, self._request.prefix_ids)
        for note in (*(part for pool in pools for part in pool.lost), *reader.notes):
            self._say(f"note: {note}")
        return pools

    def _measure(self, pool: PoolRows, scored: list[ScoreColumns], near: TargetSimilarities | None) -> PoolMeasures:
        request = self._request
        models = {
            name: model_measures(of_it.columns, of_it.rejects, request.seed, f"{pool.name} {name}")
            for (name, _), of_it in zip(request.models, scored, strict=True)
        }
        similar = {}
        if near is not None:
            similar = similarity_measures(near.similarity, near.centroid_similarity, request.seed, pool.name)
        return PoolMeasures(
            pool=pool.name, rows=len(pool.ids), rejects=len(pool.rejects),
            removed=len(pool.removed) if request.targets else None, defects=text_defects(pool.texts),
            models=models, similarities=similar,
        )  # fmt: skip


def _folders(names: Sequence[str]) -> list[str]:
    """Name a folder for each model, distinct and readable."""
    return [f"{number}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:60]}" for number, name in enumerate(names, start=1)]
