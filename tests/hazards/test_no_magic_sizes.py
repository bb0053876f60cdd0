"""P17: a data set's size, or a list of tasks, written into the code."""

from __future__ import annotations

import json

import pytest

from dataselect.cli import run
from dataselect.pool import RenderOptions


def records(count: int) -> list[dict]:
    return [{"id": f"row {n}", "question": f"{n}?", "answer": f"{n}."} for n in range(count)]


@pytest.fixture(scope="module")
def model(make_model):
    return make_model()


@pytest.mark.parametrize("size", [1, 2, 7, 2_500])
def test_P17_a_pool_of_any_size_has_as_many_rows(model, score_pool, size):
    scored = score_pool(model, records(size), rendering=RenderOptions("qa"))
    assert [row["id"] for row in scored.rows] == [f"row {n}" for n in range(size)]
    assert scored.manifest["counts"]["ok"] == scored.manifest["pool"]["rows"] == size


@pytest.mark.parametrize(("size", "budget", "kept"), [(7, "50%", 3), (7, "100%", 7), (1, "5%", 1), (600, "5%", 30)])
@pytest.mark.parametrize("strategy", ["random", "ppl-low", "ppl-mid"])
def test_P17_a_share_is_of_this_pool(model, score_pool, tmp_path, strategy, size, budget, kept):
    scored = score_pool(model, records(size), rendering=RenderOptions("qa"))
    arguments = ["select", str(scored.pool), "--strategy", strategy, "--budget", budget, "--scores", str(scored.out)]
    assert run([*arguments, "--out", str(tmp_path / "chosen.jsonl")]) == 0
    assert len((tmp_path / "chosen.jsonl").read_text().splitlines()) == kept
    assert int(52_002 * float(budget.strip("%")) / 100) > size  # of Alpaca, as elsewhere


def test_P17_a_task_is_any_file_of_any_size_under_any_name(model, tmp_path):
    names = {"a task of mine": 3, "another, in äöü": 5}
    tasks = []
    for name, size in names.items():
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records(size)))
        tasks += ["--task", str(file)]
    assert run(["evaluate", "--model", str(model), *tasks, "--template", "qa", "--out", str(tmp_path / "out")]) == 0
    means = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {mean["task"]: mean["n_items"] for mean in means} == names
