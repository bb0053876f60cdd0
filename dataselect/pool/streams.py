"""Bytes of a pool file, decompressed and in UTF-8; and standard input kept in a temporary file to be read twice.

Gzip and zstandard are recognised by the content and not by the name. Text in UTF-16 or UTF-32 with a byte order mark
becomes UTF-8.

Every kind of damage to a compressed file surfaces as OSError or EOFError. The zstandard package's own reader takes a
frame that breaks off for the end of the file, which would lose records in silence; `_Zstandard` raises.
"""

from __future__ import annotations

import codecs
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

from dataselect.artifacts import ordinary_file
from dataselect.errors import PoolError

COMPRESSED = (".gz", ".zst")
HEAD = 1 << 16
"""Bytes that `read_head` gives at most."""

_CHUNK = 1 << 17
_MAGIC = {b"\x1f\x8b\x08": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}
_FOREIGN = {
    b"BZh91AY&SY": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip", b"7z\xbc\xaf\x27\x1c": "7-zip",
    b"\x04\x22\x4d\x18": "lz4",
}  # fmt: skip
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed if it is compressed.

    Raises:
        OSError, EOFError: On opening, or inside the block if the file is damaged.
        PoolError: If it is compressed in a way that is not read.
    """
    packing = _packing(path)
    with ordinary_file(path).open("rb") as file:
        try:
            if packing == ".gz":
                yield io.BufferedReader(gzip.GzipFile(fileobj=file), _CHUNK)
            elif packing == ".zst":
                yield io.BufferedReader(_Zstandard(file), _CHUNK)
            else:
                yield file
        except zlib.error as error:
            raise OSError(f"damaged gzip data: {error}") from error


def _packing(path: Path) -> str:
    """The suffix of a file's compression, by its first bytes; where they do not decide, its own; else empty."""
    with ordinary_file(path).open("rb") as file:
        start = file.read(16)
    foreign = next((name for magic, name in _FOREIGN.items() if start.startswith(magic)), None)
    if foreign:
        raise PoolError(f"it is {foreign} data, which is not read", "unpack it, or pack it as .gz or .zst")
    own = path.suffix.lower()
    return next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), own if own in COMPRESSED else "")


def read_head(path: Path) -> bytes:
    """The first bytes of a file, decompressed and text in UTF-8; empty where it is damaged there.

    Raises:
        PoolError: As `open_bytes` and `as_utf8`.
    """
    try:
        with open_bytes(path) as file:
            return as_utf8(file).read(HEAD)
    except (OSError, EOFError):
        return b""


def as_utf8(file: BinaryIO) -> BinaryIO:
    """Decode to UTF-8 a file whose byte order mark says that it is in UTF-16 or UTF-32; any other is returned as it is.

    Raises:
        PoolError: If it looks like UTF-16 and has no mark.
    """
    assert isinstance(file, io.BufferedReader)
    start = file.peek(8)[:8]
    encoding = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    if encoding:
        return io.BufferedReader(_Transcoded(file, encoding), _CHUNK)
    halves = {half for half in (0, 1) if len(start) == 8 and not any(start[half::2]) and all(start[1 - half :: 2])}
    if halves:
        name = "UTF-16LE" if halves == {1} else "UTF-16BE"
        raise PoolError(f"it looks like {name} without a byte order mark", f"convert it: iconv -f {name} -t UTF-8")
    return file


@contextmanager
def seekable(path: Path) -> Iterator[Path]:
    """The path itself or, for a compressed file, that of a temporary decompressed copy: for formats that seek."""
    if not _packing(path):
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


class _Transcoded(io.RawIOBase):
    """Text of another encoding as UTF-8; raises OSError where it is not valid."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        while not self._ready and not self._ended:
            data = self._file.read(_CHUNK)
            self._ended = not data
            try:
                self._ready = memoryview(self._decoder.decode(data, final=self._ended).encode("utf-8"))
            except UnicodeError as error:
                raise OSError(f"damaged {self._encoding} text: {error}") from error
        taken = self._ready[: len(buffer)]
        buffer[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)


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
                raise EOFError("the zstandard data is truncated")
            return False
        try:
            self._ready, self._inside = memoryview(self._frame.decompress(data)), True
        except self._error as error:
            raise OSError(f"damaged zstandard data: {error}") from error
        return True
