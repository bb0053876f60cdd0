"""The estimate of a scoring run on stdout, one fact per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataselect.scoring.estimate import Estimate
    from dataselect.scoring.memory import Memory
    from dataselect.scoring.model_estimate import ModelEstimate


def print_estimate(found: Estimate) -> None:
    """Print what a run will take."""
    for name, told in (*_pool(found), *(line for one in found.models for line in _model(one, found)), *_time(found)):
        print(f"{name:<12}{told}")


def _pool(found: Estimate) -> Iterator[tuple[str, str]]:
    unreadable = f", and {found.rejects:,} that cannot be read" if found.rejects else ""
    yield "rows", f"{found.examples:,}{unreadable}"
    if found.sampled < found.examples:
        yield "sample", f"{found.sampled:,} rows, from which lengths, tokens and shares are estimated"


def _model(one: ModelEstimate, found: Estimate) -> Iterator[tuple[str, str]]:
    from dataselect.scoring.model_estimate import PERCENTILES

    yield "model", f"{one.name}: {found.backend}, {found.dtype}"
    yield "tokens", f"{one.tokens:,}, {one.tokens / found.examples:.1f} per row"
    at = zip(PERCENTILES, one.percentiles, strict=True)
    yield "row length", ", ".join(f"{'longest' if p == 100 else f'{p} %'}: {tokens:,}" for p, tokens in at)
    others = f"; {one.unscored:,} rows cannot be scored for other reasons" if one.unscored else ""
    yield "too long", f"{one.too_long:,} rows over {one.max_length:,} tokens{others}"
    cached = f"; {one.cached:.0%} of the work is in the score cache" if one.cached else ""
    yield "to compute", f"{one.computed:,} tokens{cached}"
    speed = f"{1 / one.seconds_per_token:,.0f} tokens/s"
    yield "speed", f"{speed}, from {one.calibrated:,} rows; {in_time(one.start)} to load the model"
    yield "memory", _memory(one.memory)
    yield "disk", in_bytes(one.disk)
    for note in one.notes:
        yield "note", note


def _time(found: Estimate) -> Iterator[tuple[str, str]]:
    if found.workers > 1 and found.shared:
        yield "workers", f"{found.workers} on the same cores: at best {found.workers} times as fast, at worst no faster"
    elif found.workers > 1:
        yield "workers", f"{found.workers} with hardware of their own: the work is divided by {found.workers}"
    took = found.duration
    yield "time", f"{in_time(took.expected)} ({in_time(took.low)} to {in_time(took.high)})"


def _memory(peak: Memory) -> str:
    parts = [in_bytes(peak.process), f"engine {in_bytes(peak.engine)}" if peak.engine else ""]
    parts.append("" if peak.gpu is None else f"GPU {in_bytes(peak.gpu)}")
    return ", ".join(part for part in parts if part) + " per worker"


def in_bytes(count: int) -> str:
    """A size in three digits."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def in_time(seconds: float) -> str:
    """Two units at most: 4.2 s, 35 s, 3 min 10 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for size, unit, small, name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(round(seconds / small), size // small)
            return f"{whole} {unit} {rest} {name}"
    raise AssertionError(seconds)
