"""Results with intervals: every row of the comparison with its intervals, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dataselect.reports.content import Block, Column, Plot, Section, Table, TableCell, cell, number, text
from dataselect.reports.numbers import (
    ABSENT,
    BETTER_IS,
    amount,
    count,
    decimals,
    fixed,
    half_width,
    probability,
    signed,
)
from dataselect.reports.sections.verdicts import RowValues, tone


def results_section(comparison: Mapping[str, Any]) -> Section:
    """A forest plot and a table for every task and metric."""
    keys = dict.fromkeys((row["task"], row["metric"]) for row in comparison["rows"])
    blocks = []
    for n, (task, metric) in enumerate(keys):
        rows = [row for row in comparison["rows"] if (row["task"], row["metric"]) == (task, metric)]
        blocks.append(_task(f"results-{n}", task, metric, rows))
    about = (
        "A difference is strategy minus random at the same budget. Its 95 % interval is made of Student's t for items "
        "and for the seeds of either side, each with its own variance, unless a note says otherwise. p (Holm) is "
        "corrected for all differences of the table, length-matched ones included, and decides the verdict. "
        "Length-matched: the same against random examples that are as long as the strategy's own. Controls and "
        "references (untrained, full) have no verdict. The folded tables hold a bootstrap interval over items and "
        "seeds, a permutation p that changes signs over items and takes the trained models as they are, and the mean "
        "difference of an item over its standard deviation (the effect)."
    )
    return Section("results", "Results with intervals", (Block(paragraphs=(about,)), *blocks))


def _task(key: str, task: str, metric: str, rows: Sequence[RowValues]) -> Block:
    compared = [row for row in rows if row["ci_low"] is not None]
    return Block(
        title=f"{task}: {metric}",
        paragraphs=(f"{rows[0]['n_items']:,} items; {BETTER_IS[rows[0]['direction']]}.",),
        plots=(_forest(f"{key}-plot", task, metric, compared),) if compared else (),
        tables=(_table(key, task, metric, rows), *([_resampling(key, rows)] if compared else [])),
        notes=_notes(rows),
    )


def _forest(key: str, task: str, metric: str, rows: Sequence[RowValues]) -> Plot:
    return Plot(
        key, "forest", "Difference to random with its 95 % interval",
        f"Differences to random on {task} in {metric} with 95 % intervals; the numbers are in the table below.",
        {"metric": metric, "direction": rows[0]["direction"], "points": [_point(row, _places(rows)) for row in rows]},
    )  # fmt: skip


def _point(row: RowValues, places: int) -> dict[str, Any]:
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


def interval(row: RowValues, difference: str, ci: str, places: int) -> str:
    """A difference with its interval behind it, where it has one."""
    low, high = row[f"{ci}_low"], row[f"{ci}_high"]
    if row[difference] is None:
        return ABSENT
    inside = f" ({signed(low, places)} to {signed(high, places)})" if low is not None else ""
    return f"{signed(row[difference], places)}{inside}"


def _table(key: str, task: str, metric: str, rows: Sequence[RowValues]) -> Table:
    places = _places(rows)
    columns: list[Column] = [
        *_NAME,
        ("Seeds", lambda row: cell(row["n_seeds"], count)),
        (metric, lambda row: number(fixed(row["estimate"], places), row["estimate"])),
        (
            "Difference to random (95\N{NO-BREAK SPACE}%)",
            lambda row: number(interval(row, "diff_to_random", "ci", places), row["diff_to_random"]),
        ),
        ("p", lambda row: cell(row["p"], probability)),
        ("p (Holm)", lambda row: cell(row["p_holm"], probability)),
        ("Verdict", lambda row: TableCell(row["verdict"], row["verdict"], tone(row["verdict"]))),
    ]
    if any(row["diff_to_length_matched"] is not None for row in rows):
        columns.append((
            "Difference to the same lengths (95\N{NO-BREAK SPACE}%)",
            lambda row: replace(
                number(interval(row, "diff_to_length_matched", "lm_ci", places), row["diff_to_length_matched"]),
                tone=tone(row["lm_verdict"]) if row["lm_verdict"] else "",
            ),
        ))  # fmt: skip
    tests = max(row["tests"] for row in rows)
    corrected = f"; p (Holm) over {tests} tests" if tests else ""
    return Table.of(key, f"All strategies on {task}, {metric}{corrected}", rows, columns)


_NAME: tuple[Column, ...] = (
    ("Strategy", lambda row: text(row["strategy"])),
    ("Budget", lambda row: number(amount(row) or ABSENT, row["budget"] or None)),
)


def _resampling(key: str, rows: Sequence[RowValues]) -> Table:
    """The same differences by resampling."""
    places = _places(rows)
    columns: list[Column] = [
        *_NAME,
        (
            "Difference to random (bootstrap)",
            lambda row: number(interval(row, "diff_to_random", "boot", places), row["diff_to_random"]),
        ),
        ("p (permutation)", lambda row: cell(row["p_permutation"], probability)),
        ("Effect", lambda row: number(signed(row["effect_size"], 2), row["effect_size"])),
    ]
    made = [row for row in rows if row["p_permutation"] is not None]
    caption = "Bootstrap, permutation and size of the effect"
    return Table.of(f"{key}-resampling", caption, made, columns, folded=True)


def _places(rows: Sequence[RowValues]) -> int:
    """Decimals for all of a table: those of its narrowest interval, so that no column is ragged."""
    widths = [w for w in (half_width(row["ci_low"], row["ci_high"]) for row in rows) if w]
    return decimals(min(widths, default=None), rows[0]["estimate"])


def _notes(rows: Sequence[RowValues]) -> tuple[str, ...]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["note"]:
            found.setdefault(row["note"], []).append(f"{row['strategy']} {amount(row)}".strip())
    return tuple(f"{', '.join(names)}: {note}." for note, names in found.items())
