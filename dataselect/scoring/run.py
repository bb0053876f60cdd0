"""The scoring run: read, render, score, shard by shard and model by model, into one score table.

Every record of the pool ends as one row or one reject, never both and never neither. Results do not depend on shards,
batches or workers, and a run that is stopped, however it is stopped, continues from its finished shards. A model is
loaded only if something is left for it to score.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dataselect.errors import DataselectError, PoolError
from dataselect.library_errors import user_errors
from dataselect.progress import measured
from dataselect.records import Example, Reject
from dataselect.scoring.engines import make_engine
from dataselect.scoring.feeding import Feeding
from dataselect.scoring.request import RANK_CLIP_KEY, ModelPlan, ScorePlan, ScoreRequest, ScoreSummary
from dataselect.scoring.rows import schema
from dataselect.scoring.table import SHARD_RECORDS, ScoreShards, TableSummary, merge, summarise
from dataselect.scoring.worker import NO_PROGRESS, Progress, Shard, ShardResult
from dataselect.stage import FinishedStage, StageDirectory, recorded_options, run_stage

_NOTES_KEPT = 20

Warn = Callable[[str], object]


@user_errors()
def score(request: ScoreRequest, progress: Progress = NO_PROGRESS, warn: Warn = lambda line: None) -> ScoreSummary:
    """Score pools into a stage directory.

    Args:
        progress: Called with a number of records that were just finished, once per model.
        warn: Called at once with each warning that is worth stopping for; they are among the summary's notes too.

    Raises:
        DataselectError: If pools, model, template or directory cannot be used, or nothing at all could be scored.
    """
    return run_stage(Scoring(request, progress, warn), request.out, request.overwrite)


class Scoring:
    """`dataselect score`: a checked request."""

    name = "score"

    def __init__(self, request: ScoreRequest, progress: Progress, warn: Warn) -> None:
        self._request = request
        self._plan = ScorePlan(request)
        self._progress = progress
        self._warn = warn

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the numbers depend on."""
        return self._plan.fingerprint

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Score what is left, and merge the shards into one table."""
        plan = self._plan
        with measured("score", "records", lambda: plan.reader.count() * len(plan.models)) as meter:
            return _ShardLoop(plan, directory, meter.also(self._progress), self._warn).run()

    def result(self, finished: FinishedStage, fresh: bool) -> ScoreSummary:
        """Read the counts from the manifest."""
        return ScoreSummary.of(finished.manifest, fresh)


class _ShardLoop:
    """Scores the shards that are left, model by model, and gathers what the manifest says."""

    def __init__(self, plan: ScorePlan, directory: StageDirectory, progress: Progress, warn: Warn) -> None:
        self._plan = plan
        self._directory = directory
        self._progress = progress
        self._warn = warn
        self._feeding: dict[str, Feeding] = {}
        self._engine = make_engine(plan.request.engine, plan.request.workers)
        request = plan.request
        self._columns = schema(request.ifd, request.ranks, request.ratings, pairs=request.columns.pairs)
        self._shards = {
            model.name: ScoreShards(directory, model.name, request.tokens, self._columns.names) for model in plan.models
        }
        self._tokens, self._seconds, self._cached = 0, 0.0, 0
        self._notes = [note for model in plan.models for note in model.notes]
        self._count = 0

    def run(self) -> dict[str, Any]:
        """Return the manifest."""
        for model in self._plan.models:
            self._score(model)
        if self._count == 0:
            raise PoolError("the pool holds no records", "give a file that holds some")
        merge(self._directory, self._count, self._shards, self._columns, self._plan.same_tokenizer())
        summary = summarise(self._directory.path, self._plan.models[0].rendering["special_tokens"])
        self._notes += (*self._plan.reader.notes, *summary.notes)
        self._require_some(summary.counts)
        return self._manifest(summary)

    def _score(self, model: ModelPlan) -> None:
        shards = self._shards[model.name]
        left = self._left(shards)
        first = next(left, None)
        if first is None:
            return
        spec = self._plan.worker(model, self._directory.started)
        began = time.perf_counter()
        for result in self._engine.run(spec, itertools.chain([first], left), self._progress):
            if isinstance(result, Feeding):
                self._found(model, result)
            else:
                shards.write(result)
                self._count_in(result)
        self._seconds += time.perf_counter() - began

    def _left(self, shards: ScoreShards) -> Iterator[Shard]:
        """Yield the shards that are not done; those that are count as progress."""
        for index, records in enumerate(_chunks(iter(self._plan.reader), SHARD_RECORDS)):
            self._count = max(self._count, index + 1)
            if shards.done(index):
                self._progress(len(records))
            else:
                yield Shard(index, records)

    def _found(self, model: ModelPlan, feeding: Feeding) -> None:
        """Keep how a model is fed, and warn where that is wrong; the first worker that reports it is enough."""
        if model.called in self._feeding:
            return
        self._feeding[model.called] = feeding
        prefix = f"{model.name}: " if model.name else ""
        for line in feeding.warnings:
            self._notes.append(prefix + line)
            self._warn(prefix + line)

    def _count_in(self, result: ShardResult) -> None:
        self._tokens += result.tokens
        self._cached += result.cached
        self._notes += result.notes[: max(0, _NOTES_KEPT - len(self._notes))]

    def _require_some(self, counts: dict[str, int]) -> None:
        """Refuse a table without numbers; where the model is to blame, remove its shards, so that it is asked again."""
        if counts["ok"] + counts["truncated"]:
            return
        statuses = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        words = f"; {self._notes[0]}" if self._notes else ""
        if counts["engine_error"]:
            for shards in self._shards.values():
                shards.remove(self._count)
        raise DataselectError(
            f"nothing in the pool could be scored: {statuses}{words}", "dataselect show POOL prints what is read"
        )

    def _manifest(self, summary: TableSummary) -> dict[str, Any]:
        plan, request = self._plan, self._plan.request
        return {
            "stage": "score",
            "counts": summary.counts,
            "pool": summary.pool,
            "inputs": plan.reader.inputs,
            "unread_columns": plan.reader.unread,
            "model": request.model,
            "references": dict(request.references),
            "backend": plan.backend,
            "dtype": plan.dtype,
            "engine_args": dict(request.engine_args),
            "rendering": plan.models[0].rendering,
            "columns": request.columns.recorded(),
            RANK_CLIP_KEY: request.rank_clip if request.ranks else None,
            "seed": None,
            "cached_rows": self._cached,
            "notes": self._notes,
            "feeding": {name: found.as_dict() for name, found in self._feeding.items()},
            "wall_seconds": self._directory.wall_seconds,
            "tokens_per_second": round(self._tokens / self._seconds, 1) if self._tokens else None,
            "sources": summary.sources,
        }


def _chunks(records: Iterator[Example | Reject], size: int) -> Iterator[list[Example | Reject]]:
    while chunk := list(itertools.islice(records, size)):
        yield chunk
