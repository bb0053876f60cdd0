"""A process that is killed at any of its writes leaves a folder that the same command goes on in."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from dataselect.errors import ArtifactError
from dataselect.stage import LOCK, StageDirectory

WRITES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir")


def work(folder, overwrite=False, fingerprint=1):
    with StageDirectory("score", folder, {"a": fingerprint}, {}, overwrite) as stage:
        if not stage.finished:
            stage.write_text("shards/0", "half", interim=True)
            stage.write_text("out.txt", "whole")
            stage.finish({})


def die_at(moment, folder):
    """End this process by SIGKILL at its `moment`-th write under `folder`."""
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (opened or event in WRITES) and str(folder) in str(arguments[0]):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def killed(moment, folder, **options):
    """Whether a process that worked in the folder was killed at one of its writes; False if it came to its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            die_at(moment, folder)
            work(folder, **options)
            code = 0
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("earlier", [False, True], ids=["in a new folder", "over an earlier run"])
def test_killed_at_each_of_its_writes_it_goes_on(tmp_path, earlier):
    for moment in range(1, 200):
        out = tmp_path / str(moment)
        if earlier:
            work(out, fingerprint=0)
        if not killed(moment, out, overwrite=earlier):
            break
        killed(2, out, overwrite=earlier)  # and once more, at the first writes of the second attempt
        work(out, overwrite=earlier)
        assert names(out) == [LOCK, "manifest.json", "out.txt", "run.json"]
        assert (out / "out.txt").read_text() == "whole"
    assert moment > 20


def test_a_folder_of_that_kind_that_no_lock_names_is_somebodys(tmp_path):
    """Files in a temporary folder are a run's own by the token in the lock, not by how the folder is called."""
    (tmp_path / ".tmp-0123456789abcdef").mkdir()
    mine = tmp_path / ".tmp-0123456789abcdef" / "run.json"
    mine.write_text("mine")
    for lock in (None, "", "fedcba9876543210", "my lock of 16 by"):
        if lock is not None:
            (tmp_path / LOCK).write_text(lock)
        with pytest.raises(ArtifactError, match=r"holds \.(tmp-0123456789abcdef/|lock)"):
            work(tmp_path, overwrite=True)
    assert mine.read_text() == "mine"


def test_a_lock_that_is_a_link_is_not_written_to(tmp_path):
    (tmp_path / "mine").write_text("")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).symlink_to(tmp_path / "mine")
    with pytest.raises(ArtifactError, match=r"holds \.lock"):
        work(tmp_path / "out")
    assert (tmp_path / "mine").read_text() == ""
