"""Three pools of which one helps a task, one is noise and one harms it, each with 30 % spoiled rows, and the task.

The task is made of word problems with their working. All rows are composed by the makers of the quickstart pool:

    helpful    word problems with their working, like the task
    noise      explanations, letters, ideas: nothing about numbers
    harmful    word problems answered with made-up words: a model trained on them predicts the task worse than before

5 % of the rows of each pool have each of the defects: empty, truncated, garbled, boilerplate (a refusal or an empty
phrase), leaked (an item of the task), and copy (an exact duplicate of a row that stays). Besides these, no prompt,
response or problem occurs twice, in the pools or in the task. What a row is stands only in its id, which no rule reads.

Left out: the response of another row, which no rule here finds with the bundled model (`planted_defects.py`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from defect_kinds import BOILERPLATE
from quickstart_pool import arithmetic, instructions
from quickstart_pool.defects import garbled, suits, truncated
from quickstart_pool.draw import Draw
from quickstart_pool.example import Example

POOLS = ("helpful", "noise", "harmful")
DEFECTS = ("empty", "truncated", "garbled", "boilerplate", "leaked", "copy")
CLEAN = "clean"
ROWS = 240
PER_DEFECT = 12  # 5 % of the rows; six defects are 30 %
TASK_ITEMS = 80

_Maker = Callable[[Draw], Example]


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one seed: the pools by name, and the task."""

    pools: dict[str, Path]
    task: Path


def write_pools(directory: Path, seed: int) -> Files:
    """Compose the pools and the task of a seed, to the byte the same every time.

    Args:
        directory: A folder, made if absent.
        seed: Not negative.
    """
    directory.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    task = _distinct(arithmetic.make, TASK_ITEMS, Draw(seed, 100), seen)
    questions = [item.record(f"item-{n:03d}") for n, item in enumerate(task)]
    files = Files({name: directory / f"{name}.jsonl" for name in POOLS}, directory / "task.jsonl")
    _write(files.task, questions)
    for number, name in enumerate(POOLS):
        draw = Draw(seed, number)
        leaked = task[number * PER_DEFECT : (number + 1) * PER_DEFECT]
        _write(files.pools[name], _rows(name, _clean(name, draw, seen), leaked, draw))
    return files


def defect_of(row_id: str) -> str:
    """What was planted in the row of an id, or `CLEAN`."""
    return row_id.split("-")[1]


def _clean(name: str, draw: Draw, seen: set[str]) -> list[Example]:
    """The rows of a pool before any defect, without the copies and the leaks."""
    count = ROWS - 2 * PER_DEFECT
    if name == "noise":
        return _distinct(instructions.make, count, draw, seen)
    problems = _distinct(arithmetic.make, count, draw, seen)
    if name == "helpful":
        return problems
    return [one.answered([_made_up(draw)]) for one in problems]


def _made_up(draw: Draw) -> str:
    """Words that mean nothing, about as many as an answer has."""
    words = range(draw.integer(12, 24))
    return " ".join("".join(draw.pick(ascii_lowercase) for _ in range(draw.integer(2, 9))) for _ in words)


def _distinct(make: _Maker, count: int, draw: Draw, seen: set[str]) -> list[Example]:
    """Examples long enough for every defect that share no problem, prompt or response with any seen before."""
    kept: list[Example] = []
    while len(kept) < count:
        example = make(draw)
        keys = {f"{example.kind} {text}" for text in (example.instance, example.prompt, example.response)}
        if suits(example) and not keys & seen:
            seen |= keys
            kept.append(example)
    return kept


def _rows(name: str, clean: list[Example], leaked: list[Example], draw: Draw) -> list[dict[str, object]]:
    """The records of a pool with its defects, in random order."""
    order = draw.shuffled(clean)
    made = [("leaked", example) for example in leaked]
    for defect in DEFECTS[:-2]:
        taken, order = order[:PER_DEFECT], order[PER_DEFECT:]
        made += [(defect, example) for example in _spoiled(defect, taken, draw)]
    made += [("copy", example) for example in order[:PER_DEFECT]] + [(CLEAN, example) for example in order]
    return [example.record(f"{name}-{defect}-{n:03d}") for n, (defect, example) in enumerate(draw.shuffled(made))]


def _spoiled(defect: str, rows: list[Example], draw: Draw) -> list[Example]:
    if defect == "empty":
        return [row.answered([""]) for row in rows]
    if defect == "boilerplate":
        return [row.answered([draw.pick(BOILERPLATE)]) for row in rows]
    return [{"truncated": truncated, "garbled": garbled}[defect](row, draw) for row in rows]


def _write(path: Path, records: Iterable[dict[str, object]]) -> None:
    lines = (json.dumps({k: v for k, v in record.items() if k != "kind"}, ensure_ascii=False) for record in records)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
