"""How far long work is: the lines where there is no terminal, with an interval short enough to wait for."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from dataselect.errors import UsageError
from dataselect.progress import SECONDS, ProgressMeter, counted, in_lines, measured, seconds_between, showing_progress
from dataselect.strategies import Candidates
from dataselect.strategies.facility_location import FacilityLocation


def lines(text):
    return text.splitlines()


def test_a_line_has_rows_rate_and_time_left():
    meter = ProgressMeter("score", "records", 52_002)
    began = meter._began
    meter.advance(1_200)
    # 1,200 in 60 s: 20.0 per second; 50,802 are left: 2,540.1 s = 42.3 min
    assert meter.line(began + 60) == "score: 1,200 of 52,002 records, 20.0 per second, 42 min left"
    meter.advance(6)
    # since the start still: 1,206 in 120 s = 10.05 per second; 50,796 / 10.05 = 5,054 s = 84 min
    assert meter.line(began + 120) == "score: 1,206 of 52,002 records, 10.1 per second, 84 min left"
    assert "10.1" not in meter.line(began + 180)  # 1,206 in 180 s = 6.7
    meter.advance(0)
    # now the rate goes back three lines, to 60 s, at 1,200: 6 in 180 s = 2.0 per minute, 50,796 / (6 / 180) s
    told = meter.line(began + 240)
    assert told == "score: 1,206 of 52,002 records, 2.0 per minute, 18 days left"
    assert round(50_796 / (6 / 180) / 86_400, 1) == 17.6


def test_what_is_not_known_is_not_told():
    meter = ProgressMeter("calibrate", "rows")
    assert meter.line(meter._began + 60) == "calibrate: 0 rows, 60 s so far"
    meter.advance(90)
    assert meter.line(meter._began + 120) == "calibrate: 90 rows, 45.0 per minute, 2 min so far"
    assert ProgressMeter("analyze").line(time.monotonic() + 7_500) == "analyze: 2 h 5 min so far"
    meter = ProgressMeter("train", "steps")
    meter.reach(30, 60, "loss 1.250")
    # 30 in 25 s = 1.2 per second; the other 30 take 25 s
    assert meter.line(meter._began + 25) == "train: 30 of 60 steps, loss 1.250, 1.2 per second, 25 s left"


def test_nothing_is_told_unless_somebody_asks(capfd):
    with measured("score", "records", lambda: pytest.fail("counted for nobody")) as meter:
        meter.advance()
    assert list(counted("ab", "spell", "letters")) == ["a", "b"]
    assert not in_lines()
    assert capfd.readouterr() == ("", "")


def test_work_inside_work_is_one_line_and_what_does_not_move_is_told_too():
    stream, inside, seen = io.StringIO(), threading.Event(), []
    with showing_progress("run", stream, 0.05):
        assert in_lines()
        time.sleep(0.12)
        with measured("run", "cells", 12) as outer:
            outer.advance(4)
            with measured("tr\x1bain", "steps", lambda: inside.wait(5) and 60) as inner:
                inner.advance(30)
                time.sleep(0.12)
                inside.set()
                time.sleep(0.12)
        seen = lines(stream.getvalue())
    assert not in_lines()
    assert seen[0] == "run: 0 s so far"
    assert any(re.fullmatch(r"run: 4 of 12 cells, .*; tr\\x1bain: 30 steps, .*", line) for line in seen)
    assert any(re.fullmatch(r"run: 4 of 12 cells, .*; tr\\x1bain: 30 of 60 steps, .*", line) for line in seen)


def test_zero_seconds_are_silence():
    stream = io.StringIO()
    with showing_progress("run", stream, 0), measured("score"):
        time.sleep(0.05)
    assert stream.getvalue() == ""


def test_a_terminal_gets_bars_and_messages_above_them():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with showing_progress("score", stream, 60), measured("score", "records", 10) as meter:
        assert not in_lines()
        time.sleep(1.1)
        meter.advance(4)
        time.sleep(0.2)
        meter.advance(1)
    assert re.search(r"score:  [45]0%.*[45]/10", stream.getvalue())


@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf", ""])
def test_an_interval_that_is_none_is_refused(monkeypatch, given):
    monkeypatch.setenv(SECONDS, given)
    with pytest.raises(UsageError, match=SECONDS):
        seconds_between()


def test_slow_strategies_tell_the_rows_that_they_have_chosen():
    class Seen(io.StringIO):
        pass

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1500, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    candidates = Candidates([f"{i:05}" for i in range(1500)], vectors=vectors, limit=1200)
    stream = Seen()
    with showing_progress("select", stream, 0.01):
        FacilityLocation().rank(candidates, rng)
    assert re.search(r"choose: [\d,]+ of 1,200 rows, [\d,.]+ per second, \d+ s left", stream.getvalue())


def command(*arguments, seconds="0.05"):
    """A real process without a terminal, as under nohup; its exit code, and the lines of progress it told."""
    environment = {**os.environ, SECONDS: seconds, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from dataselect.cli import main; main()", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [line for line in lines(done.stderr) if re.search(r"(so far|left)(;|$)", line)]
    return done, told


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    rows = [{"id": f"r{n}", "prompt": f"Count to {n}", "response": "one two three " * (n % 9)} for n in range(400)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_score_select_train_and_evaluate_tell_how_far_they_are(pool, tmp_path):
    _, told = command("score", pool, "--model", "builtin", "--no-cache", "--out", tmp_path / "scores")
    assert any(re.match(r"score: [\d,]+ of 400 records, ", line) for line in told), told
    chosen = tmp_path / "chosen.jsonl"
    command("select", pool, "--strategy", "random", "--budget", "64", "--out", chosen)
    _, told = command("train", chosen, "--model", "builtin", "--epochs", "1", "--out", tmp_path / "tuned")
    assert any(re.match(r"train: \d+ of 4 steps, loss \d\.\d{3}, ", line) for line in told), told
    arguments = ("--task", f"held={pool}", "--out", tmp_path / "results")
    _, told = command("evaluate", "--model", tmp_path / "tuned", *arguments)
    assert any(re.match(r"evaluate held: [\d,]+ of 400 items, ", line) for line in told), told


def test_rank_tells_the_scoring_inside_it_and_silence_can_be_had(pool, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text(pool.read_text().replace("Count", "Number"))
    arguments = ("rank", pool, other, "--model", "builtin", "--no-cache", "--limit", "300", "--out")
    _, told = command(*arguments, tmp_path / "ranked")
    assert any(re.match(r"score: [\d,]+ of 600 records, .* per second, .* left", line) for line in told), told
    _, told = command(*arguments, tmp_path / "again", seconds="0")
    assert told == []


def test_a_run_with_workers_tells_cells_and_each_worker_its_own(pool, tmp_path):
    config = tmp_path / "experiment.yaml"
    small = tmp_path / "small.jsonl"
    small.write_text("".join(pool.read_text().splitlines(keepends=True)[20:60]))
    config.write_text(
        f"pools: [{small}]\ntasks: [{small}]\nstrategies: [ppl-low]\nbudgets: ['10']\n"
        "without: [full, longest, length-matched-random]\nseeds: [0]\ntraining: {epochs: 4.0, batch_size: 2}\n"
    )
    _, told = command("run", config, "--workers", "2", "--out", tmp_path / "run")
    assert any(re.match(r"run: \d of 5 cells, ", line) for line in told), told
    assert any(re.match(r"train: \d+ of 20 steps, loss ", line) for line in told), told
