"""The analysis: read the table, check it, compute, and write `analyze.json`, `analyze.html` and `analyze.md`.

It is deterministic: the same table and configuration give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.analysis.families import holm
from dataselect.artifacts import StageDirectory, file_digest, write_json, write_text
from dataselect.errors import UsageError
from dataselect.prediction.agreement import agreements
from dataselect.prediction.association import Association, associations
from dataselect.prediction.check_baselines import suspicious_baselines, untrusted
from dataselect.prediction.check_rows import copied_cells
from dataselect.prediction.checks import check
from dataselect.prediction.config import AnalyzeConfig, read_config
from dataselect.prediction.curves import curves
from dataselect.prediction.experiment_table import read_experiment
from dataselect.prediction.extremes import extremes
from dataselect.prediction.grid import Grid, make_grids
from dataselect.prediction.heat_map import heat_maps, property_maps
from dataselect.prediction.leave_one_out import predictions
from dataselect.prediction.page import build_page
from dataselect.prediction.pairs import paired_differences
from dataselect.prediction.reading import read_table
from dataselect.prediction.result import Analysis, MethodRuns, Source
from dataselect.prediction.table import RunTable
from dataselect.provenance import environment, versions
from dataselect.reports.html import render_html
from dataselect.reports.markdown import render_markdown

ANALYZE, PAGE, TEXT = "analyze.json", "analyze.html", "analyze.md"


@dataclass(frozen=True, slots=True)
class _Given:
    """What was read: the runs, what they mean, and the files behind them."""

    table: RunTable
    config: AnalyzeConfig
    text: str
    sha256: dict[str, str]


def analyze(source: Path, config: Path | None, out: Path, overwrite: bool = False) -> Analysis:
    """Analyse a table of runs and write the findings into the folder `out`.

    Args:
        source: A CSV, or the folder of an experiment, which needs no configuration.
        config: What the CSV's columns mean.
        overwrite: Remove an earlier analysis in `out` first.

    Raises:
        UsageError: If a CSV comes without a configuration, or an experiment with one.
        ConfigError: If the configuration has faults or does not fit the table.
        ArtifactError: If an input cannot be read, or `out` is in the way.
        MissingExtraError: If plotly or scikit-learn is not installed.
    """
    given = _read(source, config)
    fingerprint = {"files": given.sha256, "config": _plain(given.config), "dataselect": versions().get("dataselect")}
    options = {"source": str(source), "config": str(config) if config else None}
    with StageDirectory(out, fingerprint, options, (ANALYZE, PAGE, TEXT), overwrite) as stage:
        found = compute(given.table, given.config, _source(source, given))
        if not stage.finished:
            document = found.document
            page = build_page(document)
            write_json(out / ANALYZE, document)
            write_text(out / TEXT, render_markdown(page))
            write_text(out / PAGE, render_html(page))
            counts = {"rows": found.source.rows, "findings": len(found.findings), **found.tests}
            stage.finish({"stage": "analyze", "counts": counts, "environment": environment()})
    return found


def compute(table: RunTable, config: AnalyzeConfig, source: Source) -> Analysis:
    """Everything that is computed from a table."""
    kept = _looked_at(table, config)
    grids = make_grids(kept, config)
    baselines = suspicious_baselines(table, config)
    found = _corrected([one for grid in grids for one in associations(grid, config)])
    return Analysis(
        source=replace(source, excluded=len(table) - len(kept)),
        findings=check(table, grids, config, baselines),
        suspicious_baselines=baselines,
        methods=tuple(_method(grid) for grid in grids),
        associations=found,
        predictions=tuple(one for grid in grids for one in predictions(grid, config)),
        extremes=tuple(one for grid in grids for one in extremes(grid, untrusted(baselines))),
        agreements=agreements(grids, config),
        comparisons=paired_differences(kept, config),
        curves=curves(kept, config),
        heat_maps=tuple(one for grid in grids for one in heat_maps(grid)),
        property_maps=tuple(one for grid in grids for one in property_maps(grid)),
        seed=config.seed,
        resamples=config.resamples,
        permutations=config.permutations,
    )


def _read(source: Path, config: Path | None) -> _Given:
    if source.is_dir():
        if config is not None:
            raise UsageError(f"{source} is a folder: an experiment needs no --config", "leave --config out")
        read = read_experiment(source)
        return _Given(read.table, read.config, "", {str(p.relative_to(source)): file_digest(p) for p in read.files})
    if config is None:
        raise UsageError(
            f"{source} needs --config, which says what its columns mean", "configs/analyze.yaml is a template"
        )
    made = read_config(config)
    table = read_table(source, made, config.parent)
    files = [source, *([config.parent / made.property_table.file] if made.property_table else [])]
    return _Given(table, made, config.read_text(encoding="utf-8"), {p.name: file_digest(p) for p in files})


def _plain(config: AnalyzeConfig) -> Any:  # noqa: ANN401 - JSON
    return json.loads(json.dumps(asdict(config), default=str))


def _source(path: Path, given: _Given) -> Source:
    table = given.table
    return Source(
        name=path.name, sha256=given.sha256, config=given.text, rows=len(table), excluded=0,
        models=len(set(table.models)), datasets=len(set(table.datasets)), tasks=len(table.tasks),
        properties=tuple(table.properties),
    )  # fmt: skip


def _looked_at(table: RunTable, config: AnalyzeConfig) -> RunTable:
    """The rows that are looked at, without copied scores where that is asked for."""
    kept = np.ones(len(table), dtype=bool)
    for condition in config.exclude:
        kept &= ~table.matching(condition)
    scores = table.scores.copy()
    for cell in copied_cells(table) if config.without_copies else ():
        scores[cell] = np.nan
    return replace(table, scores=scores).rows(kept)


def _corrected(found: list[Association]) -> tuple[Association, ...]:
    """With p corrected over all associations of the analysis."""
    return tuple(replace(one, p_holm=p) for one, p in zip(found, holm([one.p for one in found]), strict=True))


def _method(grid: Grid) -> MethodRuns:
    return MethodRuns(grid.method, int(grid.runs.sum()), len(grid.models), len(grid.datasets))
