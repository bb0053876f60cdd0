"""The scoring run: read, render, score, shard by shard and model by model, into one score table.

Every record of the pool ends as one row or one reject, never both and never neither. Results do not depend on shards,
batches or workers, and a run that is stopped, however it is stopped, goes on from its finished shards. A model is
loaded only if there is something left for it to score.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from dataselect.artifacts import MANIFEST, RUN, StageDirectory, read_json
from dataselect.errors import DataselectError, PoolError
from dataselect.provenance import environment
from dataselect.records import Example, Reject
from dataselect.scoring.engines import make_engine
from dataselect.scoring.merge import merge
from dataselect.scoring.plan import ModelPlan, ScorePlan
from dataselect.scoring.request import ScoreRequest, ScoreSummary
from dataselect.scoring.rows import schema
from dataselect.scoring.shards import OWN, SHARD_RECORDS, Shards, remove_shards
from dataselect.scoring.summary import summarise
from dataselect.scoring.worker import NO_PROGRESS, Progress, Shard, ShardResult

_NOTES_KEPT = 20


def score(request: ScoreRequest, progress: Progress = NO_PROGRESS) -> ScoreSummary:
    """Score pools into a stage directory.

    Args:
        progress: Called with a number of records that were just finished, once per model.

    Raises:
        DataselectError: If pools, model, template or directory cannot be used, or nothing at all could be scored.
    """
    plan = ScorePlan(request)
    own = ("scores.parquet", "rejects.jsonl", *OWN)
    with StageDirectory(request.out, plan.fingerprint, request.options(), own, request.overwrite) as stage:
        if stage.finished:
            remove_shards(request.out)  # there are some if the last run was killed after its manifest
            return ScoreSummary(read_json(request.out / MANIFEST)["counts"], None, fresh=False)
        return _Run(plan, stage, progress).finish()


class _Run:
    """One scoring run in its open directory."""

    def __init__(self, plan: ScorePlan, stage: StageDirectory, progress: Progress) -> None:
        self._plan = plan
        self._stage = stage
        self._progress = progress
        self._engine = make_engine(plan.request.engine, plan.request.workers)
        self._shards = {model.name: Shards(stage.path, model.name) for model in plan.models}
        self._began_before = (stage.path / RUN).stat().st_mtime
        self._tokens, self._busy, self._cached = 0, 0.0, 0
        self._notes: list[str] = []
        self._count = 0

    def finish(self) -> ScoreSummary:
        """Score what is left, merge, and write the manifest."""
        request = self._plan.request
        began = time.perf_counter()
        for model in self._plan.models:
            self._score(model)
        if self._count == 0:
            raise PoolError("the pool holds no records", "give a file that holds some")
        one = schema(request.ifd, request.ranks, request.ratings)
        merge(self._stage.path, self._count, self._shards, one, self._plan.same_tokenizer())
        summary = summarise(self._stage.path)
        self._require_some(summary.counts)
        wall = round(time.perf_counter() - began, 3)
        self._stage.finish(self._manifest(summary.counts, summary.pool, wall))
        remove_shards(self._stage.path)
        return ScoreSummary(summary.counts, self._speed, True, self._cached, tuple(self._notes))

    def _score(self, model: ModelPlan) -> None:
        shards = self._shards[model.name]
        left = self._left(shards)
        first = next(left, None)
        if first is None:
            return
        spec = self._plan.worker(model, self._began_before)
        for result in self._engine.run(spec, itertools.chain([first], left), self._progress):
            shards.write(result)
            self._count_in(result)

    def _left(self, shards: Shards) -> Iterator[Shard]:
        """The shards that are not done; those that are count as progress."""
        for index, records in enumerate(_chunks(iter(self._plan.reader), SHARD_RECORDS)):
            self._count = max(self._count, index + 1)
            if shards.done(index):
                self._progress(len(records))
            else:
                yield Shard(index, records)

    def _count_in(self, result: ShardResult) -> None:
        self._tokens += result.tokens
        self._busy += result.busy
        self._cached += result.cached
        self._notes += result.notes[: max(0, _NOTES_KEPT - len(self._notes))]

    def _require_some(self, counts: dict[str, int]) -> None:
        """Refuse a table without numbers; where the model is to blame, forget it, so that it is asked again."""
        if counts["ok"] + counts["truncated"]:
            return
        told = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        words = f"; {self._notes[0]}" if self._notes else ""
        if counts["engine_error"]:
            remove_shards(self._stage.path)
        raise DataselectError(
            f"nothing in the pool could be scored: {told}{words}", "dataselect show POOL prints what is read"
        )

    @property
    def _speed(self) -> float | None:
        """Tokens per second of busy workers, together."""
        workers = self._plan.request.workers
        return workers * self._tokens / self._busy if self._busy else None

    def _manifest(self, counts: dict[str, int], pool: dict[str, Any], wall: float) -> dict[str, Any]:
        plan, request = self._plan, self._plan.request
        return {
            "stage": "score",
            "counts": counts,
            "pool": pool,
            "inputs": plan.reader.inputs,
            "model": request.model,
            "references": dict(request.references),
            "backend": plan.backend,
            "dtype": plan.dtype,
            "engine_args": dict(request.engine_args),
            "rendering": plan.models[0].rendering,
            "columns": asdict(request.columns),
            "seed": None,
            "cached_rows": self._cached,
            "notes": self._notes,
            "wall_seconds": wall,
            "tokens_per_second": None if self._speed is None else round(self._speed, 1),
            "environment": environment(),
        }


def _chunks(records: Iterator[Example | Reject], size: int) -> Iterator[list[Example | Reject]]:
    while chunk := list(itertools.islice(records, size)):
        yield chunk
