"""Run an experiment: every setting's pool scored and embedded, its cells selected, trained and evaluated, all compared.

Settings run one after the other; the cells of one run side by side if there are workers (`side_by_side`). A cell that
fails is reported and the rest continue: the comparison lists what is missing, the command fails at the end, and running
it again tries those cells again. If the scores or embeddings of a setting fail, the whole setting fails; an experiment
of one setting ends with it.

The experiment opens its directory by itself rather than by `run_stage`: it always runs, also when it is finished, since
every stage inside is a directory that is skipped when it is finished, and made again when it is damaged.

An experiment of one setting is one folder. Several share OUT/scores and OUT/embeddings, and each has its own folder
OUT/settings/NAME with its own comparison and report; those of the whole are made from all of them.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataselect.arguments import PathLike, as_path
from dataselect.artifacts import read_text
from dataselect.comparison import Comparison
from dataselect.comparison.experiment_folder import CELLS, FAILURES, PLACES, Failure
from dataselect.comparison.settings import SettingsComparison, compare_settings
from dataselect.errors import DataselectError
from dataselect.experiment.cells import Cell, cells
from dataselect.experiment.config import ExperimentConfig
from dataselect.experiment.inputs import fingerprint
from dataselect.experiment.matrix import Setting
from dataselect.experiment.side_by_side import attempt, run_cells
from dataselect.experiment.stages import Say, Stages
from dataselect.library_errors import user_errors
from dataselect.pool import PoolReader
from dataselect.reports import compare, report_text
from dataselect.stage import IF_DIFFERENT, StageDirectory
from dataselect.stage.provenance import environment

_REPORTS = ("report.html", "report.md")
_OF_SELECTION = (".jsonl", ".ranking.parquet", ".manifest.json")


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """The outcome of an experiment.

    Attributes:
        out: Its folder.
        comparison: Verdicts and intervals; of several settings, all of them together.
        failed: Cells that have no result.
        report: The rendered page; `report.md` beside it is the same in Markdown.
        wall_seconds: Time of this call.
    """

    out: Path
    comparison: Comparison | SettingsComparison
    failed: tuple[Failure, ...]
    report: Path
    wall_seconds: float


@user_errors()
def run_experiment(
    config: ExperimentConfig,
    origin: PathLike,
    out: PathLike,
    say: Say = lambda line: None,
    overwrite: bool = False,
    workers: int = 1,
) -> ExperimentSummary:
    """Run all stages of a configuration, skipping what is finished.

    Args:
        config: From `read_config`.
        origin: The file it was read from; copied into `out`.
        out: The experiment's folder.
        say: Called with a line for people when a step begins.
        overwrite: Accept another configuration or changed inputs: what they change is made again, and cells that stay
            the same are kept.
        workers: Cells that run side by side.

    Raises:
        DataselectError: If scoring or embedding fails, or not enough cells succeeded to compare any; what was finished
            before stays.
    """
    began = time.perf_counter()
    origin, out = as_path(origin, "origin"), as_path(out, "out")
    with StageDirectory("run", out, fingerprint(config), {"config": str(origin)}, overwrite) as stage:
        settings = [_SettingRun(setting, one, stage, overwrite) for setting, one in config.settings.items()]
        stage.inner("comparison", *(name for setting in settings for name in setting.inner))
        stage.claim(*(name for setting in settings for name in setting.selections))
        for setting in settings:
            setting.copy(origin)
            setting.run(say, workers)
        say("compare and report")
        comparison = settings[0].comparison() if not settings[0].setting.name else _across(settings, stage)
        failed = tuple(failure for setting in settings for failure in setting.failures)
        if not stage.finished and not failed:
            made = [setting.setting.name + cell.name for setting in settings for cell in setting.cells]
            stage.finish({"stage": "run", "cells": made, "environment": environment()})
    return ExperimentSummary(out, comparison, failed, out / "report.html", time.perf_counter() - began)


def _across(settings: list[_SettingRun], stage: StageDirectory) -> SettingsComparison:
    """Compare all settings whose own comparison succeeded."""
    compared = {}
    for setting in settings:
        if not setting.given_up and not setting.give_up_if_fails(setting.comparison):
            compared[setting.setting.name] = setting.out
    lost = [failure for setting in settings if setting.given_up for failure in setting.failures]
    if not compared:
        raise DataselectError(
            f"every setting failed; the first, {lost[0].cell}: {lost[0].reason}", "fix it and run again"
        )
    comparison = compare_settings(compared, stage.path / "comparison", lost)
    _report(stage, "")
    return comparison


def _report(stage: StageDirectory, folder: str) -> None:
    for name in _REPORTS:
        stage.write_text(f"{folder}{name}", report_text(stage.path / folder, Path(name).suffix))


class _SettingRun:
    """One setting of an experiment, with its folder."""

    def __init__(self, setting: Setting, config: ExperimentConfig, root: StageDirectory, overwrite: bool) -> None:
        self.setting, self._config, self._root = setting, config, root
        self._inside = f"settings/{setting.name}/" if setting.name else ""
        self.out = root.path / self._inside
        self.cells = list(cells(config))
        self._scores, self._embeddings = Path("scores", setting.scores), Path("embeddings", setting.pools)
        self._stages = Stages(
            config=config,
            out=self.out,
            scores=root.path / self._scores,
            embeddings=root.path / self._embeddings,
            overwrite=IF_DIFFERENT if overwrite else False,
        )
        self._failed: list[Failure] = []
        self.given_up = ""

    @property
    def inner(self) -> list[str]:
        """The folders of its stages, relative to that of the experiment."""
        of_cells = [f"{kind}/{cell.name}" for kind in ("models", "results") for cell in self.cells]
        own = [f"{self._inside}{name}" for name in (*of_cells, "layers", "comparison")]
        return [self._scores.as_posix(), self._embeddings.as_posix(), *own]

    @property
    def selections(self) -> list[str]:
        """The files of its selections, relative to the folder of the experiment."""
        trained = [cell.name for cell in self.cells if cell.trains]
        return [f"{self._inside}selections/{name}{suffix}" for name in trained for suffix in _OF_SELECTION]

    @property
    def failures(self) -> list[Failure]:
        """Its failures under names that hold the name of the setting."""
        if self.given_up:
            return [Failure(self.setting.name, self.given_up)]
        name = f"{self.setting.name}/" if self.setting.name else ""
        return [Failure(f"{name}{failure.cell}", failure.reason) for failure in self._failed]

    def copy(self, origin: Path) -> None:
        """Write the configuration, the planted defects and the list of cells beside the results."""
        for source, name in ((origin, "config.yaml"), (self._config.known_defects, "known_defects.jsonl")):
            if source is not None:
                self._root.write_text(f"{self._inside}{name}", read_text(Path(source)))
        self._root.write_json(f"{self._inside}{CELLS}", [cell.name for cell in self.cells])
        if self.setting.name:
            shared = {"scores": self._stages.scores, "embeddings": self._stages.embeddings}
            places = {name: Path(os.path.relpath(path, self.out)).as_posix() for name, path in shared.items()}
            self._root.write_json(f"{self._inside}{PLACES}", places)

    def give_up_if_fails(self, work: Callable[[], object]) -> bool:
        """Do work that all cells of the setting require; if it fails, the other settings continue without this one."""
        self.given_up = attempt(work)
        return bool(self.given_up)

    def run(self, say: Say, workers: int) -> None:
        """Score and embed the pool, select for every cell, then train and evaluate the cells."""
        where = f"{self.setting.name}: " if self.setting.name else ""

        def prepare() -> None:
            self._stages.prepare(lambda line: say(where + line))

        if not self.setting.name:
            prepare()
        elif self.give_up_if_fails(prepare):
            say(f"{where}failed: {self.given_up}")
            return
        ready = [cell for cell in self.cells if self._selected(cell, say)]
        done = len(self.cells) - len(ready)

        def finished(cell: Cell, failure: Failure | None) -> None:
            nonlocal done
            done += 1
            self._note(failure)
            result = f"failed: {failure.reason}" if failure else "trained and evaluated" if cell.trains else "evaluated"
            say(f"{where}{cell.name} {result} ({done} of {len(self.cells)})")

        run_cells(self._stages, ready, workers, finished)
        self._keep_failures()
        failed = {failure.cell for failure in self._failed}
        trained = [cell for cell in self.cells if cell.trains and cell.name not in failed]
        if self._config.layers and trained:
            say(f"{where}compare the weights of {len(trained)} models")
            self._stages.compare_layers(trained)

    def _selected(self, cell: Cell, say: Say) -> bool:
        reason = attempt(lambda: self._stages.select(cell))
        if reason:
            self._note(Failure(cell.name, f"not selected: {reason}"))
            say(f"{cell.name} failed: {reason}")
        return not reason

    def _note(self, failure: Failure | None) -> None:
        if failure is not None:
            self._failed.append(failure)

    def _keep_failures(self) -> None:
        name = f"{self._inside}{FAILURES}"
        if self._failed:
            self._root.write_json(name, [dataclasses.asdict(failure) for failure in self._failed])
        else:
            self._root.remove(name)

    def comparison(self) -> Comparison:
        """Compare its cells and write its report."""
        if len(self._failed) == len(self.cells):
            raise DataselectError(f"every cell failed; the first: {self._failed[0].reason}", "fix it and run again")
        pool = PoolReader(self._config.pools, self._config.columns)
        folder = self.out / "comparison"
        comparison = compare([self.out], folder, overwrite=IF_DIFFERENT, pool=pool)
        _report(self._root, self._inside)
        return comparison
