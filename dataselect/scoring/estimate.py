"""What a scoring run will take, before it starts: rows, tokens, time, memory and disk, from a short calibration.

The pool is read once, which counts its records and draws a sample of them. Each model's own renderer renders the
sample, and some rows of it are scored by the worker of a real run (`model_estimate`, `calibration`).

    time  checking the request, then for each model loading, reading and rendering the pool, and scoring

A run renders one shard while it scores another, but on a CPU both use the same cores: the times are added. Left out:
merging and writing, which take seconds, and what else the machine will be doing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from dataselect.backends.dtypes import on_gpu
from dataselect.errors import PoolError
from dataselect.scoring.model_estimate import Duration, ModelEstimate, estimate_model
from dataselect.scoring.plan import ScorePlan
from dataselect.scoring.request import ScoreRequest
from dataselect.scoring.sample import draw_examples
from dataselect.scoring.worker import NO_PROGRESS, Progress

SAMPLE = 2000
"""Examples that are rendered."""

SEED = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a scoring run will take.

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
        """Time of the whole run.

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


def estimate(request: ScoreRequest, progress: Progress = NO_PROGRESS) -> Estimate:
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
    models = tuple(estimate_model(plan, model, sample, reading, progress) for model in plan.models)
    return Estimate(
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
