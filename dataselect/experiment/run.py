"""Run an experiment: every setting's pool scored and embedded, its cells selected, trained and evaluated, all compared.

Settings come one after the other; the cells of one run side by side where there are workers (`side_by_side`). A cell
that fails is reported and the rest go on: the comparison says what is missing, the command fails at the end, and
running it again tries those cells again. What all cells of a setting need, its scores and embeddings, ends that setting
when it fails; an experiment of one setting ends with it.

An experiment of one setting is one folder. Several share OUT/scores and OUT/embeddings, and each has its own folder
OUT/settings/NAME with its own comparison and report; those of the whole are made from all of them.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.analysis import Comparison, compare
from dataselect.analysis.experiment_folder import FAILURES, PLACES, Failure
from dataselect.analysis.settings import SettingsComparison, compare_settings
from dataselect.artifacts import StageDirectory, atomic, file_digest, write_json
from dataselect.errors import DataselectError
from dataselect.experiment.cells import Cell, cells
from dataselect.experiment.config import ExperimentConfig
from dataselect.experiment.matrix import Place
from dataselect.experiment.side_by_side import attempt, run_cells
from dataselect.experiment.stages import Say, Stages
from dataselect.pool import PoolReader
from dataselect.provenance import environment
from dataselect.reports import find_comparison, write_html, write_markdown

_REPORTS = {"report.html": write_html, "report.md": write_markdown}
_COPIES = ("config.yaml", "known_defects.jsonl", PLACES, FAILURES)
_OWN_OF_SETTING = (*_REPORTS, *_COPIES, "selections/*", "models/**/*", "results/**/*", "layers/*", "comparison/**/*")
_OWN = (
    *_OWN_OF_SETTING, "scores/**/*", "embeddings/**/*", *(f"settings/*/{pattern}" for pattern in _OWN_OF_SETTING),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """What an experiment ended with.

    Attributes:
        out: Its folder.
        comparison: Verdicts and intervals; of several settings, all of them together.
        failed: Cells that have no result.
        report: The rendered page; the same in Markdown stands beside it.
        wall_seconds: Time of this call.
    """

    out: Path
    comparison: Comparison | SettingsComparison
    failed: tuple[Failure, ...]
    report: Path
    wall_seconds: float


def run_experiment(
    config: ExperimentConfig,
    origin: Path,
    out: Path,
    say: Say = lambda line: None,
    overwrite: bool = False,
    workers: int = 1,
) -> ExperimentSummary:
    """Run all stages of a configuration, skipping what is finished.

    Args:
        config: From `read_config`.
        origin: The file it was read from; copied into `out`.
        out: The experiment's folder.
        say: Told what is being done.
        overwrite: Remove the experiment's own files first.
        workers: Cells that run side by side.

    Raises:
        DataselectError: If scoring or embedding fails, or not enough cells succeeded to compare any; what was finished
            before stays.
    """
    began = time.perf_counter()
    fingerprint = {"config": _content(config), "files": _digests(config)}
    with StageDirectory(out, fingerprint, {"config": str(origin)}, _OWN, overwrite) as stage:
        settings = [_Setting(place, one, out) for place, one in config.settings.items()]
        for setting in settings:
            setting.copy(origin)
            setting.run(say, workers)
        say("compare and report")
        comparison = settings[0].comparison() if not settings[0].place.name else _across(settings, out)
        failed = tuple(failure for setting in settings for failure in setting.told)
        if not stage.finished and not failed:
            made = [setting.place.name + cell.name for setting in settings for cell in setting.cells]
            stage.finish({"stage": "run", "cells": made, "environment": environment()})
    return ExperimentSummary(out, comparison, failed, out / "report.html", time.perf_counter() - began)


def _across(settings: list[_Setting], out: Path) -> SettingsComparison:
    """The comparison of all settings that have one of their own."""
    compared = {}
    for setting in settings:
        if not setting.given_up and not setting.give_up_if(setting.comparison):
            compared[setting.place.name] = setting.out
    lost = [failure for setting in settings if setting.given_up for failure in setting.told]
    if not compared:
        raise DataselectError(
            f"every setting failed; the first, {lost[0].cell}: {lost[0].reason}", "mend it and run again"
        )
    comparison = compare_settings(compared, out / "comparison", lost)
    _report(out)
    return comparison


def _report(folder: Path) -> None:
    for name, write in _REPORTS.items():
        write(find_comparison(folder), folder / name)


def _content(config: ExperimentConfig) -> dict[str, Any]:
    """The configuration without paths: what files hold is fingerprinted by content."""
    values = dataclasses.asdict(config)
    for name in ("pools", "tasks", "targets"):
        values[name] = [Path(one).name for one in values[name]]
    values["matrix"]["pools"] = {name: [Path(f).name for f in files] for name, files in config.matrix.pools.items()}
    for variant in values["variants"].values():
        variant["filters"]["decontaminate"] = [Path(f).name for f in variant["filters"]["decontaminate"]]
    evaluation = values["evaluation"]
    evaluation["shots_from"] = evaluation["shots_from"] and Path(evaluation["shots_from"]).name
    return values | {"known_defects": config.known_defects is not None}


def _digests(config: ExperimentConfig) -> dict[str, str]:
    names = [*config.pools, *config.tasks, *config.targets, config.known_defects, config.evaluation.shots_from]
    names += [file for files in config.matrix.pools.values() for file in files]
    names += [file for variant in config.variants.values() for file in variant.filters.decontaminate]
    return {Path(name).name: file_digest(Path(name)) for name in names if name is not None and Path(name).is_file()}


class _Setting:
    """One setting of an experiment, with its folder."""

    def __init__(self, place: Place, config: ExperimentConfig, out: Path) -> None:
        self.place, self._config = place, config
        self.out = out / "settings" / place.name if place.name else out
        self.cells = list(cells(config))
        self._stages = Stages(config, self.out, out / "scores" / place.scores, out / "embeddings" / place.pools)
        self._failed: list[Failure] = []
        self.given_up = ""
        self._failed_before = (self.out / FAILURES).exists()

    @property
    def told(self) -> list[Failure]:
        """Its failures, for people: with the name of the setting."""
        if self.given_up:
            return [Failure(self.place.name, self.given_up)]
        name = f"{self.place.name}/" if self.place.name else ""
        return [Failure(f"{name}{failure.cell}", failure.reason) for failure in self._failed]

    @property
    def _changed(self) -> bool:
        """Whether other cells have results than in the run before, or may have."""
        return self._failed_before or bool(self._failed)

    def copy(self, origin: Path) -> None:
        """Put beside the results what explains them."""
        self.out.mkdir(parents=True, exist_ok=True)
        for source, name in ((origin, "config.yaml"), (self._config.known_defects, "known_defects.jsonl")):
            if source is not None:
                with atomic(self.out / name) as temporary:
                    shutil.copyfile(source, temporary)
        if self.place.name:
            shared = {"scores": self._stages.scores, "embeddings": self._stages.embeddings}
            places = {name: Path(os.path.relpath(path, self.out)).as_posix() for name, path in shared.items()}
            write_json(self.out / PLACES, places)

    def give_up_if(self, work: Callable[[], object]) -> bool:
        """Do what all cells of the setting need; where it fails, the other settings go on without this one."""
        self.given_up = attempt(work)
        return bool(self.given_up)

    def run(self, say: Say, workers: int) -> None:
        """Score, embed, select for every cell, then train and evaluate them."""
        where = f"{self.place.name}: " if self.place.name else ""

        def prepare() -> None:
            self._stages.prepare(lambda line: say(where + line))

        if not self.place.name:
            prepare()
        elif self.give_up_if(prepare):
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
            self._stages.compare_layers(trained, overwrite=self._changed)

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
        path = self.out / FAILURES
        if self._failed:
            write_json(path, [dataclasses.asdict(failure) for failure in self._failed])
        else:
            path.unlink(missing_ok=True)

    def comparison(self) -> Comparison:
        """Compare its cells and write its report."""
        if len(self._failed) == len(self.cells):
            raise DataselectError(f"every cell failed; the first: {self._failed[0].reason}", "mend it and run again")
        pool = PoolReader(self._config.pools, self._config.columns)
        folder = self.out / "comparison"
        comparison = compare([self.out], folder, overwrite=self._changed, pool=pool)
        _report(self.out)
        return comparison
