"""The arithmetic examples: one word problem of any family, with its worked answer.

The families are in `stories`, `prices` and `measures`; `problems` writes the answers. Stories of changing numbers have
many settings of their own and are drawn more often than the other families.
"""

from __future__ import annotations

from quickstart_pool import measures, prices, stories
from quickstart_pool.draw import Draw
from quickstart_pool.example import Example
from quickstart_pool.problems import worked

FAMILIES = (
    *(stories.changing_number,) * 7,
    prices.basket,
    prices.discount,
    prices.saving,
    prices.wages,
    prices.takings,
    measures.journey,
    measures.schedule,
    measures.floor,
    measures.recipe,
    measures.ages,
    measures.seats,
    measures.fuel,
)


def make(draw: Draw) -> Example:
    """One word problem with its worked answer."""
    return worked(draw.pick(FAMILIES)(draw), draw)
