"""A pool that answers as a task does and one of random letters, and what the tests of whole recommendations read of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

from dataselect.training import TrainConfig

RECIPE = TrainConfig(epochs=1.0, learning_rate=3e-2, batch_size=4)
TRAIN_TOKENS = 16_000
NOUNS = ["river", "garden", "lantern", "harbour", "orchard", "saddle", "timber", "quarry", "meadow", "captain"]
VERBS = ["keeps", "paints", "follows", "repairs", "borrows", "measures", "carries", "forgets", "answers", "hides"]


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_files(folder: Path) -> dict[str, Path]:
    """Two pools of 90 rows, and 48 items of the task."""
    rng = random.Random(1)
    return {
        "good": write_rows(folder / "good.jsonl", [_row(rng, helpful=True) for _ in range(90)]),
        "bad": write_rows(folder / "bad.jsonl", [_row(rng, helpful=False) for _ in range(90)]),
        "task": write_rows(folder / "task.jsonl", [_row(rng, helpful=True) for _ in range(48)]),
    }


def _row(rng: random.Random, helpful: bool) -> dict[str, str]:
    one, other, verb, number = rng.choice(NOUNS), rng.choice(NOUNS), rng.choice(VERBS), rng.randrange(10_000)
    prompt = f"Who {verb} the {one} number {number} when the {other} is late, and what for?"
    if helpful:
        return {"prompt": prompt, "response": f"yes yes yes, the {other} {verb} it for {number}."}
    return {"prompt": prompt, "response": "".join(rng.choice("qxzjkvw") for _ in range(40)) + f" {number}"}


def trained(out: Path) -> dict[str, int]:
    """Folder of each measurement -> when it was finished."""
    found = [*out.glob("search/*/manifest.json"), *out.glob("final/*/manifest.json")]
    return {str(path.parent.relative_to(out)): path.stat().st_mtime_ns for path in found}


def lasting(document: dict) -> dict:
    """A document without what a clock or a folder says."""
    return {name: value for name, value in document.items() if name not in ("minutes", "sentence", "file", "plan")}
