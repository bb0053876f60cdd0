"""One way to run a command: open its directory, do what is left to do, write the manifest, return the result.

A command is a small object that says what its results depend on (`fingerprint`), writes its outputs (`run`) and
returns its result (`result`). Everything else is here: a finished directory is not run again, the manifest is written
last, and every manifest holds the versions and the hardware. What a command has to check before its directory is opened
belongs in its constructor; a command that resumes asks the directory in `run` which outputs are intact.

Left out: `dataselect select`, whose selection is a file with a manifest beside it (`beside`), and `dataselect run`,
which always runs, because each stage inside it skips itself when it is finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dataselect.artifacts import digest
from dataselect.stage.directory import Overwrite, StageDirectory
from dataselect.stage.finished import FinishedStage, read_finished
from dataselect.stage.provenance import environment

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Result_co = TypeVar("Result_co", covariant=True)
_NOT_RECORDED = ("out", "overwrite", "server")


class Command(Protocol[Result_co]):
    """A command that writes a stage directory."""

    @property
    def name(self) -> str:
        """The command as the user types it; its directories belong to it by this name."""

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the results depend on, as named plain values."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the command, for people who read `run.json`; not compared."""

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write the outputs, and return what the manifest says besides fingerprint, outputs and environment."""

    def result(self, finished: FinishedStage, fresh: bool) -> Result_co:
        """Return the result of the finished directory.

        Args:
            fresh: False if it was finished before and `run` was not called.
        """


def run_stage(command: Command[Result_co], out: Path, overwrite: Overwrite = False) -> Result_co:
    """Run a command into a directory, or return the result of the finished run that is there.

    The directory is locked until the result is returned.

    Raises:
        ArtifactError: If the directory holds something else, a run with another fingerprint or damaged outputs, or
            another process writes in it.
    """
    with StageDirectory(command.name, out, command.fingerprint, command.options, overwrite) as directory:
        fresh = not directory.finished
        if fresh:
            directory.finish({**command.run(directory), "environment": environment()})
        return command.result(read_finished(out, command.name), fresh)


def recorded_options(request: DataclassInstance) -> dict[str, Any]:
    """The fields of a request as plain values, without the address of a server and where the results go."""
    return {name: value for name, value in asdict(request).items() if name not in _NOT_RECORDED}


def write_document(command: str, out: Path, document: Mapping[str, Any], overwrite: Overwrite = False) -> Path:
    """Write a document that takes no time to compute as `<command>.json`; one that is there already is left as it is.

    Returns:
        The file.

    Raises:
        ArtifactError: If the folder holds another document, or files that this command did not write.
    """
    name = f"{command}.json"
    with StageDirectory(command, out, {"document": digest(document)}, {}, overwrite) as directory:
        if not directory.finished:
            directory.write_json(name, document)
            directory.finish({"stage": command})
    return out / name
