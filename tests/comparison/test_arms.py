"""Grouping runs: aligned by item id, and refused by name where they do not fit together."""

from __future__ import annotations

import json

import pytest

from dataselect.comparison.arms import arms
from dataselect.comparison.runs import read_run
from dataselect.errors import ArtifactError

KEY = ("task", "accuracy", "higher")


def test_seeds_form_an_arm_aligned_by_item(evaluated):
    runs = [
        read_run(evaluated("a", seed, {KEY: items}))
        for seed, items in ((1, {"x": 1.0, "y": 0.0}), (0, {"y": 3.0, "x": 2.0}))
    ]
    (arm,) = arms(runs)
    assert arm.seeds == ((0, 0), (1, 1))
    assert arm.item_ids == ("x", "y")
    assert arm.values.tolist() == [[2.0, 3.0], [1.0, 0.0]]
    assert arm.estimate == 1.5


def test_one_selection_trained_with_two_seeds_is_two_draws(evaluated, seal):
    folders = [evaluated("a", 0, {KEY: {"x": float(seed)}}, name=f"trained-{seed}") for seed in (0, 7)]
    for folder, training_seed in zip(folders, (0, 7), strict=True):
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["run"]["training_seed"] = training_seed
        seal(folder, "evaluate", manifest)
    (arm,) = arms([read_run(folder) for folder in folders])
    assert arm.seeds == ((0, 0), (0, 7))


def test_the_same_run_twice(evaluated):
    runs = [read_run(evaluated("a", 0, {KEY: {"x": 1.0}}, name=name)) for name in ("one", "two")]
    with pytest.raises(
        ArtifactError, match=r"the same run is given twice: a at 100 examples, seed 0 .*two\) and .*one"
    ):
        arms(runs)


def test_other_items(evaluated):
    runs = [read_run(evaluated(s, 0, {KEY: dict.fromkeys(items, 1.0)})) for s, items in (("a", "xyz"), ("b", "xyw"))]
    with pytest.raises(ArtifactError, match=r"task task: .*b-100-0 .*a-100-0 .*only one of them has 'w', 'z'"):
        arms(runs)


def test_other_direction(evaluated):
    runs = [
        read_run(evaluated(s, 0, {("task", "accuracy", d): {"x": 1.0}})) for s, d in (("a", "higher"), ("b", "lower"))
    ]
    with pytest.raises(ArtifactError, match=r"lower is better in .*b-100-0 but higher in .*a-100-0"):
        arms(runs)


def test_a_seed_without_a_task_that_its_sisters_have(evaluated):
    other = ("other", "accuracy", "higher")
    runs = [
        read_run(evaluated("a", 0, {KEY: {"x": 1.0}, other: {"x": 1.0}})),
        read_run(evaluated("a", 1, {KEY: {"x": 1.0}})),
    ]
    with pytest.raises(ArtifactError, match=r"a at 100 examples, seed 1 .* has no results on task other"):
        arms(runs)


def test_tasks_of_one_run_may_come_from_two_folders(evaluated):
    other = ("other", "accuracy", "higher")
    runs = [read_run(evaluated("a", 0, {key: {"x": 1.0}}, name=key[0])) for key in (KEY, other)]
    assert [arm.task for arm in arms(runs)] == ["task", "other"]
