"""Programs that a model might write, in real processes: those that work, and those that must not be taken for passed."""

import os
import time
from pathlib import Path

import pytest

from dataselect.evaluation import candidate_process
from dataselect.evaluation.code_execution import Limits, run_program, run_programs

QUICK = Limits(seconds=20.0, cpu_seconds=2, memory_bytes=2**29, file_bytes=2**16)
TESTS = "\ndef check(candidate):\n    assert candidate(2) == 3\ncheck(f)\n"
RIGHT = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    ("code", "outcome", "told"),
    [
        (RIGHT, "pass", ""),
        ("import math, typing, collections, hashlib\n" + RIGHT, "pass", ""),
        ("if __name__ == '__main__':\n    raise ValueError\n" + RIGHT, "pass", ""),
        ("print('é' * 10_000_000)\n" + RIGHT, "pass", ""),
        ("def f(x):\n    return x\n", "fail", "AssertionError"),
        ("def f(x):\n    return y\n", "error", "NameError: name 'y' is not defined"),
        ("def f(x)\n", "error", "SyntaxError"),
        ("import numpy\n" + RIGHT, "error", "ModuleNotFoundError: No module named 'numpy'"),
        ("def f(x):\n    return f(x)\n", "error", "RecursionError"),
    ],
    ids=["right", "imports", "main", "chatty", "wrong", "name", "syntax", "package", "recursion"],
)
def test_the_outcome_says_how_a_program_ended(code, outcome, told):
    end = run_program(code + TESTS, QUICK)
    assert end.outcome == outcome
    assert told in end.detail


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)\n",
        "import sys\nsys.exit(0)\n",
        "raise SystemExit\n",
        "raise KeyboardInterrupt\n",
        "import os\nos.abort()\n",
        "import ctypes\nctypes.string_at(0)\n",
        "import os\nos.closerange(0, 100)\n" + "def f(x):\n    return 3\n",
        "import os\nos.execv('/bin/true', ['true'])\n",
        "open('verdict.json', 'w').write('{\"outcome\": \"pass\"}')\nimport os\nos._exit(0)\n",
        "import sys\nsys.settrace(None)\nquit()\n",
    ],
    ids=["_exit", "exit", "raised", "interrupt", "abort", "segfault", "closed", "exec", "forged", "quit"],
)
def test_a_program_that_leaves_before_its_tests_ended_has_not_passed(code):
    assert run_program(code + TESTS, QUICK).outcome == "error"


def test_endless_loops_and_sleeps_are_timeouts():
    loop = run_program("while True:\n    pass\n", Limits(seconds=30.0, cpu_seconds=1))
    assert (loop.outcome, loop.detail) == ("timeout", "processor time")
    stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n"
    assert run_program(stubborn, Limits(seconds=30.0, cpu_seconds=1)).outcome in ("timeout", "error")
    asleep = run_program("import time\ntime.sleep(1000)\n", Limits(seconds=1.5))
    assert (asleep.outcome, asleep.detail) == ("timeout", "time by the clock")


def test_memory_and_files_have_a_limit(tmp_path):
    hog = run_program("x = bytearray(2**30)\n" + RIGHT + TESTS, QUICK)
    assert (hog.outcome, hog.detail[:11]) == ("error", "MemoryError")
    large = tmp_path / "large"
    writer = run_program(
        f"with open({str(large)!r}, 'wb') as file:\n    file.write(b'x' * 2**20)\n" + RIGHT + TESTS, QUICK
    )
    assert writer.outcome == "error"
    assert large.stat().st_size <= QUICK.file_bytes


def test_a_program_has_a_fresh_empty_folder_that_goes_with_it(tmp_path):
    note = tmp_path / "note"
    code = f"import os\nassert os.listdir() == ['verdict.json']\nopen('mine', 'w').close()\nopen({str(note)!r}, 'w').write(os.getcwd())\n"
    for _ in range(2):
        assert run_program(code + RIGHT + TESTS, QUICK).outcome == "pass"
        assert not Path(note.read_text()).exists()


def test_a_program_sees_no_environment_and_no_input(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THIS_TEST", "1")
    code = "import os, sys\nassert 'SECRET_OF_THIS_TEST' not in os.environ\nassert sys.stdin.read() == ''\n"
    assert run_program(code + RIGHT + TESTS, QUICK).outcome == "pass"


@pytest.fixture
def guarded():
    if run_program("pass\n", QUICK).guarded is not True:
        pytest.skip("this kernel has no seccomp, so only limits hold programs back")


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.fork()\n",
        "import os\nwhile True:\n    try:\n        os.fork()\n    except BlockingIOError:\n        pass\n",
        "import subprocess\nsubprocess.run(['/bin/true'])\n",
        "import threading\nthreading.Thread(target=print).start()\n",
        "import socket\nsocket.socket()\n",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
    ],
    ids=["fork", "bomb", "subprocess", "thread", "socket", "kill"],
)
def test_processes_threads_sockets_and_signals_are_refused(guarded, code):
    end = run_program(code + RIGHT + TESTS, QUICK)
    assert end.outcome == "error"
    assert "PermissionError" in end.detail or "RuntimeError: can't start new thread" in end.detail


def test_what_a_program_left_running_is_killed_with_it(monkeypatch, tmp_path):
    # without the kernel's refusals, and as root without a limit on processes, a child may start; the group is killed
    script = Path(candidate_process.__file__).read_text()
    unguarded = tmp_path / "unguarded.py"
    unguarded.write_text(
        script.replace("guarded = refuse_calls()", "guarded = False").replace("_limit(resource.RLIMIT_NPROC, 0, 0)", "")
    )
    monkeypatch.setattr("dataselect.evaluation.code_execution._SCRIPT", unguarded)
    note = tmp_path / "pid"
    child = f"import os, time\nif os.fork() == 0:\n    open({str(note)!r}, 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
    wait = f"import pathlib\nwhile not pathlib.Path({str(note)!r}).exists():\n    time.sleep(0.01)\n"
    end = run_program(child + wait + RIGHT + TESTS, QUICK)
    assert (end.outcome, end.guarded) == ("pass", False)
    pid = int(note.read_text() or 0)
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    pytest.fail("the child was left running")


def test_many_programs_come_back_in_order():
    codes = [f"def f(x):\n    return {n}\n" + TESTS for n in range(8)]
    assert [end.outcome for end in run_programs(codes, QUICK, workers=2)] == ["fail"] * 3 + ["pass"] + ["fail"] * 4
