"""How fast one model scores here: a few of the pool's rows, scored by the worker of a real run and timed.

Rows are sorted by the tokens that the model computes for them and cut into parts of equal tokens; a round scores one
full batch out of the middle of each part, so that short and long rows weigh as they do in a whole run, and batches are
as homogeneous as they are there. Several rounds with other rows give a mean and its spread. Before that the model is
loaded, and warmed up by one row; the longest row of the sample follows, if it does not take long, so that memory is
seen at its highest. Where a model is slow, batches are made smaller, and the rounds fewer, but never fewer than two.

Everything a run does with a row is in the time: asking, deriving numbers, making tables. Left out: reading, rendering
and the writing of shards, and how a GPU slows down when it gets hot.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Rendered
from dataselect.scoring.rows import sequences
from dataselect.scoring.worker import NO_PROGRESS, Progress, RenderedShard, ShardResult, ShardWorker

PARTS, ROUNDS = 4, 4

SECONDS = 20.0
"""What the rounds should take together, and the longest row at most, where the model is fast enough."""

_T975 = {2: 12.706, 3: 4.303, 4: 3.182}
"""Quantile of Student's t, by the number of rounds."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured.

    Attributes:
        start: Seconds until the model was loaded and had answered for the first time.
        rounds: Seconds per computed token, one figure per round.
        rows: Rows that were scored in them.
        row_bytes: Bytes of a row of the score table on disk.
        token_bytes: Bytes of a token of the sidecar; 0 without one.
        notes: What did not go as planned.
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
    """Tokens that the model computes for a scorable row: those of all windows, and of the response alone with IFD."""
    return sum(len(sequence.ids) for sequence in sequences(row, max_length))


def calibrate(
    worker: ShardWorker, rows: Sequence[Rendered], max_length: int, progress: Progress = NO_PROGRESS
) -> Calibration:
    """Time a worker, whose model is loaded for it and not stopped.

    Args:
        worker: A worker without cache.
        rows: Scorable rows that stand for the pool; at least one.
        max_length: Most tokens in one sequence.
        progress: Called with a number of rows that were just scored.

    Raises:
        DataselectError: If the model cannot be loaded or takes nothing.
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
    return Calibration(start, tuple(rounds), run.rows - before, *_sizes(run.results), tuple(run.notes))


class _Timer:
    """Scores rows with a worker, tells how long it took, and keeps what came of it."""

    def __init__(self, worker: ShardWorker, progress: Progress) -> None:
        self._worker = worker
        self._progress = progress
        self.results: list[ShardResult] = []
        self.notes: list[str] = []
        self.rows = 0

    def __call__(self, rows: Sequence[Rendered]) -> float:
        began = time.perf_counter()
        result = self._worker.score(RenderedShard(0, len(rows), list(rows), []), self._progress)
        seconds = time.perf_counter() - began
        self.results.append(result)
        self.notes += result.notes
        self.rows += len(rows)
        return seconds


def _rounds(lengths: NDArray[np.int64], at_once: int) -> Iterator[list[slice]]:
    """For each round one batch per part, from rows sorted by length."""
    ends = np.cumsum(lengths)
    middles = [int(np.searchsorted(ends, ends[-1] * (part + 0.5) / PARTS)) for part in range(PARTS)]
    for number in range(ROUNDS):
        yield [_batch(lengths, middle, number, at_once) for middle in middles]


def _batch(lengths: NDArray[np.int64], middle: int, number: int, at_once: int) -> slice:
    """As many neighbours as `at_once` tokens hold, at least one; another batch for each number."""
    around = max(1, at_once // int(lengths[middle]))
    end = min(len(lengths), max(1, middle + 1 + (ROUNDS // 2 - number) * around))
    before = np.concatenate(([0], np.cumsum(lengths)))
    return slice(min(end - 1, int(np.searchsorted(before, before[end] - at_once))), end)


def _sizes(results: Sequence[ShardResult]) -> tuple[float, float]:
    """Bytes of a row of the table, and of a token of the sidecar, beyond what an empty file has."""
    import pyarrow as pa

    table = pa.concat_tables(result.table for result in results)
    tokens = sum(table["total_tokens"].to_pylist())
    row_bytes = (_written(table) - _written(table.slice(0, 0))) / table.num_rows
    if results[0].sidecar is None:
        return row_bytes, 0.0
    sidecar = pa.concat_tables(result.sidecar for result in results)
    return row_bytes, (_written(sidecar, "zstd") - _written(sidecar.slice(0, 0), "zstd")) / tokens


def _written(table: Any, compression: str = "snappy") -> int:  # noqa: ANN401 - an Arrow table
    """Size as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression)
    return int(sink.getvalue().size)
