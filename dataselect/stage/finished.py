"""Read a finished stage: its manifest, and its files, each compared with the size and sha256 that were recorded.

Every stage that reads another does it through here, so that a damaged, missing or replaced file is an error with its
name and never an input. A digest is computed once per process for a file that does not change: about one second per GB
on one core, and nothing the second time. `run.json` is sealed and holds the digest of the manifest, which holds those
of the outputs, so that a changed byte anywhere shows.

Left out: folders without `run.json`, such as a model from elsewhere; they are read as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dataselect.artifacts import read_json
from dataselect.errors import ArtifactError
from dataselect.stage.record import MANIFEST, RUN, Output, RunRecord


@dataclass(frozen=True, slots=True)
class FinishedStage:
    """A stage directory whose run has ended.

    Attributes:
        path: The directory.
        command: The command that made it.
        manifest: `manifest.json`.
        options: The options that the command had.
    """

    path: Path
    command: str
    manifest: Mapping[str, Any]
    options: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.manifest["outputs"]

    def file(self, name: str) -> Path:
        """Return the path of an output, compared with what was recorded.

        Raises:
            ArtifactError: If the stage did not write it, or it is missing or damaged.
        """
        if name not in self:
            raise ArtifactError(
                f"{self.path} has no {name}: that run of dataselect {self.command} made none",
                "check the path, or run that command again with the option that writes it",
            )
        self._check(name, Output.fault)
        return self.path / name

    def _check(self, name: str, compared: Callable[[Output, Path], str]) -> None:
        fault = compared(Output(**self.manifest["outputs"][name]), self.path / name)
        if fault:
            hint = f"run dataselect {self.command} into {self.path} with --overwrite"
            raise ArtifactError(f"{self.path / name} {fault}", hint)

    def files(self, folder: str) -> list[Path]:
        """The outputs that stand directly in an inner folder, by name, each compared."""
        names = sorted(self.manifest["outputs"])
        return [self.file(name) for name in names if PurePosixPath(name).parent == PurePosixPath(folder)]

    def complete(self) -> FinishedStage:
        """Check that every output exists with its size, and that every stage inside is finished.

        Raises:
            ArtifactError: If something is missing.
        """
        for name in self.manifest["outputs"]:
            self._check(name, Output.size_fault)
        for name in self.manifest.get("stages", ()):
            read_finished(self.path / name)
        return self

    def verify(self) -> FinishedStage:
        """Compare every output.

        Raises:
            ArtifactError: If one is missing or damaged.
        """
        for name in self.manifest["outputs"]:
            self.file(name)
        return self


def check_output(file: Path) -> Path:
    """Compare a file with what the stage around it recorded, finished or not; one that no stage lists is not checked.

    Raises:
        ArtifactError: If it is missing or damaged.
    """
    folder = next((one for one in file.parents if (one / RUN).exists()), None)
    record = RunRecord.read(folder) if folder is not None and is_stage(folder) else None
    if folder is not None and record is not None:
        output = record.outputs.get(file.relative_to(folder).as_posix())
        fault = output.fault(file) if output is not None else ""
        if fault:
            raise ArtifactError(f"{file} {fault}", f"run dataselect {record.command} into {folder} with --overwrite")
    return file


def recorded_fingerprint(path: Path) -> Mapping[str, Any]:
    """Return the fingerprint of the run in a folder, finished or not; empty if there is none that can be read."""
    try:
        record = RunRecord.read(path)
    except ArtifactError:
        return {}
    return {} if record is None else record.fingerprint


def is_stage(path: Path) -> bool:
    """Return whether dataselect made a folder, even if its `run.json` is damaged or missing: its manifest shows it."""
    try:
        return RunRecord.read(path) is not None or _is_ours(path / MANIFEST)
    except ArtifactError:
        return (path / MANIFEST).exists()


def _is_ours(manifest: Path) -> bool:
    if not manifest.is_file():
        return False
    try:
        value = read_json(manifest)
    except ArtifactError:
        return False
    return isinstance(value, dict) and {"stage", "fingerprint", "outputs"} <= value.keys()


def read_finished(path: Path, *commands: str) -> FinishedStage:
    """Open a finished stage directory.

    Args:
        commands: Those whose directory it may be; none for any.

    Raises:
        ArtifactError: If it is missing, of another command, unfinished, or its manifest is missing or damaged.
    """
    record = RunRecord.read(path)
    wanted = " or ".join(f"dataselect {command}" for command in commands) or "dataselect"
    if record is None:
        what = "does not exist" if not path.exists() else f"is not a folder of {wanted}: it has no {RUN}"
        partly = f"copy the whole folder, or move {MANIFEST} away to use it as a folder not made by dataselect"
        raise ArtifactError(f"{path} {what}", partly if _is_ours(path / MANIFEST) else f"make it with {wanted}")
    if commands and record.command not in commands:
        raise ArtifactError(f"{path} is a folder of dataselect {record.command}, not of {wanted}", "check the path")
    again = f"run dataselect {record.command} with the same --out"
    if MANIFEST not in record.outputs or not (path / MANIFEST).exists():
        raise ArtifactError(f"{path} is not finished: it has no {MANIFEST}", f"{again} to finish it")
    fault = record.outputs[MANIFEST].fault(path / MANIFEST)
    if fault:
        raise ArtifactError(f"{path / MANIFEST} {fault}", f"{again}, and with --overwrite")
    return FinishedStage(path, record.command, read_json(path / MANIFEST), record.options)
