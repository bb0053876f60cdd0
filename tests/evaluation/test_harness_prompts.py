"""What lm-evaluation-harness shows the model is what manifest and output say that it shows."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("lm_eval", reason="pip install 'dataselect[eval]'")

from dataselect.cli import run
from dataselect.evaluation.harness import harness_template

YAML = """
task: tiny_seen
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: choices
doc_to_target: answer
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
"""


@pytest.fixture
def task(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    data = tmp_path / "docs.json"
    data.write_text(json.dumps([{"question": "Once upon a", "choices": ["time", "qzx"], "answer": 0}]))
    path = tmp_path / "tiny.yaml"
    path.write_text(YAML.format(data=data))
    return path


@pytest.fixture
def shown(monkeypatch):
    """The contexts that the harness's model was asked about."""
    from lm_eval.models.huggingface import HFLM

    seen = []
    original = HFLM.loglikelihood

    def watched(self, requests, *args, **kwargs):
        seen.extend(request.args[0] for request in requests)
        return original(self, requests, *args, **kwargs)

    monkeypatch.setattr(HFLM, "loglikelihood", watched)
    return seen


@pytest.mark.parametrize(("template", "says"), [("alpaca", True), ("qa", True), ("text", False)])
def test_prompts_without_our_template_are_said_to_be_so(task, shown, tmp_path, capfd, template, says):
    out = tmp_path / "results"
    arguments = ["--model", "builtin", "--template", template, "--task", str(task), "--out", str(out)]
    assert run(["evaluate", *arguments]) == 0
    assert set(shown) == {"Once upon a"}
    manifest = json.loads((out / "manifest.json").read_text())
    (described,) = manifest["tasks"].values()
    assert described["template"] is None
    told = f"prompts follow the harness's task file, without the template {template}"
    assert any(told in note for note in manifest["notes"]) == says
    assert (told in capfd.readouterr().err) == says


def test_only_chat_is_applied():
    assert harness_template("chat") == "chat"
    assert [harness_template(name) for name in ("alpaca", "qa", "text", "mine.jinja")] == [None] * 4


def test_tasks_of_ours_name_the_template_that_they_use(tmp_path):
    pool = tmp_path / "held.jsonl"
    pool.write_text(json.dumps({"prompt": "q", "response": "yes"}) + "\n")
    out = tmp_path / "results"
    assert run(["evaluate", "--model", "builtin", "--template", "qa", "--task", str(pool), "--out", str(out)]) == 0
    (described,) = json.loads((out / "manifest.json").read_text())["tasks"].values()
    assert described["template"] == "qa"
