"""The section of score distributions: the pool's outline, and what each strategy took from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Plot, Section, Table, number, text
from dataselect.reports.numbers import ABSENT, count, short
from dataselect.reports.sentences import amount

_SCORE_NAMES = {
    "ppl": "Perplexity of the response",
    "bits_per_byte": "Bits per byte of the response",
    "ifd": "Instruction-following difficulty (IFD)",
    "response_tokens": "Response tokens",
}


def distributions_section(distributions: Sequence[Mapping[str, Any]]) -> Section:
    """A plot of every score, with its quartiles in a table."""
    about = (
        "Each row shows what one strategy selected, first seed, at a height of its own; the dotted outline is the "
        "whole pool. Bins span the middle 99 % of the pool, and the outermost hold what lies beyond."
    )
    return Section(
        "distributions", "Score distributions", (Block(paragraphs=(about,)), *map(_distribution, distributions))
    )


def _distribution(distribution: Mapping[str, Any]) -> Block:
    score = distribution["score"]
    name = _SCORE_NAMES[score]
    series = [s | {"amount": amount(s) if s["strategy"] else ""} for s in distribution["series"]]
    data = {"edges": distribution["edges"], "log": distribution["log_axis"], "name": name, "series": series}
    rows = tuple(
        (
            text(s["strategy"] or "whole pool"),
            number(s["amount"] or ABSENT, s["budget"]),
            number(count(sum(s["counts"])), sum(s["counts"])),
            number(count(s["missing"]), s["missing"]),
            *(number(short(s[q]), s[q]) for q in ("lower_quartile", "median", "upper_quartile")),
        )
        for s in series
    )
    headers = ("Strategy", "Budget", "Rows", "Without a value", "Lower quartile", "Median", "Upper quartile")
    return Block(
        title=name,
        plots=(
            Plot(
                f"distribution-{score}-plot", "distribution", "",
                f"Histograms of {name}; quartiles are in the table below.", data,
            ),
        ),
        tables=(Table(f"distribution-{score}", f"Quartiles: {name}", headers, rows, folded=True),),
    )  # fmt: skip
