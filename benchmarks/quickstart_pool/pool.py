"""The quickstart pool: 1,040 composed examples of four kinds with planted defects, target sets, and a choice task.

The pool is made so that a selection can be judged: which of its rows are spoiled is known (`defects.jsonl`), and for
each kind there are clean held-out examples from the same makers, some to evaluate on (`tasks/<kind>.jsonl`) and others
to select towards (`targets/<kind>.jsonl`). No prompt, response or instance of theirs occurs in the pool or twice.
All of it follows from the seed, to the byte, on every machine. The texts are composed from templates and word lists of
this package and are under the project's licence.

It is a stage for tools, not a benchmark: nothing measured on it says much about real pools.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataselect.errors import UsageError
from quickstart_pool import arithmetic, dialogues, functions, instructions
from quickstart_pool.choices import make_choices, suits_choice
from quickstart_pool.defects import garbled, near_copy, suits, swappable, swapped, truncated, wrong_language
from quickstart_pool.draw import Draw
from quickstart_pool.example import KINDS, Example

_MAKERS: dict[str, Callable[[Draw], Example]] = {
    "arithmetic": arithmetic.make,
    "function": functions.make,
    "dialogue": dialogues.make,
    "instruction": instructions.make,
}
PER_KIND = 260
PER_DEFECT = 10  # of each kind
TASK_ITEMS_PER_KIND = 40
TARGETS_PER_KIND = 20
CHOICES_PER_KIND = 15
_POOL, _TASKS, _CHOICES, _DEFECTS, _ORDER, _TARGETS = range(6)  # the streams of draws


@dataclass(frozen=True)
class PoolRow:
    """A row of the pool.

    Attributes:
        id: Of the record.
        example: As it stands in the pool.
        clean: As it was composed, before a defect was planted; the same object where there is none.
        defect: One of `defects.DEFECTS`.
        of: The id of the other row of a swap, or of the row that a duplicate copies.
    """

    id: str
    example: Example
    clean: Example
    defect: str | None
    of: str | None


@dataclass(frozen=True)
class Quickstart:
    """Everything that one seed gives.

    Attributes:
        rows: The pool in its order.
        tasks: For each kind clean held-out examples to evaluate on.
        targets: For each kind further ones, to select towards; what is selected by is not what is evaluated on.
        choices: The records of the multiple-choice items.
    """

    rows: tuple[PoolRow, ...]
    tasks: dict[str, tuple[Example, ...]]
    targets: dict[str, tuple[Example, ...]]
    choices: tuple[dict[str, object], ...]


@dataclass
class _Entry:
    """A row before the pool is shuffled; `of` points to another entry."""

    example: Example
    clean: Example
    defect: str | None = None
    of: _Entry | None = None
    id: str = ""


class _Seen:
    """What was used already: instances, prompts and responses."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str]] = set()

    def admit(self, example: Example) -> bool:
        """Whether nothing of the example was seen before; if so, it counts as seen from now on."""
        texts = {"prompt": example.prompt, "response": example.response, "instance": example.instance}
        keys = {(f"{example.kind} {what}", " ".join(text.casefold().split())) for what, text in texts.items()}
        if keys & self._keys:
            return False
        self._keys |= keys
        return True


def make_quickstart(seed: int = 0) -> Quickstart:
    """The pool, the tasks, the targets and the choices of a seed.

    Args:
        seed: Not negative.

    Raises:
        UsageError: The seed is negative.
    """
    if seed < 0:
        raise UsageError(f"the seed must be 0 or more, but it is {seed}", "choose another seed")
    seen, entries = _Seen(), []
    tasks, targets, questions = {}, {}, {}
    for number, kind in enumerate(KINDS):
        clean = _distinct(kind, PER_KIND - 2 * PER_DEFECT, Draw(seed, _POOL, number), seen)
        entries += _with_defects(clean, Draw(seed, _DEFECTS, number))
        tasks[kind] = tuple(_distinct(kind, TASK_ITEMS_PER_KIND, Draw(seed, _TASKS, number), seen))
        targets[kind] = tuple(_distinct(kind, TARGETS_PER_KIND, Draw(seed, _TARGETS, number), seen))
        questions[kind] = _distinct(kind, CHOICES_PER_KIND, Draw(seed, _CHOICES, number), seen, suits_choice)
    items = make_choices(questions, Draw(seed, _CHOICES, len(KINDS)))
    choices = tuple(item.record(f"choice-{number:03d}") for number, item in enumerate(items, start=1))
    return Quickstart(_placed(entries, Draw(seed, _ORDER)), tasks, targets, choices)


def _distinct(
    kind: str, count: int, draw: Draw, seen: _Seen, fits: Callable[[Example], bool] = lambda example: True
) -> list[Example]:
    """`count` examples of a kind that fit and share no instance, prompt or response with any seen before."""
    kept: list[Example] = []
    while len(kept) < count:
        example = _MAKERS[kind](draw)
        if fits(example) and seen.admit(example):
            kept.append(example)
    return kept


def _with_defects(clean: Sequence[Example], draw: Draw) -> list[_Entry]:
    """The entries of a kind: the clean examples, some of them spoiled, and copies of others."""
    entries = [_Entry(example, example) for example in clean]
    order = draw.shuffled(entries)
    spoiled = 0
    for defect, spoil in (("truncated", truncated), ("garbled", garbled), ("wrong_language", wrong_language)):
        for entry in [entry for entry in order if entry.defect is None and suits(entry.example)][:PER_DEFECT]:
            entry.example, entry.defect = spoil(entry.example, draw), defect
            spoiled += 1
    assert spoiled == 3 * PER_DEFECT
    _swap([entry for entry in order if entry.defect is None])
    free = [entry for entry in order if entry.defect is None]
    for entry in free[:PER_DEFECT]:
        entries.append(_Entry(entry.example, entry.example, "exact_duplicate", entry))
    for entry in free[PER_DEFECT : 2 * PER_DEFECT]:
        entries.append(_Entry(near_copy(entry.example, draw), entry.example, "near_duplicate", entry))
    return entries


def _swap(free: list[_Entry]) -> None:
    """Exchange the responses of the first pairs that can be exchanged."""
    for _ in range(PER_DEFECT // 2):
        one = free.pop(0)
        other = next(entry for entry in free if swappable(one.example, entry.example))
        free.remove(other)
        one.example, other.example = swapped(one.example, other.example)
        one.defect = other.defect = "swapped_response"
        one.of, other.of = other, one


def _placed(entries: list[_Entry], draw: Draw) -> tuple[PoolRow, ...]:
    """The entries shuffled and numbered within their kinds; a copy always comes after what it copies."""
    order = draw.shuffled(entries)
    place = {id(entry): i for i, entry in enumerate(order)}
    for entry in entries:
        if entry.defect in ("exact_duplicate", "near_duplicate") and entry.of is not None:
            here, there = place[id(entry)], place[id(entry.of)]
            if here < there:
                order[here], order[there] = order[there], order[here]
                place[id(entry)], place[id(entry.of)] = there, here
    counts = dict.fromkeys(KINDS, 0)
    for entry in order:
        counts[entry.example.kind] += 1
        entry.id = f"{entry.example.kind}-{counts[entry.example.kind]:04d}"
    return tuple(
        PoolRow(entry.id, entry.example, entry.clean, entry.defect, entry.of.id if entry.of else None)
        for entry in order
    )


def pool_files(made: Quickstart) -> dict[str, bytes]:
    """Return the content of every file of the quickstart's data by its path below the data folder."""
    files = {"pool.jsonl": _lines([row.example.record(row.id) for row in made.rows])}
    spoiled = sorted((row for row in made.rows if row.defect), key=lambda row: row.id)
    files["defects.jsonl"] = _lines([{"id": row.id, "defect": row.defect, "of": row.of} for row in spoiled])
    for what, folder, sets in (("task", "tasks", made.tasks), ("target", "targets", made.targets)):
        for kind, examples in sets.items():
            numbered = enumerate(examples, start=1)
            records = [example.record(f"{what}-{kind}-{number:03d}") for number, example in numbered]
            files[f"{folder}/{kind}.jsonl"] = _lines(records)
    files["choices.jsonl"] = _lines(made.choices)
    return files


def _lines(records: Sequence[dict[str, object]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
