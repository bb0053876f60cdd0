"""Stage directories: who may write where, what counts as finished, and how a file appears whole or not at all.

A stage writes `run.json` (fingerprint and options) first and `manifest.json` last; the presence of the manifest means
done. A directory is used when it is absent, empty or holds only our own files of the same fingerprint; a directory with
another fingerprint, or with files that no stage of ours made, is refused by name. A lock held by the operating system
(released when its process dies, however it dies) keeps a second writer out. Nothing is ever removed but our own files,
and those only with `overwrite`.

Left out: what goes into a fingerprint (each stage says), and any locking across machines that share a folder without
POSIX locks.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from dataselect.errors import ArtifactError

RUN, MANIFEST, LOCK = "run.json", "manifest.json", ".lock"
_TEMPORARY = ".tmp-[0-9]*"
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _CANONICAL.encode(value)


def digest(value: object) -> str:
    """sha256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes, or of the names and bytes of all files in a directory."""
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        return digest([(str(p.relative_to(path)), file_digest(p)) for p in inside])
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success sync it and rename it into place, else remove it.

    Raises:
        ArtifactError: If the folder cannot be written.
    """
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise ArtifactError(
            f"cannot write {path}: {error.strerror or error}", "check the path, rights and space"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text so that `path` is either the old file or the whole new one."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically. NaN is refused: absent numbers are null in our files."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    """Read a JSON file.

    Raises:
        ArtifactError: If it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{path} does not exist", "check the path, or finish the stage that writes it") from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read as JSON: {error}") from None


class StageDirectory:
    """The output directory of one stage, opened for writing under a lock. Use as a context manager.

    Args:
        path: The directory; made if absent.
        fingerprint: Everything that the results depend on, as named plain values.
        options: All options of the command, for people; not compared.
        own: Glob patterns, relative to `path`, of the files that this stage writes.
        overwrite: Remove our own files first.

    Raises:
        ArtifactError: If the directory holds something else, another fingerprint, or another process writes in it.
    """

    def __init__(
        self,
        path: Path,
        fingerprint: Mapping[str, Any],
        options: Mapping[str, Any],
        own: Sequence[str],
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self.fingerprint = json.loads(canonical_json(fingerprint))
        self._options = options
        self._own = (*own, RUN, MANIFEST, LOCK, f"**/{_TEMPORARY}")
        self._overwrite = overwrite
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> StageDirectory:
        try:
            self._refuse_foreign()
            self.path.mkdir(parents=True, exist_ok=True)
            self._acquire()
            self._prepare()
        except OSError as error:
            self._release()
            message = f"cannot write in {self.path}: {error.strerror or error}"
            raise ArtifactError(message, "choose a folder that you may write to") from error
        except ArtifactError:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    @property
    def finished(self) -> bool:
        """Whether the manifest is there: the stage ran to its end with this fingerprint."""
        return (self.path / MANIFEST).exists()

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, last of all files."""
        write_json(self.path / MANIFEST, {"fingerprint": self.fingerprint, **manifest})

    def _acquire(self) -> None:
        self._lock = (self.path / LOCK).open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArtifactError(
                f"another process is writing in {self.path}", "wait for it, or choose another --out"
            ) from None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _refuse_foreign(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise ArtifactError(f"{self.path} is a file, but a folder is needed", "choose another --out")
        others = set(self._files(self.path.rglob("*"))) - set(self._own_files())
        foreign = sorted(self._files(iter(others)))  # another process of ours may have removed some in between
        if foreign:
            names = ", ".join(str(p.relative_to(self.path)) for p in foreign[:3])
            raise ArtifactError(
                f"{self.path} holds files that this command did not write: {names}", "choose another --out"
            )

    def _own_files(self) -> list[Path]:
        return self._files(p for pattern in self._own for p in self.path.glob(pattern))

    @staticmethod
    def _files(paths: Iterator[Path]) -> list[Path]:
        return [p for p in paths if p.is_file() or p.is_symlink()]

    def _prepare(self) -> None:
        if self._overwrite:
            self._remove_own()
        for stale in self._stale():
            stale.unlink()
        if (self.path / RUN).exists():
            self._compare(read_json(self.path / RUN).get("fingerprint", {}))
        else:
            self._remove_own()
            write_json(self.path / RUN, {"fingerprint": self.fingerprint, "options": self._options})

    def _stale(self) -> list[Path]:
        """What a killed run left half written: the lock says that nobody else writes here.

        A stage directory inside this one has a lock of its own, and is left to whoever holds it.
        """
        held = {lock.parent for lock in self.path.rglob(LOCK)} - {self.path}
        return [p for p in self._files(self.path.rglob(_TEMPORARY)) if held.isdisjoint(p.parents)]

    def _remove_own(self) -> None:
        for file in self._own_files():
            if file.name != LOCK:
                file.unlink(missing_ok=True)

    def _compare(self, there: Mapping[str, Any]) -> None:
        old, new = dict(_flat(there)), dict(_flat(self.fingerprint))
        different = [k for k in sorted(old.keys() | new.keys()) if old.get(k) != new.get(k)]
        if different:
            parts = [f"{k} ({_short(old.get(k))} there, {_short(new.get(k))} now)" for k in different]
            raise ArtifactError(
                f"{self.path} was made with another {', '.join(parts)}", "choose another --out, or add --overwrite"
            )


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Leaves of nested mappings and lists under dotted names."""
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, inner in items:
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _short(value: object) -> str:
    text = canonical_json(value)
    return text if len(text) <= 24 else text[:21] + "..."
