"""Every command, with the system refusing: one line with the file and the reason, exit 1, and a folder to go on from."""

from __future__ import annotations

import errno
import os
import signal
import subprocess

import pytest

NAMES = (
    "show", "audit", "score", "estimate", "verify", "embed", "rank", "select", "verify-selection", "explain", "diff", "train",
    "train --lora", "evaluate", "run", "recommend", "compare", "report", "analyze", "layers", "tokens", "validate", "quickstart",
)  # fmt: skip
WRITING = [name for name in NAMES if name not in ("show", "estimate", "validate", "verify-selection")]
SHORT = [name for name in WRITING if name not in ("quickstart", "run", "recommend")]
"""Those that end in about a second."""


def test_every_command_of_the_table_is_here(place, tmp_path):
    from dataselect.cli import COMMANDS

    assert tuple(place.commands(tmp_path)) == NAMES
    tested = {str(arguments[0]) for arguments in place.commands(tmp_path).values()}
    assert set(COMMANDS) - tested == {"ls", "doctor"}, "which read and write no file of the user"


def assert_refused(ended, number: int, below: object) -> None:
    assert ended.code == 1, ended.err[-2000:]
    assert os.strerror(number) in ended.line
    assert str(below) in ended.line
    assert "(hint: " in ended.line


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize(
    ("kinds", "after", "number"),
    [("w", 0, errno.ENOSPC), ("o", 1, errno.EROFS), ("n", 0, errno.EDQUOT), ("s", 0, errno.EIO)],
)
def test_an_output_that_cannot_be_written_is_told_with_the_file(
    place, dataselect, tmp_path, name, kinds, after, number
):
    arguments = place.commands(tmp_path)[name]
    ended = dataselect(*arguments, fail=(tmp_path, kinds, after, number, True))
    assert_refused(ended, number, tmp_path)
    assert not list(tmp_path.rglob("manifest.json"))
    assert not list(tmp_path.rglob(".tmp-*"))
    if name in SHORT:
        assert dataselect(*arguments).code == 0


@pytest.mark.parametrize("name", WRITING)
def test_a_folder_that_may_not_be_made_is_told(place, dataselect, tmp_path, name):
    out = tmp_path / "new" / "folder" if name in ("select", "report") else tmp_path
    arguments = place.commands(out)[name]
    assert_refused(dataselect(*arguments, fail=(tmp_path, "d", 0, errno.EACCES, True)), errno.EACCES, tmp_path)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "quickstart"])
@pytest.mark.parametrize(("kinds", "number"), [("r", errno.EIO), ("i", errno.EACCES), ("i", errno.EMFILE)])
def test_an_input_that_cannot_be_read_is_told_with_the_file(place, dataselect, tmp_path, name, kinds, number):
    below = place.model if name == "layers" and kinds == "r" else place.folder
    ended = dataselect(*place.commands(tmp_path)[name], fail=(below, kinds, 0, number, True))
    assert ended.code == 1, ended.err[-2000:]
    assert os.strerror(number) in ended.line
    assert any(part in ended.line for part in (str(below), "pool.jsonl", "task.jsonl", "other.jsonl")), ended.line


@pytest.mark.parametrize("name", ["score", "train", "evaluate", "embed", "layers", "show"])
def test_a_model_whose_files_cannot_be_opened_is_told_as_that(place, dataselect, tmp_path, name):
    """Too many open files is no damaged model, and the hint must not say so."""
    folder = place.folder / "embeddings" if name == "embed" else place.model
    arguments = place.commands(tmp_path)[name]
    if name == "evaluate":
        arguments = [place.model if one == place.folder / "tuned" else one for one in arguments]
    if name == "embed":
        arguments = ["embed", place.folder / "other.jsonl", "--encoder", folder, "--out", tmp_path / "e"]
    ended = dataselect(*arguments, fail=(folder, "i", 0, errno.EMFILE, True))
    assert ended.code == 1
    assert "Too many open files" in ended.line or "cannot be loaded" in ended.line, ended.line


@pytest.mark.parametrize("name", SHORT)
def test_a_file_that_may_not_grow_is_told_and_the_same_command_finishes(place, dataselect, tmp_path, name):
    """The limit is one of the system itself: no byte over it gets into a file, whoever writes."""
    arguments = place.commands(tmp_path)[name]
    sizes = {"train": 1_000_000, "train --lora": 100_000}
    before = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    ended = dataselect(*arguments, limits={"RLIMIT_FSIZE": sizes.get(name, 700)}, before=before)
    assert ended.code == 1, ended.err
    assert "File too large" in ended.line
    assert str(tmp_path) in ended.line or "cannot write to standard output" in ended.line
    assert dataselect(*arguments).code == 0


MEMORY = """
import resource
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
most = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (size, most))
taken = []
for block in (1 << 20, 1 << 16, 1 << 12, 1 << 10):
    try:
        while True:
            taken.append(bytearray(block))
    except MemoryError:
        pass
resource.setrlimit(resource.RLIMIT_AS, (size + {more}, most))
"""
"""Takes what earlier work left free within the process, then lets it have `more` bytes from the system."""


@pytest.mark.parametrize("name", ["score", "train", "evaluate", "rank", "embed", "layers", "verify"])
def test_memory_that_runs_out_is_told_and_nothing_looks_finished(place, dataselect, tmp_path, name):
    """A limit on the process's own memory, from none at all to enough.

    The Rust library behind tokenizers ends the process itself where it gets no memory (SIGABRT, in its own words). That
    cannot be caught; what holds is that nothing looks finished.
    """
    arguments = place.commands(tmp_path)[name]
    codes = []
    for more in (200_000, 3_000_000, 12_000_000, 10**9):
        ended = dataselect(*arguments, before=MEMORY.format(more=more), seconds=60)
        codes.append(ended.code)
        if ended.code == -signal.SIGABRT:
            assert ended.err.count("memory allocation of ") >= 1
            assert "Traceback" not in ended.err
        elif ended.code:
            assert ended.line
        if ended.code:
            assert not list(tmp_path.glob("*/manifest.json"))
    assert codes[0] in (1, -signal.SIGABRT)
    assert codes[-1] == 0


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own of 1.5 MB: enough for everything but the weights."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", place], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk; another test limits the size of files instead")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("name", ["train", "train --lora"])
def test_train_on_a_full_disk(place, dataselect, small_disk, name):
    ended = dataselect(*place.commands(small_disk)[name])
    assert_refused(ended, errno.ENOSPC, small_disk)
    assert not list(small_disk.rglob("model.safetensors")), "what is half written does not fill the disk either"
    assert not list(small_disk.rglob("manifest.json"))
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    assert dataselect(*place.commands(small_disk)[name]).code == 0
    assert len(list(small_disk.glob("*/model.safetensors"))) == 1


@pytest.mark.parametrize("name", ["show", "compare", "validate", "diff"])
def test_standard_output_that_is_full(place, dataselect, tmp_path, name):
    if name == "validate":
        ended = dataselect("ls", "scorers", stdout="/dev/full")
    else:
        ended = dataselect(*place.commands(tmp_path)[name], stdout="/dev/full")
    assert ended.code == 1
    assert "cannot write to standard output: No space left on device" in ended.line


def test_nobody_reads_standard_error(place, dataselect, tmp_path):
    ended = dataselect(
        "select",
        tmp_path / "none.jsonl",
        "--strategy",
        "random",
        "--budget",
        1,
        "--out",
        tmp_path / "x.jsonl",
        stderr="/dev/full",
    )
    assert ended.code == 1


def test_a_fault_of_ours_is_one_line_that_says_so_and_the_traceback_can_be_had(place, dataselect, tmp_path):
    broken = "import dataselect.selection.selecting as selecting; selecting.select.__globals__.clear()"
    arguments = place.commands(tmp_path)["select"]
    ended = dataselect(*arguments, before=broken)
    assert (ended.code, ended.err.count("\n")) == (1, 1), ended.err
    assert ended.err.startswith("dataselect: this is a fault of dataselect: ")
    assert "DATASELECT_TRACEBACK=1" in ended.err
    traced = dataselect(*arguments, before=broken, DATASELECT_TRACEBACK="1")
    assert traced.code == 1
    assert "Traceback (most recent call last)" in traced.err
    assert traced.err.splitlines()[-1] == ended.err.strip()


def test_a_known_error_shows_what_it_came_from_if_that_is_asked_for(place, dataselect, tmp_path):
    arguments = place.commands(tmp_path)["compare"]
    ended = dataselect(*arguments, fail=(tmp_path, "w", 0, errno.ENOSPC, True), DATASELECT_TRACEBACK="1")
    assert ended.code == 1
    assert "OSError: [Errno 28]" in ended.err
    assert ended.err.splitlines()[-1].startswith(f"dataselect: cannot write in {tmp_path}")
