"""The general instructions: rewriting, explaining, writing, and judging a given text.

The families of which there are endless instances would drown the others if each were drawn
alike, so a family is drawn first and a task of it second.
"""

from __future__ import annotations

from dataselect.bundled.draw import Draw
from dataselect.bundled.example import Example
from dataselect.bundled.explaining import EXPLAINING
from dataselect.bundled.judging import JUDGING
from dataselect.bundled.rewriting import REWRITING
from dataselect.bundled.writing import WRITING

FAMILIES = (EXPLAINING, JUDGING, REWRITING, WRITING)


def make(draw: Draw) -> Example:
    """One instruction with a response that does what it asks."""
    return draw.pick(draw.pick(FAMILIES))(draw)
