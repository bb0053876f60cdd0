"""Forecasts in sentences, as a section, and as the rows of forecast.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields

from dataselect.comparison.excerpts import printable_values
from dataselect.reports.content import Block, Section, Table, TableCell, cell, number, text
from dataselect.reports.numbers import ABSENT, fixed, percent, short
from dataselect.run_analysis.findings import counted, listed
from dataselect.run_analysis.forecast import Forecast, ForecastRun
from dataselect.run_analysis.presentation import Entry, count_cell, grouped

_TONES = {"narrower": "better", "wider": "worse", "not narrower": "none", "no number": "none"}
_MANY_TASKS = 3
_ABOUT = (
    "The outcome of each run as one would have forecast it before training, with its whole group left out: ridge "
    "regression on the properties, fitted on the other groups, with a conformal interval of 90 %, calibrated on the "
    "errors for each of these other groups when it is left out too. Coverage: the share of runs whose interval holds "
    "the outcome, mean over groups. Width: the median over groups. The mean alone: the same without the properties, "
    "but with what is given. The ratio of widths has an interval over groups; below 1 the properties narrow the "
    "forecast."
)


def forecast_section(document: Entry) -> Section:
    """Show every forecast, and every group left out."""
    found = document["forecasts"]
    headers = (
        "Forecast", "Task", "Of", "From", "Given", "Left out in turn", "Groups", "Runs", "Coverage of 90 % (95 %)",
        "At least, if a group errs alike", "Coverage, mean alone", "Width", "Width, mean alone", "Ratio (95 %)",
        "Verdict",
    )  # fmt: skip
    rows = tuple(_cells(one) for one in found)
    groups = tuple(
        (
            text(one["name"]), text(one["task"]), text(group["group"]), count_cell(group["n"]),
            count_cell(group["covered"]), count_cell(group["covered_alone"]), cell(group["width"], short),
            cell(group["width_alone"], short),
        )
        for one in found for group in one["groups"]
    )  # fmt: skip
    names = ("Forecast", "Task", "Group", "Runs", "Held", "Held, mean alone", "Width", "Width, mean alone")
    sentences = tuple((text(line),) for one in found for line in (forecast_sentence(one), *_left_out_lines(one)))
    tables = (
        Table("forecasts", "Every forecast", headers, rows),
        Table("forecast-groups", "Each group left out", names, groups, folded=True),
        Table("forecast-sentences", "In words", ("What it says",), sentences, folded=True),
    )
    return Section("forecasts", "Forecasting a run before training", (Block(paragraphs=(_ABOUT,), tables=tables),))


def _cells(one: Entry) -> tuple[TableCell, ...]:
    return (
        text(one["name"]), text(one["task"]), text(one["outcome"]), text(", ".join(one["properties"])),
        text(", ".join(one["given"])), text(one["leave_out"]), count_cell(one["n_groups"]), count_cell(one["n"]),
        number(_with_interval(one, "coverage"), one["coverage"]), cell(one["least_coverage"], percent),
        cell(one["coverage_alone"], percent), cell(one["width"], short), cell(one["width_alone"], short),
        number(_ratio(one), one["ratio"]),
        TableCell(one["note"] or one["verdict"], one["verdict"], _TONES[one["verdict"]]),
    )  # fmt: skip


def forecast_sentences(document: Entry) -> Iterator[str]:
    """State each forecast, and which runs are in none; one of many tasks only as a whole."""
    for found in grouped(document["forecasts"], "name").values():
        if len(found) > _MANY_TASKS:
            yield _many_tasks_sentence(found)
            continue
        for one in found:
            yield forecast_sentence(one)
            yield from _left_out_lines(one)


def _many_tasks_sentence(found: Sequence[Entry]) -> str:
    first, held = found[0], [one["coverage"] for one in found if one["coverage"] is not None]
    counts = {key: sum(one["verdict"] == key for one in found) for key in _TONES}
    narrower = [one["task"] for one in found if one["verdict"] == "narrower"]
    named = f" ({listed(narrower, len(narrower))})" if narrower else ""
    coverage = (
        f"intervals of {100 * first['confidence']:.0f} % hold {percent(min(held))} to {percent(max(held))} of the runs"
        if held
        else "no interval"
    )
    return (
        f"Forecast {first['name']}, {first['outcome']} on {counted(len(found), 'task')}, each of the groups of "
        f"{first['leave_out']} left out: {coverage}; the properties narrow it on {counts['narrower']:,}{named}, "
        f"do not on {counts['not narrower']:,}, make it wider on {counts['wider']:,}; no number on "
        f"{counts['no number']:,}. About one in forty would be called narrower by chance. The page has each."
    )


def forecast_sentence(one: Entry) -> str:
    """State coverage, widths and their ratio, and whether the properties narrow it."""
    about = f"Forecast {one['name']}, {one['outcome']} on {one['task']}"
    if one["coverage"] is None:
        return f"{about}: no number, because {one['note']}."
    given = f" beside {listed(one['given'])}" if one["given"] else ""
    held = _with_interval(one, "coverage")
    return (
        f"{about}, from {listed(one['properties'])}{given} (each of {one['n_groups']} groups of {one['leave_out']} "
        f"left out, {one['n']:,} runs): intervals of {100 * one['confidence']:.0f} % hold {held} of the runs (at least "
        f"{percent(one['least_coverage'])} where all runs of a group err alike); width {short(one['width'])}, from the "
        f"mean alone {short(one['width_alone'])} ({percent(one['coverage_alone'])} held); {_verdict(one)}."
    )


def _verdict(one: Entry) -> str:
    if one["ratio_low"] is None:
        return f"whether the properties narrow it cannot be said: {one['note']}"
    said = {
        "narrower": "the properties narrow it",
        "wider": "the properties make it wider",
        "not narrower": "properties do not narrow it",
    }
    return f"ratio {_ratio(one)}: {said[one['verdict']]}"


def _left_out_lines(one: Entry) -> Iterator[str]:
    about = f"Forecast {one['name']}, {one['outcome']} on {one['task']}: "
    if one["constant"]:
        yield f"{about}not used, because the same in all runs: {listed(one['constant'])}."
    for part in one["left_out"]:
        yield (
            f"{about}{counted(len(part['lines']), 'run')} left out, {part['reason']}: "
            f"line{'s' if len(part['lines']) > 1 else ''} {listed(part['lines'])}."
        )


def _ratio(one: Entry) -> str:
    if one["ratio"] is None:
        return ABSENT
    if one["ratio_low"] is None:
        return fixed(one["ratio"], 2)
    return f"{fixed(one['ratio'], 2)} (95 %: {fixed(one['ratio_low'], 2)} to {fixed(one['ratio_high'], 2)})"


def _with_interval(one: Entry, key: str) -> str:
    low, high = one[f"{key}_low"], one[f"{key}_high"]
    ends = "" if low is None else f" (95 %: {percent(low)} to {percent(high)})"
    return f"{percent(one[key])}{ends}"


def forecast_csv(found: Sequence[Forecast]) -> str:
    """Write each run of each forecast as a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("forecast_of", "task", "of", *(field.name for field in fields(ForecastRun))))
    for one in found:
        for run in one.runs:
            writer.writerow(printable_values([one.name, one.task, one.outcome, *astuple(run)]))
    return out.getvalue()
