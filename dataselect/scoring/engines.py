"""Where workers run: in this process, in several processes of this machine, or on a Ray cluster.

An engine takes shards and gives results, in any order; the run writes them. All engines make the same `ShardWorker`
from the same plain values, so that a run begun by one can be finished by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from dataselect.scoring.request import EngineName
from dataselect.scoring.worker import Progress, RenderedShard, Shard, ShardResult, ShardWorker, WorkerSpec


class Engine(Protocol):
    """Scores shards."""

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[ShardResult]:
        """Score `shards`, which are read as they are needed; results come in any order."""
        ...


def make_engine(name: EngineName, workers: int) -> Engine:
    """The engine for `--engine NAME --workers N`."""
    if name == "ray":
        from dataselect.scoring.ray_engine import RayEngine

        return RayEngine(workers)
    if workers > 1:
        from dataselect.scoring.processes import ProcessEngine

        return ProcessEngine(workers)
    return InProcessEngine()


class InProcessEngine:
    """One worker in this process; the next shard is read and rendered while one is being scored."""

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[ShardResult]:
        """See `Engine.run`; results come in order."""
        worker = ShardWorker(spec)
        source = iter(shards)

        def render_next() -> RenderedShard | None:
            shard = next(source, None)
            return None if shard is None else worker.render(shard)

        with ThreadPoolExecutor(1, "render") as ahead:
            try:
                coming: Future[RenderedShard | None] = ahead.submit(render_next)
                while (rendered := coming.result()) is not None:
                    coming = ahead.submit(render_next)
                    yield worker.score(rendered, progress)
            finally:
                worker.stop()
