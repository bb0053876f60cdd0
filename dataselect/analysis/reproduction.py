"""What is needed to make a comparison again: the configuration, versions, hardware and the digests of its inputs.

Paths are given relative to the folder they came from: nothing here names a machine. Versions and hardware are those of
the runs' manifests, not those of the comparison, since the runs are what another version would change.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.analysis.experiment_folder import Inputs
from dataselect.artifacts import MANIFEST, file_digest, read_json


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One input: its path within the experiment or, of a run given alone, its folder's name and file."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Reproduction:
    """`environments` are the distinct ones of the runs, `pool` the sources that were scored."""

    config: str | None
    environments: tuple[dict[str, Any], ...]
    pool: tuple[dict[str, Any], ...]
    files: tuple[FileDigest, ...]


def input_digests(inputs: Inputs) -> tuple[FileDigest, ...]:
    """Digests of every file that the comparison reads, by name."""
    found = [(_name(run, inputs), run / "results.parquet") for run in inputs.runs]
    folder = inputs.experiment
    if folder is not None:
        parts = [*sorted(folder.selections.glob("*.jsonl")), folder.scores, folder.known_defects, folder.config]
        parts += [path for path in (folder.similarities, folder.layers / "layers.json") if path.exists()]
        found += [(_inside(p, folder.path), p) for p in parts if p is not None]
    return tuple(FileDigest(name, file_digest(path)) for name, path in sorted(found))


def reproduction(inputs: Inputs, files: tuple[FileDigest, ...]) -> Reproduction:
    """Collect the section.

    Args:
        files: As `input_digests` gives them.
    """
    folder = inputs.experiment
    config = folder.config if folder else None
    scores = folder.scores.parent / MANIFEST if folder and folder.scores else None
    pool = read_json(scores).get("inputs", []) if scores and scores.exists() else []
    text = config.read_text(encoding="utf-8", errors="replace") if config else None
    return Reproduction(
        config=text,
        environments=_environments(inputs.runs),
        pool=tuple(pool),
        files=files,
    )


def _inside(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _environments(runs: Sequence[Path]) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    for run in runs:
        environment = read_json(run / MANIFEST).get("environment")
        if isinstance(environment, dict) and environment not in found:
            found.append(environment)
    return tuple(found)


def _name(run: Path, inputs: Inputs) -> str:
    folder = inputs.experiment
    inside = folder is not None and run.is_relative_to(folder.path)
    return str((run.relative_to(folder.path) if folder and inside else Path(run.name)) / "results.parquet")
