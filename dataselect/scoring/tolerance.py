"""How far a backend may be from the float32 reference before `verify` calls it a fault.

In float32 the arithmetic is the same up to the order of sums, so no token may be further off than 1e-4 nats, and ranks
stay in their class. In 16 bits a logit of 10 is itself a multiple of 1/16 (bfloat16), so single tokens are off by
hundredths without any fault, and their median says nothing; judged are the rows: the median over rows of the difference
per token (5e-3 nats), their order (Spearman 0.999), and the tenth of lowest perplexity (overlap 0.99: one row in a
hundred may be another, and one where there are fewer, since the border lies between two rows wherever it lies). Below
`ORDER_ROWS` rows two neighbours that change places already cost more than that; there the order is shown, not judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dataselect.scoring.parity import Parity

ORDER_ROWS = 30
"""Fewest rows whose order is judged."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Limits on a `Parity`; the defaults limit nothing.

    Attributes:
        largest: Most nats at any token.
        row_median: Most nats per token in the median row.
        spearman: Least correlation; `overlap` and `ranks` are least shares.
    """

    largest: float = math.inf
    row_median: float = math.inf
    spearman: float = -1.0
    overlap: float = 0.0
    ranks: float = 0.0

    @classmethod
    def of(cls, dtype: str, given: float | None = None) -> Tolerance:
        """The tolerance of a dtype.

        Args:
            given: Nats per token instead of the default: at any token for float32, in the median row for 16 bits.
        """
        if dtype == "float32":
            return cls(largest=1e-4 if given is None else given, ranks=0.99)
        return cls(row_median=5e-3 if given is None else given, spearman=0.999, overlap=0.99)

    def misses(self, found: Parity) -> tuple[str, ...]:
        """Where a comparison is over the tolerance, in words; empty if it is not."""
        told = [f"{found.not_finite:,} tokens without a finite log-probability"] if found.not_finite else []
        for kind, value, most in (
            ("largest difference", found.largest, self.largest),
            ("difference of the median row", found.row_median, self.row_median),
        ):
            if value is not None and value > most:
                told.append(f"{kind} {value:.2g} nats per token, over {most:g}")
        ordered = found.rows >= ORDER_ROWS
        for kind, share, least in (
            ("Spearman", found.spearman if ordered else None, self.spearman),
            ("overlap of the lowest tenth", found.overlap if ordered else None, self._least_overlap(found.lowest)),
            ("rank agreement", found.ranks, self.ranks),
        ):
            if share is not None and share < least:
                told.append(f"{kind} {share:.4f}, under {least:g}")
        return tuple(told)

    def _least_overlap(self, lowest: int) -> float:
        """The least overlap of so many rows, in whole rows."""
        others = math.ceil(round((1.0 - self.overlap) * lowest, 6))
        return 1.0 - others / lowest
