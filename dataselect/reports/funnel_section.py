"""The section of funnels: what each selection left out, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Cell, Section, Table, number, text
from dataselect.reports.numbers import count
from dataselect.reports.sentences import amount
from dataselect.selection.fates import WORDS

_ABOUT = "Rows of the pool, minus those that each step left out, are the rows of the selection (first seed)."


def funnel_section(funnels: Sequence[Mapping[str, Any]]) -> Section:
    """One table for all selections."""
    reasons = list(dict.fromkeys(reason for funnel in funnels for reason in funnel["left_out"]))
    headers = ("Strategy", "Budget", "Rows in", *(WORDS.get(reason, reason) for reason in reasons), "Rows out")
    rows = tuple(_cells(funnel, reasons) for funnel in funnels)
    table = Table("funnel", "What was left out", headers, rows)
    return Section("funnels", "From the pool to the selections", (Block(paragraphs=(_ABOUT,), tables=(table,)),))


def _cells(funnel: Mapping[str, Any], reasons: Sequence[str]) -> tuple[Cell, ...]:
    left = (funnel["left_out"].get(reason, 0) for reason in reasons)
    return (
        text(funnel["strategy"]),
        number(amount(funnel), funnel["budget"]),
        number(count(funnel["rows_in"]), funnel["rows_in"]),
        *(number(count(n), n) for n in left),
        number(count(funnel["rows_out"]), funnel["rows_out"]),
    )
