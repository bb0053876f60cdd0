"""The selecting run: pool and score tables in, the best rows within a budget out. It runs no model.

The pool is read twice: once for its ids, once for the records that were chosen. Between the two the strategies rank
every row that may be ranked without seeing the budget. Where ids are all that is asked for, a score table may stand for
the pool.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataselect.errors import UsageError
from dataselect.pool import PoolReader
from dataselect.selection.choose import Chosen, choose
from dataselect.selection.given import Given, inputs_of, read_given
from dataselect.selection.length_control import described
from dataselect.selection.output import write_selection
from dataselect.selection.plan import Plan, check_inputs, check_tables, make_plan
from dataselect.selection.request import SelectRequest
from dataselect.selection.stages import named
from dataselect.selection.summary import SelectionSummary
from dataselect.selection.survey import survey, survey_table
from dataselect.selection.target import IDS, check_target
from dataselect.selection.whereabouts import Whereabouts


def select(request: SelectRequest) -> SelectionSummary:
    """Rank the pools by a strategy and write the best rows within the budget.

    Writes `request.out`, FILE.ranking.parquet and FILE.manifest.json beside it.

    Raises:
        UsageError: If the strategy, one of its options, the budget, the seed or `out` is not valid.
        DataselectError: If an input is missing, unfinished or contradictory, nothing can be ranked, or the budget is
            over the pool.
    """
    plan = make_plan(request)
    if not request.pools and request.out.suffix not in IDS:
        raise UsageError(f"{request.out} takes records, and no POOL is given", f"give POOL, or --out FILE{IDS[0]}")
    check_target(request.out, _paths_read(request, plan))
    check_inputs(plan, request)
    reader = PoolReader(request.pools, request.columns, request.prefix_ids) if request.pools else None
    given = read_given(
        plan.needs, request.scores, request.embeddings, request.targets, plan.filters.decontaminate, request.columns
    )
    check_tables(plan, given.tables, reader is not None)
    pool = survey_table(given.tables[0]) if reader is None else survey(reader, plan.needs.texts)
    chosen = choose(plan, pool, given)
    about = _about(request, plan, chosen, reader, given)
    return write_selection(request.out, reader, plan.budget, chosen.ranked, chosen.cut, chosen.counts, about)


def _paths_read(request: SelectRequest, plan: Plan) -> Iterable[Path]:
    texts = (*request.pools, *request.targets, *plan.filters.decontaminate)
    yield from (Path(path) for path in texts if path != "-")
    yield from (path for path in request.scores if path.is_file())
    if plan.needs.selection is not None:
        yield plan.needs.selection


def _about(
    request: SelectRequest, plan: Plan, chosen: Chosen, reader: PoolReader | None, given: Given
) -> dict[str, Any]:
    """What the manifest says that does not depend on the budget."""
    pools = [] if reader is None else [{"role": "pool", **pool} for pool in reader.inputs]
    return {
        "strategy": named(plan.stages),
        "params": asdict(plan.stages[0].strategy),
        "stages": [stage.described for stage in plan.stages],
        "label": request.label or None,
        "seed": request.seed,
        "ranked_by": chosen.ranked_by,
        "length_control": described(request.length_control),
        "filters": plan.filters.described,
        "quota": None if plan.quota is None else plan.quota.described,
        "nests": all(stage.strategy.nests for stage in plan.stages),
        "inputs": [*pools, *inputs_of(given, plan.needs)],
        "paths": Whereabouts.given(request.pools, request.scores, request.embeddings).described(request.out.parent),
        "rendering": chosen.rendering,
        "columns": asdict(request.columns),
        "prefix_ids": request.prefix_ids,
    }
