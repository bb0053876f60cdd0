"""Engines run workers in this process, in several processes of this machine, or on a Ray cluster.

An engine takes shards and returns results, in any order; the run writes them. All engines make the same `ShardWorker`
from the same plain values, so that a run begun by one can be finished by another.

Worker processes are spawned, never forked, since an engine and its threads do not survive a fork. Worker k sees only
GPU k of the visible ones; on a CPU the cores are divided. A worker that is killed ends the run and its finished shards
are kept: starting it again at once would run out of the same memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Protocol

from dataselect.backends.children import guarded
from dataselect.backends.dtypes import visible_gpus
from dataselect.errors import DataselectError
from dataselect.library_errors import as_user_error
from dataselect.scoring.feeding import Feeding
from dataselect.scoring.request import EngineName
from dataselect.scoring.worker import Progress, RenderedShard, Shard, ShardResult, ShardWorker, WorkerSpec


class Engine(Protocol):
    """Scores shards."""

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[Feeding | ShardResult]:
        """Score `shards`, which are read as they are needed; results come in any order.

        A `Feeding` comes before the first rows are scored, where a worker is on this machine.
        """
        ...


def make_engine(name: EngineName, workers: int) -> Engine:
    """Return the engine for `--engine NAME --workers N`."""
    if name == "ray":
        from dataselect.scoring.ray_engine import RayEngine

        return RayEngine(workers)
    if workers > 1:
        return ProcessEngine(workers)
    return InProcessEngine()


class InProcessEngine:
    """One worker in this process; the next shard is read and rendered while one is being scored."""

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[Feeding | ShardResult]:
        """See `Engine.run`; results come in order."""
        worker = ShardWorker(spec)
        source = iter(shards)

        def render_next() -> RenderedShard | None:
            shard = next(source, None)
            return None if shard is None else worker.render(shard)

        with ThreadPoolExecutor(1, "render") as prefetch:
            try:
                coming: Future[RenderedShard | None] = prefetch.submit(render_next)
                while (rendered := coming.result()) is not None:
                    coming = prefetch.submit(render_next)
                    yield from worker.score(rendered, progress)
            finally:
                worker.stop()


_PREFETCHED = 2
"""Shards handed out per worker: one that it scores, one that it renders meanwhile."""

_PATIENCE = 20
"""Seconds that a worker has for stopping its engine."""


class ProcessEngine:
    """Worker processes.

    Args:
        workers: How many; at most one per visible GPU, where there are any.

    Raises:
        DataselectError: If there are fewer GPUs than workers.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._gpus = visible_gpus()
        if self._gpus and len(self._gpus) < workers:
            raise DataselectError(
                f"--workers {workers}, but {len(self._gpus)} GPUs are visible", f"use --workers {len(self._gpus)}"
            )

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[Feeding | ShardResult]:
        """See `Engine.run`."""
        gpus: list[str | None] = [*self._gpus] or [None] * self._workers
        with guarded() as guardian:
            workers = [_Process(spec, gpu, self._workers) for gpu in gpus[: self._workers]]
        try:
            yield from _hand_out(workers, iter(shards), progress)
        finally:
            for worker in workers:
                worker.end()
            guardian.dismiss()


def _hand_out(workers: list[_Process], shards: Iterator[Shard], progress: Progress) -> Iterator[Feeding | ShardResult]:
    """Keep each worker busy with its own queue; a result is passed on as soon as it comes."""
    for worker in workers * _PREFETCHED:
        worker.give(next(shards, None))
    while busy := [worker for worker in workers if worker.waiting]:
        ready = wait([worker.connection for worker in busy])
        for worker in (worker for worker in busy if worker.connection in ready):
            message = worker.receive()
            if isinstance(message, DataselectError):
                raise message
            if isinstance(message, int):
                progress(message)
                continue
            if isinstance(message, ShardResult):
                worker.give(next(shards, None))
            yield message
    for worker in workers:
        worker.finish()


class _Process:
    """One worker process, seen from outside."""

    def __init__(self, spec: WorkerSpec, gpu: str | None, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, spec, gpu, workers))
        self._process.start()
        theirs.close()
        self._finished = False
        self.waiting = 0

    def give(self, shard: Shard | None) -> None:
        """Hand out one more shard, if there is one."""
        if shard is not None:
            with self._alive():
                self.connection.send(shard)
            self.waiting += 1

    def receive(self) -> Feeding | ShardResult | int | DataselectError:
        """Return a result, a number of records that were just finished, or the error that ended the worker."""
        with self._alive():
            message: Feeding | ShardResult | int | DataselectError = self.connection.recv()
        self.waiting -= isinstance(message, ShardResult)
        return message

    def finish(self) -> None:
        """Announce that no more shards will come."""
        with self._alive():
            self.connection.send(None)
        self._finished = True

    def end(self) -> None:
        """Wait for a worker that has been finished; stop any other, with its engine."""
        if not self._finished:
            self._process.terminate()
        self.connection.close()
        self._process.join(_PATIENCE)
        self._process.kill()
        self._process.join()

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError):
            self._process.join(_PATIENCE)
            code = self._process.exitcode or 0
            how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
            raise DataselectError(
                f"a worker process {how}",
                "what is finished is kept: run the same command again; fewer --workers need less memory",
            ) from None


def _work(connection: Connection, spec: WorkerSpec, gpu: str | None, workers: int) -> None:
    """Run a worker: take shards from the connection and send results back, until None comes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _take_share(gpu, workers)
    try:
        for result in InProcessEngine().run(spec, iter(connection.recv, None), connection.send):
            connection.send(result)
    except (EOFError, ConnectionError):
        pass  # the parent process has exited
    except Exception as error:
        connection.send(as_user_error(error))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is exiting already


def _take_share(gpu: str | None, workers: int) -> None:
    """Restrict this process to a worker's part of the hardware; called before torch is first used."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        return
    import torch

    threads = max(1, torch.get_num_threads() // workers)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
