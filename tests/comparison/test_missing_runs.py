"""What a comparison lacks for a verdict: each missing run is told with the commands that make it, and the exit status."""

from __future__ import annotations

import shlex

import pytest

from dataselect.cli import run
from dataselect.reports import compare


def tasks(level):
    return {("task", "loss", "lower"): {f"i{n}": level + 0.01 * n for n in range(20)}}


def test_a_second_seed_on_either_side_is_asked_for(evaluated, tmp_path):
    runs = [evaluated("random", 0, tasks(1.0)), evaluated("a", 4, tasks(0.5))]
    missing = compare(runs, tmp_path / "out").missing
    assert [line.split(":")[0] for line in missing] == [
        "a second seed of a at 100 examples", "a second seed of random at 100 examples",
    ]  # fmt: skip
    assert "dataselect train SELECTION.jsonl --model MODEL --seed 5 --out TUNED-5" in missing[0]
    assert (
        "dataselect select POOL --scores SCORES --strategy random --budget 100 --seed 1 --out random-1.jsonl"
        in missing[1]
    )


def test_the_commands_that_are_told_exist_with_their_options(evaluated, tmp_path, capsys):
    controls = [evaluated("length-matched-random", 0, tasks(0.8), params={"match": "a"}, unit="tokens")]
    runs = [evaluated("random", 0, tasks(1.0), unit="tokens"), evaluated("a", 0, tasks(0.5), unit="tokens")]
    missing = compare([*runs, *controls], tmp_path / "out").missing
    assert any("--param match=SELECTION.jsonl --budget 100tok" in line for line in missing)
    for line in missing:
        for command in line.split(": ", 1)[1].split(" (")[0].split(" && "):
            words = shlex.split(command)
            assert words[0] == "dataselect"
            assert run([words[1], "--help"]) == 0
            told = capsys.readouterr().out
            assert all(word in told for word in words if word.startswith("--"))


def test_two_seeds_on_either_side_lack_nothing(evaluated, tmp_path):
    runs = [evaluated(s, seed, tasks(1.0 + 0.01 * seed)) for s in ("random", "a") for seed in (0, 1)]
    found = compare(runs, tmp_path / "out")
    assert found.missing == ()
    assert not found.uncontrolled


@pytest.mark.parametrize("budget", [None, 200])
def test_without_random_at_the_budget_compare_fails_and_names_the_commands(evaluated, tmp_path, capsys, budget):
    runs = [evaluated("a", seed, tasks(0.5)) for seed in (0, 1)]
    runs += [] if budget is None else [evaluated("random", 0, tasks(1.0), budget=budget)]
    assert run(["compare", *map(str, runs), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert "no strategy has a random control at its own budget" in told.err
    assert "dataselect select POOL --scores SCORES --strategy random --budget 100 --seed 0" in told.err
    assert "a: at 100 examples, no random control: not compared" in told.out


def test_references_alone_need_no_control(evaluated, tmp_path):
    assert run(["compare", str(evaluated("untrained", 0, tasks(1.0), budget=0)), "--out", str(tmp_path / "out")]) == 0
