import json

import pytest

from dataselect.artifacts import read_json
from dataselect.cli import run


@pytest.fixture
def pool(tmp_path):
    file = tmp_path / "pool.jsonl"
    rows = [{"instruction": f"Name the number after {n}.", "output": f"After {n} comes {n + 1}."} for n in range(4)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def train(*arguments):
    return run(["train", *map(str, arguments)])


def test_options_override_the_recipe_and_stdout_stays_empty(pool, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("max_steps: 50\nbatch_size: 2\nlearning_rate: 5e-4\n")
    out = tmp_path / "model"
    arguments = (pool, "--model", "builtin", "--out", out, "--config", recipe, "--max-steps", 1, "--template", "qa")
    assert train(*arguments, "--no-think") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "4 rows" in said.err
    manifest = read_json(out / "manifest.json")
    assert (manifest["training"]["max_steps"], manifest["training"]["batch_size"]) == (1, 2)
    assert (manifest["rendering"]["template"], manifest["rendering"]["think"]) == ("qa", False)
    assert train(*arguments, "--no-think") == 0
    assert "finished before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("extra", "code", "told"),
    [
        (["--epochs", "0"], 1, "epochs should be above 0"),
        (["--dtype", "int8"], 1, "dtype: expected one of auto, float32, bfloat16"),
        (["--template", "alpacca"], 2, "did you mean alpaca?"),
        (["--max-length", "5000"], 2, "limit of 1023"),
        (["--config", "none.yaml"], 1, "cannot read the configuration none.yaml"),
        (["--model", "no/such/model/here"], 1, "no model folder"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_options_are_told_in_one_line(pool, tmp_path, capsys, extra, code, told):
    assert train(pool, "--model", "builtin", "--out", tmp_path / "model", *extra) == code
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "model").exists()


def test_a_missing_selection_is_told(tmp_path, capsys):
    assert train(tmp_path / "none.jsonl", "--model", "builtin", "--out", tmp_path / "model") == 1
    assert "does not exist" in capsys.readouterr().err


def test_help_has_an_example(capsys):
    assert train("--help") == 0
    assert "dataselect train low.jsonl --model builtin --out models/low" in capsys.readouterr().out
