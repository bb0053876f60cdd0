"""From training to writing: what was trained on is what is written, under a template whose header ends in a space."""

import json

from dataselect.evaluation import EvaluateRequest, evaluate
from dataselect.training import TrainConfig, TrainRequest, train

NAMES = ("Anna", "Bert", "Carl")


def test_a_model_that_learned_some_answers_by_heart_writes_them_and_ends_its_turn(tmp_path):
    rows = [
        {"id": name, "question": f"How many eggs has {name}?", "answer": f"{name} has {n}.\n#### {n}"}
        for n, name in enumerate(NAMES, 3)
    ]
    file = tmp_path / "eggs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = TrainConfig(epochs=30, learning_rate=2e-3)
    train(TrainRequest(file=file, model="builtin", out=tmp_path / "tuned", config=recipe, rendering={"template": "qa"}))
    request = EvaluateRequest(str(tmp_path / "tuned"), (f"exact-match:{file}",), tmp_path / "out", max_new_tokens=30)
    assert [mean.mean for mean in evaluate(request).means] == [1.0, 1.0]
    written = [json.loads(line) for line in (tmp_path / "out" / "outputs.jsonl").read_text().splitlines()]
    assert [(one["output"].strip(), one["ended"]) for one in written] == [(row["answer"], True) for row in rows]
