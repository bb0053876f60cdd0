"""Pools of `planted_defects.py`: 1,000 real rows each, 2 % of them of each kind of defect, another draw for each seed.

A pool is drawn from the distinct rows of a published data set whose response has at least 40 characters. Defects of a
response are put into rows that were drawn for it, so that the spoiled rows are like the clean ones in everything else;
copies are added to clean rows that stay; leaked items come from the evaluation set. Rows of all seeds together are
scored and embedded once (`union`); a row is known by its content.

What the data sets hold of themselves is left in: Alpaca has near-duplicates and wrong answers of its own, which count
as clean here, so that no figure can be perfect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import defect_kinds as kinds
import numpy as np
from defect_kinds import CLEAN, COPIES, KINDS, LEAKS, LEAST_CHARACTERS, SPOILED, Row

CHINESE = "pools/alpaca_chinese__zh-data-part-00.json"
BASE_ROWS = 2000
"""Most rows of a data set that any seed draws from: the first ones, so that seeds share most of the scoring."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A published pool, and the evaluation set that leaks into it. Paths are below the folder of public data.

    Attributes:
        rated: Whether the model rates it too, which takes ten times the tokens of everything else.
    """

    pool: str
    evaluation: str
    rated: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The defects that it can be given."""
        return KINDS if "gsm8k" in self.pool else tuple(kind for kind in KINDS if kind != "label_noise")


DATA_SETS = {
    "alpaca": DataSet("pools/alpaca__alpaca_5000.json", "benchmarks/truthfulqa__TruthfulQA.csv", rated=True),
    "gsm8k": DataSet("pools/gsm8k__train.jsonl", "benchmarks/gsm8k__test.jsonl"),
}


def read_rows(path: Path, least: int = LEAST_CHARACTERS) -> list[Row]:
    """The distinct rows of a data set whose response has at least so many characters, in its order."""
    from dataselect.pool import ColumnMap, PoolReader

    found = (item for item in PoolReader((str(path),), ColumnMap()) if hasattr(item, "messages"))
    rows = (Row(one.messages[0].content, one.messages[0].input, one.messages[-1].content) for one in found)
    return list(dict.fromkeys(row for row in rows if len(row.output) >= least))


def plant(
    clean: list[Row], items: list[Row], foreign: list[str], wanted: tuple[str, ...], size: int, share: float, seed: int
) -> list[Row]:
    """A pool with defects.

    Args:
        clean: Rows to draw from.
        items: Those of the evaluation set.
        foreign: Responses in another language.
        wanted: Kinds of defects.
        size: Rows of the pool.
        share: Of the pool, for each kind.

    Returns:
        Rows in the order of their ids, which says nothing about what they are.
    """
    rng = np.random.default_rng(seed)
    each = round(size * share)
    added = each * sum(kind in COPIES + LEAKS for kind in wanted)
    drawn = [clean[i] for i in rng.choice(len(clean), size - added, replace=False)]
    spoiled: list[Row] = []
    for kind in (kind for kind in wanted if kind in SPOILED):
        spoiled += _spoil([drawn.pop() for _ in range(each)], kind, foreign, rng)
    copied = [drawn[i] for i in rng.choice(len(drawn), 2 * each, replace=False)]
    copies = [*map(kinds.duplicate, copied[:each]), *(kinds.near_duplicate(row, rng) for row in copied[each:])]
    chosen = [items[i] for i in rng.choice(len(items), 2 * each, replace=False)]
    leaks = [*map(kinds.leaked, chosen[:each]), *(kinds.leaked_edited(item, rng) for item in chosen[each:])]
    rows = [*drawn, *spoiled, *copies, *leaks]
    by_id = {row.id: row for row in reversed(rows)}  # of two equal rows the clean one stays
    assert len(rows) == size
    return [by_id[id_] for id_ in sorted(by_id)]


def _spoil(rows: list[Row], kind: str, foreign: list[str], rng: np.random.Generator) -> list[Row]:
    if kind == "swapped":
        return kinds.swapped(rows)
    if kind == "wrong_language":
        return [kinds.wrong_language(row, foreign, rng) for row in rows]
    spoil = {
        "truncated": kinds.truncated, "garbled": kinds.garbled, "boilerplate": kinds.boilerplate,
        "label_noise": kinds.label_noise,
    }[kind]  # fmt: skip
    return [spoil(row, rng) for row in rows]


def union(pools: Iterable[list[Row]]) -> list[Row]:
    """Each distinct row of several pools once, in the order of the ids."""
    rows = {row.id: row for pool in pools for row in pool}
    return [rows[id_] for id_ in sorted(rows)]


def write_pool(path: Path, rows: Iterable[Row]) -> Path:
    """Write a pool as JSONL; what the rows are is not in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row.record, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def counts(pool: list[Row]) -> dict[str, int]:
    """Rows of each kind."""
    return {kind: sum(row.kind == kind for row in pool) for kind in (CLEAN, *KINDS)}


def draws(data: Path, name: str, size: int, share: float, seeds: int) -> Iterator[list[Row]]:
    """The pools of one data set, one for each seed."""
    data_set = DATA_SETS[name]
    clean, items = read_rows(data / data_set.pool)[:BASE_ROWS], read_rows(data / data_set.evaluation)
    foreign = [row.output for row in read_rows(data / CHINESE)]
    for seed in range(seeds):
        yield plant(clean, items, foreign, data_set.kinds, size, share, seed)
