import json
import shutil

import pyarrow.parquet as pq
import pytest

from dataselect.artifacts import read_json
from dataselect.comparison.runs import read_run
from dataselect.errors import ArtifactError, DataselectError, UsageError
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


def test_a_trained_model_brings_its_run_and_its_template(tasks, tmp_path, builtin, seal):
    model = tmp_path / "model"
    shutil.copytree(builtin, model)
    rendering = Renderer(builtin, RenderOptions(template="qa")).settings()
    seal(model, "train", {"stage": "train", "run": RUN, "rendering": rendering})
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

    from dataselect.evaluation.results import TaskOutcome
    from dataselect.evaluation.run import _distinct

    one = TaskResult("part", "acc", "higher", ("0",), np.array([1.0]))
    outcomes = {"group": TaskOutcome((one,), 1, {}), "part": TaskOutcome((one,), 1, {})}
    notes = []
    assert _distinct(outcomes, notes) == [one]
    assert notes == ["part acc of part is left out, as another task has it"]


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


SUMS = [{"id": f"s{n}", "question": f"What is {n} and {n}?", "answer": f"#### {2 * n}"} for n in range(4)]
PROBLEM = {
    "prompt": 'def one():\n    """One."""\n',
    "entry_point": "one",
    "test": "def check(f):\n    assert f() == 1\n",
}


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_tasks_that_write_answers_keep_them_and_compare_reads_the_outcomes(tmp_path):
    sums, code = lines(tmp_path / "sums.jsonl", SUMS[:2]), lines(tmp_path / "code.jsonl", [PROBLEM])
    request = EvaluateRequest(
        "builtin", (f"exact-match:{sums}", str(code)), tmp_path / "results", max_new_tokens=6, shots=2,
        shots_from=lines(tmp_path / "train.jsonl", SUMS[2:]), run_code=True,
    )  # fmt: skip
    summary = evaluate(request)
    assert [(mean.task, mean.metric, mean.direction, mean.n_items) for mean in summary.means] == [
        ("sums", "exact_match_strict", "higher", 2), ("sums", "exact_match_flexible", "higher", 2),
        ("code", "pass@1", "higher", 1),
    ]  # fmt: skip
    written = [json.loads(line) for line in (tmp_path / "results" / "outputs.jsonl").read_text().splitlines()]
    assert [(one["task"], one.get("expected"), one.get("outcome")) for one in written[:2]] == [
        ("sums", "0", None), ("sums", "2", None),
    ]  # fmt: skip
    assert written[2]["outcome"] in ("pass", "fail", "error", "timeout")
    assert [result.mean for result in read_run(tmp_path / "results").results] == [mean.mean for mean in summary.means]
    assert evaluate(request).fresh is False
    described = read_json(tmp_path / "results" / "manifest.json")["tasks"]["sums"]
    assert (described["kind"], described["max_new_tokens"], described["shots"]) == ("exact-match", 6, 2)
    lines(tmp_path / "train.jsonl", [{**row, "question": row["question"] + " "} for row in SUMS[2:]])
    with pytest.raises(ArtifactError, match="shots_sha256"):
        evaluate(request)


def test_groups_of_items_are_broken_down_in_the_manifest(tmp_path):
    pairs = [{"sentence_good": "He is.", "sentence_bad": "He are are.", "UID": name} for name in ("one", "two", "one")]
    evaluate(EvaluateRequest("builtin", (str(lines(tmp_path / "pairs.jsonl", pairs)),), tmp_path / "results"))
    groups = read_json(tmp_path / "results" / "manifest.json")["tasks"]["pairs"]["groups"]
    assert {name: group["items"] for name, group in groups.items()} == {"one": 2, "two": 1}
    assert len(read_run(tmp_path / "results").results[0].item_ids) == 3


def test_code_is_not_run_unless_the_user_says_so(tmp_path):
    file = lines(tmp_path / "code.jsonl", [PROBLEM])
    with pytest.raises(UsageError, match="executes programs that the model writes") as caught:
        evaluate(EvaluateRequest("builtin", (str(file),), tmp_path / "results"))
    assert "--run-code" in caught.value.hint
    assert not (tmp_path / "results").exists()


def test_shots_without_a_task_that_shows_them_are_refused(tasks, tmp_path):
    train = lines(tmp_path / "train.jsonl", SUMS)
    with pytest.raises(UsageError, match="--shots requires an exact-match task"):
        evaluate(EvaluateRequest("builtin", tasks, tmp_path / "results", shots=1, shots_from=train))


def test_every_kind_states_the_direction_of_each_of_its_metrics():
    from dataselect.evaluation import KINDS

    found = {(kind.name, metric.name): metric.direction for kind in KINDS for metric in kind.metrics}
    assert {metric for metric, direction in found.items() if direction == "lower"} == {
        ("held-out", "nll"), ("held-out", "bits_per_byte"),
    }  # fmt: skip
    assert set(found.values()) == {"lower", "higher"}
    assert len(found) == 8
