"""The verdicts in words: one sentence per strategy and task, in the task's main metric.

Each says the difference, strategy minus control, with its 95 % interval behind it. A sentence never says that
strategies are equal: an interval that holds zero shows no difference, which is less. The words for better and worse
come from the comparison, which knows the metric's direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dataselect.analysis.controls import is_random
from dataselect.reports.content import Clause, Verdict
from dataselect.reports.numbers import decimals, half_width, signed

Row = Mapping[str, Any]
TONES = {"better": "better", "worse": "worse"}


def tone(verdict: str | None) -> str:
    """The tone of a verdict: "better", "worse" or "none"."""
    return TONES.get(verdict or "", "none")


def amount(row: Row) -> str:
    """The budget in words, or nothing for a strategy that no budget limits."""
    return f"{row['budget']:,} {row['unit']}" if row["budget"] else ""


def task_rows(comparison: Mapping[str, Any], task: str) -> list[Row]:
    """The rows of a task in its main metric."""
    metric = comparison["main_metrics"][task]
    return [row for row in comparison["rows"] if (row["task"], row["metric"]) == (task, metric)]


def verdicts(rows: Sequence[Row]) -> tuple[Verdict, ...]:
    """One verdict per strategy that is not a control, in the order of the rows.

    Args:
        rows: Rows of one task in one metric.
    """
    strategies = list(dict.fromkeys(row["strategy"] for row in rows if not is_random(row["strategy"])))
    return tuple(Verdict(s, tuple(_clauses(r for r in rows if r["strategy"] == s))) for s in strategies)


def verdict_lines(comparison: Mapping[str, Any]) -> list[str]:
    """All verdicts as plain lines, one per strategy and task."""
    if "across" in comparison:
        return [
            across_line(row) for row in comparison["across"] if row["metric"] == comparison["main_metrics"][row["task"]]
        ]
    lines = []
    for task, metric in comparison["main_metrics"].items():
        lines += [f"{task} ({metric}): {v.sentence}" for v in verdicts(task_rows(comparison, task))]
    return lines


def across_line(row: Row) -> str:
    """What held across settings, for one strategy at one budget on one task."""
    places = decimals(half_width(row["ci_low"], row["ci_high"]), row["mean"])
    inside = ""
    if row["ci_low"] is not None:
        inside = f" (95 %: {signed(row['ci_low'], places)} to {signed(row['ci_high'], places)})"
    budgets = ", ".join(f"{budget:,}" for budget in dict.fromkeys(row["budgets"]) if budget)
    at = f" at {budgets} {row['unit']}" if budgets else ""
    found = f"better than random in {row['better']} of {len(row['settings'])} settings, worse in {row['worse']}"
    mean = f"{signed(row['mean'], places)}{inside}"
    return f"{row['task']} ({row['metric']}): {row['strategy']}{at}: {found}, mean difference {mean}."


def _clauses(rows: Iterable[Row]) -> Iterator[Clause]:
    for row in rows:
        yield _clause(row)
        if row["lm_verdict"] is not None:
            yield _length(row)


def _clause(row: Row) -> Clause:
    if row["diff_to_random"] is None:
        at = f"at {amount(row)}, " if amount(row) else ""
        return Clause(f"{at}{row['verdict']}", "", "none")
    numbers = _numbers(row["diff_to_random"], row["ci_low"], row["ci_high"], row["seed_noise"])
    return Clause(_against(row["verdict"], row["compared_with"]), numbers, tone(row["verdict"]))


def _against(verdict: str, control: str) -> str:
    if verdict in TONES:
        return f"{verdict} than {control}"
    if verdict == "no difference shown":
        return f"no difference shown against {control}"
    return f"{verdict}, with {control}"


def _length(row: Row) -> Clause:
    numbers = _numbers(row["diff_to_length_matched"], row["lm_ci_low"], row["lm_ci_high"], row["lm_seed_noise"])
    return Clause(_against(row["lm_verdict"], "random of the same lengths"), numbers, tone(row["lm_verdict"]))


def _numbers(difference: float, low: float | None, high: float | None, seed_noise: bool) -> str:
    half = half_width(low, high)
    places = decimals(half, difference)
    if half is None:
        return f"{signed(difference, places)} (no interval)"
    seeds = "" if seed_noise else ", without the noise of seeds"
    return f"{signed(difference, places)} (95 %: {signed(low, places)} to {signed(high, places)}{seeds})"
