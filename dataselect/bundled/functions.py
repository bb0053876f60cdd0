"""The function examples: an instruction and a small Python function that does what it asks.

They come from specs written one by one (`number_functions`, `rule_functions`, `text_functions`, `word_functions`,
`list_functions`, `table_functions`) and from specs put together from parts (`composed_functions`), which are endless.
"""

from __future__ import annotations

from dataselect.bundled import composed_functions as composed
from dataselect.bundled.draw import Draw
from dataselect.bundled.example import Example
from dataselect.bundled.list_functions import LIST_SPECS
from dataselect.bundled.number_functions import NUMBER_SPECS
from dataselect.bundled.rule_functions import RULE_SPECS
from dataselect.bundled.specs import written
from dataselect.bundled.table_functions import TABLE_SPECS
from dataselect.bundled.text_functions import TEXT_SPECS
from dataselect.bundled.word_functions import WORD_SPECS

SPECS = (*NUMBER_SPECS, *RULE_SPECS, *TEXT_SPECS, *WORD_SPECS, *LIST_SPECS, *TABLE_SPECS)
COMPOSED = (
    *(composed.number_pipeline,) * 3,
    *(composed.word_pipeline,) * 3,
    *(composed.rules,) * 2,
    composed.grouping,
    composed.converter,
)


def make(draw: Draw) -> Example:
    """One instruction with its function."""
    return written(draw.pick(SPECS) if draw.chance(38) else draw.pick(COMPOSED)(draw), draw)
