"""A verification on stdout, for people and for logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataselect.errors import DataselectError

if TYPE_CHECKING:
    from dataselect.scoring.comparison import Compared
    from dataselect.scoring.verification import Verification

_SHOWN = 5
"""Most failures that are listed."""

_HEAD = ("", "largest", "median", "row median", "Spearman", "lowest 10 %", "ranks", "not finite")


def print_verification(found: Verification) -> None:
    """Print sample, comparisons, the worst place and the verdict."""
    drawn = f"{found.rows:,} of {found.records:,} records, {found.longest} of them for their length"
    print(f"{found.subject}, {found.dtype}: {drawn}; reference: transformers, float32, one row at a time")
    if found.compared:
        print("\n" + "\n".join(_table(found.compared)))
        print(f"\nnats per token. Largest: {max(found.compared, key=_badness).worst}")
    if found.passed_over:
        print(f"{found.passed_over:,} rows are recorded as engine_error, without numbers")
    for line in found.failures[:_SHOWN]:
        print(f"not as it should be: {line}")
    if len(found.failures) > _SHOWN:
        print(f"and {len(found.failures) - _SHOWN:,} more")
    print("passed" if found.passed else "failed")


def failure(found: Verification) -> DataselectError:
    """The error of a verification that failed."""
    more = f", and {len(found.failures) - 1:,} more" if len(found.failures) > 1 else ""
    hint = "score again, or give the options of that run" if found.differences else "dataselect show prints the row"
    return DataselectError(f"{found.subject} is not verified: {found.failures[0]}{more}", hint)


def _badness(one: Compared) -> tuple[bool, float]:
    return one.parity.not_finite > 0, one.parity.largest or 0.0


def _table(compared: tuple[Compared, ...]) -> Iterator[str]:
    rows = [_HEAD, *(_cells(one) for one in compared)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    for name, *cells in rows:
        yield "  ".join([name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))])


def _cells(one: Compared) -> tuple[str, ...]:
    found = one.parity
    return (
        found.name, *(_number(value, ".1e") for value in (found.largest, found.median, found.row_median)),
        _number(found.spearman, ".6f"), _number(found.overlap, ".1%"), _number(found.ranks, ".2%"),
        f"{found.not_finite:,}",
    )  # fmt: skip


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form).replace("%", " %")
