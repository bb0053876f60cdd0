"""The general instructions: rewriting, explaining, writing, and judging a given text.

The families of which there are endless instances would drown the others if each were drawn
alike, so a family is drawn first and a task of it second.
"""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example
from quickstart_pool.explaining import EXPLAINING
from quickstart_pool.judging import JUDGING
from quickstart_pool.rewriting import REWRITING
from quickstart_pool.writing import WRITING

FAMILIES = (EXPLAINING, JUDGING, REWRITING, WRITING)


def make(draw: Draw) -> Example:
    """One instruction with a response that does what it asks."""
    return draw.pick(draw.pick(FAMILIES))(draw)
