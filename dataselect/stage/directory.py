"""The directory of one stage, open for writing: what may be used, resumed, replaced and deleted.

Whether a file of a stage may be deleted is decided here and nowhere else: `_unlink` removes what `run.json` lists.

A directory is used when it is absent or empty, or when its `run.json` is of the same command. A stage replaces and
removes only files that its own `run.json` lists; every other file is refused by name and never touched, and a folder
inside that has its own `run.json` or lock is never entered. `manifest.json`, with size and sha256 of every output, is
written last: its presence means finished. A lock of the operating system, released however its process dies, keeps a
second writer out.

Opening a finished directory reads all its outputs once to compare digests (about one second per GB on one core).

Left out: what belongs in a fingerprint (each command decides), and locks across machines that share a folder without
POSIX locks.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from dataselect.artifacts import atomic, canonical_json, json_text, move_into_place, text_digest
from dataselect.errors import ArtifactError
from dataselect.library_errors import user_errors
from dataselect.stage.fingerprints import differences, listed
from dataselect.stage.finished import is_stage, read_finished
from dataselect.stage.record import LOCK, MANIFEST, RUN, Output, RunRecord, foreign_entry, lock_token

IF_DIFFERENT: Literal["if-different"] = "if-different"
Overwrite = bool | Literal["if-different"]
"""Whether the earlier outputs of the same command are removed: never, always, or if they are damaged or were made from
other inputs."""


class StageDirectory:
    """The output directory of one stage, opened for writing under a lock. Use as a context manager.

    Args:
        command: The command that writes here.
        path: The directory; made if absent.
        fingerprint: Everything that the results depend on, as named plain values.
        options: All options of the command, for people; not compared.
        overwrite: Whether earlier outputs of this command are removed first.

    Raises:
        ArtifactError: If the directory holds something else, another fingerprint or damaged outputs, or another process
            writes in it.
    """

    def __init__(
        self,
        command: str,
        path: Path,
        fingerprint: Mapping[str, Any],
        options: Mapping[str, Any],
        overwrite: Overwrite = False,
    ) -> None:
        self.path = path
        plain = json.loads(canonical_json({"fingerprint": fingerprint, "options": options}))
        self._record = RunRecord(command, plain["fingerprint"], plain["options"])
        self._overwrite = overwrite
        self._lock: IO[bytes] | None = None
        self._opened = time.perf_counter()

    def __enter__(self) -> StageDirectory:
        if self.path.exists() and not self.path.is_dir():
            raise ArtifactError(f"{self.path} is a file, but a folder is needed", "choose another --out")
        try:
            with user_errors(f"cannot write in {self.path}"):
                if not (self.path / LOCK).exists():
                    self._refuse_foreign(self._earlier())
                self.path.mkdir(parents=True, exist_ok=True)
                self._acquire()
                self._open(self._earlier())
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that the results depend on."""
        return self._record.fingerprint

    @property
    def started(self) -> float:
        """Unix time at which this run began, the first time."""
        return self._record.started

    @property
    def wall_seconds(self) -> float:
        """Time since the directory was opened by this process, as manifests give it."""
        return round(time.perf_counter() - self._opened, 3)

    @property
    def finished(self) -> bool:
        """Whether the stage is finished with this fingerprint."""
        return MANIFEST in self._record.outputs and (self.path / MANIFEST).exists()

    @property
    def scratch(self) -> Path:
        """A folder for files that are being written; removed when the stage is finished or closed."""
        folder = self.path / self._record.temporary
        folder.mkdir(exist_ok=True)
        return folder

    @contextmanager
    def write(self, name: str, interim: bool = False) -> Iterator[Path]:
        """Yield a temporary path; on success list the file with its digest and move it to `name`.

        Writing into a finished stage takes its manifest away: it has to be finished again.

        Args:
            name: Relative to the directory, with /.
            interim: Whether the file is removed when the stage is finished.

        Raises:
            ArtifactError: If the file cannot be written, or `name` holds a file that this stage did not write.
        """
        target = self._own(name)
        if self.finished and name != MANIFEST:
            self.remove(MANIFEST)
        with atomic(target, self.scratch) as temporary:
            yield temporary
            self._list({name: Output.of(temporary, interim)})

    def write_text(self, name: str, text: str, interim: bool = False) -> None:
        """Write one output as UTF-8, unless it exists with the same text."""
        if self.intact(name) and self._record.outputs[name].sha256 == text_digest(text):
            return
        with self.write(name, interim) as temporary:
            temporary.write_bytes(text.encode("utf-8"))

    def write_json(self, name: str, value: object) -> None:
        """Write one output as indented JSON. NaN is refused: absent numbers are null in our files."""
        self.write_text(name, json_text(value))

    def claim(self, *names: str) -> None:
        """List files that other code will write to these names; `finish` adds their digests.

        Raises:
            ArtifactError: If one exists and is not of this stage.
        """
        for name in names:
            self._own(name)
        self._list({name: Output(None, None) for name in names})

    def adopt(self, folder: Path) -> None:
        """List all files under a folder in `scratch` and move them up into the directory, `config.json` last.

        Without `config.json` a folder is no model, so that a model appears whole.
        """
        files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
        files.sort(key=lambda name: name == "config.json")
        targets = {name: self._own(name) for name in files}
        self._list({name: Output.of(folder / name) for name in files})
        for name in files:
            move_into_place(folder / name, targets[name])

    def inner(self, *names: str) -> None:
        """List inner directories whose stages this run opens."""
        new = [name for name in dict.fromkeys(names) if name not in self._record.stages]
        if new:
            self._record.stages += new
            self._record.write(self.path)

    def intact(self, name: str) -> bool:
        """Return whether an output was written with this fingerprint, now or in an earlier run, and is undamaged."""
        output = self._record.outputs.get(name)
        return output is not None and output.size is not None and not output.fault(self.path / name)

    def remove(self, *names: str) -> None:
        """Remove outputs of this stage; names that it did not list are ignored."""
        listed = [name for name in names if self._record.outputs.pop(name, None) is not None]
        for name in listed:
            self._unlink(name)
        if listed:
            self._record.write(self.path)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, last of all files, and remove what was needed only until then."""
        record = self._record
        for name, output in record.outputs.items():
            if output.size is None and (self.path / name).is_file():
                record.outputs[name] = Output.of(self.path / name)
        outputs = {
            name: {"size": one.size, "sha256": one.sha256}
            for name, one in sorted(record.outputs.items())
            if not one.interim and one.size is not None and name != MANIFEST
        }
        inside = {"stages": there} if (there := [one for one in record.stages if is_stage(self.path / one)]) else {}
        self.write_json(MANIFEST, {"fingerprint": record.fingerprint, **manifest, "outputs": outputs, **inside})
        self._remove_interim()

    def _earlier(self) -> RunRecord | None:
        return RunRecord.read(self.path) if self.path.is_dir() else None

    def _refuse_foreign(self, record: RunRecord | None) -> None:
        if record is not None and record.command != self._record.command:
            raise ArtifactError(
                f"{self.path} is a folder of dataselect {record.command}, not of {self._record.command}",
                "choose another --out",
            )
        foreign = foreign_entry(self.path, record)
        if foreign is not None:
            why = f": no {RUN} lists it" if record is None else ""
            raise ArtifactError(
                f"{self.path} holds {foreign}, which this command did not write there{why}", "choose another --out"
            )

    def _acquire(self) -> None:
        lock = (self.path / LOCK).open("ab", buffering=0)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ArtifactError(
                f"another process is writing in {self.path}", "wait for it, or choose another --out"
            ) from None
        self._lock = lock

    def _release(self) -> None:
        if self._lock is not None:
            self._remove_scratch()
            self._lock.close()
            self._lock = None

    def _open(self, earlier: RunRecord | None) -> None:
        self._refuse_foreign(earlier)
        if earlier is None:
            self._begin()
            return
        self._record.token = earlier.token
        self._remove_scratch()
        if self._overwrite is True:
            self._start_again(earlier)
        else:
            self._resume(earlier)

    def _begin(self) -> None:
        """Write the first `run.json`, after its token; what a killed process left under that token is removed."""
        assert self._lock is not None
        token = lock_token(self.path)
        if token is None:
            self._lock.write(self._record.token.encode())
        else:
            self._record.token = token
            self._remove_scratch()
        self._record.write(self.path)

    def _resume(self, earlier: RunRecord) -> None:
        fault = self._difference(earlier) or self._damage(earlier)
        if fault is None:
            self._record = earlier
            if self.finished:
                self._remove_interim()
        elif self._overwrite:
            self._start_again(earlier)
        else:
            raise fault

    def _start_again(self, earlier: RunRecord) -> None:
        """Remove what the earlier run listed, the manifest first, and begin a new one."""
        for name in sorted(earlier.outputs, key=lambda name: name != MANIFEST):
            self._unlink(name)
        self._record.stages = list(earlier.stages)
        self._record.write(self.path)

    def _difference(self, earlier: RunRecord) -> ArtifactError | None:
        different = differences(earlier.fingerprint, self._record.fingerprint)
        if not different:
            return None
        return ArtifactError(
            f"{self.path} was made with another {listed(different)}", "choose another --out, or add --overwrite"
        )

    def _damage(self, earlier: RunRecord) -> ArtifactError | None:
        """Return what is wrong with the outputs of a finished run; an unfinished one writes damaged files again."""
        if MANIFEST not in earlier.outputs or not (self.path / MANIFEST).exists():
            return None
        try:
            read_finished(self.path).verify()
        except ArtifactError as error:
            return error
        return None

    def _own(self, name: str) -> Path:
        """Return the path of an output.

        Raises:
            ArtifactError: If something exists there that this stage did not write.
        """
        target = self.path / name
        if name not in self._record.outputs and (target.exists() or target.is_symlink()):
            raise ArtifactError(
                f"{target} is in the way: this command did not write it", "move it, or choose another --out"
            )
        return target

    def _list(self, outputs: Mapping[str, Output]) -> None:
        self._record.outputs.update(outputs)
        self._record.write(self.path)

    def _remove_interim(self) -> None:
        self.remove(*[name for name, output in self._record.outputs.items() if output.interim])
        self._remove_scratch()

    def _remove_scratch(self) -> None:
        shutil.rmtree(self.path / self._record.temporary, ignore_errors=True)

    def _unlink(self, name: str) -> None:
        """Remove a listed file, and the folders that it leaves empty."""
        target = self.path / name
        if not target.parent.resolve().is_relative_to(self.path.resolve()):
            raise ArtifactError(f"{target} leads out of {self.path} through a link", "remove the link")
        target.unlink(missing_ok=True)
        for folder in target.relative_to(self.path).parents[:-1]:
            if not (self.path / folder).is_dir() or any((self.path / folder).iterdir()):
                break
            (self.path / folder).rmdir()
