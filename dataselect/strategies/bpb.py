"""Bits per byte of the response: perplexity that does not depend on the tokenizer.

Rule: response NLL in bits over the UTF-8 bytes of the response, given the prompt (column `bits_per_byte`), ordered in
the chosen direction. Paper: the unit is that of Gao et al. 2020 (arXiv 2101.00027); as a reason to keep an example it
stands for perplexity, whose claims are those of `ppl-low`, `ppl-mid` and `ppl-high`. Harada et al. 2025 (arXiv
2506.14681) warn that perplexity moves with the tokenizer; within one model the two still differ, since a response of
rare, long tokens has a high perplexity and few bits per byte. Direction: an option, low by default, the side of the
finding. Nesting: yes. Left out: bits per byte of the prompt.

With `reference=NAME` the bits per byte of that model are subtracted (columns `nll_difference.NAME`, `response_bytes`).
Likelihood prefers what the scored model's own family wrote; what any model finds likely cancels out, and bytes are the
same whatever the tokenizers. `excess-loss` is the difference per token, for models of one tokenizer, highest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dataselect.likelihood import LN2
from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import Direction, directed


@dataclass(frozen=True, slots=True)
class Bpb:
    """Bits per byte of the response, in one direction.

    Attributes:
        direction: Which end comes first.
        reference: Name of a further model of the scoring run, whose bits per byte are subtracted; empty for none.
    """

    summary: ClassVar[str] = "bits per byte of the response: perplexity across tokenizers; lowest first by default"
    paper: ClassVar[str] = "arXiv 2101.00027, 2506.14681"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    direction: Direction = "low"
    reference: str = ""

    @property
    def needs(self) -> Needs:
        """Bits per byte, or the difference in nats and the bytes."""
        return Needs(columns=(self._difference, "response_bytes") if self.reference else ("bits_per_byte",))

    @property
    def _difference(self) -> str:
        return f"nll_difference.{self.reference}"

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by bits per byte, or their difference; the score is that number, or its distance from the middle."""
        if not self.reference:
            return directed(candidates.columns["bits_per_byte"], self.direction)
        with np.errstate(divide="ignore", invalid="ignore"):  # no bytes, no number
            bits = candidates.columns[self._difference] / (LN2 * candidates.columns["response_bytes"])
        return directed(bits, self.direction)
