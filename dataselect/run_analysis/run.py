"""The analysis: read the table, check it, compute, and write `analyze.json`, `analyze.html` and `analyze.md`,
and with forecasts `forecast.csv`.

It is deterministic: the same table and configuration give the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.arguments import PathLike, as_path
from dataselect.artifacts import file_digest, read_text
from dataselect.errors import UsageError
from dataselect.library_errors import user_errors
from dataselect.reports.html import render_html
from dataselect.reports.markdown import render_markdown
from dataselect.run_analysis.agreement import agreements
from dataselect.run_analysis.alibi_sides import alibis
from dataselect.run_analysis.association import associations
from dataselect.run_analysis.baselines import suspicious_baselines, untrusted
from dataselect.run_analysis.checks import check
from dataselect.run_analysis.config import AnalyzeConfig, read_config
from dataselect.run_analysis.copied_rows import copied_cells
from dataselect.run_analysis.curves import curves
from dataselect.run_analysis.experiment_table import read_experiment
from dataselect.run_analysis.extremes import extremes
from dataselect.run_analysis.forecast import forecasts
from dataselect.run_analysis.forecast_section import forecast_csv
from dataselect.run_analysis.grid import make_grids
from dataselect.run_analysis.heat_maps import heat_maps, property_maps
from dataselect.run_analysis.leave_one_out import predictions
from dataselect.run_analysis.page import build_page
from dataselect.run_analysis.paired_comparisons import paired_comparisons
from dataselect.run_analysis.reading import read_table
from dataselect.run_analysis.result import Analysis, AnalyzedTable, MethodRuns
from dataselect.run_analysis.run_table import RunTable
from dataselect.stage import FinishedStage, StageDirectory, run_stage
from dataselect.stage.provenance import versions

ANALYZE, PAGE, TEXT, FORECAST = "analyze.json", "analyze.html", "analyze.md", "forecast.csv"


@user_errors()
def analyze(source: PathLike, config: PathLike | None, out: PathLike, overwrite: bool = False) -> Analysis:
    """Analyse a table of runs and write the findings into the folder `out`.

    Args:
        source: A CSV, or the folder of an experiment, which needs no configuration.
        config: What the CSV's columns mean.
        overwrite: Remove an earlier analysis in `out` first.

    Raises:
        UsageError: If a CSV comes without a configuration, or an experiment with one.
        ConfigError: If the configuration has faults or does not fit the table.
        ArtifactError: If an input cannot be read, or `out` holds something else.
        MissingExtraError: If scikit-learn is not installed, or for forecasts crepes.
    """
    source, out = as_path(source, "source"), as_path(out, "out")
    config = None if config is None else as_path(config, "config")
    read = RunAnalysis.of_experiment if source.is_dir() else RunAnalysis.of_csv
    return run_stage(read(source, config), out, overwrite)


@dataclass(frozen=True)
class RunAnalysis:
    """`dataselect analyze`: a table of runs, what its columns mean, and the files behind both.

    Attributes:
        source: The CSV, or the folder of the experiment.
        config_file: Where the configuration was read from; None for an experiment.
        files, names: Role of each file read -> its path, and the name that is shown.
    """

    source: Path
    config_file: Path | None
    table: RunTable
    config: AnalyzeConfig
    files: dict[str, Path]
    names: dict[str, str]

    name = "analyze"

    @classmethod
    def of_experiment(cls, source: Path, config: Path | None) -> RunAnalysis:
        """Read the runs of an experiment."""
        if config is not None:
            raise UsageError(f"{source} is a folder: an experiment needs no --config", "leave --config out")
        read = read_experiment(source)
        files = {os.path.relpath(file, source): file for file in read.files}
        return cls(source, None, read.table, read.config, files, {name: name for name in files})

    @classmethod
    def of_csv(cls, source: Path, config: Path | None) -> RunAnalysis:
        """Read a CSV as its configuration describes it."""
        if config is None:
            raise UsageError(
                f"{source} needs --config, which says what its columns mean", "configs/analyze.yaml is a template"
            )
        made = read_config(config)
        table = read_table(source, made, config.parent)
        files, names = {"runs": source}, {"runs": source.name}
        if made.property_table is not None:
            files["property_table"] = properties = config.parent / made.property_table.file
            same = properties.name == source.name
            names["property_table"] = f"{properties.name} (properties)" if same else properties.name
        return cls(source, config, table, made, files, names)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that the findings depend on: the files by role, the runs as they were read, the configuration."""
        plain = json.loads(json.dumps(asdict(self.config), default=str))
        if plain["property_table"]:
            plain["property_table"]["file"] = None
        return {
            "files": {role: file_digest(file) for role, file in self.files.items()},
            "runs": self.table.digest,
            "config": plain,
            "dataselect": versions().get("dataselect"),
        }

    @property
    def options(self) -> dict[str, Any]:
        """Both paths as they were given."""
        return {"source": str(self.source), "config": str(self.config_file) if self.config_file else None}

    @cached_property
    def analysis(self) -> Analysis:
        """Everything that is computed."""
        table = self.table
        source = AnalyzedTable(
            name=self.source.name, sha256={self.names[role]: file_digest(file) for role, file in self.files.items()},
            config=read_text(self.config_file) if self.config_file else "", rows=len(table), excluded=0,
            models=len(set(table.models)), datasets=len(set(table.datasets)), tasks=len(table.tasks),
            properties=tuple(table.properties),
        )  # fmt: skip
        return compute(table, self.config, source)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write the document and the page, and count what was found."""
        document = self.analysis.document
        page = build_page(document)
        directory.write_json(ANALYZE, document)
        directory.write_text(TEXT, render_markdown(page))
        directory.write_text(PAGE, render_html(page))
        if self.analysis.forecasts:
            directory.write_text(FORECAST, forecast_csv(self.analysis.forecasts))
        counts = {"rows": len(self.table), "findings": len(self.analysis.findings), **self.analysis.tests}
        return {"stage": "analyze", "counts": counts}

    def result(self, finished: FinishedStage, fresh: bool) -> Analysis:
        """Return the analysis, which is computed again for a finished directory."""
        return self.analysis


def compute(table: RunTable, config: AnalyzeConfig, source: AnalyzedTable) -> Analysis:
    """Check a table, and compute every part of its analysis."""
    kept = _analysed_rows(table, config)
    grids = make_grids(kept, config)
    baselines = suspicious_baselines(table, config)
    return Analysis(
        source=replace(source, excluded=len(table) - len(kept)),
        findings=check(table, grids, config, baselines),
        suspicious_baselines=baselines,
        methods=tuple(
            MethodRuns(grid.method, int(grid.runs.sum()), len(grid.models), len(grid.datasets)) for grid in grids
        ),
        associations=associations(grids, config),
        alibis=alibis(grids, config),
        predictions=tuple(one for grid in grids for one in predictions(grid, config)),
        forecasts=forecasts(kept, config),
        extremes=tuple(one for grid in grids for one in extremes(grid, untrusted(baselines))),
        agreements=agreements(grids, config),
        comparisons=paired_comparisons(kept, config),
        curves=curves(kept, config),
        heat_maps=tuple(one for grid in grids for one in heat_maps(grid)),
        property_maps=tuple(one for grid in grids for one in property_maps(grid)),
        seed=config.seed,
        resamples=config.resamples,
        permutations=config.permutations,
    )


def _analysed_rows(table: RunTable, config: AnalyzeConfig) -> RunTable:
    """Leave out excluded rows, and copied scores where the configuration asks for it."""
    kept = np.ones(len(table), dtype=bool)
    for condition in config.exclude:
        kept &= ~table.matching(condition)
    scores = table.scores.copy()
    for cell in copied_cells(table) if config.without_copies else ():
        scores[cell] = np.nan
    return replace(table, scores=scores).rows(kept)
