"""What each library really raises, and what the table makes of it."""

from __future__ import annotations

import concurrent.futures
import errno
import gzip
import io
import json
import os
import pickle
import resource
import sqlite3
import zipfile
import zlib
from contextlib import contextmanager

import pytest

from dataselect.errors import ArtifactError, DataselectError
from dataselect.library_errors import as_user_error, is_out_of_memory, known_error, loading, refused, user_errors


@contextmanager
def small_files():
    """No file may grow over a thousand bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def arrow(folder):
    import pyarrow.parquet as pq

    (folder / "x.parquet").write_bytes(b"PAR1 and no more of it PAR1")
    pq.ParquetFile(folder / "x.parquet")


def arrow_text(folder):
    import pyarrow as pa

    pa.table({"a": ["x"]}).column("a").cast(pa.int64())


def safetensors(folder):
    from safetensors import safe_open

    (folder / "x.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with safe_open(folder / "x.safetensors", "pt") as held:
        held.get_tensor("a")


def safetensors_full(folder):
    import torch
    from safetensors.torch import save_file

    with small_files():
        save_file({"a": torch.zeros(100_000)}, folder / "x.safetensors")


def zstandard(folder):
    import zstandard

    zstandard.ZstdDecompressor().decompress(b"\x28\xb5\x2f\xfd\0\0\0")


def torch_load(folder):
    import torch

    (folder / "x.pt").write_bytes(b"PK\3\4 nothing")
    torch.load(folder / "x.pt", weights_only=True)


def torch_save(folder):
    import torch

    with small_files():
        torch.save({"a": torch.zeros(1_000_000)}, folder / "x.pt")


def torch_memory(folder):
    import torch

    torch.empty(2**60, dtype=torch.uint8)


def numpy_memory(folder):
    import numpy as np

    np.ones(2**60, np.uint8)


def faiss_missing(folder):
    import faiss

    faiss.read_index(str(folder / "none.faiss"))


def faiss_damaged(folder):
    import faiss

    (folder / "x.faiss").write_bytes(b"IxF")
    faiss.read_index(str(folder / "x.faiss"))


def broken_pool(folder):
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        pool.submit(os._exit, 9).result()


def data_loader(folder):
    import torch

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, row):
            os.kill(os.getpid(), 9)

    list(torch.utils.data.DataLoader(Rows(), num_workers=1, multiprocessing_context="fork"))


def recursion(folder):
    return recursion(folder)


def deep_json(folder):
    json.loads("[" * 100_000)


def sqlite(folder):
    (folder / "x.sqlite").write_bytes(b"no database, but long enough to be taken for one" * 100)
    sqlite3.connect(folder / "x.sqlite").execute("select * from scores")


def yaml(folder):
    import yaml

    yaml.safe_load("a: [")


def write_full(folder):
    with small_files():
        (folder / "x").write_bytes(bytes(2000))


REAL = [
    (arrow, "damaged or of another form"), (arrow_text, "damaged or of another form"),
    (safetensors, "damaged weights in safetensors"), (safetensors_full, os.strerror(errno.EFBIG)),
    (zstandard, "damaged or truncated compressed data"), (torch_load, "PyTorch cannot read or write a file"),
    (torch_save, "PyTorch cannot read or write a file"),
    (torch_memory, "memory ran out"), (numpy_memory, "memory ran out"),
    (faiss_missing, "No such file or directory"), (faiss_damaged, "faiss cannot use"),
    (broken_pool, "was killed or ended early"), (data_loader, "a process that loads data was killed"),
    (recursion, "nested too deeply"), (deep_json, "nested too deeply"), (sqlite, "the score cache cannot be used"),
    (yaml, "not what its name says"), (write_full, os.strerror(errno.EFBIG)),
    (lambda folder: gzip.decompress(b"\x1f\x8b\x08\0\0\0\0\0\0\xff"), "damaged or truncated compressed data"),
    (lambda folder: gzip.decompress(b"no gzip"), "damaged or truncated compressed data"),
    (lambda folder: zlib.decompress(b"no"), "damaged or truncated compressed data"),
    (lambda folder: zipfile.ZipFile(io.BytesIO(b"no")), "damaged or truncated compressed data"),
    (lambda folder: json.loads("{"), "text that is not JSON"),
    (lambda folder: b"\xff".decode(), "text that is not UTF-8"),
    (lambda folder: "\ud800".encode(), "half a character"),
    (lambda folder: "é".encode("ascii"), "a character that this encoding does not have"),
    (lambda folder: pickle.loads(b"no"), "damaged data"),
    (lambda folder: __import__("no_such_package"), "a package is missing"),
    (lambda folder: (folder / "none").read_bytes(), "No such file or directory"),
    (lambda folder: folder.read_bytes(), "Is a directory"),
    (lambda folder: (folder / ("x" * 300)).read_bytes(), "File name too long"),
]  # fmt: skip


@pytest.mark.parametrize(("raises", "says"), REAL, ids=[f"{n}-{says}" for n, (_, says) in enumerate(REAL)])
def test_what_a_library_raises_is_told_with_what_to_do(tmp_path, raises, says):
    with pytest.raises(DataselectError) as caught, user_errors("cannot use the thing"):
        raises(tmp_path)
    error = caught.value
    assert says in error.message
    assert error.hint
    assert "\n" not in str(error)
    assert error.exit_code == 1
    assert error.__cause__ is not None
    assert "this is a fault of dataselect" not in as_user_error(error.__cause__).message


NUMBERS = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE,
    errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.ESTALE, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EXDEV,
)  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
@pytest.mark.parametrize(
    "raised",
    [
        lambda number: OSError(number, os.strerror(number), "/there/x.parquet"),
        lambda number: OSError(f"[Errno {number}] Error writing bytes to file. Detail: [errno {number}] it says"),
        lambda number: Exception(f"{os.strerror(number)} (os error {number})"),
        lambda number: RuntimeError(f"Error: 'f' failed: could not open x for writing [Errno {number}]"),
    ],
    ids=["python", "arrow", "rust", "c++"],
)
def test_an_error_of_the_system_is_known_however_a_library_says_it(raised, number):
    error = known_error(raised(number), "cannot write /there/x.parquet")
    assert isinstance(error, ArtifactError)
    assert error.message == f"cannot write /there/x.parquet: {os.strerror(number)}"
    assert error.hint


def test_whatever_a_library_raises_while_it_loads_names_what_was_loaded(tmp_path):
    import tokenizers

    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(DataselectError) as caught, loading("the tokenizer in m", "copy it again"):
        tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert caught.value.message.startswith("the tokenizer in m cannot be loaded: invalid type: sequence")
    assert caught.value.hint == "copy it again"
    with pytest.raises(DataselectError, match=r"^m cannot be loaded: AttributeError: .*get"), loading("m", "h"):
        [].get("x")


def test_the_first_cause_that_is_known_is_told():
    try:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/there/log")
        except OSError as error:
            raise KeyError("of a library") from error
    except KeyError as error:
        found = as_user_error(error)
    assert found.message == "/there/log: No space left on device"


def test_another_file_than_the_one_that_is_written_is_named_too():
    error = known_error(OSError(errno.EIO, os.strerror(errno.EIO), "/pool.jsonl"), "cannot write /out/chosen.jsonl")
    assert str(error).startswith("cannot write /out/chosen.jsonl: /pool.jsonl: Input/output error (")
    own = known_error(OSError(errno.EIO, os.strerror(errno.EIO), "/out/.tmp-1/x"), "cannot write /out/x")
    assert str(own).startswith("cannot write /out/x: Input/output error (")


@pytest.mark.parametrize(
    "fault", [AssertionError("no"), ValueError("x"), KeyError("y"), TypeError("z"), ZeroDivisionError()]
)
def test_a_fault_of_ours_is_never_dressed_up(fault):
    assert known_error(fault) is None
    with pytest.raises(type(fault)), user_errors("cannot write x"):
        raise fault
    assert as_user_error(fault).message.startswith(f"this is a fault of dataselect: {type(fault).__name__}: ")


@pytest.mark.parametrize("asked", [KeyboardInterrupt, SystemExit, GeneratorExit, BrokenPipeError])
def test_an_end_that_was_asked_for_stays_what_it_is(asked):
    with pytest.raises(asked), user_errors("cannot write x"):
        raise asked


def test_an_error_of_ours_passes_as_it_is():
    own = ArtifactError("mine", "do that")
    with pytest.raises(ArtifactError) as caught, user_errors("cannot write x"):
        raise own
    assert caught.value is own


def test_the_machine_refusing_is_no_damage():
    assert "Too many open files" in str(refused(OSError(errno.EMFILE, os.strerror(errno.EMFILE), "x"), "cannot load m"))
    assert refused(OSError("no file named model.safetensors"), "cannot load m") is None
    assert refused(FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), "cannot load m") is None
    assert refused(MemoryError(), "cannot load m").hint.startswith("take less at once")


@pytest.mark.parametrize(
    ("words", "memory"),
    [
        ("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried", True),
        ("could not create a primitive", True), ("could not create a primitive descriptor for", False),
        ("CUDA out of memory. Tried to allocate 2 GiB", True), ("CUBLAS_STATUS_ALLOC_FAILED when calling", True),
        ("std::bad_alloc", True), ("mat1 and mat2 shapes cannot be multiplied", False),
    ],
)  # fmt: skip
def test_memory_that_ran_out_is_known_by_its_words(words, memory):
    assert is_out_of_memory(RuntimeError(words)) is memory


def test_a_child_that_fails_in_a_way_nobody_foresaw_says_so_to_its_parent():
    import multiprocessing

    from dataselect.scoring.engines import _work

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_work, args=(theirs, None, None, 1))
    child.start()
    theirs.close()
    error = ours.recv()
    child.join()
    assert isinstance(error, DataselectError)
    assert error.message.startswith("this is a fault of dataselect: AttributeError")
