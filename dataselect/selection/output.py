"""The files of a finished selection: what was chosen, what became of every row, and the manifest, written last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dataselect import provenance
from dataselect.artifacts import atomic, file_digest, write_json
from dataselect.pool import PoolReader
from dataselect.selection.budget import Budget
from dataselect.selection.composition import composition
from dataselect.selection.id_list import write_ids
from dataselect.selection.ranked_pool import Cut, RankedPool
from dataselect.selection.ranking_file import write_ranking
from dataselect.selection.records import write_records
from dataselect.selection.summary import Counts, SelectionSummary
from dataselect.selection.target import IDS, KIND, manifest_path, ranking_path


def write_selection(
    out: Path,
    reader: PoolReader | None,
    budget: Budget,
    ranked: RankedPool,
    cut: Cut,
    counts: Counts,
    about: Mapping[str, Any],
) -> SelectionSummary:
    """Write the chosen records or ids, the ranking beside them, and the manifest of both.

    Args:
        reader: The pool; needed for records only.
        about: What the manifest says that does not depend on the budget.

    Raises:
        PoolError: If a chosen record is gone, or an id of a list holds a line break.
        ArtifactError: If a file cannot be written.
    """
    ids = ranked.ids.take(cut.rows)
    with atomic(out) as temporary:
        if out.suffix in IDS:
            sha256 = write_ids(temporary, ids)
        else:
            assert reader is not None, "records are in the pool"
            scores = [None if np.isnan(score) else float(score) for score in ranked.score[cut.rows]]
            sha256 = write_records(temporary, reader, list(ids), scores, about["strategy"])
    ranking = ranking_path(out)
    write_ranking(ranking, ranked, cut)
    summary = SelectionSummary(
        out, manifest_path(out), about["strategy"], cut.amount, budget.unit, counts, cut.short, cut.ran_out
    )  # fmt: skip
    by_budget = {
        "budget": cut.amount,
        "unit": budget.unit,
        "budget_text": budget.text,
        **_funnel(counts),
        "composition": asdict(composition(ranked, cut.rows)),
        "notes": summary.notes,
        "ranking": {"file": ranking.name, "sha256": file_digest(ranking), "complete": ranked.complete},
        "file": out.name,
        "sha256": sha256,
        "environment": provenance.environment(),
    }
    write_json(summary.manifest, {"kind": KIND, **about, **by_budget})
    return summary


def _funnel(counts: Counts) -> dict[str, Any]:
    """Rows in minus rows left out are rows out; what else was counted stands beside it."""
    values = asdict(counts)
    left_out = values.pop("left_out")
    return {
        "funnel": {"rows_in": counts.pool_rows, "left_out": left_out, "rows_out": counts.kept},
        "counts": values,
    }
