"""Progress of long work on stderr: a bar on a terminal, elsewhere a line after ten seconds, then one a minute.

Long work reports through `measured` wherever it runs: a scoring run reports the same alone, inside a ranking and inside
an experiment. Nothing is shown outside of `showing_progress`, which the command line opens; a library call is silent.

    score: 12,288 of 52,002 records, 37.4 per second, 18 min left
    run: 4 of 12 cells, 1.5 per minute, 5 min left; train: 30 of 60 steps, 1.2 per second, 25 s left

Lines come from a separate thread, so that work which does not advance is reported too. The rate is that of the last
three lines, since a run that resumes an earlier one begins with what was finished then.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeVar

from dataselect.errors import DataselectError, UsageError
from dataselect.escaping import escaped

T = TypeVar("T")

SECONDS = "DATASELECT_PROGRESS_SECONDS"
"""Environment variable: seconds between two lines."""

_FIRST = 10.0
"""Most seconds until the first line: the first estimate is wanted early."""

_DELAY = 1.0
"""Seconds after which work is worth a bar."""

_SAMPLES = 3
"""Lines that a rate goes back."""


@dataclass(slots=True, eq=False)
class ProgressMeter:
    """The progress of one piece of work.

    Attributes:
        what: Name of the work.
        unit: What is counted, in the plural; empty where only time passes.
        total: How many there are; None while that is not known.
        done: How many are done.
        note: A remark behind the count.
    """

    what: str
    unit: str = ""
    total: int | None = None
    done: int = 0
    note: str = ""
    _began: float = field(default_factory=time.monotonic)
    _samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    _bar: Any = None

    def __post_init__(self) -> None:
        self._samples.append((self._began, self.done))

    def advance(self, number: int = 1) -> None:
        """Count that many more as done."""
        self.done += number
        self._draw()

    def also(self, progress: Callable[[int], object]) -> Callable[[int], None]:
        """Return a function that advances this meter and calls `progress` too."""

        def both(number: int) -> None:
            self.advance(number)
            progress(number)

        return both

    def reach(self, done: int, total: int, note: str = "") -> None:
        """Set how many are done, and of how many."""
        self.done, self.total, self.note = done, total, note
        self._draw()

    def _draw(self) -> None:
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.set_postfix_str(self.note, refresh=False)
            self._bar.update(self.done - self._bar.n)

    def line(self, now: float) -> str:
        """Return the progress at a time of the monotonic clock, as one line."""
        before, done = self._samples[0]
        self._samples.append((now, self.done))
        spent = _in_time(now - self._began) + " so far"
        if not self.unit:
            return f"{self.what}: {spent}"
        count = f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"
        head = f"{self.what}: {count} {self.unit}" + (f", {self.note}" if self.note else "")
        rate = (self.done - done) / max(now - before, 1e-9)
        if not rate:
            return f"{head}, {spent}"
        speed = f"{rate:,.1f} per second" if rate >= 1 else f"{60 * rate:,.1f} per minute"
        left = f"{_in_time((self.total - self.done) / rate)} left" if self.total is not None else spent
        return f"{head}, {speed}, {left}"


@contextmanager
def measured(what: str, unit: str = "", total: int | Callable[[], int] | None = None) -> Iterator[ProgressMeter]:
    """Report the progress of the work in this block, if progress is shown.

    Args:
        what: What is being done, in a word or two.
        unit: What is counted, in the plural.
        total: How many there are, or a function that counts them, called beside the work, and only if it is shown.
    """
    meter = ProgressMeter(what, unit, total if isinstance(total, int) else None)
    if _reporter is None:
        yield meter
        return
    with _reporter.showing(meter):
        if callable(total):
            threading.Thread(target=_count, args=(meter, total), daemon=True).start()
        yield meter


def counted(items: Iterable[T], what: str, unit: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, each counted as done when the next one is requested."""
    with measured(what, unit, total) as meter:
        for item in items:
            yield item
            meter.advance()


def _count(meter: ProgressMeter, count: Callable[[], int]) -> None:
    with suppress(DataselectError):  # the work meets the same error, and reports it
        meter.total = count()


@contextmanager
def showing_progress(name: str, stream: TextIO, seconds: float) -> Iterator[None]:
    """Show how far the work in this block is.

    Args:
        name: What the work is called while nothing in it is measured.
        stream: Where to; a terminal gets bars.
        seconds: Seconds between two lines elsewhere; 0 for none.
    """
    global _reporter
    before, _reporter = _reporter, _BarReporter(stream) if stream.isatty() else _LineReporter(name, stream, seconds)
    try:
        with _reporter:
            yield
    finally:
        _reporter = before


def in_lines() -> bool:
    """Return whether lines are shown; a process that is started for a part of the work then shows its own."""
    return isinstance(_reporter, _LineReporter)


def seconds_between() -> float:
    """Return the seconds between two lines: a minute, or what the environment says.

    Raises:
        UsageError: If that is no number of seconds.
    """
    given = os.environ.get(SECONDS, "60")
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UsageError(f"{SECONDS} is {given!r}", "give seconds between two lines of progress, or 0 for none")
    return seconds


def write_line(text: str) -> None:
    """Write a line to stderr, above the bars if there are any."""
    if isinstance(_reporter, _BarReporter) and _reporter.shown:
        _reporter.write(text)
    else:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class _BarReporter:
    """Bars on a terminal, below each other."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.shown = 0

    def __enter__(self) -> _BarReporter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @contextmanager
    def showing(self, meter: ProgressMeter) -> Iterator[None]:
        from tqdm import tqdm

        self.shown += 1
        unit = f" {meter.unit}" if meter.unit else ""
        with tqdm(
            desc=escaped(meter.what), unit=unit, total=meter.total, file=self._stream, leave=False, delay=_DELAY
        ) as bar:
            meter._bar = bar
            try:
                yield
            finally:
                meter._bar = None
                self.shown -= 1

    def write(self, text: str) -> None:
        from tqdm import tqdm

        tqdm.write(text, file=self._stream)


class _LineReporter:
    """A line from time to time, from a separate thread."""

    def __init__(self, name: str, stream: TextIO, seconds: float) -> None:
        self._stream, self._seconds = stream, seconds
        self._whole = ProgressMeter(name)
        self._meters: list[ProgressMeter] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._report, name="dataselect-progress", daemon=True)

    def __enter__(self) -> _LineReporter:
        if self._seconds:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._seconds:
            self._thread.join()

    @contextmanager
    def showing(self, meter: ProgressMeter) -> Iterator[None]:
        self._meters.append(meter)
        try:
            yield
        finally:
            self._meters.remove(meter)

    def _report(self) -> None:
        wait = min(_FIRST, self._seconds)
        while not self._over.wait(wait):
            now, wait = time.monotonic(), self._seconds
            line = "; ".join(meter.line(now) for meter in self._meters.copy() or [self._whole])
            print(escaped(line), file=self._stream, flush=True)


_reporter: _BarReporter | _LineReporter | None = None


def _in_time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours / 24:.0f} days"
