"""The function examples: an instruction and a small Python function that does what it asks.

They come from specs written one by one (`number_functions`, `rule_functions`, `text_functions`, `word_functions`,
`list_functions`, `table_functions`) and from specs put together from parts (`composed_functions`), which are endless.
"""

from __future__ import annotations

from quickstart_pool import composed_functions as composed
from quickstart_pool.draw import Draw
from quickstart_pool.example import Example
from quickstart_pool.list_functions import LIST_SPECS
from quickstart_pool.number_functions import NUMBER_SPECS
from quickstart_pool.rule_functions import RULE_SPECS
from quickstart_pool.specs import written
from quickstart_pool.table_functions import TABLE_SPECS
from quickstart_pool.text_functions import TEXT_SPECS
from quickstart_pool.word_functions import WORD_SPECS

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
