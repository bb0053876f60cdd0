"""Calibrate one model on this machine: a worker of a real run scores a few of the pool's rows, timed.

Rows are sorted by the tokens that the model computes for them and cut into parts of equal tokens; a round scores one
full batch out of the middle of each part, so that short and long rows weigh as they do in a whole run, and batches are
as homogeneous as they are there. Several rounds with other rows give a mean and its spread. Before that the model is
loaded and warmed up by one row; the longest row of the sample follows, if it does not take long, so that the peak of
memory is seen. Where a model is slow, batches are made smaller and rounds fewer, but never fewer than two.

The time includes everything that a run does with a row: asking the model, deriving numbers, making tables. Left out:
reading, rendering and the writing of shards, and how a GPU slows down when it gets hot.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.backends.dtypes import on_gpu
from dataselect.records import Rendered
from dataselect.scoring.feeding import Feeding
from dataselect.scoring.rows import sequences
from dataselect.scoring.worker import NO_PROGRESS, Progress, RenderedShard, ShardResult, ShardWorker

PARTS, ROUNDS = 4, 4

SECONDS = 20.0
"""Target time of all rounds together, and limit for the longest row, where the model is fast enough."""

_T975 = {2: 12.706, 3: 4.303, 4: 3.182}
"""97.5 % quantile of Student's t, by the number of rounds."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The measurements of a calibration.

    Attributes:
        start: Seconds until the model was loaded and had answered for the first time.
        rounds: Seconds per computed token, one figure per round.
        rows: Rows that were scored in them.
        row_bytes: Bytes of a row of the score table on disk.
        token_bytes: Bytes of a token of the sidecar; 0 without one.
        notes: Faults that were recovered from.
    """

    start: float
    rounds: tuple[float, ...]
    rows: int
    row_bytes: float
    token_bytes: float
    notes: tuple[str, ...]

    @property
    def seconds_per_token(self) -> float:
        """The mean of the rounds."""
        return float(np.mean(self.rounds))

    @property
    def margin(self) -> float:
        """Half of the mean's 95 % interval by Student's t over the rounds, as a share of it, at most all of it."""
        error = float(np.std(self.rounds, ddof=1)) / math.sqrt(len(self.rounds))
        return min(1.0, _T975[len(self.rounds)] * error / self.seconds_per_token)


def computed_tokens(row: Rendered, max_length: int) -> int:
    """Count the tokens computed for a scorable row: those of all windows, and of the response alone with IFD."""
    return sum(len(sequence.ids) for sequence in sequences(row, max_length))


def calibrate(
    worker: ShardWorker, rows: Sequence[Rendered], max_length: int, progress: Progress = NO_PROGRESS
) -> Calibration:
    """Time a worker, whose model is loaded and not stopped.

    Args:
        worker: A worker without cache.
        rows: Scorable rows that represent the pool; at least one.
        max_length: Most tokens in one sequence.
        progress: Called with a number of rows that were just scored.

    Raises:
        DataselectError: If the model cannot be loaded or scores nothing.
    """
    run = _Timer(worker, progress)
    rows = sorted(rows, key=lambda one: (computed_tokens(one, max_length), one.id))
    lengths = np.array([computed_tokens(one, max_length) for one in rows])
    middle = len(rows) // 2
    start = run(rows[middle : middle + 1])
    speed = lengths[middle] / run(rows[middle : middle + 1])
    if lengths[-1] / speed < SECONDS:
        run(rows[-1:])
    at_once = int(min(worker.batch_tokens, max(1.0, speed * SECONDS / (PARTS * ROUNDS))))
    rounds: list[float] = []
    began, before = time.perf_counter(), run.rows
    for batches in _rounds(lengths, at_once):
        rounds.append(float(np.mean([run(rows[batch]) / lengths[batch].sum() for batch in batches])))
        if len(rounds) > 1 and time.perf_counter() - began > SECONDS:
            break
    row_bytes, token_bytes = _sizes(run.results)
    return Calibration(
        start=start,
        rounds=tuple(rounds),
        rows=run.rows - before,
        row_bytes=row_bytes,
        token_bytes=token_bytes,
        notes=tuple(run.notes),
    )


class _Timer:
    """Scores rows with a worker, returns the seconds it took, and keeps results and notes."""

    def __init__(self, worker: ShardWorker, progress: Progress) -> None:
        self._worker = worker
        self._progress = progress
        self.results: list[ShardResult] = []
        self.notes: list[str] = []
        self.rows = 0

    def __call__(self, rows: Sequence[Rendered]) -> float:
        began = time.perf_counter()
        for result in self._worker.score(
            RenderedShard(index=0, records=len(rows), rendered=list(rows), rejects=[]), self._progress
        ):
            if isinstance(result, Feeding):
                self.notes += result.warnings
                continue
            self.results.append(result)
            self.notes += result.notes
        seconds = time.perf_counter() - began
        self.rows += len(rows)
        return seconds


def _rounds(lengths: NDArray[np.int64], at_once: int) -> Iterator[list[slice]]:
    """Yield for each round one batch per part, from rows sorted by length."""
    ends = np.cumsum(lengths)
    middles = [int(np.searchsorted(ends, ends[-1] * (part + 0.5) / PARTS)) for part in range(PARTS)]
    for number in range(ROUNDS):
        yield [_batch(lengths, middle, number, at_once) for middle in middles]


def _batch(lengths: NDArray[np.int64], middle: int, number: int, at_once: int) -> slice:
    """Return as many neighbouring rows as `at_once` tokens hold, at least one; another batch for each number."""
    around = max(1, at_once // int(lengths[middle]))
    end = min(len(lengths), max(1, middle + 1 + (ROUNDS // 2 - number) * around))
    before = np.concatenate(([0], np.cumsum(lengths)))
    return slice(min(end - 1, int(np.searchsorted(before, before[end] - at_once))), end)


def _sizes(results: Sequence[ShardResult]) -> tuple[float, float]:
    """Return the bytes per row of the table and per token of the sidecar, beyond those of an empty file."""
    import pyarrow as pa

    table = pa.concat_tables(result.table for result in results)
    tokens = sum(filter(None, table["total_tokens"].to_pylist()))
    row_bytes = (_written(table) - _written(table.slice(0, 0))) / table.num_rows
    if results[0].sidecar is None:
        return row_bytes, 0.0
    sidecar = pa.concat_tables(result.sidecar for result in results)
    return row_bytes, (_written(sidecar, "zstd") - _written(sidecar.slice(0, 0), "zstd")) / tokens


def _written(table: Any, compression: str = "snappy") -> int:  # noqa: ANN401 - an Arrow table
    """Return the size as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression)
    return int(sink.getvalue().size)


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks of memory in bytes.

    Attributes:
        process: Resident memory of this process.
        engine: Resident memory of the largest child process that has ended, such as vLLM's engine; 0 without one.
        gpu: Memory on the GPU; None without one.
    """

    process: int
    engine: int
    gpu: int | None


def gpu_memory(backend: str) -> int | None:
    """Return bytes on the GPU while a model is loaded: the peak of PyTorch here; for vLLM all that is in use."""
    if not on_gpu() or backend == "server":
        return None
    import torch

    if backend == "transformers":
        return int(torch.cuda.max_memory_allocated())
    free, total = torch.cuda.mem_get_info()
    return int(total - free)


def peak_memory(backend: str, gpu: int | None) -> Memory:
    """Return the peaks until now, once the model is stopped; `gpu` is the earlier result of `gpu_memory`."""
    engine = _peak(resource.RUSAGE_CHILDREN) if backend == "vllm" else 0
    return Memory(_peak(resource.RUSAGE_SELF), engine, gpu)


def _peak(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * 1024
