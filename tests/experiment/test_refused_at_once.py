"""What any stage would refuse before it loads a model is refused by `validate`, and by `run` in the same words.

Every configuration of the table is given to both commands as a user gives it. Neither may load a model or make the
folder of the experiment. Several mistakes in one file are told together.
"""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from dataselect.cli import run
from dataselect.evaluation.tasks import find_tasks
from dataselect.experiment import read_config
from dataselect.models import model_path

GOOD = {
    "pools": ["pool.jsonl"],
    "tasks": ["task.jsonl"],
    "strategies": ["ppl-low"],
    "budgets": ["25%"],
}
FILES = {
    "pool.jsonl": [{"id": f"p{n}", "prompt": f"question {n}", "response": f"answer {n}"} for n in range(40)],
    "more.jsonl": [{"prompt": f"another {n}", "response": f"answer {n}"} for n in range(8)],
    "twice.jsonl": [{"id": "same", "prompt": "a", "response": "b"}, {"id": "same", "prompt": "c", "response": "d"}],
    "unreadable.jsonl": [{"nothing": 1}],
    "task.jsonl": [{"question": "What is 2 plus 2?", "answer": "4"}, {"question": "What is 1 plus 2?", "answer": "3"}],
    "words.jsonl": [{"question": "Who?", "answer": "nobody"}],
    "choices.jsonl": [{"question": "a?", "choices": ["x", "y"], "answer": 0}, {"question": "b?", "choices": ["x"]}],
    "pairs.jsonl": [{"sentence_good": "It is.", "sentence_bad": 3}],
    "code.jsonl": [{"prompt": "def f():", "entry_point": "f", "test": "def check(f): pass"}],
    "dev.jsonl": [{"prompt": "a", "response": "b"}],
    "defects.jsonl": [{"id": "p1"}],
}


def _variant(**settings) -> dict:
    return {"strategies": ["one"], "variants": {"one": {"strategy": "ppl-low", **settings}}}


WRONG = [
    # what is there
    ({"pools": ["nowhere.jsonl"]}, "pools: nowhere.jsonl does not exist"),
    ({"pools": ["-"]}, "pools: standard input can be read once only"),
    ({"pools": ["pool.jsonl", "./pool.jsonl"]}, "is given twice"),
    ({"pools": ["empty.jsonl"]}, "empty.jsonl is empty"),
    ({"pools": ["unreadable.jsonl"]}, "pools: they hold no readable record"),
    ({"pools": ["twice.jsonl"]}, "the id 'same' is in twice.jsonl line 1 and twice.jsonl line 2 (make the ids unique"),
    ({"pools": ["pool.jsonl"], "columns": {"prompt": "prmpt"}}, "no column 'prmpt' (did you mean prompt"),
    ({"columns": {"text": "a", "prompt": "b"}}, "a text column cannot be combined with a prompt or response column"),
    ({"pools": None}, "pools: at least one is needed"),
    ({"matrix": {"pools": {"x": ["pool.jsonl"], "y": ["nowhere.jsonl"]}}}, "nowhere.jsonl does not exist"),
    ({"known_defects": "nowhere.jsonl"}, "known_defects: there is no file"),
    ({"known_defects": "defects.jsonl"}, "defects.jsonl, line 1: expected id and defect"),
    # models
    ({"model": "no/such/model/here"}, "no/such/model/here"),
    ({"model": "adapter"}, "the folder adapter holds an adapter for"),
    ({"model": "weightless"}, "has no weights (it must be a causal language model"),
    ({"model": "shardless"}, "lacks model-00002.safetensors"),
    ({"model": "mute"}, "has no tokenizer files"),
    ({"matrix": {"model": {"a": "builtin", "b": "weightless"}}}, "has no weights"),
    ({"scoring": {"references": {"other": "weightless"}}}, "scoring.references.other: the model in"),
    ({"scoring": {"references": {"a/b": "builtin"}}}, "scoring.references: a name may contain only letters"),
    # rendering
    ({"rendering": {"template": "chatt"}}, "did you mean chat"),
    ({"rendering": {"template": "broken.jinja"}}, "broken.jinja is not valid Jinja"),
    ({"rendering": {"max_length": 1}}, "rendering.max_length 1 leaves nothing to score"),
    ({"rendering": {"max_length": 10**6}}, "rendering.max_length 1000000 is over the model's limit"),
    ({"rendering": {"bos": "sometimes"}}, "rendering.bos: expected one of auto, always, never"),
    # strategies
    ({"strategies": ["ppl-lo"]}, "did you mean ppl-low"),
    ({"params": {"ppl-low": {"depth": 3}}}, "depth"),
    ({"params": {"ppl-high": {}}}, "ppl-high is not among the strategies"),
    ({"length_matched": ["ppl-mid"]}, "ppl-mid is not among the strategies"),
    ({"strategies": ["ppl-low", "ppl-low"]}, "strategies: one is given twice"),
    ({"strategies": ["similarity"]}, "targets: a strategy looks at a target, but none is given"),
    ({"strategies": ["rds-plus"]}, "targets: a strategy looks at a target, but none is given"),
    ({"strategies": ["dsir"]}, "targets: a strategy looks at a target, but none is given"),
    ({"strategies": ["excess-loss"]}, "needs the column excess_loss, which takes a second model"),
    ({"strategies": ["column"], "params": {"column": {"name": "bits_per_bite"}}}, "did you mean bits_per_byte"),
    (_variant(then=[{"shortlist": "5%", "strategy": "longest"}], params={}), "than the shortlist before longest"),
    (_variant(then=[{"shortlist": "50%", "strategy": "longst"}]), "did you mean longest"),
    (_variant(then=[{"shortlist": "50%", "strategy": "dsir"}]), "none is given"),
    (_variant(length_control="bins", length_bins=1), "length bins are at least 2"),
    ({"strategies": ["one"], "variants": {"one": {"strategy": "k-center", "length_control": "bins"}}}, "length_control"),
    (_variant(filters={"where": "ppl <"}), "variants.one"),
    (_variant(filters={"where": "pplx < 3"}), "filters.where needs the column pplx"),
    (_variant(filters={"where": "similarity > 0.5"}), "targets: a strategy looks at a target, but none is given"),
    (_variant(filters={"min_tokens": 50, "max_tokens": 20}), "filters.min_tokens 20 filters.max_tokens 500"),
    (_variant(filters={"decontaminate": ["nowhere.jsonl"]}), "variants.one.filters: nowhere.jsonl does not exist"),
    (_variant(filters={"dedup": ["exct"]}), "dedup"),
    (_variant(quota=["pool.jsonl=30%", "other.jsonl=10%"]), "other.jsonl"),
    (_variant(quota=["pool.jsonl=130%"]), "the quotas add up to 130%"),
    ({"strategies": ["a/b"], "variants": {"a/b": {"strategy": "ppl-low"}}}, "variants: a name may contain only letters"),
    ({"variants": {"one": {"strategy": "ppl-low"}}}, "variants: one is not among the strategies"),
    ({"strategies": ["m"], "variants": {"m": {"strategy": "length-matched-random", "params": {"match": "no.jsonl"}}}},
     "there is no selection no.jsonl to match"),
    # budgets and seeds
    ({"budgets": None}, "budgets: missing"),
    ({"budgets": ["-3"]}, "expected a budget such as 1000"),
    ({"budgets": ["41"]}, "the budget asks for 41 examples, but the pool has 40 rows"),
    ({"budgets": ["101%"]}, "101% of the pool"),
    ({"budgets": ["25%", "10"]}, "budgets: 25% and 10 are the same 10 of 40 rows"),
    ({"random_seeds": [0, 1]}, "at least three"),
    ({"seeds": [-1]}, "seeds: seed should be a whole number from 0"),
    ({"seeds": [2**32]}, "seeds: seed should be a whole number from 0"),
    ({"seeds": []}, "seeds: at least one is needed"),
    # targets and embeddings
    ({"targets": ["nowhere.jsonl"]}, "targets: nowhere.jsonl does not exist"),
    ({"targets": ["unreadable.jsonl"]}, "should hold examples"),
    ({"targets": ["dev.jsonl"], "strategies": ["similarity"], "encoder": "minilmm"}, "encoder: unknown encoder"),
    ({"targets": ["dev.jsonl"], "strategies": ["similarity"], "encoder": "adapter"}, "so it is no encoder"),
    ({"top_k": 0}, "top_k should be at least 1"),
    ({"embed_text": "all"}, "embed_text: expected one of prompt, response, both"),
    # how models are run
    ({"scoring": {"dtype": "float31"}}, "scoring.dtype: unknown dtype 'float31'"),
    ({"evaluation": {"dtype": "float31"}}, "evaluation.dtype: unknown dtype"),
    ({"scoring": {"backend": "server"}}, "scoring.backend: unknown backend of an experiment 'server'"),
    ({"evaluation": {"backend": "vlm"}}, "evaluation.backend: unknown backend of an experiment 'vlm' (did you mean vllm"),
    ({"scoring": {"batch_tokens": 0}}, "scoring.batch_tokens: expected at least 1, got 0"),
    ({"training": {"learning_rate": -1.0}}, "learning_rate should be above 0"),
    ({"training": {"seed": 3}}, "training.seed is set by the matrix"),
    ({"training": {"report_to": "wandbb"}}, "training: report_to wandbb"),
    ({"matrix": {"training": {"fast": {"epochs": 0}}}}, "epochs should be above 0"),
    ({"matrix": {"training": {"fast": {"seed": 1}}}}, "training.fast.seed is set by the matrix"),
    # tasks
    ({"tasks": ["nowhere.jsonl"]}, "tasks: the task file nowhere.jsonl does not exist"),
    ({"tasks": ["task.jsonl", "held-out:task.jsonl"]}, "two tasks are called task-held-out (rename one: tasks: NAME=FILE)"),
    ({"tasks": ["exct-match:task.jsonl"]}, "did you mean exact-match"),
    ({"tasks": ["exact-match:words.jsonl"]}, "words.jsonl line 1: answer should be a number"),
    ({"tasks": ["choices.jsonl"]}, "choices.jsonl line 2: choices should be two or more texts"),
    ({"tasks": ["pairs.jsonl"]}, "pairs.jsonl line 1: sentence_bad should be text"),
    ({"tasks": ["code.jsonl"]}, "add evaluation.run_code: true, best in a container"),
    ({"tasks": ["unreadable.jsonl"]}, "unreadable.jsonl holds no example"),
    ({"evaluation": {"shots": 2, "shots_from": "task.jsonl"}}, "evaluation.shots requires an exact-match task"),
    ({"evaluation": {"shots": 2}}, "give both evaluation.shots N and evaluation.shots_from FILE"),
    ({"tasks": ["exact-match:task.jsonl"], "evaluation": {"shots": 2, "shots_from": "task.jsonl"}}, "0 questions that"),
    ({"evaluation": {"max_new_tokens": 0}}, "answers need at least 1 token"),
    ({"evaluation": {"task_path": "nowhere"}}, "evaluation.task_path: nowhere is not a folder"),
    # the file itself
    ({"strategy": ["ppl-low"]}, "strategy: unknown key, did you mean strategies?"),
    ({"layers": "yes please"}, "layers: expected true or false"),
    ({"without": ["random"]}, "without[0]: expected one of untrained, full"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("config")
    for name, rows in FILES.items():
        (here / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (here / "empty.jsonl").write_text("")
    (here / "broken.jinja").write_text("{% for m in messages %}{{ m.content }")
    for name in ("adapter", "weightless", "shardless", "mute"):
        (here / name).mkdir()
    (here / "adapter" / "adapter_config.json").write_text("{}")
    for file in model_path().glob("*.json"):
        for name in ("weightless", "shardless"):
            shutil.copy(file, here / name / file.name)
    shutil.copy(model_path() / "config.json", here / "mute")
    index = {"weight_map": {"a": "model-00001.safetensors", "b": "model-00002.safetensors"}}
    (here / "shardless" / "model.safetensors.index.json").write_text(json.dumps(index))
    (here / "shardless" / "model-00001.safetensors").write_bytes(b"")
    return here


@pytest.fixture
def told(folder, monkeypatch, capsys):
    """What `validate` and `run` say about a configuration, each in one line, neither having loaded a model."""
    import sentence_transformers
    from transformers import AutoModelForCausalLM

    def refuse(*_, **__):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", refuse)
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", refuse)
    monkeypatch.chdir(folder)

    def both(**changes) -> str:
        path, out = folder / "c.yaml", folder / "out"
        path.write_text(yaml.safe_dump({k: v for k, v in {**GOOD, **changes}.items() if v is not None}))
        said = []
        for command in (["validate", "c.yaml"], ["run", "c.yaml", "--out", str(out)]):
            assert run(command) == 1
            said.append(capsys.readouterr().err)
            assert said[-1].count("\n") == 1
            assert "Traceback" not in said[-1]
        assert said[0] == said[1]
        assert not out.exists()
        return said[0]

    return both


@pytest.mark.parametrize(("changes", "expected"), WRONG, ids=[f"{n}-{'-'.join(c)}" for n, (c, _) in enumerate(WRONG)])
def test_both_commands_refuse_it_in_the_same_words(told, changes, expected):
    said = told(**changes)
    assert expected in said
    assert "--" not in said  # keys of the file, not options of a command


def test_faults_of_all_kinds_are_told_together(told):
    said = told(
        pools=["nowhere.jsonl"], strategies=["ppl-lo", "excess-loss"], budgets=["many"], seeds=[],
        tasks=["task.jsonl", "lost.jsonl"], targets=["gone.jsonl"], model="weightless",
        training={"learning_rate": "fast"}, rendering={"max_length": 1}, scoring={"dtype": "float31"},
        evaluation={"shots": 3}, known_defects="defects.jsonl", layers="yes",
    )  # fmt: skip
    expected = [
        "14 faults", "nowhere.jsonl", "ppl-lo", "excess_loss", "'many'", "seeds: at least one", "lost.jsonl",
        "gone.jsonl", "has no weights", "learning_rate: expected a number", "leaves nothing to score", "float31",
        "shots need a number", "line 1: expected id and defect", "layers: expected true or false",
    ]  # fmt: skip
    assert [word for word in expected if word not in said] == []


def test_one_mistake_is_told_once(told):
    assert "has 1 fault:" in told(strategies=["ppl-lo"], length_matched=["ppl-lo"])
    assert "has 1 fault:" in told(strategies=None, variants={"one": {"strategy": "ppl-low"}})
    assert "has 1 fault:" in told(matrix={"pools": 3}, pools=None)
    assert "has 1 fault:" in told(variants={"one": {"strategy": 3}}, strategies=["one"])


def test_a_good_configuration_passes(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    settings = {
        **GOOD, "strategies": ["ppl-low", "excess-loss", "similarity", "clean"], "targets": ["dev.jsonl"],
        "tasks": ["task.jsonl", "exact-match:task.jsonl"], "scoring": {"references": {"other": "builtin"}},
        "variants": {"clean": {"strategy": "ifd-high", "quota": ["even"], "filters": {"where": "similarity > 0.1"}}},
        "pools": ["pool.jsonl", "more.jsonl"], "budgets": ["25%", "20", "900tok"],
    }  # fmt: skip
    (folder / "good.yaml").write_text(yaml.safe_dump(settings))
    assert run(["validate", "good.yaml"]) == 0, capsys.readouterr().err
    assert [task.name for task in find_tasks(read_config(folder / "good.yaml").tasks)] == [
        "task-held-out", "task-exact-match",
    ]  # fmt: skip


def test_a_tasks_name_has_its_kind_only_where_two_would_be_called_the_same(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert [one.name for one in find_tasks(["exact-match:task.jsonl", "pairs.jsonl"])] == ["task", "pairs"]
    assert [one.name for one in find_tasks(["exact-match:task.jsonl", "task.jsonl", "mine=task.jsonl"])] == [
        "task-exact-match", "task-held-out", "mine",
    ]  # fmt: skip
    assert [one.name for one in find_tasks(["task=pairs.jsonl", "task.jsonl"])] == ["task", "task-held-out"]
