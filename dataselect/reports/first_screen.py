"""The first screen of a comparison: a sentence for each task, strategies against random in one figure, and a few facts.

The sentence names the strategy with the best result among those that are shown to be better than random, at any budget;
or says that none is, and how large an effect would have been seen. The figure holds every candidate at the largest
budget, with the untrained model and the full pool for scale. It is drawn without a script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.comparison.controls import role
from dataselect.comparison.power import POWER
from dataselect.reports.content import Fact, FirstScreen
from dataselect.reports.forest import Forest, ForestGroup, ForestRow, best_first
from dataselect.reports.numbers import BETTER_IS, amount, decimals, fixed, half_width, signed
from dataselect.reports.sections.verdicts import RowValues, task_rows, tone

Comparison = Mapping[str, Any]
_LEFT_OUT = 6
_NOTE = "Lines are 95 % intervals of the single difference: with many tests side by side one may miss zero by chance."


def first_screen(comparison: Comparison) -> FirstScreen:
    """The first screen of a comparison with rows of its own."""
    tasks = {task: task_rows(comparison, task) for task in comparison["main_metrics"]}
    forests = (_forest(task, rows) for task, rows in tasks.items() if rows)
    facts = (_compared(comparison), _sure(comparison, tasks), _left_out(comparison), _missing(comparison))
    return FirstScreen(
        tuple(headline(task, rows) for task, rows in tasks.items() if rows),
        tuple(forest for forest in forests if forest.groups),
        tuple(fact for fact in facts if fact[1]),
    )


def headline(task: str, rows: Sequence[RowValues]) -> str:
    """The result of one task in its main metric in one sentence or two."""
    candidates = [row for row in rows if role(row["strategy"]) == "candidate"]
    tested = [row for row in candidates if row["verdict"] in ("better", "worse", "no difference shown")]
    name = f"{task} ({rows[0]['metric']}, {BETTER_IS[rows[0]['direction']]})"
    if not tested:
        return f"{name}: no strategy could be tested against random."
    better = [row for row in tested if row["verdict"] == "better"]
    if not better:
        return f"{name}: no strategy was shown to beat random{_detectable(tested)}.{_others(tested, None)}"
    sign = -1 if rows[0]["direction"] == "lower" else 1
    best = max(better, key=lambda row: sign * row["estimate"])
    where = f" at {amount(best)}" if amount(best) else ""
    return f"{name}: {best['strategy']} beats random{where}, {_numbers(best)}.{_others(tested, best['strategy'])}"


def _detectable(tested: Sequence[RowValues]) -> str:
    seen = [row["detectable"] for row in tested if row["detectable"] is not None]
    if not seen:
        return ""
    size = sorted(seen)[len(seen) // 2]
    return (
        f"; an effect of {fixed(size, decimals(size))} would have been seen in {100 * POWER:.0f} % of such experiments"
    )


def _others(tested: Sequence[RowValues], named: str | None) -> str:
    """The other strategies: those better or worse at some budget, and those of which nothing was shown."""
    found = {
        verdict: {row["strategy"] for row in tested if row["verdict"] == verdict} for verdict in ("better", "worse")
    }
    unknown = {row["strategy"] for row in tested} - found["better"] - found["worse"]
    groups = {"Also better": found["better"] - {named}, "Worse": found["worse"], "Neither shown": unknown}
    if named is None and not found["worse"]:
        return ""
    return "".join(f" {title}: {', '.join(sorted(names))}." for title, names in groups.items() if names)


def _numbers(row: RowValues) -> str:
    places = decimals(half_width(row["ci_low"], row["ci_high"]), row["diff_to_random"])
    if row["ci_low"] is None:
        return f"{signed(row['diff_to_random'], places)} (no interval)"
    inside = f"{signed(row['ci_low'], places)} to {signed(row['ci_high'], places)}"
    return f"{signed(row['diff_to_random'], places)} (95 %: {inside})"


def _forest(task: str, rows: Sequence[RowValues]) -> Forest:
    compared = [row for row in rows if row["diff_to_random"] is not None]
    lower = bool(rows) and rows[0]["direction"] == "lower"
    largest: dict[str, RowValues] = {}
    for row in sorted(compared, key=lambda row: row["budget"]):
        if role(row["strategy"]) != "control":
            largest[row["strategy"]] = row
    split = {
        which: [row for name, row in largest.items() if role(name) == which] for which in ("candidate", "reference")
    }
    titles = {"candidate": "Strategies at their largest budget", "reference": "For scale"}
    groups = tuple(
        ForestGroup(titles[which], best_first([_row(row) for row in found], lower))
        for which, found in split.items()
        if found
    )
    unit = f"{rows[0]['metric']} of {task}, {BETTER_IS[rows[0]['direction']]}"
    return Forest(f"Difference from random at the same budget: {unit}", groups, lower, _NOTE)


def _row(row: RowValues) -> ForestRow:
    seeds = f"{row['n_seeds']} seed{'s' * (row['n_seeds'] != 1)}"
    detail = ", ".join(part for part in (amount(row), seeds) if part)
    ends = (row["ci_low"], row["ci_high"])
    return ForestRow(row["strategy"], row["diff_to_random"], *ends, tone(row["verdict"]), detail)


def _compared(comparison: Comparison) -> Fact:
    runs = comparison["runs"]
    names = dict.fromkeys(run["strategy"] for run in runs if role(run["strategy"]) == "candidate")
    budgets = dict.fromkeys(amount(run) for run in runs if amount(run) and role(run["strategy"]) == "candidate")
    models = sum(len(run["seeds"]) for run in runs)
    lines = (
        f"{len(names)} strategies: {', '.join(names)}",
        f"Budgets: {', '.join(budgets)}",
        f"{models:,} runs in all",
    )
    return ("What was compared", lines if names else lines[2:])


def _sure(comparison: Comparison, tasks: Mapping[str, Sequence[RowValues]]) -> Fact:
    random = [len(run["seeds"]) for run in comparison["runs"] if run["strategy"] == "random"]
    items = [f"{task}: {rows[0]['n_items']:,} items" for task, rows in tasks.items() if rows]
    seeds = [f"Random: {min(random)} seed{'s' * (min(random) != 1)} or more at each budget"] if random else []
    tested = comparison["tested"]
    many = [f"{tested:,} differences tested, corrected together within a task and metric (Holm)"] if tested else []
    return ("How sure, and why", (*items, *seeds, *many))


def _left_out(comparison: Comparison) -> Fact:
    """What every selection left out of the pool, besides what went over its budget."""
    funnels = comparison.get("funnels") or ()
    if not funnels:
        return ("Removed from the data", ())
    most: dict[str, int] = {}
    for funnel in funnels:
        for reason, rows in funnel["left_out"].items():
            most[reason] = max(most.get(reason, 0), rows)
    removed = [
        f"{rows:,} {reason.replace('_', ' ')}" for reason, rows in most.items() if rows and reason != "over_budget"
    ]
    lines = (f"Of {max(funnel['rows_in'] for funnel in funnels):,} rows, at most:", *removed[:_LEFT_OUT])
    return ("Removed from the data", lines if removed else ("Nothing",))


def _missing(comparison: Comparison) -> Fact:
    counts = {
        "missing for a verdict": len(comparison["missing"]), "missing controls": len(comparison["missing_controls"]),
        "runs without a result": len(comparison["failed"]),
    }  # fmt: skip
    lines = tuple(f"{number} {what}" for what, number in counts.items() if number)
    return ("What is missing", (*lines, "Named under Verdicts") if lines else ())
