"""From a plan, a surveyed pool and what was given to the chosen rows: rank the pool, cut it, and count the funnel.

Pure: nothing is read or written here but the selection that a strategy follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dataselect.errors import PoolError
from dataselect.selection.candidates import ranked_by
from dataselect.selection.given import Given
from dataselect.selection.join import join
from dataselect.selection.plan import Plan
from dataselect.selection.ranked_pool import Cut, RankedPool, cut
from dataselect.selection.ranking import PoolRanking
from dataselect.selection.requirements import TOTAL_TOKENS
from dataselect.selection.stages import check_sizes
from dataselect.selection.summary import Counts, ReadCounts
from dataselect.selection.survey import Survey


@dataclass(frozen=True, slots=True)
class Chosen:
    """A ranked pool and what the budget keeps of it.

    Attributes:
        ranked_by: The columns behind the ranking; `response_bytes` is counted in the pool, the rest is of score tables.
        rendering: How the scored text was rendered; None where no table says.
    """

    ranked: RankedPool
    cut: Cut
    counts: Counts
    ranked_by: tuple[str, ...]
    rendering: Mapping[str, Any] | None

    @property
    def ids(self) -> list[str]:
        """The chosen ids, best first."""
        return list(self.ranked.ids.take(self.cut.rows))

    @property
    def scores(self) -> list[float | None]:
        """What each was ranked by; None where there is no number."""
        return [None if np.isnan(score) else float(score) for score in self.ranked.score[self.cut.rows]]


def choose(plan: Plan, pool: Survey, given: Given) -> Chosen:
    """Rank the rows of the pool that may be ranked, and cut the ranking by the budget.

    Args:
        given: Tables that hold every column that the plan needs, and what else it needs.

    Raises:
        DataselectError: If the tables contradict each other or the pool, nothing can be ranked, or the budget is over
            the pool or under its first row.
    """
    if not len(pool.ids):
        raise PoolError(f"the pool has no readable example ({pool.rejects:,} unreadable records)", "check POOL")
    joined = join(pool.ids, given.tables)
    total = joined.columns.get(TOTAL_TOKENS)
    amount = plan.budget.resolve(len(pool.ids), None if total is None else int(np.nansum(total)))
    check_sizes(plan.stages, plan.budget, len(pool.ids))
    ranked = PoolRanking(plan, pool, given, joined, amount).rank()
    chosen = cut(ranked, plan.budget)
    not_finite = sum(sum(table.not_finite.values()) for table in given.tables)
    of_others = [0 if part is None else part.rejects for part in (given.targets, given.evaluation)]
    counts = Counts.of(ranked, chosen, ReadCounts(pool.rejects, joined.not_in_pool, not_finite, *of_others))
    return Chosen(ranked, chosen, counts, ranked_by(plan.ranking_needs, joined), joined.rendering)
