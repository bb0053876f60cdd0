"""The section of composition: what the selections are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Cell, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, percent
from dataselect.reports.sentences import amount

_MOST_PARTS = 8
"""Parts with a colour of their own in the plot; the rarer ones are drawn together. The table has them all."""


def composition_section(compositions: Sequence[Mapping[str, Any]]) -> Section:
    """What the selections are made of, by kind and by source."""
    return Section("composition", "Composition", tuple(map(_composition, compositions)))


def _composition(composition: Mapping[str, Any]) -> Block:
    by, names, pool = composition["by"], composition["names"], composition["pool"]
    bars = [{"label": "whole pool", "amount": "", "counts": pool}] if pool else []
    bars += [{"label": s["strategy"], "amount": amount(s), "counts": s["counts"]} for s in composition["selections"]]
    rows = tuple(_bar_cells(bar) for bar in bars)
    plot = Plot(
        f"composition-{by}-plot", "composition", "",
        f"Share of each {by} in the pool and in every selection, first seeds; counts are in the table below.",
        {"names": names, "bars": bars, "most": _MOST_PARTS},
    )  # fmt: skip
    headers = ("Strategy", "Budget", *names)
    table = Table(f"composition-{by}", f"Rows by {by}", headers, rows, folded=True)
    return Block(title=f"By {by}", plots=(plot,), tables=(table,))


def _bar_cells(bar: Mapping[str, Any]) -> tuple[Cell, ...]:
    size = sum(bar["counts"]) or 1
    cells = [number(f"{count(n)} ({percent(n / size)})", n) for n in bar["counts"]]
    return (text(bar["label"]), number(bar["amount"] or ABSENT, sum(bar["counts"])), *cells)
