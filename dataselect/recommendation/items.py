"""How many items of each half a model is evaluated on: enough to decide, not so many that trainings wait for it.

A search evaluates dozens of models. A half that is longer than some thousand tokens is thinned to items at even
distances in the file, so that groups of neighbours stay represented; the sealed half may be twice as long, since its
figures are the answer. Short halves, and the fewest items that a decision needs, are kept whole.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dataselect.recommendation.split import SplitTask
from dataselect.stage import StageDirectory

FEWEST_ITEMS = 40
CHARACTERS = 48_000
"""Of the steering items; some 12,000 tokens of English."""
_SEALED_TIMES = 2


def thin(task: SplitTask, directory: StageDirectory) -> SplitTask:
    """Write the items that are evaluated to `items/`; a half that needs no thinning is used as it is."""
    steering, few = _thinned(task.steering, f"items/{task.name}.steering.jsonl", 1, directory)
    sealed, many = _thinned(task.sealed, f"items/{task.name}.sealed.jsonl", _SEALED_TIMES, directory)
    return replace(
        task, steering=steering, sealed=sealed, steering_items=few or task.steering_items,
        sealed_items=many or task.sealed_items,
    )  # fmt: skip


def _thinned(file: Path, name: str, times: int, directory: StageDirectory) -> tuple[Path, int]:
    """The file to evaluate on, and its items where it was thinned; else 0."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    mean = sum(map(len, lines)) / max(1, len(lines))
    kept = max(FEWEST_ITEMS * times, int(CHARACTERS * times / max(1.0, mean)))
    if kept >= len(lines):
        return file, 0
    directory.write_text(name, "".join(lines[place * len(lines) // kept] for place in range(kept)))
    return directory.path / name, kept
