"""The selecting run: pool and score tables in, the best rows within a budget out. It runs no model.

The pool is read twice: once for its ids, once for the records that were chosen. Between the two a strategy ranks every
scorable row without seeing the budget. The manifest is written last and holds the digest of the selection beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataselect import provenance
from dataselect.artifacts import atomic, file_digest, write_json
from dataselect.errors import UsageError
from dataselect.pool import PoolReader
from dataselect.selection.budget import parse_budget
from dataselect.selection.choose import Chosen, choose
from dataselect.selection.records import write_records
from dataselect.selection.requirements import TOTAL_TOKENS, check_columns, wanted_columns
from dataselect.selection.summary import SelectionSummary, SelectRequest
from dataselect.selection.survey import survey
from dataselect.selection.tables import ScoreTable, read_table
from dataselect.selection.target import KIND, check_target, manifest_path
from dataselect.strategies import Strategy, make_strategy


def select(request: SelectRequest) -> SelectionSummary:
    """Rank the pools by a strategy and write the best rows within the budget.

    Writes `request.out` (JSONL, best first) and FILE.manifest.json beside it.

    Raises:
        UsageError: If the strategy, one of its options, the budget, the seed or `out` is not valid.
        DataselectError: If an input is missing, unfinished or contradictory, nothing can be ranked, or the budget is
            over the pool.
    """
    budget = parse_budget(request.budget)
    strategy = make_strategy(request.strategy, request.params)
    if request.seed < 0:
        raise UsageError(f"a seed is a whole number from 0, got {request.seed}")
    check_target(request.out, _paths_read(request, strategy))
    reader = PoolReader(request.pools, request.columns, request.prefix_ids)
    tables = [read_table(path, wanted_columns(strategy.needs)) for path in request.tables]
    check_columns(strategy.needs.columns, f"the strategy {request.strategy}", tables)
    if budget.unit == "tokens":
        check_columns((TOTAL_TOKENS,), f"the budget {budget.text}", tables)
    chosen = choose(strategy, budget, request.seed, survey(reader), tables)
    summary = SelectionSummary(
        request.out,
        manifest_path(request.out),
        request.strategy,
        chosen.budget,
        budget.unit,
        chosen.counts,
        chosen.short,
    )
    with atomic(request.out) as temporary:
        sha256 = write_records(temporary, reader, chosen.ids, chosen.scores, request.strategy)
    inputs = _inputs(reader.inputs, tables, strategy)
    write_json(summary.manifest, _manifest(request, strategy, chosen, summary, inputs, sha256))
    return summary


def _paths_read(request: SelectRequest, strategy: Strategy) -> Iterable[Path]:
    yield from (Path(pool) for pool in request.pools if pool != "-")
    if strategy.needs.selection is not None:
        yield strategy.needs.selection


def _inputs(
    pools: Iterable[Mapping[str, Any]], tables: Iterable[ScoreTable], strategy: Strategy
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"role": "pool", **pool} for pool in pools]
    found += [{"role": "scores", "source": table.name, "sha256": table.sha256} for table in tables]
    match = strategy.needs.selection
    if match is not None:
        found.append({"role": "match", "source": str(match), "sha256": file_digest(match)})
    return found


def _manifest(
    request: SelectRequest,
    strategy: Strategy,
    chosen: Chosen,
    summary: SelectionSummary,
    inputs: Sequence[Mapping[str, Any]],
    sha256: str,
) -> dict[str, Any]:
    return {
        "kind": KIND,
        "strategy": request.strategy,
        "params": asdict(strategy),
        "budget": chosen.budget,
        "unit": summary.unit,
        "budget_text": request.budget,
        "seed": request.seed,
        "ranked_by": chosen.ranked_by,
        "nests": strategy.nests,
        "counts": asdict(chosen.counts),
        "notes": summary.notes,
        "inputs": inputs,
        "rendering": chosen.rendering,
        "columns": asdict(request.columns),
        "prefix_ids": request.prefix_ids,
        "sha256": sha256,
        "environment": provenance.environment(),
    }
