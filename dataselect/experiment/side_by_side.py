"""Run cells one after the other in this process, or side by side in other processes; one that fails stops no other.

With several workers every cell gets a new process, which is spawned and not forked, since an engine and its threads do
not survive a fork. So a cell that runs out of memory and is killed takes nothing with it. Worker k sees GPU k of those
that are visible; on a CPU the cores are divided. A process that outlives the run ends itself.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from multiprocessing.connection import Connection
from queue import SimpleQueue

from dataselect.backends.children import uninterrupted
from dataselect.backends.dtypes import visible_gpus
from dataselect.comparison.experiment_folder import Failure
from dataselect.experiment.cells import Cell
from dataselect.experiment.stages import Stages
from dataselect.library_errors import as_user_error
from dataselect.progress import in_lines, measured, seconds_between, showing_progress

Finished = Callable[[Cell, Failure | None], None]
"""Called after each cell."""

_context = multiprocessing.get_context("spawn")


def run_cells(stages: Stages, cells: Sequence[Cell], workers: int, finished: Finished) -> None:
    """Run cells whose selections are written.

    Args:
        workers: Cells side by side.
        finished: Called with each cell when it ends, and with its failure if it failed.
    """
    with measured("run", "cells", len(cells)) as meter:

        def counted(cell: Cell, failure: Failure | None) -> None:
            meter.advance()
            finished(cell, failure)

        _run_all(stages, cells, workers, counted)


def _run_all(stages: Stages, cells: Sequence[Cell], workers: int, finished: Finished) -> None:
    if workers == 1:
        for cell in cells:
            finished(cell, _failure(cell, attempt(lambda cell=cell: stages.run(cell))))  # type: ignore[misc]
        return
    with _Workers(workers) as pool, ThreadPoolExecutor(workers) as threads:
        waiting = {threads.submit(pool.run, stages, cell): cell for cell in cells}
        try:
            for future in as_completed(waiting):
                finished(waiting[future], _failure(waiting[future], future.result()))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            pool.stop()
            raise


def attempt(work: Callable[[], object]) -> str:
    """Do some work, and return what went wrong in one line, or an empty text."""
    try:
        work()
    except Exception as error:
        return str(as_user_error(error))
    return ""


def _failure(cell: Cell, reason: str) -> Failure | None:
    return Failure(cell.name, reason) if reason else None


class _Workers:
    """Processes that run one cell each, at most one per worker at a time."""

    def __init__(self, workers: int) -> None:
        self._threads = max(1, (os.cpu_count() or 1) // workers)
        self._gpus: SimpleQueue[str | None] = SimpleQueue()
        gpus = visible_gpus()
        for number in range(workers):
            self._gpus.put(gpus[number % len(gpus)] if gpus else None)
        self._running: set[multiprocessing.process.BaseProcess] = set()

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def run(self, stages: Stages, cell: Cell) -> str:
        """Run one cell in a process, and return what went wrong, or an empty text."""
        gpu = self._gpus.get()
        try:
            return self._run(stages, cell, gpu)
        finally:
            self._gpus.put(gpu)

    def _run(self, stages: Stages, cell: Cell, gpu: str | None) -> str:
        receiver, sender = _context.Pipe(duplex=False)
        process = _context.Process(target=_work, args=(stages, cell, gpu, self._threads, sender, in_lines()))
        self._running.add(process)
        with uninterrupted():
            process.start()
        sender.close()
        try:
            answer = str(receiver.recv())
        except EOFError:
            process.join()
            answer = f"its process ended with {_ending(process.exitcode)}"
        process.join()
        self._running.discard(process)
        return answer

    def stop(self) -> None:
        """Terminate the processes that still run."""
        for process in self._running.copy():
            process.terminate()


def _ending(code: int | None) -> str:
    return f"signal {-code} (9 is what a machine without memory left sends)" if code and code < 0 else f"code {code}"


def _work(stages: Stages, cell: Cell, gpu: str | None, threads: int, sender: Connection, lines: bool) -> None:
    """The life of a worker process."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    else:
        os.environ["OMP_NUM_THREADS"] = str(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout = sys.stderr
    with showing_progress(cell.name, sys.stderr, seconds_between()) if lines else nullcontext():
        sender.send(attempt(lambda: stages.run(cell)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
