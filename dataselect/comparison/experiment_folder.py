"""The folder of an experiment with its parts, and the folders that a comparison reads.

`results/<cell>/` are evaluate folders, `selections/*.jsonl` selections with their manifests, `scores/scores.parquet`
the score table, `embeddings/scores.parquet` the similarities if there is a target, and
`known_defects.jsonl` and `config.yaml` are optional. An experiment of several settings shares
scores and embeddings between them: `places.json` then holds their paths. `cells.json` lists the cells of its
configuration, so that results of an earlier one are left out; `failures.json` names those that have no result, and why.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest, read_json
from dataselect.errors import ArtifactError
from dataselect.stage import MANIFEST, check_output, is_stage, read_finished

PLACES, CELLS, FAILURES = "places.json", "cells.json", "failures.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell of an experiment that has no result, and why, in one line."""

    cell: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExperimentFolder:
    """The paths of one experiment; a part that is absent is None.

    Raises:
        ArtifactError: If the experiment was finished and a part is missing since.
    """

    path: Path

    def __post_init__(self) -> None:
        if is_stage(self.path) and (self.path / MANIFEST).exists():
            read_finished(self.path, "run").complete()

    @property
    def runs(self) -> list[Path]:
        """The evaluate folders of its cells that did not fail, by name."""
        failed = {one.cell for one in self.failures}
        folders = sorted(p for p in (self.path / "results").iterdir() if p.is_dir() and p.name not in failed)
        cells = self._json(CELLS)
        return folders if cells is None else [p for p in folders if p.name in cells]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Its cells that have no result."""
        return tuple(Failure(**one) for one in self._json(FAILURES) or ())

    @property
    def selections(self) -> Path:
        """The folder of its selections, present or not."""
        return self.path / "selections"

    @property
    def scores(self) -> Path | None:
        """Its score table."""
        folder = self._place("scores")
        if not folder.is_dir():
            return None
        return read_finished(folder, "score").file("scores.parquet")

    @property
    def similarities(self) -> Path:
        """Its similarities to the target, present or not."""
        return check_output(self._place("embeddings") / "scores.parquet")

    @property
    def layers(self) -> Path:
        """The folder of the comparison of its models' weights, present or not."""
        return self.path / "layers"

    @property
    def known_defects(self) -> Path | None:
        """Its list of planted defects."""
        return self._file("known_defects.jsonl")

    @property
    def config(self) -> Path | None:
        """Its configuration."""
        return self._file("config.yaml")

    def _place(self, name: str) -> Path:
        return self.path / str((self._json(PLACES) or {}).get(name, name))

    def _file(self, name: str) -> Path | None:
        path = check_output(self.path / name)
        return path if path.is_file() else None

    def _json(self, name: str) -> Any:  # noqa: ANN401 - JSON
        path = self._file(name)
        return None if path is None else read_json(path)


@dataclass(frozen=True, slots=True)
class ComparisonInputs:
    """The evaluate folders that are compared, those of the experiment among them."""

    runs: tuple[Path, ...]
    experiment: ExperimentFolder | None

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Cells of the experiment that have no result."""
        return self.experiment.failures if self.experiment else ()

    @property
    def selections(self) -> list[Path]:
        """The selection files of the experiment."""
        return sorted(self.experiment.selections.glob("*.jsonl")) if self.experiment else []


def resolve_inputs(directories: Sequence[Path]) -> ComparisonInputs:
    """Sort the folders into evaluate folders and an experiment.

    Raises:
        ArtifactError: If there is no run at all, or more than one experiment.
    """
    experiments = [ExperimentFolder(path) for path in directories if (path / "results").is_dir()]
    if len(experiments) > 1:
        names = ", ".join(str(e.path) for e in experiments)
        raise ArtifactError(
            f"expected one experiment at most, got {len(experiments)}: {names}",
            "compare the folders in their results/ instead",
        )
    experiment = experiments[0] if experiments else None
    runs = [path for path in directories if not (path / "results").is_dir()]
    runs += experiment.runs if experiment else []
    if not runs:
        where = ", ".join(map(str, directories)) or "nothing"
        raise ArtifactError(f"no evaluated run in {where}", "give evaluate folders or one experiment folder")
    return ComparisonInputs(tuple(runs), experiment)


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One input: its path within the experiment or, of a run given alone, its folder's name and file."""

    file: str
    sha256: str


def input_digests(inputs: ComparisonInputs) -> tuple[FileDigest, ...]:
    """Digests of every file that the comparison reads, by name; those of one name by digest, so that no path counts."""
    found = [(_name(run, inputs), run / "results.parquet") for run in inputs.runs]
    folder = inputs.experiment
    if folder is not None:
        parts = [*inputs.selections, folder.scores, folder.known_defects, folder.config]
        parts += [path for path in (folder.similarities, folder.layers / "layers.json") if path.exists()]
        found += [(Path(os.path.relpath(path, folder.path)).as_posix(), path) for path in parts if path is not None]
    digests = (FileDigest(name, file_digest(path)) for name, path in found)
    return tuple(sorted(digests, key=lambda one: (one.file, one.sha256)))


def _name(run: Path, inputs: ComparisonInputs) -> str:
    folder = inputs.experiment
    inside = folder is not None and run.is_relative_to(folder.path)
    return str((run.relative_to(folder.path) if folder and inside else Path(run.name)) / "results.parquet")
