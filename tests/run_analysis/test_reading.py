"""Wide and long tables, properties from elsewhere, and every fault of table or configuration in one line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from dataselect.errors import ArtifactError, ConfigError
from dataselect.run_analysis.config import read_config
from dataselect.run_analysis.reading import read_table
from dataselect.run_analysis.run_table import cell_matches


@pytest.fixture
def table(tmp_path, dump):
    def make(text, more=None, **config):
        path = tmp_path / "runs.csv"
        path.write_text(text)
        for name, content in (more or {}).items():
            (tmp_path / name).write_text(content)
        return read_table(path, read_config(dump(config)), tmp_path)

    return make


WIDE = {"columns": {"model": "model", "data": "data"}, "tasks": {"A": {"column": "a"}, "b": {"direction": "lower"}}}
LONG = {"columns": {"model": "model", "data": "data", "conditions": ["seed"], "task": "task", "score": "score"}}


def test_a_wide_table(table):
    found = table("\ufeffmodel,data,a,b\nm,x,1,2\n\nm,y,,nan\n", **WIDE)
    assert np.array_equal(found.scores, [[1, np.nan], [2, np.nan]], equal_nan=True)
    assert (found.models, found.datasets, found.lines) == (("m", "m"), ("x", "y"), (2, 4))
    assert [task.sign for task in found.tasks] == [1, -1]


def test_a_compressed_table(tmp_path, dump):
    path = tmp_path / "runs.csv.gz"
    path.write_bytes(gzip.compress(b"model,data,a,b\nm,x,1,2\n"))
    assert read_table(path, read_config(dump(WIDE)), tmp_path).scores.tolist() == [[1], [2]]


def test_a_long_table_is_the_same_runs(table):
    found = table("model,data,seed,task,score\nm,x,0,q,1\nm,y,0,q,3\nm,x,0,r,2\nm,x,1,q,5\n", **LONG)
    assert [task.name for task in found.tasks] == ["q", "r"]
    assert found.datasets == ("x", "y", "x")
    assert np.array_equal(found.scores, [[1, 3, 5], [2, np.nan, np.nan]], equal_nan=True)
    assert found.lines == (2, 3, 5)


def test_a_long_table_may_name_its_tasks(table):
    tasks = {"Q": {"column": "q", "direction": "lower"}}
    found = table("model,data,seed,task,score\nm,x,0,q,1\nm,x,0,r,2\n", **LONG, tasks=tasks)
    assert [(task.name, task.direction) for task in found.tasks] == [("Q", "lower")]


def test_two_scores_of_one_run_on_one_task_are_refused(table):
    with pytest.raises(ArtifactError, match=r"lines 2 and 3 are both m, x, 0, q"):
        table("model,data,seed,task,score\nm,x,0,q,1\nm,x,0,q,2\n", **LONG)


def test_a_property_of_the_table_and_its_logarithm(table):
    found = table(
        "model,data,a,b,p\nm,x,1,2,1\nm,y,1,2,100\n", **WIDE, properties={"ppl": {"column": "p", "log": True}}
    )
    assert found.properties["ppl"] == pytest.approx([0, np.log(100)])
    with pytest.raises(ConfigError, match="the lowest value is 0"):
        table("model,data,a,b,p\nm,x,1,2,0\n", **WIDE, properties={"ppl": {"column": "p", "log": True}})


def test_a_property_that_differs_within_one_run_is_refused(table):
    with pytest.raises(ArtifactError, match="line 3: p differs within one run"):
        table("model,data,seed,task,score,p\nm,x,0,q,1,5\nm,x,0,r,2,6\n", **LONG, properties={"p": {}})


@pytest.mark.parametrize(
    ("properties", "join", "expected"),
    [
        ("set,p\nx,3\ny,4\n", {}, [3, 4, 3, np.nan]),
        ("set,lm,p\nx,m,3\ny,m,4\nx,n,5\n", {"model": "lm"}, [3, 4, 5, np.nan]),
    ],
)
def test_properties_are_joined_from_a_second_table(table, properties, join, expected):
    found = table(
        "model,data,a,b\nm,x,1,2\nm,y,1,2\nn,x,1,2\nn,z,1,2\n", {"props.csv": properties}, **WIDE,
        properties={"p": {}}, property_table={"file": "props.csv", "data": "set", **join},
    )  # fmt: skip
    assert np.array_equal(found.properties["p"], expected, equal_nan=True)


def test_a_second_table_with_a_data_set_twice_is_refused(table):
    with pytest.raises(ArtifactError, match="two rows for x"):
        table(
            "model,data,a,b\nm,x,1,2\n", {"props.csv": "set,p\nx,3\nx,4\n"}, **WIDE, properties={"p": {}},
            property_table={"file": "props.csv", "data": "set"},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("model,data,a,b\n", "has no rows"),
        ("model,data,a,b\nm,x,1\n", "line 2: expected 4 cells, got 3"),
        ("model,data,a,a\nm,x,1,2\n", "two columns named a"),
        ('model,data,a,b\nm,"x,1,2\n', "cannot read the table"),
    ],
)
def test_what_is_no_table_is_refused(table, text, message):
    with pytest.raises(ArtifactError, match=message):
        table(text, **WIDE)


def test_missing_columns_are_told_together_with_near_names(table):
    with pytest.raises(ConfigError, match=r"no 'data', did you mean 'dataset'\?; runs.csv has no 'b'"):
        table("model,dataset,a\nm,x,1\n", **WIDE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": {}}, "a wide table needs the names of its tasks"),
        ({"colums": 1}, "unknown key, did you mean columns"),
        ({"where": {"epoch": 3}}, "where: 'epoch' names no run"),
        ({"comparisons": {"c": {"column": "how", "first": 1, "second": 2}}}, "comparisons.c: 'how' names no run"),
        ({"control": "length"}, "'length' is not among the properties"),
        ({"tasks": {"a": {"scale": [3]}}}, "expected .lowest, highest."),
        ({"resamples": 10}, "resamples: expected at least 100, got 10"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"columns": {"model": "m", "data": "d", "task": "t"}}, "both task and score"),
    ],
)
def test_faults_of_a_configuration(dump, change, message):
    with pytest.raises(ConfigError, match=message):
        read_config(dump(WIDE | change))


@pytest.mark.parametrize(
    ("cell", "wanted", "holds"),
    [
        ("10.0", 10, True), ("10", 10, True), ("ten", 10, False), ("True", True, True), ("false", False, True),
        ("1", True, False), ("x ", "x", True), ("", "", True), ("", 0, False), ("b", ["a", "b"], True), ("", None, True),
    ],
)  # fmt: skip
def test_what_a_condition_matches(cell, wanted, holds):
    assert cell_matches(cell, wanted) == holds
