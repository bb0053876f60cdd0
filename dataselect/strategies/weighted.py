"""A weighted sum of scores that are first brought to one measure.

Rule: each column is replaced by its percentile among the candidates (`(mean rank - 1/2) / n`; equal values share it) or
by its z-score; the sum of weight times that, descending. A negative weight prefers low values: `ppl=-1,similarity=2`.
Paper: none; the linear combination of retrieval and of quality filters alike. Direction: high. Nesting: yes. Rows that
lack any of the columns are not ranked, and do not count in the percentiles.

Percentiles are the default, since scores of language models are skewed: a few enormous perplexities would make all
other z-scores nearly equal. Sums are rounded to twelve decimals, so that what is equal ties and goes by id.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import ascending


@dataclass(frozen=True, slots=True)
class Weighted:
    """Descending weighted sum of normalised columns.

    Attributes:
        of: Columns and weights: `ppl=-1,similarity=2`.
        normalise: The measure that a column is brought to before it is weighed.
    """

    summary: ClassVar[str] = "weighted sum of columns as percentiles or z-scores (of=COLUMN=WEIGHT,COLUMN=WEIGHT)"
    paper: ClassVar[str] = ""
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = True

    of: str
    normalise: Literal["percentile", "zscore"] = "percentile"

    def __post_init__(self) -> None:
        parse_weights(self.of)

    @property
    def needs(self) -> Needs:
        """The columns."""
        return Needs(columns=tuple(parse_weights(self.of)))

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by the sum, which is the score."""
        weights = parse_weights(self.of)
        present = np.logical_and.reduce([np.isfinite(candidates.columns[name]) for name in weights])
        normalise = percentiles if self.normalise == "percentile" else z_scores
        total = np.full(len(candidates), np.nan)
        total[present] = np.round(
            sum(w * normalise(candidates.columns[name][present]) for name, w in weights.items()), 12
        )
        return ascending(-total, total)


def parse_weights(text: str) -> dict[str, float]:
    """Read `column=weight,column=weight`.

    Raises:
        ValueError: If it is anything else, a weight is 0 or no number, or a column comes twice.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.rpartition("="))
        try:
            weight = float(value)
        except ValueError:
            weight = 0.0
        if not name or not equals or name in weights or weight == 0 or not math.isfinite(weight):
            raise ValueError(
                f"of: expected columns with weights other than 0, such as ppl=-1,similarity=2, got {text!r}"
            )
        weights[name] = weight
    return weights


def percentiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(mean rank - 1/2) / n of each value, between 0 and 1; equal values share the mean of their ranks."""
    from scipy.stats import rankdata

    result: NDArray[np.float64] = (rankdata(values) - 0.5) / max(1, len(values))
    return result


def z_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the mean in standard deviations; 0 where all values are equal."""
    if not len(values) or values.min() == values.max():
        return np.zeros(len(values))
    scaled = values / np.abs(values).max()  # so that squares of large values do not overflow
    result: NDArray[np.float64] = (scaled - scaled.mean()) / scaled.std()
    return result
