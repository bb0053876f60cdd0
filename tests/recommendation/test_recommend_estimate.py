"""`recommend --estimate` against what the same command then does."""

from __future__ import annotations

import json
import re

from dataselect.cli import run


def test_models_and_tokens_are_those_that_are_then_trained(finished, tmp_path, capsys) -> None:
    """Within a factor of 1.5: a search may be decided early. Nothing is written."""
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "answer"
    recipe.write_text("learning_rate: 0.03\nbatch_size: 4\n")
    code = run([
        "recommend", *finished.pools, "--model", finished.model, "--task", finished.tasks[0], "--strategies", "random",
        "--train-tokens", str(finished.train_tokens), "--config", str(recipe), "--estimate", "--out", str(out),
    ])  # fmt: skip
    told = capsys.readouterr().out
    document = json.loads((finished.out / "recommendation.json").read_text())
    assert code == 0
    assert not out.exists()
    models, made = _number(r"^models +([\d,]+)", told), document["trainings"]
    assert made / 1.5 <= models <= 1.5 * made
    tokens, trained = _number(r"^training +([\d,]+) tokens", told), document["train_tokens"]
    assert trained / 1.5 <= tokens <= 1.5 * trained
    assert re.search(r"^time +.*\d (s|min)", told, re.MULTILINE)


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, text
    return int(found[1].replace(",", ""))
