"""`run.json`: which command made a stage directory, from what, and which files in it are its own and which are not.

A file belongs to a stage because its run listed it before it appeared, never because of its name. The list holds size
and sha256 of every file, so that damage shows; it is itself sealed by a digest over its content. Inner stages (a run's
cells, the score folders of a ranking) are listed by name only: each has its own record.

Until `run.json` exists, the lock holds the token after which the folder for files that are being written is named, so
that files that a killed process left are recognised too.

Left out: files whose names a library chooses. They are written in a temporary folder and listed when they move out.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from dataselect.artifacts import atomic, canonical_json, digest, file_digest, json_text, read_json
from dataselect.errors import ArtifactError

RUN, MANIFEST, LOCK = "run.json", "manifest.json", ".lock"
_TOKEN_SIZE = 16


@dataclass(frozen=True, slots=True)
class Output:
    """One file of a stage.

    Attributes:
        size: Bytes; None while the stage is open and the file is written by a library.
        sha256: Digest of the bytes; None with `size`.
        interim: Whether the file is removed when the stage is finished, as shards are.
    """

    size: int | None
    sha256: str | None
    interim: bool = False

    @classmethod
    def of(cls, file: Path, interim: bool = False) -> Output:
        """Measure a file."""
        return cls(file.stat().st_size, file_digest(file), interim)

    def size_fault(self, file: Path) -> str:
        """Return why a file is not this output, by presence and size, in words; empty if nothing is wrong."""
        if not file.is_file():
            return "is missing"
        if self.size is None or (size := file.stat().st_size) == self.size:
            return ""
        return f"is damaged: it has {size:,} bytes, {self.size:,} were written"

    def fault(self, file: Path) -> str:
        """Return why a file is not this output, in words; empty if nothing is wrong.

        The size is compared first; the digest is computed once per process for a file that does not change.
        """
        fault = self.size_fault(file)
        if fault or self.size is None or file_digest(file) == self.sha256:
            return fault
        return "is damaged: its sha256 is not that of what was written"


@dataclass(slots=True)
class RunRecord:
    """The content of `run.json`.

    Attributes:
        command: The command that made the directory.
        fingerprint: Everything that the results depend on.
        options: All options of the command, for people; not compared.
        started: Unix time at which the run began.
        token: Random; the temporary folder is named after it.
        outputs: Relative name (with /) -> file.
        stages: Relative names of inner stage directories that this run makes.
    """

    command: str
    fingerprint: Mapping[str, Any]
    options: Mapping[str, Any]
    started: float = field(default_factory=time.time)
    token: str = field(default_factory=lambda: secrets.token_hex(_TOKEN_SIZE // 2))
    outputs: dict[str, Output] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)

    @property
    def temporary(self) -> str:
        """Name of the folder for files that are being written."""
        return temporary_name(self.token)

    def write(self, folder: Path) -> None:
        """Write `run.json` atomically, by way of the temporary folder, so that nothing is left that no run lists."""
        temporary = folder / self.temporary
        made = not temporary.exists()
        temporary.mkdir(exist_ok=True)
        with atomic(folder / RUN, temporary) as file:
            file.write_text(json_text(sealed(asdict(self))), encoding="utf-8", newline="\n")
        if made:
            temporary.rmdir()

    @classmethod
    def read(cls, folder: Path) -> RunRecord | None:
        """Read `run.json`; None if absent.

        Raises:
            ArtifactError: If it is not ours, or damaged.
        """
        path = folder / RUN
        if not path.exists() and not path.is_symlink():
            return None
        value = read_json(path)
        if not isinstance(value, dict) or not {"command", "fingerprint", "outputs", "seal"} <= value.keys():
            raise ArtifactError(f"{path} was not written by dataselect", "choose another folder, or move it away")
        record = unsealed(value, path)
        try:
            outputs = {name: Output(**one) for name, one in record.pop("outputs").items()}
            found = cls(outputs=outputs, **record)
        except (TypeError, AttributeError):
            raise ArtifactError(
                f"{path} has another form than dataselect writes", "run the command into another folder"
            ) from None
        strange = next((name for name in (*found.outputs, *found.stages) if not _inside(name)), None)
        if strange is not None:
            raise ArtifactError(f"{path} lists {strange!r}, which is outside its folder", "do not use this folder")
        return found


def temporary_name(token: str) -> str:
    """Return the name of the folder for files that are being written."""
    return f".tmp-{token}"


def lock_token(folder: Path) -> str | None:
    """Return the token in the lock of a stage whose `run.json` is perhaps not written yet; None if absent."""
    path = folder / LOCK
    if path.is_symlink() or not path.is_file() or path.stat().st_size != _TOKEN_SIZE:
        return None
    token = path.read_bytes()
    return token.decode() if set(token) <= set(b"0123456789abcdef") else None


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and str(path) == name


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with a digest of itself as `seal`, so that a changed byte shows.

    Args:
        value: Plain values; tuples and paths become what JSON makes of them.
    """
    content = json.loads(canonical_json({name: one for name, one in value.items() if name != "seal"}))
    return {**content, "seal": digest(content)}


def unsealed(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the content of a sealed object.

    Raises:
        ArtifactError: If its digest is another.
    """
    content = {name: one for name, one in value.items() if name != "seal"}
    if value.get("seal") != digest(content):
        raise ArtifactError(f"{path} is damaged or was edited: its content does not match its seal", "make it again")
    return content


def foreign_entry(path: Path, record: RunRecord | None) -> str | None:
    """Return the first file, link or inner stage in `path` that `record` does not list; None if there is none.

    Empty folders do not count. An inner stage that is listed is not entered, nor is any other folder that has a
    record or a lock: such a folder is foreign as a whole, and named with a / at its end.

    Args:
        path: A directory, or nothing.
        record: Of the stage in `path`; None if there is none yet.
    """
    listed = _listed_folders(path, record)
    for folder, inside, names in os.walk(path):
        here = Path(folder).relative_to(path)
        for name in sorted(names):
            relative = (here / name).as_posix()
            if not _ours(path, relative, record):
                return relative
        for name in sorted(inside):
            relative = (here / name).as_posix()
            if relative not in listed and ((path / relative).is_symlink() or _has_record_or_lock(path / relative)):
                return f"{relative}/"
        inside[:] = [name for name in inside if (here / name).as_posix() not in listed]
    return None


def _ours(path: Path, name: str, record: RunRecord | None) -> bool:
    if name == LOCK:
        lock = path / name
        return (
            record is not None or (not lock.is_symlink() and lock.stat().st_size == 0) or lock_token(path) is not None
        )
    return record is not None and (name == RUN or name in record.outputs)


def _has_record_or_lock(path: Path) -> bool:
    return any((path / name).exists() for name in (RUN, LOCK))


def _listed_folders(path: Path, record: RunRecord | None) -> set[str]:
    if record is not None:
        return {record.temporary, *record.stages}
    token = lock_token(path)
    return set() if token is None else {temporary_name(token)}
