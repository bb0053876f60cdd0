"""A warm process: one that has imported everything and runs `dataselect` commands in forks of itself.

A start then costs no imports, and a test can change the process that runs the command: kill it at any of its writes, let
calls of the system fail, set limits, or run Python first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SERVER = """
import ctypes, json, os, resource, signal, sys
import dataselect.cli as cli

def die_at(moment, name, sent=signal.SIGKILL):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir")) and name in str(arguments[0]):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), sent)
    sys.addaudithook(hook)

def start(asked):
    code = 70
    try:
        print(os.getpid(), flush=True)
        os.dup2(os.open(asked["stdin"], os.O_RDONLY), 0)
        os.dup2(os.open(asked["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
        os.dup2(os.open(asked["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
        os.environ.update(asked["environment"])
        signal.alarm(asked["seconds"])
        if asked["die_at"]:
            die_at(*asked["die_at"])
        before = {}  # what it made lives as long as the process
        exec(asked["before"], before)
        for limit, value in asked["limits"].items():
            resource.setrlimit(getattr(resource, limit), (value, value))
        if asked["fail"]:
            folder, kinds, after, error, go_on = asked["fail"]
            ctypes.CDLL(None).fail_calls(folder.encode(), kinds.encode(), ctypes.c_long(after), error, go_on)
        sys.argv = ["dataselect", *asked["arguments"]]
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = 120
        os._exit(code)

print("warm", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        start(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os._exit(0)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended; the code is minus the signal's number if one ended it."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line that reports a failure; notes and progress of the work before it stand above."""
        assert self.code in (1, 2), f"exit {self.code}: {self.err[-3000:]}"
        assert "Traceback" not in self.err, self.err[-3000:]
        lines = self.err.splitlines()
        assert lines, "nothing was said"
        assert lines[-1].startswith("dataselect: "), self.err[-3000:]
        assert sum(line.startswith("dataselect: ") for line in lines) == 1, self.err[-3000:]
        assert "this is a fault of dataselect" not in lines[-1], lines[-1]
        return lines[-1]


class Started:
    """One command that runs in a fork of the warm process."""

    def __init__(self, server: subprocess.Popen[str], stdout: Path, stderr: Path) -> None:
        self._server = server
        self._stdout, self._stderr = stdout, stderr
        self.pid = int(server.stdout.readline())
        self._code: int | None = None

    def wait(self) -> int:
        """The exit code; minus the signal's number if one killed it."""
        if self._code is None:
            self._code = int(self._server.stdout.readline())
        return self._code

    @property
    def out(self) -> str:
        return _text(self._stdout)

    @property
    def err(self) -> str:
        return _text(self._stderr)


class Warm:
    """Runs `dataselect` commands one after the other.

    Args:
        folder: For what the commands print, and the score cache.
        imports: Python that the process runs once, before the first command.
        preload: A library that is loaded before all others (LD_PRELOAD).
    """

    def __init__(self, folder: Path, imports: str, preload: Path | None = None) -> None:
        self._folder = folder
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "DATASELECT_CACHE": str(folder / "cache")}
        if preload is not None:
            environment["LD_PRELOAD"] = str(preload)
        self._server = subprocess.Popen(
            [sys.executable, "-c", f"{imports}\n{SERVER}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        assert self._server.stdout.readline() == "warm\n"

    def start(
        self, *arguments, before="", die_at=None, fail=None, limits=None, seconds=0, stdin=os.devnull, stdout=None,
        stderr=None, **environment,
    ) -> Started:  # fmt: skip
        """Start one command.

        Args:
            before: Python that runs first in its process.
            die_at: (n, name) or (n, name, signal): kill it at its nth write, rename or removal of a path with `name`.
            fail: (folder, kinds, after, errno, whether all later calls fail too), see faults/failing_calls.c.
            limits: Name of a limit of the system -> its value.
            seconds: After which it is ended; 0 for no limit.
        """
        out, err = stdout or self._folder / "stdout", stderr or self._folder / "stderr"
        asked = {
            "arguments": [str(one) for one in arguments], "before": before, "limits": limits or {}, "seconds": seconds,
            "die_at": die_at and (die_at[0], str(die_at[1]), *die_at[2:]), "fail": fail and [str(fail[0]), *fail[1:]],
            "stdin": str(stdin), "stdout": str(out), "stderr": str(err), "environment": environment,
        }  # fmt: skip
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        return Started(self._server, out, err)

    def __call__(self, *arguments, seconds=120, **options) -> Ended:
        """Run one command to its end."""
        started = self.start(*arguments, seconds=seconds, **options)
        return Ended(started.wait(), started.out, started.err)

    def stop(self) -> None:
        self._server.stdin.close()
        self._server.wait(timeout=60)


def _text(path: Path | str) -> str:
    return Path(path).read_text(errors="replace") if Path(path).is_file() else ""
