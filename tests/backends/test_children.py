"""Processes that belong to ours: they end when it is killed, and Ctrl-C does not reach them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

CODE = """
import multiprocessing, sys, time
from dataselect.backends.children import guarded

def child():
    time.sleep(600)

if __name__ == "__main__":
    with guarded() as guardian:
        process = multiprocessing.get_context("spawn").Process(target=child)
        process.start()
        if sys.argv[1] == "fail":
            raise SystemExit(3)
    try:
        print(process.pid, flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print(process.is_alive(), flush=True)
    process.terminate()
    process.join()
    guardian.dismiss()
"""


@pytest.fixture
def start(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(CODE)
    started = []

    def start(how: str) -> subprocess.Popen:
        started.append(
            subprocess.Popen([sys.executable, script, how], stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_they_end_when_the_process_that_started_them_is_killed(start):
    process = start("wait")
    child = psutil.Process(int(process.stdout.readline()))
    family = psutil.Process(process.pid).children(recursive=True)
    assert child in family
    process.kill()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_ctrl_c_in_a_terminal_reaches_the_process_and_not_its_children(start):
    process = start("wait")
    family = [psutil.Process(int(process.stdout.readline())), *psutil.Process(process.pid).children(recursive=True)]
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "True\n"
    assert process.wait(timeout=20) == 0
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_they_are_killed_when_starting_them_fails(start):
    process = start("fail")
    assert process.wait(timeout=20) == 3  # and does not wait for a child that sleeps
