"""Estimate a scoring run before it starts: rows, tokens, time, memory and disk, from a short calibration.

The pool is read once, which counts its records and draws a sample of them. Each model's own renderer renders the
sample, and the worker of a real run scores some rows of it (`calibration`). Lengths and shares are those of the sample.
Tokens are taken to grow with the pool's characters rather than its rows, which is far more exact. Rows that the score
cache holds already are not counted as work, going by the sample.

    time     checking the request, then for each model loading, reading and rendering the pool, and scoring
    scoring  computed tokens * seconds per token
    memory   the most that was in use while calibrating
    disk     bytes per row, and with the sidecar per token, of what the calibration wrote

A run renders one shard while it scores another, but on a CPU both use the same cores: the times are added. Left out:
merging and writing, which take seconds; what equal rows save; other load on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dataselect.backends.dtypes import on_gpu
from dataselect.errors import DataselectError, PoolError
from dataselect.library_errors import user_errors
from dataselect.models import resolve_model
from dataselect.pool import Renderer
from dataselect.pool.pairs import sides
from dataselect.progress import measured
from dataselect.records import Rendered
from dataselect.scoring.cache import ScoreCache, row_key
from dataselect.scoring.estimate.calibration import Memory, calibrate, computed_tokens, gpu_memory, peak_memory
from dataselect.scoring.request import ModelPlan, ScorePlan, ScoreRequest
from dataselect.scoring.sample import ExampleSample, characters, draw_examples
from dataselect.scoring.worker import NO_PROGRESS, Progress, ShardWorker

SAMPLE = 2000
"""Examples that are rendered."""

SEED = 0


@dataclass(frozen=True, slots=True)
class ScoreEstimate:
    """The cost of a scoring run.

    Attributes:
        examples: Readable records; `rejects` cannot be read.
        sampled: Examples that the figures come from.
        backend: The backend that will score; `dtype` likewise.
        setup: Seconds until pools, models and options are checked.
        workers: Processes side by side.
        shared: Whether they share the cores of this machine.
    """

    examples: int
    rejects: int
    sampled: int
    backend: str
    dtype: str
    models: tuple[ModelEstimate, ...]
    setup: float
    workers: int
    shared: bool

    @property
    def duration(self) -> Duration:
        """The time of the whole run.

        Workers divide the work where each has a GPU or a node of its own. Workers that share cores gain something
        between nothing and that: the interval reaches from one to the other, and half of it is expected.
        """
        least = 1 / self.workers
        most = 1.0 if self.shared else least
        start = self.setup + sum(one.start for one in self.models)
        work = [
            sum(one.preparing + part for one, part in zip(self.models, parts, strict=True))
            for parts in zip(*((m.scoring.low, m.scoring.expected, m.scoring.high) for m in self.models), strict=True)
        ]
        return Duration(start + least * work[0], start + (least + most) / 2 * work[1], start + most * work[2])


@user_errors()
def estimate(request: ScoreRequest, progress: Progress = NO_PROGRESS) -> ScoreEstimate:
    """Estimate a scoring run; nothing is written, and `out` is not looked at.

    Args:
        progress: Called with a number of rows that the calibration has just scored.

    Raises:
        DataselectError: If pools, models, template or options cannot be used, or nothing in the sample can be scored.
    """
    began = time.perf_counter()
    plan = ScorePlan(request)
    planned = time.perf_counter()
    sample = draw_examples(plan.reader, SAMPLE, SEED)
    reading = time.perf_counter() - planned
    if sample.readable == 0:
        raise PoolError("the pool holds no readable records", "dataselect show POOL prints what is read")
    with measured("calibrate", "rows") as meter:
        tick = meter.also(progress)
        models = tuple(estimate_model(plan, model, sample, reading, tick) for model in plan.models)
    return ScoreEstimate(
        examples=sample.readable,
        rejects=sample.rejects,
        sampled=len(sample.examples),
        backend=plan.backend,
        dtype=plan.dtype,
        models=models,
        setup=planned - began,
        workers=request.workers,
        shared=request.workers > 1 and request.engine == "local" and not on_gpu(),
    )


PERCENTILES = (5, 25, 50, 75, 95, 99, 100)


@dataclass(frozen=True, slots=True)
class Duration:
    """Expected seconds, and an interval around them."""

    low: float
    expected: float
    high: float


@dataclass(frozen=True, slots=True)
class ModelEstimate:
    """The tokens and the cost of one model of the run.

    Attributes:
        name: Its name as given by the user.
        max_length: Most tokens of a row.
        tokens: Tokens of all rows, as trained, whether they can be scored or not.
        percentiles: Tokens of a row at `PERCENTILES` of the sample; the last is the longest.
        too_long: Rows over the limit; `unscored` are those that cannot be scored for other reasons.
        computed: Tokens that the model will compute.
        cached: Share of the tokens that is in the score cache; not in `computed`.
        start: Seconds until the model is loaded and has answered.
        preparing: Seconds for reading and rendering.
        seconds_per_token: As measured.
        scoring: Seconds for scoring, by one worker; its interval is 95 % by the rounds of the calibration.
        calibrated: Rows that were scored for it.
        memory: Peaks until the calibration's end.
        disk: Bytes of the results.
    """

    name: str
    max_length: int
    tokens: int
    percentiles: tuple[int, ...]
    too_long: int
    unscored: int
    computed: int
    cached: float
    start: float
    preparing: float
    seconds_per_token: float
    scoring: Duration
    calibrated: int
    memory: Memory
    disk: int
    notes: tuple[str, ...]


def estimate_model(
    plan: ScorePlan, model: ModelPlan, sample: ExampleSample, reading: float, progress: Progress
) -> ModelEstimate:
    """Calibrate one model, and scale from the sample to the pool.

    Args:
        sample: At least one example.
        reading: Seconds for reading the pool.
        progress: Called with a number of rows that the calibration has just scored.

    Raises:
        DataselectError: If nothing in the sample can be scored, or the model cannot be used.
    """
    return _OneModel(plan, model, sample).estimate(reading, progress)


class _OneModel:
    """A model, and the sample as it is rendered for that model."""

    def __init__(self, plan: ScorePlan, model: ModelPlan, sample: ExampleSample) -> None:
        self._called = model.name or plan.request.model
        self._backend = plan.backend
        self._spec = replace(plan.worker(model, time.time()), pairs=False)  # each reply of a pair is a row here
        self._max_length: int = model.rendering["max_length"]
        path, spec = resolve_model(model.called), self._spec
        renderer = Renderer(path, spec.rendering, ifd=spec.ifd, ratings=spec.ratings)
        replies = [reply for example in sample.examples for reply in sides(example).values()]
        renderer.render(replies[:1])
        began = time.perf_counter()
        self._rendered = [one for one in renderer.render(replies) if isinstance(one, Rendered)]
        seconds = time.perf_counter() - began
        self._scorable = [one for one in self._rendered if one.scorable]
        drawn = sum(characters(example) for example in sample.examples)
        self._by_rows = sample.readable / len(sample.examples)
        self._by_text = sample.characters / drawn if drawn else self._by_rows
        self._rendering = seconds * self._by_text
        self._unrendered = len(replies) - len(self._rendered)

    def estimate(self, reading: float, progress: Progress) -> ModelEstimate:
        """Calibrate, and scale to the pool; see `estimate_model`."""
        if not self._scorable:
            raise DataselectError(
                f"none of {len(self._rendered):,} rows can be scored", "dataselect show POOL prints what is read"
            )
        worker = ShardWorker(replace(self._spec, cache=None))
        try:
            found = calibrate(worker, self._scorable, self._max_length, progress)
            gpu = gpu_memory(self._backend)
        finally:
            worker.stop()
        cached = self._cached()
        tokens = [len(one.token_ids) for one in self._rendered]
        trained = sum(len(one.token_ids) for one in self._scorable)
        computed = self._by_text * self._computed(self._scorable) * (1.0 - cached)
        expected = computed * found.seconds_per_token
        too_long = sum(one.status == "too_long" for one in self._rendered)
        unscored = len(self._rendered) - len(self._scorable) - too_long + self._unrendered
        disk = self._by_rows * len(self._rendered) * found.row_bytes + self._by_text * trained * found.token_bytes
        return ModelEstimate(
            name=self._called,
            max_length=self._max_length,
            tokens=round(self._by_text * sum(tokens)),
            percentiles=tuple(int(x) for x in np.percentile(tokens, PERCENTILES, method="higher")),
            too_long=round(self._by_rows * too_long),
            unscored=round(self._by_rows * unscored),
            computed=round(computed),
            cached=cached,
            start=found.start,
            preparing=reading + self._rendering,
            seconds_per_token=found.seconds_per_token,
            scoring=Duration(expected * (1 - found.margin), expected, expected * (1 + found.margin)),
            calibrated=found.rows,
            memory=peak_memory(self._backend, gpu),
            disk=round(disk),
            notes=found.notes,
        )

    def _computed(self, rows: Sequence[Rendered]) -> int:
        return sum(computed_tokens(one, self._max_length) for one in rows)

    def _cached(self) -> float:
        """Return the share of the sample's computed tokens that the cache has; a missing cache is not created."""
        spec = self._spec
        if spec.cache is None or not spec.cache.exists():
            return 0.0
        keys = {one.id: row_key(spec.salt, one) for one in self._scorable}
        known = ScoreCache(spec.cache, spec.before).find(set(keys.values()))
        return self._computed([one for one in self._scorable if keys[one.id] in known]) / self._computed(self._scorable)
