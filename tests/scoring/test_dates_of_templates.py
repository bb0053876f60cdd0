"""A template that writes the date: one date per run, kept for all that comes after."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import UsageError
from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.experiment.config import ExperimentConfig
from dataselect.experiment.stages import Stages
from dataselect.pool import Renderer, RenderOptions, render_options
from dataselect.records import Example, Message
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring import run as scoring_run

DATED = (
    "Today is {{ strftime_now('%d %B %Y, %H:%M') }}.\n{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ROWS = [{"prompt": f"Count to {n}.", "response": f"One, and so on to {n}."} for n in range(6)]


@pytest.fixture
def on(monkeypatch):
    """`on("2026-01-31")`: that is the date from now on."""
    return lambda date: monkeypatch.setattr(render_options, "today", lambda: date)


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "dated.jinja"
    path.write_text(DATED)
    return str(path)


def request(pool, template, out, **options) -> ScoreRequest:
    return ScoreRequest(
        (str(pool),), "builtin", out, backend="transformers", rendering=RenderOptions(template=template), cache=False,
        **options,
    )  # fmt: skip


def date_of(folder) -> str:
    return json.loads((folder / "manifest.json").read_text())["rendering"]["date"]


def test_only_a_template_that_asks_for_the_time_has_a_date(builtin, template):
    dated = Renderer(builtin, RenderOptions(template=template, date="2026-01-31"))
    assert dated.settings()["date"] == "2026-01-31"
    one = dated.render([Example("x", "p", {}, (Message("user", "a"), Message("assistant", "b")))])[0]
    assert one.text.startswith("Today is 31 January 2026, 00:00.\n")
    assert RenderOptions.recorded(dated.settings()).date == "2026-01-31"
    assert "date" not in Renderer(builtin, RenderOptions(date="2026-01-31")).settings()


def test_a_date_that_is_none_is_refused(builtin):
    for date in ("yesterday", "2026-1-5"):
        with pytest.raises(UsageError, match=f"--date should be a day such as 2026-01-31, got '{date}'"):
            Renderer(builtin, RenderOptions(date=date))


def test_a_run_that_goes_on_tomorrow_keeps_the_first_date(pool, template, tmp_path, on, monkeypatch):
    monkeypatch.setattr(scoring_run, "SHARD_RECORDS", 2)
    on("2026-01-31")
    score(request(pool, template, tmp_path / "calm"))
    write, written = scoring_run.ScoreShards.write, []

    def stopped(self, result):
        if written:
            raise KeyboardInterrupt
        written.append(result.index)
        write(self, result)

    monkeypatch.setattr(scoring_run.ScoreShards, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        score(request(pool, template, tmp_path / "stopped"))
    monkeypatch.setattr(scoring_run.ScoreShards, "write", write)
    on("2026-02-01")
    assert score(request(pool, template, tmp_path / "stopped")).fresh
    assert date_of(tmp_path / "stopped") == "2026-01-31"
    ours, calm = (pq.read_table(tmp_path / name / "scores.parquet") for name in ("stopped", "calm"))
    assert ours.equals(calm)
    assert not score(request(pool, template, tmp_path / "calm")).fresh  # finished, and still the same run
    score(request(pool, template, tmp_path / "calm", overwrite=True))
    assert date_of(tmp_path / "calm") == "2026-02-01"


def test_verify_selection_training_and_evaluation_keep_the_date_of_the_scores(pool, template, tmp_path, on):
    on("2026-01-31")
    scores, kept, model = tmp_path / "scores", tmp_path / "kept.jsonl", tmp_path / "model"
    score(request(pool, template, scores))
    on("2026-02-01")
    assert run(["verify", str(pool), "--model", "builtin", "--template", template, "--scores", str(scores)]) == 0
    assert (
        run(
            ["select", str(pool), "--strategy", "ppl-low", "--scores", str(scores), "--budget", "4", "--out", str(kept)]
        )
        == 0
    )
    assert json.loads((tmp_path / "kept.manifest.json").read_text())["rendering"]["date"] == "2026-01-31"
    training = tmp_path / "training.yaml"
    training.write_text("batch_size: 4\nmicro_batch_size: 4\n")
    assert run(["train", str(kept), "--model", "builtin", "--out", str(model), "--epochs", "1"]) == 0
    assert date_of(model) == "2026-01-31"
    evaluate(EvaluateRequest(model=str(model), tasks=(str(pool),), out=tmp_path / "result"))
    assert date_of(tmp_path / "result") == "2026-01-31"


def test_all_models_of_an_experiment_are_shown_the_date_of_its_scores(pool, template, tmp_path, on):
    on("2026-01-31")
    config = ExperimentConfig(
        pools=(str(pool),), tasks=(str(pool),), strategies=("ppl-low",), budgets=("4",),
        rendering=RenderOptions(template=template),
    )  # fmt: skip
    stages = Stages(config, tmp_path, tmp_path / "scores", tmp_path / "embeddings")
    assert "date" not in stages.evaluate_request("builtin", config.tasks, tmp_path / "result").rendering
    score(request(pool, template, tmp_path / "scores"))
    on("2026-02-01")
    assert stages.evaluate_request("builtin", config.tasks, tmp_path / "result").rendering["date"] == "2026-01-31"


def test_scores_of_two_dates_are_not_taken_for_one(pool, template, tmp_path, capsys, on):
    for date, name in (("2026-01-30", "first"), ("2026-01-31", "second")):
        on(date)
        score(request(pool, template, tmp_path / name))
    arguments = ["select", str(pool), "--strategy", "random", "--budget", "2", "--out", str(tmp_path / "k.jsonl")]
    assert run([*arguments, "--scores", str(tmp_path / "first"), "--scores", str(tmp_path / "second")]) == 1
    told = capsys.readouterr().err
    assert "different renderings (date)" in told
    assert "the same model and template options and --date" in told
