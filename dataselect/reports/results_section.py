"""The section of results: every row of the comparison with its intervals, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, decimals, fixed, half_width, probability, signed
from dataselect.reports.sentences import Row, amount, tone
from dataselect.reports.verdict_section import BETTER_IS


def results_section(comparison: Mapping[str, Any]) -> Section:
    """A forest plot and a table for every task and metric."""
    keys = dict.fromkeys((row["task"], row["metric"]) for row in comparison["rows"])
    blocks = []
    for n, (task, metric) in enumerate(keys):
        rows = [row for row in comparison["rows"] if (row["task"], row["metric"]) == (task, metric)]
        blocks.append(_task(f"results-{n}", task, metric, rows))
    about = (
        "A difference is strategy minus random at the same budget. Its 95 % interval is Student's, paired over items "
        "and with the noise of the seeds in it, unless a note says otherwise. p (Holm) is corrected for all strategies "
        "of the table and decides the verdict. Length-matched: the same against random examples that are as long as "
        "the strategy's own. The folded tables hold a bootstrap interval over items and seeds, a permutation p that "
        "changes signs over items and takes the trained models as they are, and the mean difference of an item over "
        "its standard deviation (the effect)."
    )
    return Section("results", "Results with intervals", (Block(paragraphs=(about,)), *blocks))


def _task(key: str, task: str, metric: str, rows: Sequence[Row]) -> Block:
    compared = [row for row in rows if row["ci_low"] is not None]
    return Block(
        title=f"{task}: {metric}",
        paragraphs=(f"{rows[0]['n_items']:,} items; {BETTER_IS[rows[0]['direction']]}.",),
        plots=(_forest(f"{key}-plot", task, metric, compared),) if compared else (),
        tables=(_table(key, task, metric, rows), *([_resampling(key, rows)] if compared else [])),
        notes=_notes(rows),
    )


def _forest(key: str, task: str, metric: str, rows: Sequence[Row]) -> Plot:
    return Plot(
        key, "forest", "Difference to random with its 95 % interval",
        f"Differences to random on {task} in {metric} with 95 % intervals; the numbers are in the table below.",
        {"metric": metric, "direction": rows[0]["direction"], "points": [_point(row, _places(rows)) for row in rows]},
    )  # fmt: skip


def _point(row: Row, places: int) -> dict[str, Any]:
    name = f"{row['strategy']} {amount(row)}".strip()
    matched = [row["diff_to_length_matched"], row["lm_ci_low"], row["lm_ci_high"]]
    return {
        "label": row["strategy"],
        "amount": amount(row),
        "tone": tone(row["verdict"]),
        "random": [row["diff_to_random"], row["ci_low"], row["ci_high"]],
        "matched": None if row["lm_ci_low"] is None else matched,
        "hover": f"{name}: {interval(row, 'diff_to_random', 'ci', places)}, {row['verdict']}",
        "matched_hover": f"{name}, against the same lengths: "
        f"{interval(row, 'diff_to_length_matched', 'lm_ci', places)}, {row['lm_verdict']}",
    }


def interval(row: Row, difference: str, ci: str, places: int) -> str:
    """A difference with its interval behind it, where it has one."""
    low, high = row[f"{ci}_low"], row[f"{ci}_high"]
    if row[difference] is None:
        return ABSENT
    inside = f" ({signed(low, places)} to {signed(high, places)})" if low is not None else ""
    return f"{signed(row[difference], places)}{inside}"


def _table(key: str, task: str, metric: str, rows: Sequence[Row]) -> Table:
    matched = any(row["diff_to_length_matched"] is not None for row in rows)
    headers = ["Strategy", "Budget", "Seeds", metric, "Difference to random (95\N{NO-BREAK SPACE}%)"]
    headers += ["p", "p (Holm)", "Verdict"]
    headers += ["Difference to the same lengths (95\N{NO-BREAK SPACE}%)"] if matched else []
    made = [_cells(row, _places(rows), matched) for row in rows]
    tests = max(row["tests"] for row in rows)
    corrected = f"; p (Holm) over {tests} tests" if tests else ""
    return Table(key, f"All strategies on {task}, {metric}{corrected}", tuple(headers), tuple(made))


def _resampling(key: str, rows: Sequence[Row]) -> Table:
    """What resampling says of the same differences."""
    headers = ("Strategy", "Budget", "Difference to random (bootstrap)", "p (permutation)", "Effect")
    made = tuple(_resampled(row, _places(rows)) for row in rows if row["p_permutation"] is not None)
    return Table(f"{key}-resampling", "Bootstrap, permutation and size of the effect", headers, made, folded=True)


def _resampled(row: Row, places: int) -> tuple[Cell, ...]:
    return (
        text(row["strategy"]),
        number(amount(row) or ABSENT, row["budget"] or None),
        number(interval(row, "diff_to_random", "boot", places), row["diff_to_random"]),
        number(probability(row["p_permutation"]), row["p_permutation"]),
        number(ABSENT if row["effect_size"] is None else signed(row["effect_size"], 2), row["effect_size"]),
    )


def _places(rows: Sequence[Row]) -> int:
    """Decimals for all of a table: those of its narrowest interval, so that no column is ragged."""
    widths = [w for w in (half_width(row["ci_low"], row["ci_high"]) for row in rows) if w]
    return decimals(min(widths, default=None), rows[0]["estimate"])


def _cells(row: Row, places: int, matched: bool) -> tuple[Cell, ...]:
    cells = (
        text(row["strategy"]),
        number(amount(row) or ABSENT, row["budget"] or None),
        number(count(row["n_seeds"]), row["n_seeds"]),
        number(fixed(row["estimate"], places), row["estimate"]),
        number(interval(row, "diff_to_random", "ci", places), row["diff_to_random"]),
        number(probability(row["p"]), row["p"]),
        number(probability(row["p_holm"]), row["p_holm"]),
        Cell(row["verdict"], row["verdict"], tone(row["verdict"])),
    )
    if not matched:
        return cells
    against = number(interval(row, "diff_to_length_matched", "lm_ci", places), row["diff_to_length_matched"])
    return (*cells, replace(against, tone=tone(row["lm_verdict"])) if row["lm_verdict"] else against)


def _notes(rows: Sequence[Row]) -> tuple[str, ...]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["note"]:
            found.setdefault(row["note"], []).append(f"{row['strategy']} {amount(row)}".strip())
    return tuple(f"{', '.join(names)}: {note}." for note, names in found.items())
