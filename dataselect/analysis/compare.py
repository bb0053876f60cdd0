"""From evaluated runs to a comparison: reads, groups, computes, and writes `comparison.json`.

The comparison holds every number that a report shows; a report computes nothing. It is the same bytes for the same
inputs: nothing in it depends on time, on paths or on the order of the folders. Counted with the rows is how many of
them were tested (`tested`), since at 95 % one in twenty is expected to show a difference that is not there.

Left out: rendering (`dataselect.reports`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.analysis.arms import arms
from dataselect.analysis.budget_curves import BudgetCurve, budget_curves
from dataselect.analysis.controls import missing_controls
from dataselect.analysis.experiment_folder import Failure, resolve
from dataselect.analysis.intervals import CONFIDENCE
from dataselect.analysis.judgement import Row
from dataselect.analysis.printable import printable_values
from dataselect.analysis.reproduction import Reproduction, input_digests, reproduction
from dataselect.analysis.rows import build_rows
from dataselect.analysis.runs import Run, read_run
from dataselect.analysis.sections import Sections, gather
from dataselect.artifacts import StageDirectory, write_json
from dataselect.pool import PoolReader
from dataselect.provenance import environment, versions

COMPARISON = "comparison.json"


@dataclass(frozen=True, slots=True)
class RunSeeds:
    """The seeds of one strategy at one budget."""

    strategy: str
    budget: int
    unit: str
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Many results with uncertainty.

    Attributes:
        main_metrics: task -> the metric that its verdict is told in: the first in its results.
        missing_controls: Controls that belong beside every comparison and are not in this one.
        failed: Cells of the experiment that have no result.
        curves: What each strategy reaches with how much data.
    """

    rows: tuple[Row, ...]
    runs: tuple[RunSeeds, ...]
    main_metrics: dict[str, str]
    missing_controls: tuple[str, ...]
    failed: tuple[Failure, ...]
    curves: tuple[BudgetCurve, ...]
    sections: Sections
    reproduction: Reproduction

    @property
    def tested(self) -> int:
        """How many differences were tested, length-matched ones included."""
        return sum((row.p is not None) + (row.lm_p is not None) for row in self.rows)

    @property
    def document(self) -> dict[str, Any]:
        """The comparison as plain values for JSON; sections without data are absent."""
        sections = {k: v for k, v in dataclasses.asdict(self.sections).items() if v}
        plain = {
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "confidence": CONFIDENCE,
            "tested": self.tested,
            "runs": [dataclasses.asdict(run) for run in self.runs],
            "main_metrics": self.main_metrics,
            "missing_controls": list(self.missing_controls),
            "failed": [dataclasses.asdict(one) for one in self.failed],
            "curves": [dataclasses.asdict(curve) for curve in self.curves],
            **sections,
            "reproduction": dataclasses.asdict(self.reproduction),
        }
        document: dict[str, Any] = printable_values(plain)
        return document


def compare(
    directories: Sequence[Path], out: Path, overwrite: bool = False, pool: PoolReader | None = None
) -> Comparison:
    """Compare evaluated runs and write `comparison.json` into the folder `out`.

    Args:
        directories: Evaluate folders, or one experiment folder, or both.
        overwrite: Remove an earlier comparison in `out` first.
        pool: The experiment's pool, for the texts and kinds of examples that no selection holds.

    Raises:
        ArtifactError: If an input is unfinished, malformed or given twice, if the runs of a task differ in items, or if
            `out` is in the way.
    """
    inputs = resolve(directories)
    runs = sorted((read_run(path) for path in inputs.runs), key=_order)
    made = arms(runs)
    failed = inputs.experiment.failures if inputs.experiment else ()
    files = input_digests(inputs)
    fingerprint = {
        "files": [dataclasses.asdict(f) for f in files],
        "runs": [[r.strategy, r.budget, r.unit, *r.seeds] for r in runs],
        "pool": pool.inputs if pool else [],
        "failed": [dataclasses.asdict(one) for one in failed],
        "dataselect": versions().get("dataselect"),
    }
    with StageDirectory(
        out, fingerprint, {"directories": [str(d) for d in directories]}, (COMPARISON,), overwrite
    ) as stage:
        comparison = Comparison(
            rows=tuple(build_rows(made)),
            runs=_run_seeds(runs),
            main_metrics=_main_metrics(runs),
            missing_controls=missing_controls({run.strategy for run in runs}),
            failed=failed,
            curves=budget_curves(made),
            sections=gather(inputs.experiment, pool) if inputs.experiment else Sections(),
            reproduction=reproduction(inputs, files),
        )
        if not stage.finished:
            write_json(out / COMPARISON, comparison.document)
            stage.finish({"counts": {"runs": len(runs), "rows": len(comparison.rows)}, "environment": environment()})
    return comparison


def _order(run: Run) -> tuple[str, str, int, int, int]:
    return run.strategy, run.unit, run.budget, *run.seeds


def _run_seeds(runs: Sequence[Run]) -> tuple[RunSeeds, ...]:
    groups: dict[tuple[str, int, str], list[int]] = {}
    for run in runs:
        groups.setdefault((run.strategy, run.budget, run.unit), []).append(run.seed)
    return tuple(RunSeeds(*group, tuple(sorted(set(seeds)))) for group, seeds in groups.items())


def _main_metrics(runs: Sequence[Run]) -> dict[str, str]:
    found: dict[str, str] = {}
    for run in runs:
        for result in run.results:
            found.setdefault(result.task, result.metric)
    return dict(sorted(found.items()))
