"""The process in which one candidate program and its tests run: limits first, then the program, then the verdict.

Run as a script by `code_execution`, with `python -I -S`, in an empty folder and an empty environment; only the standard
library is available. The job comes as JSON on stdin, which is then closed. The verdict is written, with the job's
token, to a file that is opened before the program runs; a program that exits early leaves no verdict.

Where the kernel has seccomp (Linux, x86-64 and arm64) the program can start no process and no thread, open no socket
and send no signal: those system calls fail with EPERM. Elsewhere only the limit on processes remains, which does not
hold for root. This limits accidents. It is no sandbox: the program can read and write all files of this user, and one
that is written to find the token can forge its verdict.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from types import FrameType

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
"""Instructions of the classic packet filter: load a word, compare it, return."""

_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1
"""Return values of a filter; to refuse is to fail with EPERM."""

_NEW_CALLS = (425, 435)
"""io_uring_setup (it can open sockets) and clone3, numbered alike everywhere."""

_CALLS = {
    # socket, socketpair, clone, fork, vfork, kill, tkill, tgkill, ptrace
    "x86_64": (0xC000003E, (41, 53, 56, 57, 58, 62, 200, 234, 101)),
    "aarch64": (0xC00000B7, (198, 199, 220, 129, 130, 131, 117)),
}
"""For each machine its audit number, and the system calls that are refused."""

_X32 = 0x40000000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


class CPUTimeError(BaseException):
    """The limit on processor time was reached."""


def set_limits(cpu_seconds: int, memory_bytes: int, file_bytes: int) -> None:
    """Limit processor time, memory, sizes of files and number of processes; leave no core."""
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    _limit(resource.RLIMIT_AS, memory_bytes, memory_bytes)
    _limit(resource.RLIMIT_FSIZE, file_bytes, file_bytes)
    _limit(resource.RLIMIT_CORE, 0, 0)
    _limit(resource.RLIMIT_NPROC, 0, 0)
    signal.signal(signal.SIGXCPU, _out_of_time)


def _limit(which: int, soft: int, hard: int) -> None:
    """Set a limit, unless a lower one is set already."""
    present = resource.getrlimit(which)[1]
    most = hard if present == resource.RLIM_INFINITY else min(hard, present)
    resource.setrlimit(which, (min(soft, most), most))


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise CPUTimeError


def refuse_calls() -> bool:
    """Refuse processes, threads, sockets and signals from now on; return whether that was possible."""
    known = _CALLS.get(platform.machine())
    if known is None or sys.platform != "linux":
        return False
    machine, calls = known
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    steps += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    for call in (*calls, *_NEW_CALLS):
        steps += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]
    steps.append((_RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    rules = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    control = ctypes.CDLL(None, use_errno=True).prctl
    control.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    if control(_NO_NEW_PRIVILEGES, 1, None, 0, 0) != 0:
        return False
    return bool(control(_SECCOMP, _FILTER, ctypes.addressof(rules), 0, 0) == 0)


def run(source: str) -> tuple[str, str]:
    """Run a program with its tests; return the outcome (pass, fail, timeout or error) and the exception as text."""
    try:
        exec(compile(source, "candidate.py", "exec"), {"__name__": "candidate"})
    except CPUTimeError:
        return "timeout", "processor time"
    except AssertionError as error:
        return "fail", _shown(error)
    except BaseException as error:
        return "error", _shown(error)
    return "pass", ""


def _shown(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except BaseException:
        return type(error).__name__[:300]


def main() -> None:
    """Read the job, run it, write the verdict."""
    job = json.loads(sys.stdin.buffer.read())
    verdict = os.open(job["verdict"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    write, leave, dumps = os.write, os._exit, json.dumps
    set_limits(job["cpu_seconds"], job["memory_bytes"], job["file_bytes"])
    guarded = refuse_calls()
    outcome, detail = run(job["source"])
    write(verdict, dumps({"token": job["token"], "outcome": outcome, "detail": detail, "guarded": guarded}).encode())
    leave(0)


if __name__ == "__main__":
    main()
