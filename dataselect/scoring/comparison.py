"""Two measurements of the same rows side by side, with the worst place by name, so that a user can look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Rendered
from dataselect.scoring.parity import Measured, Parity, parity
from dataselect.scoring.rows import TokenNumbers

_PART_NAMES = {PROMPT: "prompt", RESPONSE: "response", END: "end"}


@dataclass(frozen=True, slots=True)
class Worst:
    """The place of the largest difference, or of the first number that is none.

    Attributes:
        id: Id of the row.
        what: Part of the token; or, where only sums are compared, the column, as a log-probability per token.
        ours: Log-probability in nats; `reference` likewise.
        position: Index of the token in the rendered row, BOS included; None where sums are compared.
        tokens: Tokens of the rendered row.
        token_id: Its id.
        text: Its characters.
    """

    id: str
    what: str
    ours: float
    reference: float
    position: int | None = None
    tokens: int | None = None
    token_id: int | None = None
    text: str | None = None

    def __str__(self) -> str:
        place = self.what
        if self.position is not None:
            place = f"{self.what} token {self.position} of {self.tokens}, {self.text!r} (id {self.token_id})"
        return f"row {self.id!r}, {place}: {self.ours:.6f}, reference {self.reference:.6f}"


@dataclass(frozen=True, slots=True)
class Compared:
    """How far apart, and where the most."""

    parity: Parity
    worst: Worst


def compare_tokens(
    name: str, rows: Sequence[Rendered], ours: Sequence[TokenNumbers], reference: Sequence[TokenNumbers]
) -> Compared:
    """Compare all scored tokens of rows.

    Args:
        name: What is compared with what.
        rows: At least one scorable row.
    """
    found = parity(name, [_measured(one) for one in ours], [_measured(one) for one in reference])
    row, a, b = rows[found.worst_row], ours[found.worst_row], reference[found.worst_row]
    at = int(np.flatnonzero(row.parts != UNSCORED)[found.worst_at])
    begin, end = (int(x) for x in row.spans[at])
    worst = Worst(
        id=row.id, what=_PART_NAMES[int(row.parts[at])], ours=float(a.logprobs[at]), reference=float(b.logprobs[at]),
        position=at, tokens=len(row.token_ids), token_id=int(row.token_ids[at]), text=row.text[begin:end],
    )  # fmt: skip
    return Compared(found, worst)


def _measured(numbers: TokenNumbers) -> Measured:
    """What is compared of one row: its scored tokens, and the mean over its response."""
    scored = numbers.parts != UNSCORED
    response = numbers.logprobs[numbers.parts == RESPONSE]
    ranks = None if numbers.ranks is None else numbers.ranks[scored]
    return Measured(numbers.logprobs[scored].astype(np.float64), -float(response.mean(dtype=np.float64)), ranks)
