"""Perplexity under the base model: the rows it finds most likely, most surprising, or nearest to the pool's median.

Rule: perplexity ascending (`ppl-low`), descending (`ppl-high`), or by the distance of its rank from the median rank,
nearest first, where equal values share their mean rank (`ppl-mid`). Nesting: yes; for `ppl-mid` a larger budget widens
the window on both sides.

Papers: Harada et al. 2025 (arXiv 2506.14681) find that data *sets* of lower perplexity under the base model help more;
that choosing *examples* inside one pool this way helps is another claim, which `ppl-low` exists to test. Marion et al.
2023 (arXiv 2309.04564) and Ankner et al. 2024 (arXiv 2405.20541) compare all three directions on pretraining data: in
the first the middle does best, in the second the best direction depends on the data. Repetitive responses have a low
perplexity too, noise and wrong labels a high one, and length moves it: compare with `random` and
`length-matched-random`. Other codes take as the middle a fixed window that starts at the 33rd percentile; it is not
centred and does not nest, so it is left out.

The papers differ in the tokens that perplexity is over, and often do not say. `response` (given the prompt) is what a
trainer that masks the prompt minimises; `sequence` also counts the prompt and the end-of-turn tokens, as Marion and
Ankner do and as a trainer that masks nothing does. The two order a pool of short answers to long prompts quite
differently. Of a preference pair it is the chosen reply's: what the model would say itself comes first with `ppl-low`.

The first token of a step (here: of a line, `scoring.steps`) is improbable whatever follows, so that perplexity favours
responses of long lines. ASLEC (arXiv 2604.06834) names this and corrects it in two ways, of which `steps` follows the
idea; only the abstract was read, so the formulas are ours. `drop` is the perplexity over the other tokens. `regress`
fits mean NLL = a + b * share of first tokens by least squares over the candidates, and orders by exp(mean NLL - b *
(share - mean share)): what the share does not explain. It depends on the pool, as the middle does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import Direction, directed
from dataselect.strategies.step_aware import STEP_COLUMNS, Steps, step_aware_perplexity

Scope = Literal["response", "sequence"]
PERPLEXITY: Mapping[Scope, str] = {"response": "ppl", "sequence": "sequence_ppl"}
"""Scope -> the column of a score table."""


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Order by perplexity; the direction is part of the strategy's name, not an option.

    Attributes:
        scope: Of the response given the prompt (column `ppl`) or of the whole sequence (`sequence_ppl`).
        steps: What becomes of the first token of each line of the response: kept, left out, or regressed out.
    """

    summary: ClassVar[str]
    paper: ClassVar[str]
    direction: ClassVar[Direction]
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    scope: Scope = "response"
    steps: Steps = "keep"

    def __post_init__(self) -> None:
        if self.steps != "keep" and self.scope != "response":
            raise ValueError(f"steps={self.steps} is over the response only: leave out scope={self.scope}")

    @property
    def needs(self) -> Needs:
        """The perplexity of the chosen scope, or what a step-aware one is computed from."""
        if self.steps != "keep":
            return Needs(columns=STEP_COLUMNS)
        return Needs(columns=(PERPLEXITY[self.scope],))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by perplexity; the score is the perplexity, or for `ppl-mid` the distance in ranks."""
        if self.steps != "keep":
            return directed(step_aware_perplexity(candidates.columns, self.steps), self.direction)
        return directed(candidates.columns[PERPLEXITY[self.scope]], self.direction)


class PplLow(Perplexity):
    """`ppl-low`."""

    __slots__ = ()
    summary = "lowest perplexity first: what the model finds likely"
    paper = "arXiv 2506.14681"
    direction = "low"


class PplMid(Perplexity):
    """`ppl-mid`."""

    __slots__ = ()
    summary = "perplexity nearest the pool's median first"
    paper = "arXiv 2309.04564, 2405.20541"
    direction = "mid"


class PplHigh(Perplexity):
    """`ppl-high`."""

    __slots__ = ()
    summary = "highest perplexity first: what the model finds surprising"
    paper = "arXiv 2309.04564, 2405.20541"
    direction = "high"
