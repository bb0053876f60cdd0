"""The section of findings, and of the baselines that gains should not rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.content import Block, Cell, Section, Table, number, text
from dataselect.reports.numbers import short


def check_section(document: Mapping[str, Any]) -> Section:
    """Everything that the checks found, the gravest first."""
    findings, baselines = document["findings"], document["suspicious_baselines"]
    about = (
        "Nothing in the table was changed for these findings. Serious ones touch numbers below; which ones, each says."
        if findings
        else "The checks found nothing."
    )
    tables: list[Table] = []
    if findings:
        rows = tuple((_severity(one["severity"]), text(one["check"]), text(one["text"])) for one in findings)
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
        headers = ("Model", "Task", "Baseline", "Median of its runs", "Runs", "What speaks against it")
        tables.append(Table("baselines", "Baselines that something speaks against", headers, cells, folded=True))
    return Section("checks", "What is wrong with the table", (Block(paragraphs=(about,), tables=tuple(tables)),))


def _severity(severity: str) -> Cell:
    return Cell(severity, severity, "worse" if severity == "serious" else "none")
