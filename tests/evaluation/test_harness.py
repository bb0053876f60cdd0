import json

import pytest

pytest.importorskip("lm_eval", reason="pip install 'dataselect[eval]'")

from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.harness import _metrics, check_harness_task, evaluate_harness
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.tasks import EvaluationTask, find_tasks
from dataselect.pool import Renderer, RenderOptions

YAML = """
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{{field}}}}}"
doc_to_choice: choices
doc_to_target: answer
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: f1
    aggregation: f1
    higher_is_better: true
"""
DOCS = [
    {"question": "Once upon a", "choices": ["time", "qzx"], "answer": 0},
    {"question": "She went to the", "choices": ["xqv", "house"], "answer": 1},
    {"question": "Once upon a", "choices": ["time", "qzx"], "answer": 1},
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    data = tmp_path / "docs.json"
    data.write_text(json.dumps(DOCS))
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "tiny.yaml").write_text(YAML.format(name="tiny_tale", data=data, field="question"))
    (tasks / "gone.yaml").write_text(YAML.format(name="tiny_gone", data=tmp_path / "gone.json", field="question"))
    (tasks / "odd.yaml").write_text(YAML.format(name="tiny_odd", data=data, field="nowhere.deep"))
    return tasks


@pytest.fixture(scope="module")
def model(builtin):
    return EvaluatedModel(builtin, Renderer(builtin, RenderOptions(template="text")), "transformers", "float32", None)


def silent(task, done, of):
    pass


def test_outcomes_are_kept_per_item_and_corpus_metrics_named(folder, model):
    outcome = evaluate_harness(EvaluationTask("tiny_tale", "lm-eval", None, folder), model, silent)
    (accuracy,) = outcome.results
    assert (accuracy.task, accuracy.metric, accuracy.direction) == ("tiny_tale", "acc", "higher")
    assert accuracy.item_ids == ("0", "1", "2")
    assert accuracy.values.tolist() == [1.0, 1.0, 0.0]  # the third has its answer turned round
    assert outcome.items == 3
    assert outcome.notes == ("tiny_tale: f1 is left out, as it is not the mean of its items",)


def test_missing_data_and_faulty_task_files_are_told_in_one_line(folder, model):
    with pytest.raises(DataselectError, match="data of the lm-eval task tiny_gone cannot be loaded"):
        evaluate_harness(EvaluationTask("tiny_gone", "lm-eval", None, folder), model, silent)
    with pytest.raises(DataselectError, match="tiny_odd failed with UndefinedError: 'nowhere' is undefined"):
        evaluate_harness(EvaluationTask("tiny_odd", "lm-eval", None, folder), model, silent)


def test_unknown_names_are_answered_with_near_matches():
    with pytest.raises(UsageError, match="neither a file nor in lm-evaluation-harness") as caught:
        check_harness_task(EvaluationTask("arc_eazy", "lm-eval", None))
    assert "arc_easy" in caught.value.hint
    check_harness_task(EvaluationTask("arc_easy", "lm-eval", None))


def test_a_task_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        check_harness_task(EvaluationTask("arc_easy", "lm-eval", None, tmp_path / "none"))


def test_direction_comes_from_the_task_and_filters_are_kept_apart():
    samples = [
        {"doc_id": doc, "filter": chosen, "metrics": ["loss", "mystery"], "loss": doc + bonus, "mystery": 1.0}
        for chosen, bonus in (("none", 0.0), ("strict", 10.0))
        for doc in range(3)
    ]
    totals = {"loss,none": 1.0, "loss,strict": 11.0, "mystery,none": 1.0, "mystery,strict": 1.0}
    found = dict(_metrics("t", samples, {"loss": False}, totals))
    assert found["loss"].direction == "lower"
    assert found["loss"].values.tolist() == [0.0, 1.0, 2.0]
    assert found["loss,strict"].values.tolist() == [10.0, 11.0, 12.0]
    assert found["mystery"] == "as the task does not define whether higher is better"


def test_a_task_file_by_its_path_needs_neither_its_name_nor_a_network(folder, model):
    (task,) = find_tasks([str(folder / "tiny.yaml")])
    check_harness_task(task)
    (accuracy,) = evaluate_harness(task, model, silent).results
    assert (accuracy.task, accuracy.values.tolist()) == ("tiny_tale", [1.0, 1.0, 0.0])
