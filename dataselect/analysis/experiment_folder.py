"""Where an experiment keeps its parts, and which of the folders given to a comparison is one.

`results/<cell>/` are evaluate folders, `selections/*.jsonl` selections with their manifests, `scores/scores.parquet`
(or shards in `scores/scores/`) the score table, `embeddings/scores.parquet` the similarities if there is a target, and
`known_defects.jsonl` and `config.yaml` are there if the experiment has them. An experiment of several settings shares
scores and embeddings between them: `places.json` then says where they are. `failures.json` names the cells that have no
result, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.artifacts import MANIFEST, read_json
from dataselect.errors import ArtifactError

PLACES, FAILURES = "places.json", "failures.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell of an experiment that has no result, and why, in one line."""

    cell: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExperimentFolder:
    """The paths of one experiment; a part that is absent is None."""

    path: Path

    @property
    def runs(self) -> list[Path]:
        """The evaluate folders of the cells that did not fail, by name."""
        failed = {one.cell for one in self.failures}
        return sorted(p for p in (self.path / "results").iterdir() if p.is_dir() and p.name not in failed)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Its cells that have no result."""
        path = self.path / FAILURES
        return tuple(Failure(**one) for one in read_json(path)) if path.exists() else ()

    @property
    def selections(self) -> Path:
        """The folder of its selections, present or not."""
        return self.path / "selections"

    @property
    def scores(self) -> Path | None:
        """Its score table: a file, or a folder of shards."""
        folder = self._place("scores")
        if not folder.is_dir():
            return None
        if not (folder / MANIFEST).exists():
            raise ArtifactError(f"{folder} is not finished: it has no {MANIFEST}", "run the experiment again")
        shards = folder / "scores"
        return shards if shards.is_dir() else folder / "scores.parquet"

    @property
    def similarities(self) -> Path:
        """Its similarities to the target, present or not."""
        return self._place("embeddings") / "scores.parquet"

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
        places = read_json(self.path / PLACES) if (self.path / PLACES).exists() else {}
        return self.path / str(places.get(name, name))

    def _file(self, name: str) -> Path | None:
        path = self.path / name
        return path if path.is_file() else None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was given to a comparison: the evaluate folders, those of the experiment among them."""

    runs: tuple[Path, ...]
    experiment: ExperimentFolder | None


def resolve(directories: Sequence[Path]) -> Inputs:
    """Tell evaluate folders from an experiment.

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
    return Inputs(tuple(runs), experiment)
