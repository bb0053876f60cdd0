"""What became of the pool in each selection: rows in, minus each reason, rows out, as its manifest counts them.

First seeds only, and only selections in which something else than the budget left rows out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataselect.analysis.selections import Selection
from dataselect.artifacts import read_json


@dataclass(frozen=True, slots=True)
class Funnel:
    """One selection.

    Attributes:
        left_out: Reason -> rows, in the order of the steps.
    """

    strategy: str
    budget: int
    unit: str
    rows_in: int
    left_out: dict[str, int]
    rows_out: int


def funnels(selections: Sequence[Selection]) -> tuple[Funnel, ...]:
    """The funnels of the selections whose manifests have one."""
    found = []
    for one in selections:
        funnel = read_json(one.path.with_suffix(".manifest.json")).get("funnel")
        if funnel and set(funnel["left_out"]) - {"over_budget"}:
            made = Funnel(
                one.strategy, one.budget, one.unit, funnel["rows_in"], dict(funnel["left_out"]), funnel["rows_out"]
            )
            found.append(made)
    return tuple(found)
