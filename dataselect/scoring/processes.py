"""Several workers on one machine, each in a process of its own: one per GPU, or on a CPU one per group of cores.

Processes are spawned, never forked, since an engine and its threads do not survive a fork. Worker k sees GPU k of those
that are visible and nothing else; on a CPU the cores are shared out. A worker that is killed ends the run, with what is
finished kept: starting it again at once would meet the same lack of memory.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from dataselect.errors import DataselectError
from dataselect.scoring.worker import Progress, Shard, ShardResult, ShardWorker, WorkerSpec

_AHEAD = 2
"""Shards handed out per worker: one that it scores, one that waits."""

_worker: ShardWorker | None = None
"""The worker of this process, where this process is one of a pool's."""


class ProcessEngine:
    """A pool of worker processes.

    Args:
        workers: How many; at most one per visible GPU, where there are any.

    Raises:
        DataselectError: If there are fewer GPUs than workers.
    """

    def __init__(self, workers: int) -> None:
        from dataselect.backends.dtypes import visible_gpus

        self._workers = workers
        self._gpus = visible_gpus()
        if self._gpus and len(self._gpus) < workers:
            raise DataselectError(
                f"--workers {workers}, but {len(self._gpus)} GPUs are visible", f"use --workers {len(self._gpus)}"
            )

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[ShardResult]:
        """See `Engine.run`."""
        context = multiprocessing.get_context("spawn")
        numbers = context.Queue()
        for number in range(self._workers):
            numbers.put(number)
        arguments = (numbers, self._workers, self._gpus, spec)
        with ProcessPoolExecutor(self._workers, context, _start, arguments) as pool:
            try:
                yield from self._hand_out(pool, iter(shards), progress)
            except BrokenProcessPool:
                raise DataselectError(
                    "a worker process was killed or ended by itself",
                    "what is finished is kept: run the same command again; fewer --workers need less memory",
                ) from None
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _hand_out(
        self, pool: ProcessPoolExecutor, shards: Iterator[Shard], progress: Progress
    ) -> Iterator[ShardResult]:
        waiting: dict[Future[ShardResult], int] = {}
        while True:
            for shard in itertools.islice(shards, _AHEAD * self._workers - len(waiting)):
                waiting[pool.submit(_score, shard)] = len(shard.records)
            if not waiting:
                return
            for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                progress(waiting.pop(done))
                yield done.result()


def _start(numbers: Any, workers: int, gpus: list[str], spec: WorkerSpec) -> None:  # noqa: ANN401 - a queue
    """Make this process a worker: its share of the hardware first, then torch."""
    global _worker
    number = numbers.get()
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number]
    else:
        threads = max(1, len(os.sched_getaffinity(0)) // workers)
        os.environ["OMP_NUM_THREADS"] = str(threads)
        import torch

        torch.set_num_threads(threads)
    _worker = ShardWorker(spec)


def _score(shard: Shard) -> ShardResult:
    assert _worker is not None
    return _worker.score(_worker.render(shard))
