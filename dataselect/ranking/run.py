"""The ranking run: read each pool, score and embed it, measure what does not overlap with the target, and order.

Scores and embeddings are stages of their own in `DIR/scores` and `DIR/embeddings`, so a run that was stopped goes on
with what was not finished. They hold all rows that were read; rows that overlap with the target are left out of every
number (`pool_rows`). A finished folder is measured again from these stages, and nothing in it is written again.

Left out: loading a model once for all pools. Each pool is a scoring run of its own, so that ids of different pools may
clash and a limit is each pool's own.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import StageDirectory, write_json, write_text
from dataselect.errors import DataselectError
from dataselect.pool import PoolReader
from dataselect.pool.sources import find_sources
from dataselect.provenance import environment
from dataselect.ranking.conclude import conclude
from dataselect.ranking.measures import PoolMeasures, model_measures, similarity_measures
from dataselect.ranking.plan import RankPlan
from dataselect.ranking.pool_rows import PoolRows, RemovedRow, read_rows
from dataselect.ranking.request import RankRequest
from dataselect.ranking.result import Ranking
from dataselect.ranking.stages import EmbeddedTarget, embedded_target, score_columns, similarities
from dataselect.ranking.surface import surface_defects

RANK, OVERLAP = "rank.json", "overlap.jsonl"
_OWN = (RANK, OVERLAP, "scores/**/*", "embeddings/**/*")

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


def rank(request: RankRequest, say: Say = lambda line: None) -> Ranking:
    """Rank pools into a stage directory: `rank.json`, and `overlap.jsonl` with the rows taken out.

    Raises:
        UsageError: If a target is also a pool, or an option is wrong.
        DataselectError: If a pool, model, target, encoder or the directory cannot be used.
    """
    began = time.perf_counter()
    plan = RankPlan(request)
    with StageDirectory(request.out, plan.fingerprint, request.options(), _OWN, request.overwrite) as stage:
        run = _Run(plan, say)
        ranking = run.ranking()
        if not stage.finished:
            _write_removed(request.out / OVERLAP, run.removed)
            write_json(request.out / RANK, ranking.document)
            stage.finish(_manifest(plan, ranking, time.perf_counter() - began))
    return ranking


@dataclass(frozen=True, slots=True)
class _Pool:
    """One pool of the run: what it is called, what was given, and the name of its folders."""

    name: str
    given: str
    folder: str


class _Run:
    """The steps of one ranking in its open directory."""

    def __init__(self, plan: RankPlan, say: Say) -> None:
        request = plan.request
        self._plan, self._request, self._say = plan, request, say
        names = [source.name for source in find_sources(request.pools)]
        folders = _folders(names)
        self._pools = [_Pool(*one) for one in zip(names, request.pools, folders, strict=True)]
        self._models = list(zip(request.models, _folders([name for name, _ in request.models]), strict=True))
        self.removed: list[RemovedRow] = []

    def ranking(self) -> Ranking:
        """Measure every pool, and put them in order."""
        request = self._request
        rows = [self._read(pool) for pool in self._pools]
        target = None
        if request.targets:
            self._say(f"embed the target with {request.encoder}")
            with _naming("the target"):
                target = embedded_target(request, request.out / "embeddings" / "target")
        measured = [self._measure(*one, target) for one in zip(self._pools, rows, strict=True)]
        names = tuple(name for name, _ in request.models)
        described = None if target is None else target.described
        return conclude(measured, names, described, request.seed, request.limit, self._plan.same)

    def _read(self, pool: _Pool) -> PoolRows:
        request = self._request
        rows = read_rows(
            pool.name,
            PoolReader((pool.given,), request.columns, request.prefix_ids, request.limit),
            self._plan.words,
        )
        self.removed += rows.removed
        return rows

    def _measure(self, pool: _Pool, rows: PoolRows, target: EmbeddedTarget | None) -> PoolMeasures:
        request = self._request
        models = {}
        for (name, model), folder in self._models:
            self._say(f"score {pool.name} with {name}")
            asked = self._plan.scoring(pool.given, model, request.out / "scores" / folder / pool.folder)
            with _naming(pool.name):
                scored = score_columns(asked, rows.ids)
            models[name] = model_measures(scored.columns, scored.rejects, request.seed, f"{pool.name} {name}")
        near = {}
        if target is not None:
            self._say(f"embed {pool.name}")
            out = request.out / "embeddings" / f"pool-{pool.folder}"
            with _naming(pool.name):
                found = similarities(request, pool.given, out, rows.ids, target)
            near = similarity_measures(found.similarity, found.centroid_similarity, request.seed, pool.name)
        removed = None if target is None else len(rows.removed)
        defects = surface_defects(rows.texts)
        return PoolMeasures(pool.name, len(rows.ids), rows.rejects, removed, defects, models, near)


@contextmanager
def _naming(pool: str) -> Iterator[None]:
    """Errors in the block name the pool."""
    try:
        yield
    except DataselectError as error:
        if pool in error.message:
            raise
        raise type(error)(f"{pool}: {error.message}", error.hint) from None


def _folders(names: Sequence[str]) -> list[str]:
    """A folder name for each, distinct and readable."""
    return [f"{number}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:60]}" for number, name in enumerate(names, start=1)]


def _write_removed(path: Path, removed: Iterable[RemovedRow]) -> None:
    write_text(path, "".join(json.dumps(asdict(row), ensure_ascii=True) + "\n" for row in removed))


def _manifest(plan: RankPlan, ranking: Ranking, wall_seconds: float) -> dict[str, Any]:
    return {
        "stage": "rank",
        "inputs": plan.inputs,
        "models": dict(plan.request.models),
        "targets": plan.targets,
        "counts": {pool.pool: {"rows": pool.rows, "rejects": pool.rejects, "removed": pool.removed}
                   for pool in ranking.pools},
        "seed": plan.request.seed,
        "wall_seconds": round(wall_seconds, 3),
        "environment": environment(),
    }  # fmt: skip
