"""The published 55 runs: `analyze` prints what falls without three teachers, and finds the three by itself."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dataselect.cli import run

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "rsr_55_runs.yaml"
TEACHERS = ["GPT-OSS-120B", "GPT-OSS-20B", "Phi-4-reasoning"]
COLUMNS = {"RSR": ("rsr", -1), "mean NLL": ("avg_surprisal", -1), "length": ("avg_tokens", 1)}


@pytest.fixture(scope="module")
def table(shared_data):
    return shared_data / "gold" / "rsr__55_runs.csv"


@pytest.fixture(scope="module")
def printed(table, tmp_path_factory):
    """The text on stdout as one line, and the document."""
    import contextlib
    import io

    out, text = tmp_path_factory.mktemp("runs") / "out", io.StringIO()
    with contextlib.redirect_stdout(text):
        assert run(["analyze", str(table), "--config", str(CONFIG), "--out", str(out)]) == 0
    return " ".join(text.getvalue().split()), json.loads((out / "analyze.json").read_text())


def mean_over_students(table, column, left_out=()):
    """Mean over students of Spearman over teachers, from the file."""
    with table.open() as file:
        rows = [row for row in csv.DictReader(file) if row["teacher"] not in left_out]
    found = []
    for student in {row["student"] for row in rows}:
        mine = [row for row in rows if row["student"] == student]
        sides = ([float(row[name]) for row in mine] for name in (column, "post_training"))
        found.append(stats.spearmanr(*sides).statistic)
    return np.mean(found)


@pytest.mark.parametrize(
    ("name", "whole", "without"), [("RSR", 0.847, 0.712), ("mean NLL", 0.509, -0.145), ("length", 0.531, -0.184)]
)
def test_the_three_teachers_are_found_and_named(printed, table, name, whole, without):
    text, document = printed
    (one,) = (a for a in document["alibis"] if a["property"] == name and a["scope"] == "mean over models")
    (by_teacher,) = (group for group in one["groups"] if group["column"] == "teacher")
    assert by_teacher["farthest"]["groups"] == TEACHERS
    column, turn = COLUMNS[name]
    for value, shown, left_out in (
        (one["estimate"], whole, ()), (by_teacher["farthest"]["without"], without, TEACHERS)
    ):  # fmt: skip
        assert value == pytest.approx(turn * mean_over_students(table, column, left_out))
        assert round(value, 3) == shown
    about = next(part for part in text.split(f"{name} and post_training (all runs, mean over 5 models")[1:])
    assert f"Spearman +{whole}" in about[:200]
    assert f"lowest without GPT-OSS-120B, GPT-OSS-20B and Phi-4-reasoning: {without:+}" in about[:700]


def test_the_sign_that_hangs_on_them_is_said_and_rsr_holds(printed):
    text, _ = printed
    for name in ("mean NLL", "length"):
        said = f": {name} and post_training (all runs, mean over 5 models) hangs on few groups of teacher:"
        assert said in text
    assert (
        "the sign turns without GPT-OSS-120B, GPT-OSS-20B and Phi-4-reasoning (3 of 11: from +0.509 to -0.145)" in text
    )
    assert ": RSR and post_training (all runs, mean over 5 models) hangs on" not in text
