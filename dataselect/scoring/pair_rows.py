"""Rows of preference pairs: the chosen reply's numbers under their usual names, those of the rejected one beside them.

Both replies are scored in one pass as rows of their own, so that their numbers are those that each would have alone.
Every column but `id` and `source` stands twice: `ppl` of the chosen reply, `rejected_ppl` of the other. Three differ:

    status           that of the pair: it can be used only where both replies can, so it is that of the first reply
                     that has no numbers, and then neither has; `rejected_status` is that of the rejected reply
    total_tokens     both sequences together, as preference training computes them; `rejected_total_tokens` is the
                     rejected one's part
    rating_margin    how much better the record itself rates the chosen reply (`pool.pairs.rating_margin`); else null

A reply with a label is one row with nulls in the columns of a rejected reply, and with `desirable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataselect.pool.pairs import rating_margin
from dataselect.records import SCORABLE, Example, Rendered
from dataselect.scoring.rows import DESIRABLE, OF_RECORD, RATING_MARGIN, REJECTED_PREFIX, TOTAL_TOKENS, unscored_row


@dataclass(frozen=True, slots=True)
class RenderedPair:
    """What a pair has besides its chosen reply.

    Attributes:
        rejected: None for a reply with a label.
        desirable: Of a reply with a label whether it is wanted.
        rating_margin: None where the record has none.
    """

    rejected: Rendered | None
    desirable: bool | None
    rating_margin: float | None

    @classmethod
    def of(cls, example: Example, rejected: Rendered | None) -> RenderedPair:
        """Return what belongs to the rendered `rejected` reply of an example."""
        return cls(rejected, example.desirable, rating_margin(example.record))


def pair_row(
    chosen: Rendered, row: dict[str, Any], pair: RenderedPair, rejected_row: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the row of a pair.

    Args:
        row: That of the chosen reply alone.
        rejected_row: That of the rejected reply alone; None for a reply with a label.
    """
    own = {DESIRABLE: pair.desirable, RATING_MARGIN: pair.rating_margin}
    if pair.rejected is None or rejected_row is None:
        return row | own
    statuses = row["status"], rejected_row["status"]
    status = next((one for one in statuses if one not in SCORABLE), None)
    if status is not None:
        row, rejected_row = unscored_row(chosen, status), unscored_row(pair.rejected, statuses[1])
    elif "truncated" in statuses:
        row = row | {"status": "truncated"}
    parts = row[TOTAL_TOKENS], rejected_row[TOTAL_TOKENS]
    total = None if None in parts else sum(parts)
    beside = {REJECTED_PREFIX + name: value for name, value in rejected_row.items() if name not in OF_RECORD}
    return row | {TOTAL_TOKENS: total} | beside | own
