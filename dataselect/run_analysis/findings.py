"""A finding of a check: a sentence, its severity and its place; and the section of findings and bad baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dataselect.reports.content import Block, Section, Table, TableCell, number, text
from dataselect.reports.numbers import short

Severity = Literal["serious", "note"]
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, or one thing that a reader must know.

    Attributes:
        check: Name of the check.
        severity: "serious" where numbers that rest on these cells should not be believed as they are.
        text: The whole finding as one sentence.
        lines: Lines of the file that it is about.
        columns: Columns, or tasks.
        count: How many cells, rows or pairs.
    """

    check: str
    severity: Severity
    text: str
    lines: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    count: int = 0


def listed(names: Sequence[object], most: int = _SHOWN) -> str:
    """Join names with commas; beyond `most`, say how many more there are."""
    shown = ", ".join(map(str, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def counted(n: int, one: str) -> str:
    """Write a count with its noun, which takes an s."""
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"


def check_section(document: Mapping[str, Any]) -> Section:
    """Show everything that the checks found, the gravest first."""
    findings, baselines = document["findings"], document["suspicious_baselines"]
    about = (
        "Nothing in the table was changed for these findings. Serious ones touch numbers below; which ones, each says."
        if findings
        else "The checks found nothing."
    )
    tables: list[Table] = []
    if findings:
        tones = {"serious": "worse", "note": "none"}
        rows = tuple(
            (TableCell(one["severity"], one["severity"], tones[one["severity"]]), text(one["check"]), text(one["text"]))
            for one in findings
        )
        tables.append(Table("findings", "Findings", ("Severity", "Check", "Finding"), rows))
    if baselines:
        cells = tuple(
            (
                text(one["model"]), text(one["task"]), number(short(one["value"]), one["value"]),
                number(short(one["median_of_runs"]), one["median_of_runs"]), number(f"{one['runs']:,}", one["runs"]),
                text(", ".join(one["reasons"])),
            )
            for one in baselines
        )  # fmt: skip
        headers = ("Model", "Task", "Baseline", "Median of its runs", "Runs", "Why it is suspicious")
        tables.append(Table("baselines", "Suspicious baselines", headers, cells, folded=True))
    return Section("checks", "What is wrong with the table", (Block(paragraphs=(about,), tables=tuple(tables)),))
