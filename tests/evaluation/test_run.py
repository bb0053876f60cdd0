import json
import shutil

import pyarrow.parquet as pq
import pytest

from dataselect.analysis.runs import read_run
from dataselect.artifacts import read_json
from dataselect.errors import ArtifactError, DataselectError
from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import TaskResult

RUN = {"strategy": "random", "params": {}, "budget": 10, "unit": "examples", "seed": 1, "training_seed": 1}


@pytest.fixture
def tasks(tmp_path):
    held, quiz = tmp_path / "held.jsonl", tmp_path / "quiz.jsonl"
    rows = [{"id": f"h{n}", "instruction": f"Name number {n}.", "output": f"It is {n}."} for n in range(3)]
    held.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"id": "e", "instruction": "?", "output": ""}]))
    quiz.write_text(json.dumps({"id": "q", "question": "Up or down?", "choices": ["Up.", "Down."], "answer": 0}) + "\n")
    return (str(held), f"riddle={quiz}")


def test_one_run_over_two_kinds_writes_what_compare_reads(tasks, tmp_path):
    out = tmp_path / "results"
    summary = evaluate(EvaluateRequest("builtin", tasks, out))
    assert [(mean.task, mean.metric, mean.n_items) for mean in summary.means] == [
        ("held", "nll", 3), ("held", "bits_per_byte", 3), ("riddle", "accuracy", 1), ("riddle", "accuracy_norm", 1),
    ]  # fmt: skip
    assert summary.left_out == {"held": {"empty_response": 1}}
    assert {file.name for file in out.iterdir()} == {
        "results.parquet",
        "results.json",
        "manifest.json",
        "run.json",
        ".lock",
    }
    run = read_run(out)
    assert (run.strategy, run.budget, run.unit, run.seed) == ("untrained", 0, "examples", 0)
    assert [result.mean for result in run.results] == [mean.mean for mean in summary.means]
    manifest = read_json(out / "manifest.json")
    assert manifest["tasks"]["held"]["items"] == 4
    assert manifest["tasks"]["held"]["scored"] == 3
    assert (manifest["dtype"], manifest["backend"]) == ("float32", "transformers")


def test_a_trained_model_brings_its_run_and_its_template(tasks, tmp_path, builtin):
    model = tmp_path / "model"
    shutil.copytree(builtin, model)
    rendering = Renderer(builtin, RenderOptions(template="qa")).settings()
    (model / "manifest.json").write_text(json.dumps({"stage": "train", "run": RUN, "rendering": rendering}))
    evaluate(EvaluateRequest(str(model), tasks, tmp_path / "results"))
    manifest = read_json(tmp_path / "results" / "manifest.json")
    assert manifest["run"] == RUN
    assert manifest["rendering"]["template"] == "qa"
    by_flag = EvaluateRequest("builtin", tasks, tmp_path / "flag", rendering={"template": "qa"})
    values = [
        pq.read_table(folder / "results.parquet").column("value").to_pylist()
        for folder in (tmp_path / "results", evaluate(by_flag).out)
    ]
    assert values[0] == values[1]  # the same weights, shown the same texts


def test_a_finished_run_is_left_alone_and_another_one_refused(tasks, tmp_path):
    out = tmp_path / "results"
    first = evaluate(EvaluateRequest("builtin", tasks, out))
    before = (out / "results.parquet").stat().st_mtime_ns
    again = evaluate(EvaluateRequest("builtin", tasks, out))
    assert (again.fresh, again.means) == (False, first.means)
    assert (out / "results.parquet").stat().st_mtime_ns == before
    with pytest.raises(ArtifactError, match="rendering"):
        evaluate(EvaluateRequest("builtin", tasks, out, rendering={"template": "qa"}))
    assert evaluate(EvaluateRequest("builtin", tasks, out, rendering={"template": "qa"}, overwrite=True)).fresh


def test_a_model_folder_without_tokenizer_is_refused(tasks, tmp_path, builtin):
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(builtin / name, model / name)
    with pytest.raises(DataselectError, match="no tokenizer files"):
        evaluate(EvaluateRequest(str(model), tasks, tmp_path / "results"))


def test_overlapping_results_are_kept_once():
    import numpy as np

    from dataselect.evaluation.kinds import TaskOutcome
    from dataselect.evaluation.run import _distinct

    one = TaskResult("part", "acc", "higher", ("0",), np.array([1.0]))
    outcomes = {"group": TaskOutcome((one,), 1, {}), "part": TaskOutcome((one,), 1, {})}
    notes = []
    assert _distinct(outcomes, notes) == [one]
    assert notes == ["part acc of part is there already"]


def test_tasks_of_the_harness_stand_beside_others_in_the_order_given(tasks, tmp_path, monkeypatch):
    pytest.importorskip("lm_eval", reason="pip install 'dataselect[eval]'")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "tasks"
    folder.mkdir()
    (tmp_path / "docs.json").write_text(json.dumps([{"text": "It is a mouse.", "answer": 0, "choices": ["a", "b"]}]))
    (folder / "tiny.yaml").write_text(
        f"task: tiny_pick\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path / 'docs.json'}}}}}\n"
        "test_split: test\noutput_type: multiple_choice\ndoc_to_text: '{{text}}'\ndoc_to_choice: choices\ndoc_to_target: answer\n"
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n"
    )
    request = EvaluateRequest("builtin", (tasks[0], "tiny_pick"), tmp_path / "results", task_path=folder)
    summary = evaluate(request)
    assert [mean.task for mean in summary.means] == ["held", "held", "tiny_pick"]
    assert summary.means[2].n_items == 1
    assert read_json(tmp_path / "results" / "manifest.json")["tasks"]["tiny_pick"]["kind"] == "lm-eval"
