"""The first section: a glance, one sentence per strategy and task, the controls, and what chance alone would show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.analysis.controls import WITHOUT_BUDGET, is_random
from dataselect.reports.content import Block, Cell, Section, Table, text
from dataselect.reports.numbers import ABSENT
from dataselect.reports.sentences import Row, amount, task_rows, tone, verdicts

BETTER_IS = {"lower": "lower is better", "higher": "higher is better"}
_SHORT = {"better": "better", "worse": "worse", "no difference shown": "not shown"}


def verdict_section(comparison: Mapping[str, Any]) -> Section:
    """Verdicts of every task in its main metric."""
    blocks = [_glance(comparison)]
    for task, metric in comparison["main_metrics"].items():
        rows = task_rows(comparison, task)
        title = f"{task}: {metric}, {BETTER_IS[rows[0]['direction']]}"
        blocks.append(Block(title=title, verdicts=verdicts(rows)))
    told = (_controls(comparison["runs"]), *missing(comparison), _chance(comparison["tested"]))
    blocks.append(Block(title="Controls", paragraphs=told))
    return Section("verdicts", "Verdicts", tuple(blocks))


def _glance(comparison: Mapping[str, Any]) -> Block:
    about = (
        "Each strategy against random at the same budget: strategy minus random with its 95 % interval. Not shown "
        "means that chance among all strategies of the table may have made the difference."
    )
    rows = [row for task in comparison["main_metrics"] for row in task_rows(comparison, task)]
    rows = [row for row in rows if not is_random(row["strategy"])]
    columns = list(dict.fromkeys(_column(row) for row in sorted(rows, key=_place)))
    if len(columns) < 2:
        return Block(paragraphs=(about,))
    strategies = dict.fromkeys(row["strategy"] for row in rows)
    found = {(row["strategy"], _column(row)): row["verdict"] for row in rows}
    cells = tuple((text(s), *(_mark(found.get((s, column))) for column in columns)) for s in strategies)
    return Block(paragraphs=(about,), tables=(Table("glance", "At a glance", ("Strategy", *columns), cells),))


def _place(row: Row) -> tuple[str, bool, str, int]:
    return row["task"], row["strategy"] in WITHOUT_BUDGET, row["unit"], row["budget"]


def _column(row: Row) -> str:
    """The budget that a row belongs to: that of its control, which is its own wherever it has one."""
    return f"{row['task']}, {row['compared_with'].removeprefix('random at ') or amount(row) or 'no budget'}"


def _mark(verdict: str | None) -> Cell:
    if verdict is None:
        return text(ABSENT)
    return Cell(_SHORT.get(verdict, "not compared"), verdict, tone(verdict))


def _controls(runs: Sequence[Mapping[str, Any]]) -> str:
    named: dict[str, list[str]] = {}
    for run in runs:
        if is_random(run["strategy"]):
            seeds = len(run["seeds"])
            named.setdefault(run["strategy"], []).append(f"{seeds} seed{'s' * (seeds > 1)} at {amount(run)}")
    if "random" not in named:
        return "There is no random run, so that nothing can be said about any strategy."
    return (
        "; ".join(f"{strategy} ({', '.join(parts)})" for strategy, parts in sorted(named.items(), key=_random_first))
        + "."
    )


def _random_first(item: tuple[str, list[str]]) -> tuple[bool, str]:
    return item[0] != "random", item[0]


def missing(comparison: Mapping[str, Any]) -> tuple[str, ...]:
    """What belongs into the comparison and is not there, in sentences."""
    told = []
    if comparison["missing_controls"]:
        told.append(f"Controls that are not there: {', '.join(comparison['missing_controls'])}.")
    if failed := comparison["failed"]:
        many = "1 run has" if len(failed) == 1 else f"{len(failed)} runs have"
        each = "; ".join(f"{one['cell']} ({one['reason']})" for one in failed)
        told.append(f"{many} no result: {each}.")
    return tuple(told)


def _chance(tested: int) -> str:
    if not tested:
        return "No difference could be tested."
    return (
        f"{tested:,} differences were tested. The p values of the strategies in one table, that is one task in one "
        "metric at all budgets, are corrected together (Holm), so that the chance that any of them is told as "
        "better or worse without being so is 5 % at most. Intervals are those of the single difference. A "
        "difference that is not shown is not an equality: the interval says how large it may be."
    )
