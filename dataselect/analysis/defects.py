"""Planted defects that each strategy let through, beside what random choice would have let through.

Of N scorable rows with D defects, a random selection of k rows holds k D / N on average and, in 95 of 100 draws, a
number within the central range of the hypergeometric distribution. A strategy below that range avoids the defect; one
above it seeks it. Rows that no model could score can be selected by no strategy, so N and D count scorable rows only.
Counts are means over seeds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.analysis.pool_table import PoolTable
from dataselect.analysis.selections import Selection
from dataselect.errors import ArtifactError
from dataselect.records import SCORABLE

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Planted:
    """One kind of defect in the pool: its rows, their share of the pool, and how many of them are scorable."""

    defect: str
    rows: int
    share: float
    scorable: int


@dataclass(frozen=True, slots=True)
class LetThrough:
    """One kind of defect in the selections of one strategy at one budget.

    Attributes:
        selected: Examples selected, mean over seeds.
        rows: Of these, with the defect; mean over seeds.
        expected: Mean of a random choice of as many examples.
        range_low, range_high: Central 95 % range of a single random choice.
        against_random: "fewer" or "more" than that range, or "within the range".
    """

    strategy: str
    budget: int
    unit: str
    n_seeds: int
    defect: str
    selected: float
    rows: float
    expected: float
    range_low: int
    range_high: int
    against_random: str


@dataclass(frozen=True, slots=True)
class Defects:
    """Planted defects of a pool of `pool_rows`, and what got through; the kind "total" is the sum of all kinds."""

    pool_rows: int
    planted: tuple[Planted, ...]
    let_through: tuple[LetThrough, ...]


def read_defects(path: Path) -> dict[str, str]:
    """id -> kind of defect, from lines {"id", "defect", "of"}.

    Raises:
        ArtifactError: If a line is malformed.
    """
    found: dict[str, str] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                found[str(row["id"])] = str(row["defect"])
            except (ValueError, KeyError, TypeError) as error:
                raise ArtifactError(f"{path}, line {number}: expected id and defect: {error!r}") from None
    return found


def defects(known: Mapping[str, str], table: PoolTable, selections: Sequence[Selection]) -> Defects | None:
    """Count defects in the pool and in every selection; None if the pool has none, or nothing scorable.

    Args:
        known: id -> kind of defect; ids outside the pool are not counted.
        selections: All selections, all seeds.
    """
    here = [(known[i], status in SCORABLE) for i, status in zip(table.ids, table.statuses, strict=True) if i in known]
    scorable = sum(status in SCORABLE for status in table.statuses)
    if not here or not scorable:
        return None
    kinds = [*sorted({kind for kind, _ in here}), TOTAL]
    n = len(table.ids)
    planted = [_planted(kind, here, n) for kind in kinds]
    groups: dict[tuple[str, int, str], list[Selection]] = {}
    for s in selections:
        groups.setdefault((s.strategy, s.budget, s.unit), []).append(s)
    through = [_let_through(group, p, scorable, known) for group in groups.values() for p in planted]
    return Defects(n, tuple(planted), tuple(through))


def _planted(kind: str, here: Sequence[tuple[str, bool]], n: int) -> Planted:
    members = [scorable for name, scorable in here if kind in (TOTAL, name)]
    return Planted(kind, len(members), len(members) / n, sum(members))


def _let_through(group: Sequence[Selection], planted: Planted, scorable: int, known: Mapping[str, str]) -> LetThrough:
    from scipy.stats import hypergeom

    defect = planted.defect
    counts = [sum(1 for i in s.ids if i in known and defect in (TOTAL, known[i])) for s in group]
    selected = sum(len(s.ids) for s in group) / len(group)
    low, high = map(int, hypergeom(scorable, planted.scorable, min(round(selected), scorable)).interval(0.95))
    first, rows = group[0], sum(counts) / len(counts)
    return LetThrough(
        first.strategy, first.budget, first.unit, len(group), defect, selected, rows,
        expected=selected * planted.scorable / scorable,
        range_low=low, range_high=high,
        against_random="fewer" if rows < low else "more" if rows > high else "within the range",
    )  # fmt: skip
