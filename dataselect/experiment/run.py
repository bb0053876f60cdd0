"""Run an experiment: score, embed, then select, train and evaluate cell by cell, then compare and report.

Every stage keeps its own directory with its own fingerprint, so a run that was stopped goes on with the same command
and repeats only what was not finished. Cells run one after the other in one process, in the order in which they need
each other.

Left out: running cells side by side, and going on past a cell that fails: its error ends the run, and what was
finished stays.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.analysis import Comparison, compare
from dataselect.artifacts import StageDirectory, atomic, file_digest
from dataselect.embeddings import EmbedRequest, embed
from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.experiment.cells import Cell, cells
from dataselect.experiment.config import IFD_COLUMNS, ExperimentConfig
from dataselect.pool import PoolReader
from dataselect.provenance import environment
from dataselect.reports import find_comparison, write_html, write_markdown
from dataselect.scoring import ScoreRequest, score
from dataselect.selection import SelectRequest, select
from dataselect.selection.target import manifest_path
from dataselect.strategies import make_strategy
from dataselect.training import TrainRequest, train

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""

_REPORTS = {"report.html": write_html, "report.md": write_markdown}
_COPIES = ("config.yaml", "known_defects.jsonl")
_OWN = (
    *_REPORTS, *_COPIES, "scores/**/*", "embeddings/**/*", "selections/*", "models/**/*", "results/**/*",
    "comparison/**/*",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """What an experiment ended with.

    Attributes:
        out: Its folder.
        comparison: Verdicts and intervals.
        report: The rendered page; the same in Markdown stands beside it.
        wall_seconds: Time of this call.
    """

    out: Path
    comparison: Comparison
    report: Path
    wall_seconds: float


def run_experiment(
    config: ExperimentConfig, origin: Path, out: Path, say: Say = lambda line: None, overwrite: bool = False
) -> ExperimentSummary:
    """Run all stages of a configuration, skipping what is finished.

    Args:
        config: From `read_config`.
        origin: The file it was read from; copied into `out`.
        out: The experiment's folder.
        say: Told what is being done.
        overwrite: Remove the experiment's own files first.

    Raises:
        DataselectError: If a stage fails; what was finished before stays.
    """
    began = time.perf_counter()
    fingerprint = {"config": _content(config), "files": _digests(config)}
    with StageDirectory(out, fingerprint, {"config": str(origin)}, _OWN, overwrite) as stage:
        for source, name in ((origin, "config.yaml"), (config.known_defects, "known_defects.jsonl")):
            if source is not None:
                with atomic(out / name) as temporary:
                    shutil.copyfile(source, temporary)
        run = _Experiment(config, out, say)
        run.prepare()
        run.train_and_evaluate()
        comparison = run.compare()
        for name, write in _REPORTS.items():
            write(find_comparison(out), out / name)
        if not stage.finished:
            stage.finish({"stage": "run", "cells": [c.name for c in cells(config)], "environment": environment()})
    return ExperimentSummary(out, comparison, out / "report.html", time.perf_counter() - began)


def _content(config: ExperimentConfig) -> dict[str, Any]:
    """The configuration without paths: what files hold is fingerprinted by content."""
    values = dataclasses.asdict(config)
    for name in ("pools", "tasks", "targets"):
        values[name] = [Path(one).name for one in values[name]]
    return values | {"known_defects": config.known_defects is not None}


def _digests(config: ExperimentConfig) -> dict[str, str]:
    names = [*config.pools, *config.tasks, *config.targets, *filter(None, [config.known_defects])]
    return {Path(name).name: file_digest(Path(name)) for name in names if Path(name).exists()}


class _Experiment:
    """The stages of one experiment."""

    def __init__(self, config: ExperimentConfig, out: Path, say: Say) -> None:
        self._config, self._out, self._say = config, out, say
        self._cells = list(cells(config))
        self._embeddings: Path | None = None

    def prepare(self) -> None:
        """Score the pool, and embed it if a listed strategy looks at embeddings."""
        config, columns = self._config, self._config.needed_columns
        self._say(f"score {', '.join(Path(p).name for p in config.pools)}")
        score(
            ScoreRequest(
                pools=config.pools, model=config.model, out=self._out / "scores", rendering=config.rendering,
                columns=config.columns, ifd=bool(columns & IFD_COLUMNS), **dataclasses.asdict(config.scoring),
            )
        )  # fmt: skip
        if config.wants_embeddings:
            self._say(f"embed with {config.encoder}")
            self._embeddings = self._out / "embeddings"
            embed(
                EmbedRequest(
                    pools=config.pools, encoder=config.encoder, out=self._embeddings, targets=config.targets,
                    top_k=config.top_k, embed_text=config.embed_text, columns=config.columns,
                )
            )  # fmt: skip

    def train_and_evaluate(self) -> None:
        """One selection, one model and one evaluation per cell; first the model as it is."""
        self._say("evaluate untrained")
        self._evaluate(self._config.model, self._out / "results" / "untrained")
        for number, cell in enumerate(self._cells, start=1):
            self._say(f"select, train, evaluate {cell.name} ({number} of {len(self._cells)})")
            self._select(cell)
            self._train(cell)
            self._evaluate(str(self._model(cell)), self._out / "results" / cell.name)

    def compare(self) -> Comparison:
        """Compare all cells."""
        self._say("compare and report")
        pool = PoolReader(self._config.pools, self._config.columns)
        return compare([self._out], self._out / "comparison", pool=pool)

    def _selection(self, name: str) -> Path:
        return self._out / "selections" / f"{name}.jsonl"

    def _model(self, cell: Cell) -> Path:
        return self._out / "models" / cell.name

    def _select(self, cell: Cell) -> None:
        file = self._selection(cell.name)
        if manifest_path(file).exists():
            return
        params = dict(self._config.params.get(cell.strategy, {}))
        if cell.matches is not None:
            params["match"] = str(self._selection(cell.matches))
        reads_targets = make_strategy(cell.strategy, params).needs.target_texts
        file.parent.mkdir(exist_ok=True)
        select(
            SelectRequest(
                pools=self._config.pools, strategy=cell.strategy, budget=cell.budget, out=file, params=params,
                scores=(self._out / "scores",), embeddings=self._embeddings, seed=cell.seed,
                columns=self._config.columns, targets=self._config.targets if reads_targets else (),
            )
        )  # fmt: skip

    def _train(self, cell: Cell) -> None:
        recipe = dataclasses.replace(self._config.training, seed=cell.seed)
        train(
            TrainRequest(
                file=self._selection(cell.name), model=self._config.model, out=self._model(cell), config=recipe
            )
        )

    def _evaluate(self, model: str, out: Path) -> None:
        rendering = self._config.rendering
        given = {"template": rendering.template, "bos": rendering.bos, "think": rendering.think}
        evaluate(
            EvaluateRequest(
                model=model, tasks=self._config.tasks, out=out, rendering=given,
                **dataclasses.asdict(self._config.evaluation),
            )
        )  # fmt: skip
