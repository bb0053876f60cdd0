"""The section about the pool: rows, statuses and the perplexities of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.content import Block, Cell, Section, Table, number, text
from dataselect.reports.numbers import count, short


def pool_section(pool: Mapping[str, Any]) -> Section:
    """Rows, statuses and perplexities of the pool and its parts."""
    whole, statuses = pool["whole"], ", ".join(f"{count(n)} {status}" for status, n in pool["statuses"].items())
    about = (
        f"{count(whole['rows'])} rows ({statuses}). The perplexity of the pool is {short(whole['macro_ppl'])} as the "
        f"mean over examples and {short(whole['micro_ppl'])} weighted by tokens."
    )
    headers = ("Rows", "Scored", "Perplexity, mean over examples", "Perplexity, by tokens")
    tables = tuple(
        Table(f"pool-{by}", f"The pool by {by}", (by.capitalize(), *headers), tuple(map(_part_cells, pool[f"by_{by}"])))
        for by in ("source", "kind")
        if len(pool[f"by_{by}"]) > 1
    )
    return Section("pool", "The pool", (Block(paragraphs=(about,), tables=tables),))


def _part_cells(part: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        text(part["name"]),
        number(count(part["rows"]), part["rows"]),
        number(count(part["scored"]), part["scored"]),
        number(short(part["macro_ppl"]), part["macro_ppl"]),
        number(short(part["micro_ppl"]), part["micro_ppl"]),
    )
