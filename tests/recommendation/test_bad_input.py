"""`dataselect recommend` on input that cannot be answered: one clear line, and never a recommendation."""

from __future__ import annotations

import json

import pytest
from invented_words import sentence

from dataselect.cli import run


def records(first, number, **more):
    return [{"instruction": sentence(n, 6), "output": sentence(9000 + n), **more} for n in range(first, first + number)]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def told(tmp_path, capsys):
    """A function that runs the command and returns its exit code and its last line; nothing may be recommended."""

    def made(*words):
        out = tmp_path / "out"
        code = run(["recommend", *map(str, words), "--model", "builtin", "--out", str(out)])
        assert not (out / "recommended.jsonl").exists()
        assert not (out / "recommendation.json").exists()
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return code, error.strip().splitlines()[-1]

    return made


@pytest.fixture
def pool(tmp_path):
    return write(tmp_path / "pool.jsonl", records(0, 40))


@pytest.fixture
def task(tmp_path):
    return write(tmp_path / "dev.jsonl", records(5000, 12))


def test_no_task(told, pool):
    code, line = told(pool)
    assert code == 2
    assert "no task was given" in line
    assert "--task FILE" in line


def test_a_task_that_is_the_pool(told, pool):
    code, line = told(pool, "--task", pool)
    assert code == 2
    assert "the task pool.jsonl is the pool pool.jsonl: every row would be a leak" in line


def test_a_task_whose_rows_are_those_of_a_pool_in_another_file(told, pool, tmp_path):
    task = write(tmp_path / "dev.jsonl", records(0, 40)[::-1])
    code, line = told(pool, "--task", task)
    assert code == 1
    assert "no row of pool.jsonl is usable: of 40 records 40 rows that leak a task were removed" in line


def test_a_task_that_is_no_file(told, pool, tmp_path):
    assert "the task arc_easy is one of lm-evaluation-harness" in told(pool, "--task", "arc_easy")[1]
    assert "does not exist" in told(pool, "--task", tmp_path / "none.jsonl")[1]


def test_a_task_of_three_items(told, pool, tmp_path):
    code, line = told(pool, "--task", write(tmp_path / "dev.jsonl", records(5000, 3)))
    assert code == 1
    assert "has 3 items: at least 4 are needed" in line


@pytest.mark.parametrize("rows", [[{"id": 1, "no": "text"}], records(100, 5, output="")])
def test_a_pool_without_a_usable_row(told, pool, task, rows, tmp_path):
    bad = write(tmp_path / "bad.jsonl", rows)
    for pools in ((pool, bad), (bad,)):
        code, line = told(*pools, "--task", task)
        assert code == 1
        assert "no row of bad.jsonl is usable" in line or "none of 1 records can be read" in line


def test_a_missing_or_empty_pool(told, task, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    assert "does not exist" in told(tmp_path / "none.jsonl", "--task", task)[1]
    assert "empty.jsonl is empty" in told(tmp_path / "empty.jsonl", "--task", task)[1]


@pytest.mark.parametrize(("budget", "held"), [("41", "40 rows"), ("9999999tok", "scored tokens"), ("101%", "40 rows")])
def test_a_budget_over_every_pool(told, pool, task, budget, held):
    code, line = told(pool, "--task", task, "--budget", budget, "--train-tokens", "1000000")
    assert code == 1
    assert "the budget asks for" in line
    assert held in line


def test_a_budget_that_is_none(told, pool, task):
    assert "expected a budget such as 1000" in told(pool, "--task", task, "--budget", "many")[1]


def test_tokens_and_time_that_do_not_suffice_for_one_training(told, pool, task):
    code, line = told(pool, "--task", task, "--train-tokens", "50")
    assert code == 2
    assert "50" in line
    assert "--train-tokens" in line
    code, line = told(pool, "--task", task, "--time", "1s")
    assert code == 2
    assert "--time" in line


def test_candidates_that_cannot_be_tried(told, pool, task, tmp_path):
    grammar = tmp_path / "candidates.yaml"
    grammar.write_text("strategies: [ppl-mdi]\npoools: [all]\n")
    line = told(pool, "--task", task, "--candidates", grammar)[1]
    assert "did you mean ppl-mid" in line
    assert "poools: unknown key, did you mean pools" in line
    grammar.write_text("mixtures: [{pol: 50%, pool: 50%}]\n")
    assert "unknown pool 'pol' (did you mean pool?" in told(pool, "--task", task, "--candidates", grammar)[1]
    assert "unknown strategy 'ppl-mdi'" in told(pool, "--task", task, "--strategies", "ppl-mdi")[1]


def test_unit_tests_are_refused_before_any_work_unless_code_may_run(told, pool, tmp_path, capsys):
    """The hint names an option that the command has, and the pools are not even audited."""
    problems = [
        {"prompt": f"def add_{n}(a):\n", "entry_point": f"add_{n}", "test": f"def check(f):\n    assert f(1) == {n}\n"}
        for n in range(8)
    ]
    task = write(tmp_path / "code.jsonl", problems)
    code, line = told(pool, "--task", task)
    assert code == 2
    assert "the task code executes programs that the model writes" in line
    assert "add --run-code" in line
    assert not (tmp_path / "out").exists()
    run(["recommend", "--help"])
    assert "--run-code" in capsys.readouterr().out


def test_a_task_is_read_before_the_pools_are(told, pool, tmp_path):
    told(pool, "--task", write(tmp_path / "dev.jsonl", records(5000, 3)))
    assert not (tmp_path / "out" / "audit").exists()
