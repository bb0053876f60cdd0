"""Processes that belong to this one: they end when it ends, however it ends, and Ctrl-C does not reach them.

An engine that outlives a killed run keeps its memory, and the same command could not start again. So a guardian, a
shell that sleeps on a pipe, kills them once this process is gone and the pipe is closed. Ctrl-C in a terminal goes to
every process there; an engine would answer it with a page of traceback, while this process is about to stop it anyway.
A signal mask is inherited: it is blocked in the thread that starts them, and another thread takes it for this process.
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
"""Seconds between looks at which processes there are while they are being started."""

_SCRIPT = 'trap "" INT TERM HUP; while read -r pid; do pids="$pids $pid"; done; kill -9 $pids'


class Guardian:
    """Kills the processes that it was told of when this process is gone."""

    def __init__(self) -> None:
        nothing = subprocess.DEVNULL
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT], stdin=subprocess.PIPE, stdout=nothing, stderr=nothing, start_new_session=True
        )
        self._told = {process.pid for process in multiprocessing.active_children()}

    def follow(self, started: threading.Event) -> None:
        """Tell the guardian of every process that multiprocessing starts from now on, until `started`."""
        last = False
        while not last:
            last = started.wait(_EVERY)
            new = {process.pid for process in multiprocessing.active_children()} - self._told
            self._told |= new
            self._write("".join(f"{pid}\n" for pid in new))

    def fire(self) -> None:
        """Kill them now."""
        self._close()
        self._shell.wait()

    def dismiss(self) -> None:
        """They have ended by themselves: leave those alone that may have their numbers by now."""
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
    """Processes that are started inside do not get Ctrl-C."""
    resource_tracker.ensure_running()  # it unblocks the signal when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def guarded() -> Iterator[Guardian]:
    """Processes that multiprocessing starts inside end with this one and do not get Ctrl-C.

    If starting them fails they are killed; else the guardian is to be dismissed once they have ended.
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
