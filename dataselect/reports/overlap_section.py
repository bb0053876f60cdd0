"""The section of overlaps: how much the selections of different strategies share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.reports.content import Block, Plot, Section, Table, number, text
from dataselect.reports.numbers import fixed
from dataselect.reports.sentences import amount


def overlap_section(overlaps: Sequence[Mapping[str, Any]]) -> Section:
    """A matrix of Jaccard indices for every budget."""
    about = "Jaccard index: examples in both selections over examples in either; first seeds."
    return Section("overlap", "Overlap of selections", (Block(paragraphs=(about,)), *map(_overlap, overlaps)))


def _overlap(overlap: Mapping[str, Any]) -> Block:
    names, at = overlap["strategies"], amount(overlap)
    key = f"overlap-{overlap['budget']}-{overlap['unit']}"
    expected = overlap["at_random"]
    about = () if expected is None else (f"Two random selections of this size would have {fixed(expected, 2)}.",)
    rows = tuple(
        (text(name), *(number(fixed(v, 2), v) for v in row))
        for name, row in zip(names, overlap["jaccard"], strict=True)
    )
    plot = Plot(
        f"{key}-plot", "overlap", "", f"Overlap at {at}: Jaccard indices; the numbers are in the table below.",
        {"names": names, "values": overlap["jaccard"]},
    )  # fmt: skip
    table = Table(key, f"Jaccard indices at {at}", ("Strategy", *names), rows, folded=True)
    return Block(title=f"At {at}", paragraphs=about, plots=(plot,), tables=(table,))
