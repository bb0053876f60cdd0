"""Child processes that end when this process ends, however it ends, and that Ctrl-C does not reach.

An engine that outlives a killed run keeps its memory, and the same command could not start again. So a guardian, a
shell that waits on a pipe, kills them once this process has exited and the pipe is closed. Ctrl-C in a terminal reaches
every process of it; an engine would print a page of traceback, while this process is about to stop it anyway. A signal
mask is inherited: it is blocked in the thread that starts them, and another thread handles it for this process.
"""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker

_EVERY = 0.1
"""Seconds between looks for new processes while they are being started."""

_SCRIPT = 'trap "" INT TERM HUP; while read -r pid; do pids="$pids $pid"; done; kill -9 $pids'


class Guardian:
    """Kills the processes that it follows when this process has exited."""

    def __init__(self) -> None:
        nothing = subprocess.DEVNULL
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT], stdin=subprocess.PIPE, stdout=nothing, stderr=nothing, start_new_session=True
        )
        self._followed = {process.pid for process in multiprocessing.active_children()}

    def follow(self, started: threading.Event) -> None:
        """Follow every process that multiprocessing starts from now on, until `started`."""
        last = False
        while not last:
            last = started.wait(_EVERY)
            new = {process.pid for process in multiprocessing.active_children()} - self._followed
            self._followed |= new
            self._write("".join(f"{pid}\n" for pid in new))

    def fire(self) -> None:
        """Kill them now."""
        self._close()
        self._shell.wait()

    def dismiss(self) -> None:
        """End without killing: the processes have ended, and others may have their ids by now."""
        self._shell.kill()
        self._shell.wait()
        self._close()

    def _write(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text.encode())
        self._shell.stdin.flush()

    def _close(self) -> None:
        assert self._shell.stdin is not None
        with suppress(BrokenPipeError):
            self._shell.stdin.close()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Start processes inside that do not receive Ctrl-C."""
    resource_tracker.ensure_running()  # it unblocks the signal when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def guarded() -> Iterator[Guardian]:
    """Start processes inside, by multiprocessing, that end with this one and do not receive Ctrl-C.

    If starting them fails they are killed; otherwise dismiss the guardian once they have ended.
    """
    guardian, started = Guardian(), threading.Event()
    follower = threading.Thread(target=guardian.follow, args=(started,), daemon=True)
    follower.start()
    try:
        with uninterrupted():
            yield guardian
    except BaseException:
        _stop(follower, started)
        guardian.fire()
        raise
    finally:
        _stop(follower, started)


def _stop(follower: threading.Thread, started: threading.Event) -> None:
    started.set()
    follower.join()
