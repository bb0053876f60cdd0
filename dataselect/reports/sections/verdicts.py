"""Verdicts: a table at a glance, a sentence per strategy and task, the controls, and what chance alone would show.

Each sentence gives the difference, strategy minus control, in the task's main metric, with its 95 % interval behind it.
It never says that strategies are equal: where no difference is shown, it says how large one would have been seen, and
why an interval that excludes zero is not enough. The words for better and worse come from the comparison, which knows
the metric's direction. References (untrained, full) have sentences of their own and no verdict: they are no candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dataselect.comparison.controls import Role, is_random, role
from dataselect.comparison.power import POWER
from dataselect.reports.content import Block, Clause, Section, Table, TableCell, Verdict, text
from dataselect.reports.numbers import ABSENT, BETTER_IS, amount, decimals, fixed, half_width, probability, signed

RowValues = Mapping[str, Any]
ROLES: tuple[Role, ...] = ("candidate", "reference")
TONES = {"better": "better", "worse": "worse"}
_REFERENCES = (
    "The model as it is, and one trained on the whole pool, are other treatments, not selections to choose: they "
    "are compared with random at the largest budget, have no verdict, and count in no correction."
)
_SHORT = {"better": "better", "worse": "worse", "no difference shown": "not shown"}


def verdict_section(comparison: Mapping[str, Any]) -> Section:
    """Verdicts of every task in its main metric."""
    blocks = [_glance(comparison)]
    for task, metric in comparison["main_metrics"].items():
        rows = task_rows(comparison, task)
        title = f"{task}: {metric}, {BETTER_IS[rows[0]['direction']]}"
        blocks.append(Block(title=title, verdicts=verdicts(rows)))
        if references := verdicts(rows, "reference"):
            blocks.append(Block(title=f"{task}: for scale", paragraphs=(_REFERENCES,), verdicts=references))
    paragraphs = (_controls(comparison["runs"]), *missing(comparison), _chance(comparison["tested"]))
    blocks.append(Block(title="Controls", paragraphs=paragraphs))
    return Section("verdicts", "Verdicts", tuple(blocks))


def _glance(comparison: Mapping[str, Any]) -> Block:
    about = (
        "Each strategy against random at the same budget: strategy minus random with its 95 % interval. Not shown "
        "means that chance among all differences of the table may have made it."
    )
    rows = [row for task in comparison["main_metrics"] for row in task_rows(comparison, task)]
    rows = [row for row in rows if role(row["strategy"]) == "candidate"]
    columns = list(
        dict.fromkeys(_column(row) for row in sorted(rows, key=lambda row: (row["task"], row["unit"], row["budget"])))
    )
    if len(columns) < 2:
        return Block(paragraphs=(about,))
    strategies = dict.fromkeys(row["strategy"] for row in rows)
    found = {(row["strategy"], _column(row)): row["verdict"] for row in rows}
    cells = tuple((text(s), *(_mark(found.get((s, column))) for column in columns)) for s in strategies)
    return Block(paragraphs=(about,), tables=(Table("glance", "At a glance", ("Strategy", *columns), cells),))


def _column(row: RowValues) -> str:
    return f"{row['task']}, {amount(row)}"


def _mark(verdict: str | None) -> TableCell:
    if verdict is None:
        return text(ABSENT)
    short = "no verdict" if verdict.startswith("no verdict") else "not compared"
    return TableCell(_SHORT.get(verdict, short), verdict, tone(verdict))


def _controls(runs: Sequence[Mapping[str, Any]]) -> str:
    named: dict[str, list[str]] = {}
    for run in runs:
        if is_random(run["strategy"]):
            seeds = len(run["seeds"])
            named.setdefault(run["strategy"], []).append(f"{seeds} seed{'s' * (seeds > 1)} at {amount(run)}")
    if "random" not in named:
        return "There is no random run, so no strategy can be compared."
    items = sorted(named.items(), key=lambda item: (item[0] != "random", item[0]))
    return "; ".join(f"{strategy} ({', '.join(parts)})" for strategy, parts in items) + "."


def missing(comparison: Mapping[str, Any]) -> tuple[str, ...]:
    """Sentences on runs and controls that the comparison should have and lacks, and on runs that failed."""
    lines = [f"Missing for a verdict, {line}." for line in comparison["missing"]]
    if comparison["missing_controls"]:
        lines.append(f"Missing controls: {', '.join(comparison['missing_controls'])}.")
    if failed := comparison["failed"]:
        many = "1 run has" if len(failed) == 1 else f"{len(failed)} runs have"
        each = "; ".join(f"{one['cell']} ({one['reason']})" for one in failed)
        lines.append(f"{many} no result: {each}.")
    return tuple(lines)


def _chance(tested: int) -> str:
    if not tested:
        return "No difference could be tested."
    return (
        f"{tested:,} differences were tested. Those of one table, that is of one task in one metric, all candidates at "
        "all budgets against random and against random of the same lengths, are corrected together (Holm), so that in "
        'at most 5 % of such tables any gets a false "better" or "worse". Counted by simulation: 2 to 20 '
        "strategies, 2 to 5 seeds, outcomes that are normal, heavy-tailed, lognormal or binary, noise of seeds that is "
        "equal or up to ten times another arm's, correlated groups of neighbouring items of up to a tenth of all "
        "(benchmarks/README.md). Items correlated in other ways make intervals too narrow. Intervals are those of the "
        "single difference. A difference that is not shown is not an equality: the interval says how large it "
        "may be, and beside it is the effect that 80 % of such experiments would have shown, were the noise what "
        "was found here; from two or three seeds a side that is a rough number."
    )


def tone(verdict: str | None) -> str:
    """The tone of a verdict: "better", "worse" or "none"."""
    return TONES.get(verdict or "", "none")


def task_rows(comparison: Mapping[str, Any], task: str) -> list[RowValues]:
    """The rows of a task in its main metric."""
    metric = comparison["main_metrics"][task]
    return [row for row in comparison["rows"] if (row["task"], row["metric"]) == (task, metric)]


def verdicts(rows: Sequence[RowValues], which: Role = "candidate") -> tuple[Verdict, ...]:
    """One verdict per strategy of a role, in the order of the rows.

    Args:
        rows: Rows of one task in one metric.
    """
    strategies = list(dict.fromkeys(row["strategy"] for row in rows if role(row["strategy"]) == which))
    return tuple(Verdict(s, tuple(_clauses(r for r in rows if r["strategy"] == s))) for s in strategies)


def verdict_lines(comparison: Mapping[str, Any]) -> list[str]:
    """All verdicts as plain lines, one per strategy and task, then what is missing for one."""
    lines = []
    if "across" in comparison:
        lines += [
            across_line(row) for row in comparison["across"] if row["metric"] == comparison["main_metrics"][row["task"]]
        ]
    else:
        for which in ROLES:
            for task, metric in comparison["main_metrics"].items():
                lines += [f"{task} ({metric}): {v.sentence}" for v in verdicts(task_rows(comparison, task), which)]
    return [*lines, *(f"missing: {line}." for line in comparison["missing"])]


def across_line(row: RowValues) -> str:
    """The result over all settings, for one strategy at one budget on one task."""
    places = decimals(half_width(row["ci_low"], row["ci_high"]), row["mean"])
    inside = ""
    if row["ci_low"] is not None:
        inside = f" (95 %: {signed(row['ci_low'], places)} to {signed(row['ci_high'], places)})"
    budgets = ", ".join(f"{budget:,}" for budget in dict.fromkeys(row["budgets"]) if budget)
    at = f" at {budgets} {row['unit']}" if budgets else ""
    found = f"better than random in {row['better']} of {len(row['settings'])} settings, worse in {row['worse']}"
    mean = f"{signed(row['mean'], places)}{inside}"
    return f"{row['task']} ({row['metric']}): {row['strategy']}{at}: {found}, mean difference {mean}."


def _clauses(rows: Iterable[RowValues]) -> Iterator[Clause]:
    for row in rows:
        yield _clause(row)
        if row["lm_verdict"] is not None and role(row["strategy"]) == "candidate":
            numbers = _numbers(row["diff_to_length_matched"], row["lm_ci_low"], row["lm_ci_high"], row["lm_seed_noise"])
            numbers += _not_shown(row["lm_verdict"], row, "lm_")
            if row["lm_overlap"]:
                numbers += f"; {100 * row['lm_overlap']:.0f} % of the control's rows are the selection's own"
            lead = _against(row["lm_verdict"], "random of the same lengths")
            yield Clause(lead, numbers, tone(row["lm_verdict"]))


def _clause(row: RowValues) -> Clause:
    if row["diff_to_random"] is None:
        at = f"at {amount(row)}, " if amount(row) else ""
        return Clause(f"{at}{row['verdict']}", "", "none")
    numbers = _numbers(row["diff_to_random"], row["ci_low"], row["ci_high"], row["seed_noise"])
    more = _not_shown(row["verdict"], row, "")
    return Clause(_against(row["verdict"], row["compared_with"]), numbers + more, tone(row["verdict"]))


def _against(verdict: str, control: str) -> str:
    if verdict in TONES:
        return f"{verdict} than {control}"
    if verdict == "no difference shown":
        return f"no difference shown against {control}"
    return f"{verdict}; against {control}"


def _not_shown(verdict: str, row: RowValues, family: str) -> str:
    """Of "no difference shown": why, where the interval excludes zero, and what would have been seen."""
    if verdict != "no difference shown":
        return ""
    low, high, seen = row[f"{family}ci_low"], row[f"{family}ci_high"], row[f"{family}detectable"]
    words = ""
    if low is not None and not low <= 0 <= high:
        words = (
            f"; the interval excludes zero, but {row['tests']} tests side by side give such differences by chance "
            f"(corrected p {probability(row[f'{family}p_holm'])})"
        )
    if seen is not None:
        effect = decimals(half_width(low, high), seen)
        words += f"; an effect of {fixed(seen, effect)} would have been seen in {100 * POWER:.0f} % of such experiments"
    return words


def _numbers(difference: float, low: float | None, high: float | None, seed_noise: bool) -> str:
    half = half_width(low, high)
    places = decimals(half, difference)
    if half is None:
        return f"{signed(difference, places)} (no interval)"
    seeds = "" if seed_noise else ", without the noise of seeds"
    return f"{signed(difference, places)} (95 %: {signed(low, places)} to {signed(high, places)}{seeds})"
