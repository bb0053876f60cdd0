"""Several workers on one machine, each in a process of its own: one per GPU, or on a CPU one per group of cores.

Processes are spawned, never forked, since an engine and its threads do not survive a fork. Worker k sees GPU k of those
that are visible and nothing else; on a CPU the cores are shared out. A worker that is killed ends the run, with what is
finished kept: starting it again at once would meet the same lack of memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait

from dataselect.backends.children import guarded
from dataselect.errors import DataselectError
from dataselect.scoring.engines import InProcessEngine
from dataselect.scoring.worker import Progress, Shard, ShardResult, WorkerSpec

_AHEAD = 2
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
        from dataselect.backends.dtypes import visible_gpus

        self._workers = workers
        self._gpus = visible_gpus()
        if self._gpus and len(self._gpus) < workers:
            raise DataselectError(
                f"--workers {workers}, but {len(self._gpus)} GPUs are visible", f"use --workers {len(self._gpus)}"
            )

    def run(self, spec: WorkerSpec, shards: Iterable[Shard], progress: Progress) -> Iterator[ShardResult]:
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


def _hand_out(workers: list[_Process], shards: Iterator[Shard], progress: Progress) -> Iterator[ShardResult]:
    """Keep each worker busy with its own queue; a result is passed on as soon as it comes."""
    for worker in workers * _AHEAD:
        worker.give(next(shards, None))
    while busy := [worker for worker in workers if worker.waiting]:
        ready = wait([worker.connection for worker in busy])
        for worker in (worker for worker in busy if worker.connection in ready):
            told = worker.receive()
            if isinstance(told, DataselectError):
                raise told
            if isinstance(told, int):
                progress(told)
            else:
                worker.give(next(shards, None))
                yield told
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

    def receive(self) -> ShardResult | int | DataselectError:
        """A result, or a number of records that were just finished, or what went wrong."""
        with self._alive():
            told: ShardResult | int | DataselectError = self.connection.recv()
        self.waiting -= isinstance(told, ShardResult)
        return told

    def finish(self) -> None:
        """Say that no more shards will come."""
        with self._alive():
            self.connection.send(None)
        self._finished = True

    def end(self) -> None:
        """Wait for a worker that was told to finish; stop one that was not, with its engine."""
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
            how = f"was killed by signal {-code}" if code < 0 else f"ended by itself with code {code}"
            raise DataselectError(
                f"a worker process {how}",
                "what is finished is kept: run the same command again; fewer --workers need less memory",
            ) from None


def _work(connection: Connection, spec: WorkerSpec, gpu: str | None, workers: int) -> None:
    """Be a worker: take shards from the connection and give results back, until None comes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _take_share(gpu, workers)
    try:
        for result in InProcessEngine().run(spec, iter(connection.recv, None), connection.send):
            connection.send(result)
    except DataselectError as error:
        connection.send(error)
    except (EOFError, ConnectionError):
        pass  # nobody wants an answer any more
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending already


def _take_share(gpu: str | None, workers: int) -> None:
    """Use a worker's part of the hardware; called before torch is first used."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        return
    import torch

    threads = max(1, torch.get_num_threads() // workers)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)
