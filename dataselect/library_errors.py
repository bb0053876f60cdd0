"""Errors of the operating system and of libraries, and what a user reads instead: one table.

Arrow, safetensors, zstandard, tokenizers, torch, transformers, faiss, sqlite and the system say that a disk is full, a
file damaged or memory short in some forty ways: by type, by errno, or only in the text of a RuntimeError. `known_error`
finds the row that fits an error, or one that it came from, and returns our own error with the file, the reason and what
to do; `user_errors` does so for all that a block or a function raises. Types are matched by name, so that no library is
imported for that. If no row fits, the fault is ours, and `as_user_error` says so and how to print its traceback.

Left out: trying again with less (the backends do, before an error comes here).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from dataselect.errors import ArtifactError, DataselectError

TRACEBACK = "DATASELECT_TRACEBACK"
"""Environment variable: set to 1, the command line prints the traceback of every error, above its line."""

_AGAIN = "then run the same command again: what is finished is kept"
_LONGEST = 300
"""Characters of a library's own words that are passed on."""


@dataclass(frozen=True, slots=True)
class KnownError:
    """One kind of error that libraries raise.

    Attributes:
        types: Full names of types; an error fits with its own type or one that it derives from.
        words: What its text must hold; None for any text.
        says: What happened; empty if the error's own text says it.
        hint: What to do.
        error: Which of our errors it becomes.
    """

    types: tuple[str, ...]
    words: re.Pattern[str] | None
    says: str
    hint: str
    error: type[DataselectError] = ArtifactError

    def fits(self, error: BaseException) -> bool:
        """Return whether an error is of this kind."""
        names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
        return not names.isdisjoint(self.types) and (self.words is None or self.words.search(str(error)) is not None)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_LESS = "take less at once (--batch-tokens, --max-length, fewer --workers; to train, micro_batch_size), or free memory"
_DAMAGED = "copy the file again, or make it again with the command that wrote it"

OUT_OF_MEMORY = KnownError(
    ("builtins.MemoryError", "torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError"), None, "memory ran out", _LESS,
    DataselectError,
)  # fmt: skip
OUT_OF_MEMORY_IN_WORDS = KnownError(
    ("builtins.RuntimeError",),
    _words(
        r"can't allocate memory|could not create a primitive(?! descriptor)|out of memory|bad.?alloc"
        r"|cannot allocate memory|_status_alloc_failed"
    ),
    "memory ran out",
    _LESS,
    DataselectError,
)
"""PyTorch's allocator, oneDNN (which finds no room for a kernel), CUDA, cuBLAS, faiss and the C++ library."""

ROWS = (
    OUT_OF_MEMORY,
    OUT_OF_MEMORY_IN_WORDS,
    KnownError(
        ("concurrent.futures.process.BrokenProcessPool", "concurrent.futures._base.BrokenExecutor",
         "ray.exceptions.RayError", "ray.exceptions.RayTaskError", "subprocess.SubprocessError"),
        None, "a process of this command was killed or ended early",
        f"a machine without memory left kills processes: use fewer --workers, {_AGAIN}", DataselectError,
    ),
    KnownError(
        ("builtins.RuntimeError",), _words(r"DataLoader worker|worker.* (exited unexpectedly|killed by signal)"),
        "a process that loads data was killed",
        f"a machine without memory left kills processes: free some, {_AGAIN}", DataselectError,
    ),
    KnownError(
        ("builtins.RuntimeError",), _words(r"can't start new thread"), "the system starts no more threads",
        "raise the limit (ulimit -u), or lower OMP_NUM_THREADS", DataselectError,
    ),
    KnownError(
        ("builtins.RuntimeError", "torch.AcceleratorError"),
        _words(r"CUDA (error|driver|unknown)|no CUDA GPUs|no NVIDIA driver|CUBLAS_STATUS|CUDNN_STATUS|NCCL"),
        "the GPU cannot be used", "check it with nvidia-smi; CUDA_VISIBLE_DEVICES= runs on the CPU", DataselectError,
    ),
    KnownError(
        ("sqlite3.Error",), None, "the score cache cannot be used",
        "run with --no-cache, or set DATASELECT_CACHE to another folder",
    ),
    KnownError(
        ("safetensors._safetensors_rust.SafetensorError", "safetensors_rust.SafetensorError"), None,
        "damaged weights in safetensors", _DAMAGED,
    ),
    KnownError(
        ("builtins.RuntimeError",), _words(r"PytorchStream(Reader|Writer)|unexpected pos|inline_container"),
        "PyTorch cannot read or write a file", f"check space and rights; {_DAMAGED}",
    ),
    KnownError(
        ("zstd.ZstdError", "zstandard.ZstdError", "zstandard.backend_c.ZstdError", "zlib.error", "gzip.BadGzipFile",
         "_lzma.LZMAError", "builtins.EOFError", "zipfile.BadZipFile", "tarfile.TarError"),
        None, "damaged or truncated compressed data", _DAMAGED,
    ),
    KnownError(
        ("pyarrow.lib.ArrowException",), None, "a table that is damaged or of another form", _DAMAGED,
    ),
    KnownError(
        ("builtins.RuntimeError",), _words(r"faiss"), "faiss cannot use the index", _DAMAGED,
    ),
    KnownError(
        ("json.decoder.JSONDecodeError",), None, "text that is not JSON", _DAMAGED,
    ),
    KnownError(
        ("builtins.UnicodeDecodeError",), None, "text that is not UTF-8", "save the file as UTF-8",
    ),
    KnownError(
        ("builtins.UnicodeEncodeError",), _words(r"surrogates not allowed"), "text with half a character in it",
        "repair the text: a lone surrogate (\\ud800 to \\udfff) is no character",
    ),
    KnownError(
        ("builtins.UnicodeEncodeError",), None, "a character that this encoding does not have", "set PYTHONUTF8=1",
    ),
    KnownError(
        ("_csv.Error", "yaml.error.YAMLError"), None, "a file that is not what its name says", "correct the file",
    ),
    KnownError(
        ("_pickle.UnpicklingError", "pickle.PickleError", "_pickle.PickleError"), None,
        "damaged data, or data of another kind", _DAMAGED,
    ),
    KnownError(
        ("builtins.RecursionError",), None, "something nested too deeply", "take the record or setting apart",
        DataselectError,
    ),
    KnownError(
        ("pyo3_runtime.PanicException",), None, "a library failed on its input", _DAMAGED,
    ),
    KnownError(
        ("httpx.HTTPError", "httpcore.NetworkError", "requests.exceptions.RequestException"), None,
        "the connection failed", "check the network; HF_HUB_OFFLINE=1 uses what was downloaded before",
    ),
    KnownError(
        ("builtins.ImportError",), _words(r"^(?!.*\bdataselect\b)"), "a package is missing or cannot be loaded",
        "install it again, in this environment", DataselectError,
    ),
)  # fmt: skip
"""In order: the first row that fits is used, unless the error has an errno or one in its text, which goes first."""

_SPACE = f"free some space, or take another disk, {_AGAIN}"
ERRNO_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: f"raise the largest size that a file may have (ulimit -f), or take another disk, {_AGAIN}",
    errno.EROFS: "choose a place that can be written to",
    errno.EACCES: "check your rights, or choose another place",
    errno.EPERM: "check your rights, or choose another place",
    errno.EMFILE: "raise the number of open files (ulimit -n), or use fewer --workers",
    errno.ENFILE: "other programs hold too many files open: end some, then run the same command again",
    errno.ENOMEM: _LESS,
    errno.EAGAIN: "the system starts no more processes: raise the limit (ulimit -u), or use fewer --workers",
    errno.EIO: f"check the disk or network drive, {_AGAIN}",
    errno.ESTALE: f"the network drive lost the file: mount it again, {_AGAIN}",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: a file stands where a folder is needed",
    errno.EISDIR: "give a file, not a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "check the links in the path",
    errno.ENXIO: "give an ordinary file",
    errno.ECONNREFUSED: "check the address, and that the server runs",
    errno.ECONNRESET: f"check the server and the network, {_AGAIN}",
    errno.ETIMEDOUT: f"check the server and the network, {_AGAIN}",
}
"""Hints for errors of the system; for others: check the path, rights and space."""

_ERRNO_IN_TEXT = _words(r"\((?:os )?error (\d+)\)|\[?errno (\d+)\]?")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says, by its type or in its text, that memory ran out."""
    return OUT_OF_MEMORY.fits(error) or OUT_OF_MEMORY_IN_WORDS.fits(error)


def known_error(error: BaseException, doing: str = "") -> DataselectError | None:
    """Return our error for one that a library or the system raised; None if no row of the table fits.

    Args:
        error: What was raised; if it fits no row, the error that caused it is tried.
        doing: What failed, with its file, as "cannot write scores.parquet".
    """
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        if isinstance(at, DataselectError):
            return at
        found = _told(at, doing)
        if found is not None:
            return found
        seen.add(id(at))
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return None


_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)


def refused(error: BaseException, doing: str) -> DataselectError | None:
    """Return our error if the machine refuses any access: rights, open files, memory, or the disk itself.

    For callers with messages of their own for files that are missing or damaged: for those it returns None.

    Args:
        doing: What failed, with its file.
    """
    number = _errno(error)
    if is_out_of_memory(error) or (number is not None and number not in _NOT_THERE):
        return _told(error, doing)
    return None


@contextmanager
def loading(what: str, hint: str) -> Iterator[None]:
    """Turn whatever a library raises while it loads something from outside into one error.

    A configuration, a tokenizer or a task file from outside can make a library raise anything.

    Args:
        what: What is loaded, as "the tokenizer in FOLDER".
        hint: What to do if it is damaged or of an unknown kind.

    Raises:
        DataselectError: In place of the library's error.
    """
    try:
        yield
    except DataselectError:
        raise
    except Exception as error:
        doing = f"{what} cannot be loaded"
        raise refused(error, doing) or DataselectError(f"{doing}: {_named(error)}", hint) from error


def _named(error: Exception) -> str:
    """Return the text of an error, with its type unless the text alone is clear."""
    bare = isinstance(error, OSError | ValueError | RuntimeError) or type(error) is Exception
    return _short(error) if bare and str(error) else f"{type(error).__name__}: {_short(error)}"


def as_user_error(error: BaseException, doing: str = "") -> DataselectError:
    """Return our error for any error: if it is not known, one that says that the fault is dataselect's."""
    found = known_error(error, doing)
    if found is not None:
        return found
    return DataselectError(
        f"this is a fault of dataselect: {type(error).__name__}: {_short(error)}",
        f"{TRACEBACK}=1 in the environment prints the traceback; please report it",
    )


@contextmanager
def user_errors(doing: str = "") -> Iterator[None]:
    """Turn errors of libraries and of the system into ours, with the original as their cause.

    Also a decorator. Errors that fit no row pass as they are.

    Raises:
        DataselectError: In place of an error that the table knows.
    """
    try:
        yield
    except DataselectError:
        raise
    except BaseException as error:
        found = None if _asked_for(error) else known_error(error, doing)
        if found is None:
            raise
        raise found from error


def _asked_for(error: BaseException) -> bool:
    """Return whether an error is no fault: an exit on request, or a reader of our output that has gone."""
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit | BrokenPipeError)


def _told(error: BaseException, doing: str) -> DataselectError | None:
    number = _errno(error)
    if number is not None:
        said = f"{os.strerror(number)}"
        hint = ERRNO_HINTS.get(number, "check the path, rights and space")
        return ArtifactError(_joined(doing, _file(error), said), hint)
    row = next((row for row in ROWS if row.fits(error)), None)
    if row is not None:
        return row.error(_joined(doing, row.says, _short(error)), row.hint)
    if isinstance(error, OSError):
        return ArtifactError(_joined(doing, _file(error), _short(error)), "check the path, rights and space")
    return None


def _errno(error: BaseException) -> int | None:
    """Return the number of a system error, from an OSError or from a library's text."""
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return error.errno
    if not type(error).__module__.startswith(("builtins", "safetensors", "pyarrow", "torch", "sqlite3", "tokenizers")):
        return None
    text = str(error)
    found = _ERRNO_IN_TEXT.search(text)
    if found is not None:
        number = int(found[1] or found[2])
        return number if number in errno.errorcode else None
    return next((number for words, number in _errno_by_words().items() if words in text), None)


@cache
def _errno_by_words() -> dict[str, int]:
    """Return the system's texts for errors of files and disks, which C++ libraries print without the number."""
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO)
    return {os.strerror(number): number for number in numbers}


def _file(error: BaseException) -> str:
    """Return the file that a system error names; empty for none, or for one of our temporary files."""
    named = getattr(error, "filename", None)
    text = os.fsdecode(named) if isinstance(named, str | bytes) else "" if named is None else str(named)
    return "" if ".tmp-" in text else text


def _joined(*parts: str) -> str:
    """Join the parts that are not empty, each once."""
    kept: list[str] = []
    for part in parts:
        if part and not any(part in other for other in kept):
            kept.append(part)
    return ": ".join(kept)


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
