"""Highest instruction-following difficulty first: where the instruction helps the model least, yet still helps.

Rule: drop rows with IFD > 1 (the instruction makes the response *less* likely: mismatched pairs), then IFD descending.
Paper: with `ratio=ppl` the ratio of the two perplexities, Superfiltering (Li et al. 2024, arXiv 2402.00530); with
`ratio=loss` the ratio of the two mean losses, Cherry LLM (Li et al. 2023, arXiv 2308.12032). The two order a pool
differently. Direction: high. Nesting: yes. Left out: Cherry's warm-up on a clustered sample, and its removal of
truncated rows (leave `--truncate` off when scoring, and none is ranked).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending

COLUMNS = {"ppl": "ifd", "loss": "ifd_loss"}


@dataclass(frozen=True, slots=True)
class IfdHigh:
    """Descending IFD among rows with IFD <= 1.

    Attributes:
        ratio: Of perplexities (column `ifd`) or of mean losses (column `ifd_loss`).
    """

    summary: ClassVar[str] = "highest instruction-following difficulty first; rows over 1 dropped"
    paper: ClassVar[str] = "arXiv 2308.12032, 2402.00530"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    ratio: Literal["ppl", "loss"] = "ppl"

    @property
    def needs(self) -> Needs:
        """The column of the chosen ratio."""
        return Needs(columns=(COLUMNS[self.ratio],))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by IFD; the score is the IFD."""
        ifd = candidates.columns[COLUMNS[self.ratio]]
        return ascending(np.where(ifd <= 1.0, -ifd, np.nan), ifd)
