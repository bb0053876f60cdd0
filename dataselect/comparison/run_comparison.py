"""The compare run: read evaluated runs, compare every strategy with its controls, and write `comparison.json`.

The document holds every number that a report shows. It is the same bytes for the same inputs: nothing in it depends on
time, on paths or on the order of the folders.

Left out: the data of the report's sections, which whoever calls it computes from what was read (`reports.sections`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dataselect.arguments import PathLike, as_path, as_paths
from dataselect.artifacts import digest, file_digest
from dataselect.comparison.arms import arms
from dataselect.comparison.controls import missing_controls
from dataselect.comparison.excerpts import printable_values
from dataselect.comparison.experiment_folder import Failure, input_digests, resolve_inputs
from dataselect.comparison.intervals import CONFIDENCE
from dataselect.comparison.missing_runs import missing_runs
from dataselect.comparison.power import POWER
from dataselect.comparison.rows import build_rows
from dataselect.comparison.runs import RESULTS, read_run
from dataselect.comparison.section_inputs import SectionInputs
from dataselect.comparison.verdicts import NO_CONTROL, ComparisonRow
from dataselect.pool import PoolReader
from dataselect.stage import FinishedStage, Overwrite, StageDirectory, run_stage
from dataselect.stage.beside import read_manifest_beside, without_places
from dataselect.stage.provenance import versions

COMPARISON = "comparison.json"
_FIRST_SECTIONS = {"curves": 0, "pool": 1}
"""Places of sections in the file that are not those in the report; files of all versions have the same order."""


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
        main_metrics: task -> the metric of its verdict: the first in its results.
        missing_controls: Controls that every comparison should have and this one lacks.
        missing: Runs that a verdict needs and that are missing, with the commands that make them.
        failed: Cells of the experiment that have no result.
        sections: Key of each report section -> its data; None or empty where the inputs have none.
    """

    rows: tuple[ComparisonRow, ...]
    runs: tuple[RunSeeds, ...]
    main_metrics: dict[str, str]
    missing_controls: tuple[str, ...]
    missing: tuple[str, ...]
    failed: tuple[Failure, ...]
    sections: dict[str, Any]

    @property
    def tested(self) -> int:
        """The number of differences of candidates that were tested, length-matched ones included."""
        return sum((row.p_holm is not None) + (row.lm_p_holm is not None) for row in self.rows)

    @property
    def uncontrolled(self) -> bool:
        """True if there are candidates and none of them has a random control."""
        candidates = [row for row in self.rows if row.role == "candidate"]
        return bool(candidates) and all(row.verdict == NO_CONTROL for row in candidates)

    @property
    def document(self) -> dict[str, Any]:
        """The comparison as plain values for JSON; sections without data are absent."""
        order = sorted(self.sections, key=lambda key: _FIRST_SECTIONS.get(key, 2))
        plain = {
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "confidence": CONFIDENCE,
            "tested": self.tested,
            "runs": [dataclasses.asdict(run) for run in self.runs],
            "main_metrics": self.main_metrics,
            "power": POWER,
            "missing_controls": list(self.missing_controls),
            "missing": list(self.missing),
            "failed": [dataclasses.asdict(one) for one in self.failed],
            "curves": [],
            **{key: _plain(self.sections[key]) for key in order if self.sections[key]},
        }
        document: dict[str, Any] = printable_values(plain)
        return document


def compare_runs(
    directories: PathLike | Iterable[PathLike],
    out: PathLike,
    sections: Callable[[SectionInputs], dict[str, Any]],
    overwrite: Overwrite = False,
    pool: PoolReader | None = None,
) -> Comparison:
    """Compare evaluated runs and write `comparison.json` into the folder `out`.

    Args:
        directories: Evaluate folders, or one experiment folder, or both; one or many.
        sections: Computes the data of the report's sections, key by key.
        overwrite: Remove an earlier comparison in `out` first.
        pool: The experiment's pool, for the texts and kinds of examples that no selection holds.

    Raises:
        ArtifactError: If an input is unfinished, malformed or given twice, if the runs of a task differ in items, or if
            `out` holds something else.
    """
    folders, out = as_paths(directories, "folders to compare"), as_path(out, "out")
    return run_stage(CompareStage(folders, sections, pool), out, overwrite)


class CompareStage:
    """`dataselect compare`: the evaluated runs of some folders."""

    name = "compare"

    def __init__(
        self,
        folders: Sequence[Path],
        sections: Callable[[SectionInputs], dict[str, Any]],
        pool: PoolReader | None,
    ) -> None:
        self._sections, self._pool = sections, pool
        self._inputs = resolve_inputs(folders)
        runs = (read_run(path) for path in self._inputs.runs)
        self._runs = sorted(runs, key=lambda run: (run.strategy, run.unit, run.budget, *run.seeds))
        self._arms = arms(self._runs)
        self._files = input_digests(self._inputs)
        self.options = {"directories": [str(folder) for folder in folders]}

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """Digests of all inputs."""
        return {
            "files": [dataclasses.asdict(f) for f in self._files],
            "runs": [
                [r.strategy, r.budget, r.unit, *r.seeds, r.nests, file_digest(r.path / RESULTS)] for r in self._runs
            ],
            "selections": [digest(without_places(read_manifest_beside(file))) for file in self._inputs.selections],
            "pool": self._pool.inputs if self._pool else [],
            "failed": [dataclasses.asdict(one) for one in self._inputs.failures],
            "dataselect": versions().get("dataselect"),
        }

    @cached_property
    def comparison(self) -> Comparison:
        """The comparison; a finished folder does not hold all of it, so it is computed again."""
        rows = build_rows(self._arms)
        seeds: dict[tuple[str, int, str], list[int]] = {}
        main_metrics: dict[str, str] = {}
        for run in self._runs:
            seeds.setdefault((run.strategy, run.budget, run.unit), []).append(run.seed)
            for result in run.results:
                main_metrics.setdefault(result.task, result.metric)
        return Comparison(
            rows=tuple(rows),
            runs=tuple(RunSeeds(*group, tuple(sorted(set(found)))) for group, found in seeds.items()),
            main_metrics=dict(sorted(main_metrics.items())),
            missing_controls=missing_controls({run.strategy for run in self._runs}),
            missing=missing_runs(rows, self._runs, self._inputs.experiment is not None),
            failed=self._inputs.failures,
            sections=self._sections(SectionInputs.read(self._arms, self._inputs, self._files, self._pool)),
        )

    def run(self, directory: StageDirectory) -> dict[str, Any]:
        """Write `comparison.json`."""
        directory.write_json(COMPARISON, self.comparison.document)
        return {"counts": {"runs": len(self._runs), "rows": len(self.comparison.rows)}}

    def result(self, finished: FinishedStage, fresh: bool) -> Comparison:
        """Return the comparison."""
        return self.comparison


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Dataclasses as dicts, in lists too; other values as they are."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
