"""Every stage compares its inputs by role, place and content, and never by where they are or what they are called.

Each stage runs once on files of one name in two folders. Then: the same bytes elsewhere are the same inputs; the two
files swapped, or one of them changed, are others, and the stage refuses by naming what differs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dataselect.artifacts import read_json
from dataselect.embeddings import EmbedRequest, embed
from dataselect.errors import ArtifactError, DataselectError
from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.experiment import read_config
from dataselect.experiment.inputs import fingerprint
from dataselect.experiment.stages import Stages
from dataselect.layers import LayersRequest, layers
from dataselect.models import model_path
from dataselect.pool_ranking import RankRequest, rank
from dataselect.reports import compare
from dataselect.run_analysis import analyze
from dataselect.scoring import ScoreRequest, score
from dataselect.selection import SelectRequest, is_selected, select
from dataselect.stage import StageDirectory
from dataselect.stage.fingerprints import differences
from dataselect.tokens import TokensRequest, tokens
from dataselect.training import TrainConfig, TrainRequest, train

NAME = "test.jsonl"


def _rows(*words: str) -> str:
    made = ({"question": f"Say {word}.", "answer": f"I say {word} and {word} again. #### 2"} for word in words)
    return "".join(json.dumps(row) + "\n" for row in made)


@pytest.fixture
def inputs(tmp_path) -> Path:
    """Two files of one name, each in a folder of its own."""
    for folder, words in (("a", ("red", "green", "blue", "grey")), ("b", ("one", "two", "three", "four"))):
        (tmp_path / "here" / folder).mkdir(parents=True)
        (tmp_path / "here" / folder / NAME).write_text(_rows(*words))
    return tmp_path / "here"


def _moved(inputs: Path) -> Path:
    return Path(shutil.move(inputs, inputs.with_name("there")))


def _swapped(inputs: Path, name: str = NAME) -> Path:
    a, b, aside = inputs / "a" / name, inputs / "b" / name, inputs / "aside"
    a.rename(aside)
    b.rename(a)
    aside.rename(b)
    return inputs


def _changed(inputs: Path) -> Path:
    """The second file with one other word and the same length."""
    file = inputs / "b" / NAME
    file.write_text(file.read_text().replace("three", "seven"))
    return inputs


def _score(inputs: Path, out: Path) -> None:
    score(ScoreRequest((str(inputs / "a" / NAME), str(inputs / "b" / NAME)), "builtin", out))


def _embed_pools(inputs: Path, out: Path) -> None:
    embed(EmbedRequest((str(inputs / "a" / NAME), str(inputs / "b" / NAME)), "minilm", out))


def _embed_targets(inputs: Path, out: Path) -> None:
    pool = inputs.parent / "pool.jsonl"
    pool.write_text(_rows("cat", "dog"))
    embed(EmbedRequest((str(pool),), "minilm", out, targets=(str(inputs / "a" / NAME), str(inputs / "b" / NAME))))


def _train(inputs: Path, out: Path) -> None:
    train(TrainRequest(inputs / "b" / NAME, "builtin", out, TrainConfig(max_steps=1, batch_size=2)))


def _evaluate(inputs: Path, out: Path) -> None:
    tasks = (f"first=held-out:{inputs / 'a' / NAME}", f"second=held-out:{inputs / 'b' / NAME}")
    evaluate(EvaluateRequest("builtin", tasks, out))


def _rank(inputs: Path, out: Path) -> None:
    rank(RankRequest((str(inputs / "a" / NAME), str(inputs / "b" / NAME)), (("", "builtin"),), out))


def _select(inputs: Path, out: Path) -> None:
    select(SelectRequest((str(inputs / "a" / NAME), str(inputs / "b" / NAME)), "random", "3", out / "chosen.jsonl"))


STAGES: dict[str, Callable[[Path, Path], None]] = {
    "score": _score,
    "embed": _embed_pools,
    "embed --target": _embed_targets,
    "train": _train,
    "evaluate": _evaluate,
    "rank": _rank,
    "select": _select,
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("change", [_swapped, _changed])
def test_other_content_is_another_input_and_a_move_is_none(stage, change, inputs, tmp_path):
    work, out = STAGES[stage], tmp_path / "out"
    work(inputs, out)
    written = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    there = _moved(inputs)
    work(there, out)  # the same bytes elsewhere: the finished stage is taken
    now = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    manifests = [p for p in written if p.name == "chosen.manifest.json"]  # says where its inputs are now
    assert [p for p in now if now[p] != written.get(p) and p not in manifests] == []
    with pytest.raises(ArtifactError, match=r"another .*sha256|another .*selection|another selection"):
        work(change(there), out)


def test_a_moved_selection_says_where_its_pools_are_now(inputs, tmp_path):
    _select(inputs, tmp_path / "out")
    _select(_moved(inputs), tmp_path / "out")
    paths = read_json(tmp_path / "out" / "chosen.manifest.json")["paths"]
    assert paths["pools"] == ["../there/a/test.jsonl", "../there/b/test.jsonl"]


def _models(folder: Path) -> None:
    """Two tunings of the bundled model under one name, each in a folder of its own."""
    import torch
    from safetensors.torch import load_file, save_file

    for name, factor in (("a", 1.01), ("b", 1.02)):
        model = folder / name / "model"
        shutil.copytree(model_path(), model)
        weights = load_file(model / "model.safetensors")
        scaled = {key: value * factor if value.dtype.is_floating_point else value for key, value in weights.items()}
        assert any(not torch.equal(scaled[key], weights[key]) for key in weights)
        save_file(scaled, model / "model.safetensors", metadata={"format": "pt"})


def test_layers_tells_two_models_of_one_name_apart(inputs, tmp_path):
    _models(inputs)

    def work(folder: Path) -> bool:
        tuned = (("one", str(folder / "a" / "model")), ("two", str(folder / "b" / "model")))
        return layers(LayersRequest("builtin", tuned, tmp_path / "out", spectra=False)).fresh

    assert work(inputs)
    there = _moved(inputs)
    assert not work(there)
    with pytest.raises(ArtifactError, match=r"another tuned\.one"):
        work(_swapped(there, "model"))


def test_tokens_tells_two_score_folders_of_one_name_apart(inputs, tmp_path):
    _models(inputs)
    for name in ("a", "b"):
        pool, model, out = str(inputs / "a" / NAME), str(inputs / name / "model"), inputs / name / "scores"
        score(ScoreRequest((pool,), model, out, tokens=True))

    def work(folder: Path) -> bool:
        asked = TokensRequest(folder / "a" / "scores", tmp_path / "out", tuned=folder / "b" / "scores")
        return tokens(asked).fresh

    assert work(inputs)
    there = _moved(inputs)
    assert not work(there)
    with pytest.raises(ArtifactError, match="another base"):
        work(_swapped(there, "scores"))


def test_compare_knows_which_results_are_whose(inputs, tmp_path):
    """Two runs whose folders have one name; both are "unselected, 4 examples" and differ in their seed."""
    for seed, name in enumerate(("a", "b")):
        model = inputs / name / "model"
        train(TrainRequest(inputs / name / NAME, "builtin", model, TrainConfig(max_steps=1, seed=seed)))
        evaluate(EvaluateRequest(str(model), (f"first={inputs / 'a' / NAME}",), inputs / name / "run"))

    def work(folder: Path) -> None:
        compare([folder / "a" / "run", folder / "b" / "run"], tmp_path / "out")

    work(inputs)
    before = (tmp_path / "out" / "comparison.json").read_bytes()
    there = _moved(inputs)
    work(there)
    work(_swapped(there, "run"))  # the same two runs in another order are the same comparison
    assert (tmp_path / "out" / "comparison.json").read_bytes() == before
    shutil.rmtree(there / "a" / "run")
    evaluate(EvaluateRequest("builtin", (f"first={there / 'a' / NAME}",), there / "a" / "run"))
    with pytest.raises(ArtifactError, match="another"):
        work(there)


ANALYSIS = {
    "columns": {"model": "model", "data": "data"},
    "tasks": {"score": {}},
    "properties": {"size": {}},
    "property_table": {"file": "table.csv", "data": "data"},
    "resamples": 100,
    "permutations": 100,
}


def test_analyze_tells_runs_and_properties_of_one_name_apart(tmp_path):
    folder = tmp_path / "here"
    (folder / "runs").mkdir(parents=True)
    runs = [f"m{m},d{d},{m + 2 * d}" for m in range(2) for d in range(6)]
    (folder / "runs" / "table.csv").write_text("model,data,score\n" + "\n".join(runs) + "\n")
    properties = folder / "table.csv"
    properties.write_text("data,size\n" + "".join(f"d{d},{d * d}\n" for d in range(6)))
    (folder / "c.yaml").write_text(yaml.safe_dump(ANALYSIS))

    def work(at: Path) -> dict[str, str]:
        return analyze(at / "runs" / "table.csv", at / "c.yaml", tmp_path / "out").source.sha256

    named = work(folder)
    assert list(named) == ["table.csv", "table.csv (properties)"]
    there = Path(shutil.move(folder, tmp_path / "there"))
    work(there)
    (there / "table.csv").write_text(properties_text := (there / "table.csv").read_text().replace("d3,9", "d3,8"))
    assert "d3,8" in properties_text
    with pytest.raises(ArtifactError, match=r"another files\.property_table"):
        work(there)


def _config(folder: Path) -> Path:
    """An experiment on two files of one name: pools, target and tasks are the same two files."""
    path = folder / "experiment.yaml"
    settings = {
        "pools": [f"a/{NAME}", f"b/{NAME}"], "tasks": [f"first=held-out:a/{NAME}", f"second=exact-match:b/{NAME}"],
        "targets": [f"a/{NAME}", f"b/{NAME}"], "strategies": ["ppl-low"], "budgets": ["2"],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(settings))
    return path


def test_run_compares_every_input_by_role_place_and_content(inputs):
    def found(folder: Path) -> dict:
        return fingerprint(read_config(_config(folder)))

    first = found(inputs)
    there = _moved(inputs)
    assert differences(first, found(there)) == []
    told = differences(first, found(_swapped(there)))
    assert [name.split(" ")[0] for name in told] == [
        "inputs.pools[0].sha256", "inputs.pools[1].sha256", "inputs.targets[0].sha256", "inputs.targets[1].sha256",
        "inputs.tasks[0].sha256", "inputs.tasks[1].sha256",
    ]  # fmt: skip
    _swapped(there)
    told = differences(first, found(_changed(there)))
    assert [name.split(" ")[0] for name in told] == [
        "inputs.pools[1].sha256", "inputs.targets[1].sha256", "inputs.tasks[1].sha256",
    ]  # fmt: skip


def test_run_refuses_a_folder_whose_task_file_changed(inputs, tmp_path):
    """KIND:FILE counts: the folder of the first run is not taken for the second."""
    made = fingerprint(read_config(_config(inputs)))
    with StageDirectory("run", tmp_path / "out", made, {}):
        pass
    now = fingerprint(read_config(_config(_changed(inputs))))
    with (
        pytest.raises(ArtifactError, match=r"another .*inputs\.tasks\[1\]\.sha256"),
        StageDirectory("run", tmp_path / "out", now, {}),
    ):
        pass


def test_run_compares_models_templates_and_evaluation_sets_by_content(inputs):
    _models(inputs)
    (inputs / "t.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    settings = yaml.safe_load(_config(inputs).read_text()) | {
        "model": "a/model", "scoring": {"references": {"other": "b/model"}}, "rendering": {"template": "t.jinja"},
        "strategies": ["clean"], "encoder": "minilm",
        "variants": {"clean": {"strategy": "ppl-low", "filters": {"decontaminate": [f"a/{NAME}"]}}},
    }  # fmt: skip

    def found(folder: Path) -> dict:
        path = folder / "experiment.yaml"
        path.write_text(yaml.safe_dump(settings))
        return fingerprint(read_config(path))

    first = found(inputs)
    there = _moved(inputs)
    assert differences(first, found(there)) == []
    (there / "t.jinja").write_text("{% for m in messages %}{{ m.content }}.{% endfor %}")
    assert [one.split(" ")[0] for one in differences(first, found(there))] == ["inputs.template"]
    told = [one.split(" ")[0] for one in differences(first, found(_swapped(there, "model")))]
    assert told == ["inputs.model", "inputs.references.other", "inputs.template"]


@pytest.fixture
def stages(inputs, tmp_path) -> Stages:
    """The stages of an experiment whose pool is scored."""
    out = tmp_path / "out"
    made = Stages(read_config(_config(inputs)), out, out / "scores", out / "embeddings")
    score(made.score_request)
    return made


def test_an_experiment_keeps_a_selection_only_if_it_is_what_the_configuration_says(stages):
    from dataclasses import replace

    from dataselect.experiment.cells import Cell

    cell = Cell("ppl-low", "2", 0)
    stages.select(cell)
    file = stages.selection(cell.name)
    written = file.stat().st_mtime_ns
    stages.select(cell)
    assert file.stat().st_mtime_ns == written  # not made again
    assert is_selected(stages.select_request(cell))
    high = replace(stages, config=replace(stages.config, params={"ppl-low": {"quantile": 0.5}}))
    for other in (
        replace(stages.select_request(cell), strategy="ppl-high"),
        replace(stages.select_request(cell), budget="3"),
        replace(stages.select_request(cell), seed=1),
        replace(stages.select_request(cell), pools=stages.config.pools[:1]),
        replace(stages.select_request(cell), label="another"),
    ):
        assert not is_selected(other)
    with pytest.raises(DataselectError, match="quantile"):
        high.select(cell)
    file.write_text(file.read_text() + " ")
    stages.select(cell)  # a damaged one is made again
    assert is_selected(stages.select_request(cell))


@pytest.mark.parametrize(
    ("there", "now", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, ["a (was 1, now true)"]),
        ({"a": []}, {}, ["a (was [], now nothing)"]),
        ({"a.b": 1}, {"a": {"b": 1}}, [r"a.b (was nothing, now 1)", r"a\.b (was 1, now nothing)"]),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, ['a[0] (was "x", now "y")', 'a[1] (was "y", now "x")']),
        ({"a": None}, {"a": "null"}, ['a (was null, now "null")']),
    ],
)
def test_a_difference_is_told_with_both_values(there, now, told):
    assert differences(there, now) == told
