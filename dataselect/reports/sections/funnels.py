"""Funnels: the rows of the pool, minus those that each step left out, are the rows of the selection.

First seeds only, and only selections in which something else than the budget left rows out; the counts are those of
their manifests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dataselect.comparison.section_inputs import SectionInputs
from dataselect.reports.content import Block, Column, ReportSection, Section, Table, TableCell, cell, number, text
from dataselect.reports.numbers import amount, count
from dataselect.selection.exclusions import REASON_WORDS
from dataselect.stage.beside import read_manifest_beside


@dataclass(frozen=True, slots=True)
class Funnel:
    """One selection.

    Attributes:
        left_out: Reason -> rows, in the order of the steps.
    """

    strategy: str
    budget: int
    unit: str
    rows_in: int
    left_out: dict[str, int]
    rows_out: int


def funnels(inputs: SectionInputs) -> tuple[Funnel, ...]:
    """The funnels of the selections whose manifests have one."""
    found = []
    for one in inputs.first_selections:
        funnel = read_manifest_beside(one.path).get("funnel")
        if funnel and set(funnel["left_out"]) - {"over_budget"}:
            found.append(
                Funnel(
                    strategy=one.strategy, budget=one.budget, unit=one.unit,
                    rows_in=funnel["rows_in"], left_out=dict(funnel["left_out"]), rows_out=funnel["rows_out"],
                )
            )  # fmt: skip
    return tuple(found)


_ABOUT = "Rows of the pool, minus those that each step excluded, are the rows of the selection (first seed)."


def funnel_section(funnels: Sequence[Mapping[str, Any]]) -> Section:
    """One table for all selections."""
    reasons = dict.fromkeys(reason for funnel in funnels for reason in funnel["left_out"])
    columns: list[Column] = [
        ("Strategy", lambda funnel: text(funnel["strategy"])),
        ("Budget", lambda funnel: number(amount(funnel), funnel["budget"])),
        ("Rows in", lambda funnel: cell(funnel["rows_in"], count)),
        *((REASON_WORDS.get(reason, reason), partial(_left_out, reason)) for reason in reasons),
        ("Rows out", lambda funnel: cell(funnel["rows_out"], count)),
    ]
    table = Table.of("funnel", "Excluded rows", funnels, columns)
    return Section("funnels", "From the pool to the selections", (Block(paragraphs=(_ABOUT,), tables=(table,)),))


def _left_out(reason: str, funnel: Mapping[str, Any]) -> TableCell:
    return cell(funnel["left_out"].get(reason, 0), count)


SECTION = ReportSection("funnels", data=funnels, view=funnel_section)
