"""The selecting run: pool and score tables in, the best rows within a budget out. It runs no model.

The pool is read twice: once for its ids, once for the records that were chosen. Between the two (`choose`, which reads
and writes nothing) the strategies rank every row that may be ranked, without seeing the budget, and the budget cuts the
ranking. Where only ids are asked for, a score table may stand for the pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.errors import ArtifactError, PoolError
from dataselect.library_errors import user_errors
from dataselect.pool import PoolReader
from dataselect.selection.inputs import InputPaths, SelectionInputs, read_inputs, recorded_inputs
from dataselect.selection.join import join
from dataselect.selection.length_control import described
from dataselect.selection.output import check_output, read_intact, selection_differences, write_selection
from dataselect.selection.pool_index import PoolIndex, index_pool, index_table
from dataselect.selection.rank import rank_pool, ranked_by
from dataselect.selection.ranked_pool import Cut, RankedPool, cut
from dataselect.selection.request import Plan, SelectRequest, check_inputs, check_tables, make_plan
from dataselect.selection.score_tables import TOTAL_TOKENS
from dataselect.selection.stages import check_sizes, named
from dataselect.selection.summary import SelectionCounts, SelectionSummary


@user_errors()
def select(request: SelectRequest, scratch: Path | None = None) -> SelectionSummary:
    """Rank the pools by a strategy and write the best rows within the budget.

    Writes `request.out`, FILE.ranking.parquet and FILE.manifest.json beside it.

    Args:
        scratch: The folder for files that are being written, on the file system of `out`, so that a process that is
            killed leaves nothing beside `out`; None for the folder of `out`.

    Raises:
        UsageError: If the strategy, one of its options, the budget, the seed or `out` is not valid.
        DataselectError: If an input is missing, unfinished or contradictory, nothing can be ranked, or the budget is
            over the pool.
    """
    plan = make_plan(request)
    check_output(request.out, request.pools, _other_files(request, plan), request.overwrite)
    check_inputs(plan, request)
    reader = _reader(request)
    inputs = _inputs(request, plan)
    check_tables(plan, inputs.tables, reader is not None)
    pool = index_table(inputs.tables[0]) if reader is None else index_pool(reader, plan.needs.texts)
    chosen = choose(plan, pool, inputs)
    about = {
        **_settings(request, plan, reader, inputs),
        "ranked_by": chosen.ranked_by,
        "rendering": chosen.rendering,
        "unread_columns": reader.unread if reader else {},
    }
    notes = reader.notes if reader else ()  # writing reads no further than the last row kept
    summary = write_selection(
        request.out, reader, plan.budget, chosen.ranked, chosen.cut, chosen.counts, about, request.overwrite, scratch
    )
    return replace(summary, lost=(*notes, *pool.lost))


def is_selected(request: SelectRequest) -> bool:
    """Return whether `request.out` is, undamaged, the selection of this request: of the same inputs, in the same way.

    Nothing is ranked for that: the settings of the request are compared with those in its manifest.

    Raises:
        DataselectError: As `select`, for a request that cannot be used.
    """
    plan = make_plan(request)
    try:
        manifest = read_intact(request.out)
    except ArtifactError:
        return False
    if manifest is None:
        return False
    settings = _settings(request, plan, _reader(request), _inputs(request, plan))
    return not selection_differences(manifest, {**settings, "budget_text": plan.budget.text})


def _reader(request: SelectRequest) -> PoolReader | None:
    return PoolReader(request.pools, request.columns, request.prefix_ids) if request.pools else None


def _inputs(request: SelectRequest, plan: Plan) -> SelectionInputs:
    return read_inputs(
        plan.needs,
        scores=request.scores,
        embeddings=request.embeddings,
        targets=request.targets,
        decontaminate=plan.filters.decontaminate,
        columns=request.columns,
        text_columns=plan.text_columns,
    )


def _other_files(request: SelectRequest, plan: Plan) -> Iterable[Path]:
    """Yield the files that are read besides the pools."""
    yield from (Path(path) for path in (*request.targets, *plan.filters.decontaminate) if path != "-")
    yield from (path for path in request.scores if path.is_file())
    if plan.needs.selection is not None:
        yield plan.needs.selection


def _settings(request: SelectRequest, plan: Plan, reader: PoolReader | None, inputs: SelectionInputs) -> dict[str, Any]:
    """Return what the manifest records that is known before anything is ranked, the budget apart."""
    pools = [] if reader is None else [{"role": "pool", **pool} for pool in reader.inputs]
    return {
        "strategy": named(plan.stages),
        "params": asdict(plan.stages[0].strategy),
        "stages": [stage.described for stage in plan.stages],
        "label": request.label or None,
        "seed": request.seed,
        "length_control": described(request.length_control),
        "within": request.within,
        "filters": plan.filters.described,
        "quota": None if plan.quota is None else plan.quota.described,
        "nests": all(stage.strategy.nests for stage in plan.stages),
        "inputs": [*pools, *recorded_inputs(inputs, plan.needs)],
        "paths": InputPaths.typed(
            request.pools, request.scores, request.embeddings, request.targets, plan.filters.decontaminate
        ).described(request.out.parent),
        "asked": _asked(request),
        "columns": request.columns.recorded(),
        "prefix_ids": request.prefix_ids,
    }


def _asked(request: SelectRequest) -> dict[str, Any]:
    """The rule as it was typed, from which `replay` asks again; what it was read as stands in `stages` and `quota`."""
    params = {
        name: value if isinstance(value, bool | int | float) else str(value) for name, value in request.params.items()
    }
    then = [[one.shortlist, one.strategy] for one in request.then]
    return {"strategy": request.strategy, "params": params, "then": then, "quota": list(request.quota)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A ranked pool and what the budget keeps of it.

    Attributes:
        ranked_by: The columns behind the ranking; `response_bytes` is counted in the pool, the rest is of score tables.
        rendering: How the scored text was rendered; None where no table records it.
    """

    ranked: RankedPool
    cut: Cut
    counts: SelectionCounts
    ranked_by: tuple[str, ...]
    rendering: Mapping[str, Any] | None

    @property
    def ids(self) -> list[str]:
        """The chosen ids, best first."""
        return list(self.ranked.ids.take(self.cut.rows))

    @property
    def scores(self) -> list[float | None]:
        """Score of each; None where there is no number."""
        return self.ranked.scores_of(self.cut.rows)


def choose(plan: Plan, pool: PoolIndex, inputs: SelectionInputs) -> Chosen:
    """Rank the rows of the pool that may be ranked, and cut the ranking by the budget.

    Args:
        inputs: Tables that hold every column that the plan needs, and what else it needs.

    Raises:
        DataselectError: If the tables contradict each other or the pool, nothing can be ranked, or the budget is over
            the pool or under its first row.
    """
    if not len(pool.ids):
        raise PoolError(f"the pool has no readable example ({pool.rejects:,} unreadable records)", "check POOL")
    joined = join(pool.ids, inputs.tables)
    total = joined.columns.get(TOTAL_TOKENS)
    amount = plan.budget.resolve(len(pool.ids), None if total is None else int(np.nansum(total)))
    check_sizes(plan.stages, plan.budget, len(pool.ids))
    ranked = rank_pool(plan, pool, inputs, joined, amount)
    kept = cut(ranked, plan.budget)
    counts = SelectionCounts.of(
        ranked,
        kept,
        rejects=pool.rejects,
        scores_not_in_pool=joined.not_in_pool,
        not_finite=sum(sum(table.not_finite.values()) for table in inputs.tables),
        target_rejects=inputs.targets.rejects if inputs.targets else 0,
        evaluation_rejects=inputs.evaluation.rejects if inputs.evaluation else 0,
        embedded_in_part=_embedded_in_part(plan, pool, inputs),
    )
    return Chosen(ranked, kept, counts, ranked_by(plan.ranking_needs, joined), joined.rendering)


def _embedded_in_part(plan: Plan, pool: PoolIndex, inputs: SelectionInputs) -> int:
    """Count the rows of which `--dedup semantic` cannot find duplicates: the encoder read only their beginning."""
    if "semantic" not in plan.filters.dedup or inputs.vectors is None or not inputs.vectors.truncated:
        return 0
    return sum(id_ in inputs.vectors.truncated for id_ in pool.ids)
