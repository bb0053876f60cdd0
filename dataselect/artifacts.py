"""Files that appear whole or not at all, their digests, JSON, and Parquet with checksums.

Every page of a Parquet file that we write carries a checksum, and every reader compares it: a stage's manifest already
holds the digest of the file, and the checksum also shows damage where a file was copied out of its stage.

Left out: who may write where and what belongs to whom (`stage`).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dataselect.errors import ArtifactError, DataselectError
from dataselect.escaping import ACTING
from dataselect.library_errors import refused, user_errors

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def canonical_json(value: object) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text."""
    return _CANONICAL.encode(value)


def text_digest(text: str) -> str:
    """Return the sha256 (hex) of a text as UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest(value: object) -> str:
    """Return the sha256 (hex) of the canonical JSON of `value`."""
    return text_digest(canonical_json(value))


_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


def ordinary_file(path: Path) -> Path:
    """Return the path, unless it is a folder or something whose reading would wait or never end.

    Raises:
        ArtifactError: If it is a folder, pipe, device or socket. A missing file is left to the caller that opens it.
    """
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return path
    if kind in _KINDS:
        raise ArtifactError(f"{path} is {_KINDS[kind]}, but a file is needed", "give the path of an ordinary file")
    return path


def read_text(path: Path, what: str = "") -> str:
    """Read the text of a file, UTF-8.

    Args:
        what: A name for it, as "the configuration"; empty if its path says enough.

    Raises:
        ArtifactError: If it cannot be read, or is not UTF-8.
    """
    with user_errors(f"cannot read {what} {path}" if what else f"cannot read {path}"):
        return ordinary_file(path).read_text(encoding="utf-8")


def file_digest(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes, or of the names and bytes of all files in a directory.

    Raises:
        ArtifactError: If `path` is a pipe, device or socket.
    """
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        return digest([(str(p.relative_to(path)), file_digest(p)) for p in inside])
    state = ordinary_file(path).stat()
    key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    if key not in _DIGESTS:
        with user_errors(f"cannot read {path}"), path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time() - max(state.st_mtime, state.st_ctime) < _SETTLED:
            return found  # a change within the clock's grain would not show in its times
        _DIGESTS[key] = found
    return _DIGESTS[key]


_DIGESTS: dict[tuple[int, ...], str] = {}
"""Digests of this process by inode, size and times, so that a file which does not change is read once."""

_SETTLED = 2.0
"""Seconds after which the times of a file distinguish it from a later version."""


@contextmanager
def atomic(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield a temporary path; on success sync it and rename it to `path`, else remove it.

    Args:
        folder: Folder of the temporary file, on the file system of `path`; None for that of `path`.

    Raises:
        ArtifactError: If the file cannot be written.
    """
    ordinary_file(path)
    temporary = (folder or path.parent) / f".tmp-{secrets.token_hex(4)}-{path.name}"
    try:
        with user_errors(f"cannot write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            move_into_place(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield a temporary folder, for several files that appear together; removed afterwards.

    Args:
        folder: The folder that it is made in, on the file system of `path`; None for that of `path`.

    Raises:
        ArtifactError: If a file cannot be written.
    """
    ordinary_file(path)
    with user_errors(f"cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        inside = folder or path.parent
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=inside, ignore_cleanup_errors=True) as made:
            yield Path(made)


def move_into_place(source: Path, target: Path) -> None:
    """Sync a file and rename it, on one file system, so that `target` is the old file or the whole new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(source, target)
    _sync_directory(target.parent)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str, folder: Path | None = None) -> None:
    """Write UTF-8 text so that `path` is either the old file or the whole new one.

    Args:
        folder: As in `atomic`.
    """
    with atomic(path, folder) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def json_text(value: object) -> str:
    """Return indented JSON with a line end. NaN is refused: absent numbers are null in our files."""
    return _harmless(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str)) + "\n"


def json_line(value: object) -> str:
    """Return one line of JSON with its line end; control characters and lone surrogates are escaped, not lost."""
    return _harmless(json.dumps(value, ensure_ascii=False, default=str)) + "\n"


def _harmless(text: str) -> str:
    """Escape control characters in JSON by its own escapes: what is read from it is the same."""
    return ACTING.sub(lambda found: json.dumps(found.group())[1:-1], text)


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    """Read a JSON file.

    Raises:
        ArtifactError: If it is missing or not JSON.
    """
    if not path.exists():
        raise ArtifactError(f"{path} does not exist", "check the path, or finish the stage that writes it")
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read as JSON: {error}", "make it again") from None


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        ArtifactError: If it is missing, not JSON, or holds something else.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise ArtifactError(f"{path} should hold a JSON object, not {type(value).__name__}", "make it again")
    return value


def write_parquet(table: Any, path: Path, **options: Any) -> None:  # noqa: ANN401 - an Arrow table, pyarrow's options
    """Write an Arrow table."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, write_page_checksum=True, **options)


def parquet_writer(path: Path, schema: Any) -> Any:  # noqa: ANN401 - a pyarrow schema and writer
    """Return a writer of batches, for a table that is larger than memory."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema, write_page_checksum=True)


def read_parquet(path: Path, columns: Sequence[str] | None = None, **options: Any) -> Any:  # noqa: ANN401 - as above
    """Read an Arrow table.

    Args:
        columns: Columns to read; None for all.

    Raises:
        ArtifactError: If the file is missing, damaged or no Parquet file.
    """
    import pyarrow.parquet as pq

    try:
        wanted = None if columns is None else list(columns)
        return pq.read_table(path, columns=wanted, page_checksum_verification=True, **options)
    except (OSError, ValueError, KeyError) as error:
        raise unreadable(path, error) from None


def column_names(path: Path) -> Collection[str]:
    """Return the names of the columns of a Parquet file.

    Raises:
        ArtifactError: If the file is missing, damaged or no Parquet file.
    """
    import pyarrow.parquet as pq

    try:
        names: list[str] = pq.read_schema(path).names
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    return names


def unreadable(path: Path, error: Exception) -> DataselectError:
    """Return the error for a Parquet file that cannot be read."""
    detail = " ".join(str(error).split())[:200]
    return refused(error, f"cannot read {path}") or ArtifactError(
        f"{path} cannot be read as Parquet: {detail}", "make it again with the command that wrote it"
    )
