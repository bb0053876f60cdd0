"""Bytes of a pool file: plain, .gz or .zst, and standard input kept in a temporary file so that it can be read twice.

Every kind of damage to a compressed file surfaces as OSError or EOFError. The zstandard package's own reader takes a
frame that breaks off for the end of the file, which would lose records in silence; ours says so.
"""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

COMPRESSED = (".gz", ".zst")
_CHUNK = 1 << 17


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed by its last suffix.

    Raises:
        OSError, EOFError: On opening, or inside the block if the file is damaged.
    """
    with path.open("rb") as file:
        try:
            if path.suffix.lower() == ".gz":
                yield io.BufferedReader(gzip.GzipFile(fileobj=file), _CHUNK)
            elif path.suffix.lower() == ".zst":
                yield io.BufferedReader(_Zstandard(file), _CHUNK)
            else:
                yield file
        except zlib.error as error:
            raise OSError(f"damaged gzip data: {error}") from error


@contextmanager
def seekable(path: Path) -> Iterator[Path]:
    """The path itself or, for a compressed file, that of a temporary decompressed copy: for formats that seek."""
    if path.suffix.lower() not in COMPRESSED:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="dataselect-") as copy, open_bytes(path) as file:
        shutil.copyfileobj(file, copy, _CHUNK)
        copy.flush()
        yield Path(copy.name)


def spool_stdin() -> IO[bytes]:
    """Copy standard input into a temporary file that vanishes when it is closed or collected; it has a `name`."""
    copy = tempfile.NamedTemporaryFile(prefix="dataselect-stdin-")  # noqa: SIM115 - lives as long as its reader
    shutil.copyfileobj(sys.stdin.buffer, copy, _CHUNK)
    copy.flush()
    return copy


class _Zstandard(io.RawIOBase):
    """Decompresses one or more zstandard frames; raises EOFError where one breaks off."""

    def __init__(self, file: BinaryIO) -> None:
        import zstandard

        self._file = file
        self._error = zstandard.ZstdError
        self._new: Callable[[], Any] = lambda: zstandard.ZstdDecompressor().decompressobj()
        self._frame = self._new()
        self._inside = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        while not self._ready:
            if not self._fill():
                return 0
        taken = self._ready[: len(buffer)]
        buffer[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)

    def _fill(self) -> bool:
        data = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame, self._inside = self._new(), False
        data = data or self._file.read(_CHUNK)
        if not data:
            if self._inside:
                raise EOFError("the zstandard data breaks off")
            return False
        try:
            self._ready, self._inside = memoryview(self._frame.decompress(data)), True
        except self._error as error:
            raise OSError(f"damaged zstandard data: {error}") from error
        return True
