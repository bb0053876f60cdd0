"""Run programs that a model wrote, each with its tests in its own process, and report how each ended.

Every program gets a fresh folder, `python -I -S`, an empty environment, no standard input, limits on processor time,
memory, file sizes and processes (`candidate_process`), and a limit on time by the clock after which its whole process
group is killed. Its output is discarded. This keeps accidents small and is no sandbox: a program can read and
write what this user can. Use it where that does not matter, such as in a container; it happens on demand only.

A program passes if it reached the end of its tests and said so with the token of its own run; one that exits before
that does not pass, whatever its exit code.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

OutcomeName = Literal["pass", "fail", "timeout", "error"]

_VERDICT = "verdict.json"
_LONGEST_VERDICT = 8192
_SCRIPT = Path(__file__).with_name("candidate_process.py")
_MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """The resources that one program may use.

    Attributes:
        seconds: By the clock, start included.
        cpu_seconds: Of the processor.
        memory_bytes: Of address space.
        file_bytes: Size of one file.
    """

    seconds: float = 12.0
    cpu_seconds: int = 6
    memory_bytes: int = 2**30
    file_bytes: int = 2**20


@dataclass(frozen=True, slots=True)
class Execution:
    """The end of one program.

    Attributes:
        outcome: "pass"; "fail": an assertion failed; "timeout"; or "error": anything else.
        detail: The exception, or how the process ended; empty for a pass.
        guarded: Whether processes, threads, sockets and signals were refused; None if that was never reached.
    """

    outcome: OutcomeName
    detail: str
    guarded: bool | None


def run_programs(sources: Sequence[str], limits: Limits = Limits(), workers: int | None = None) -> Iterator[Execution]:
    """Run programs, some at a time; the executions are yielded in the order of the programs.

    Args:
        sources: Whole Python modules that run their own tests.
        workers: Programs at a time; None for one per processor, at most 8.
    """
    number = workers or min(_MOST_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(number) as pool:
        yield from pool.map(lambda source: run_program(source, limits), sources)


def run_program(source: str, limits: Limits = Limits()) -> Execution:
    """Run one program."""
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="dataselect-", ignore_cleanup_errors=True) as folder:
        verdict = Path(folder) / _VERDICT
        job = {"source": source, "token": token, "verdict": str(verdict), **asdict(limits)}
        code = _run(json.dumps(job).encode(), Path(folder), limits.seconds)
        return _ended(code, _read(verdict), token)


def _run(job: bytes, folder: Path, seconds: float) -> int | None:
    """Run the process to its end; its exit code, or None if its time was up."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", str(_SCRIPT)],
        cwd=folder, env={}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        process.communicate(job, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
    return process.returncode


def _read(verdict: Path) -> Any:  # noqa: ANN401 - JSON that a program may have tampered with
    try:
        with verdict.open("rb") as file:
            return json.loads(file.read(_LONGEST_VERDICT))
    except (OSError, ValueError):
        return None


def _ended(code: int | None, verdict: Any, token: str) -> Execution:  # noqa: ANN401
    if code is None:
        return Execution("timeout", "time by the clock", None)
    if isinstance(verdict, dict) and verdict.get("token") == token:
        detail = verdict["detail"].encode("utf-8", "replace").decode("utf-8")
        return Execution(verdict["outcome"], detail, verdict["guarded"])
    if code == -signal.SIGXCPU:
        return Execution("timeout", "processor time", None)
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return Execution("error", f"it ended before its tests were finished: {how}", None)
