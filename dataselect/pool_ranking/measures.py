"""Measures of one pool: from its texts, its score tables and its similarities to numbers with intervals.

Rows that overlap with the target have been left out before anything here is counted; their number is reported. With
the response NLL l_i (nats), tokens t_i and UTF-8 bytes b_i of the n scored rows:

    ppl                 exp( mean of l_i / t_i )        every example counts alike
    ppl_token_weighted  exp( sum l_i / sum t_i )        every token counts alike: long responses weigh more
    bits_per_byte       sum l_i / (ln 2 * sum b_i)      comparable across tokenizers; perplexity is not
    rsr                 sum r_i / sum l_i               r_i: sum of min(rank, 100) over tokens (arXiv 2601.14249)
    rsr_mean            mean of r_i / l_i               every example counts alike; not the value of the paper
    similarity, centroid_similarity                     mean over the rows with an embedding

The draws behind the intervals are of the mean in nats or cosines; perplexities are exp of it, ends included.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.likelihood import LN2
from dataselect.pool_ranking.bootstrap import BootstrapRatio, bootstrap_ratio
from dataselect.pool_ranking.text_defects import DefectCount
from dataselect.records import STATUSES

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

PPL, PPL_TOKENS, BPB = "ppl", "ppl_token_weighted", "bits_per_byte"
RSR, RSR_MEAN = "rsr", "rsr_mean"
SIMILARITY, CENTROID = "similarity", "centroid_similarity"
_Pair = tuple[NDArray[np.float64], NDArray[np.float64]]
_SCALES: dict[str, Callable[[float], float]] = {PPL: math.exp, PPL_TOKENS: math.exp}


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of one pool.

    Attributes:
        name: Of the number: `exp` of the ratio for perplexities, the ratio itself for the others.
        ratio: The mean with its draws; None where no row has a value.
    """

    name: str
    ratio: BootstrapRatio | None

    @property
    def value(self) -> float | None:
        """The number."""
        return None if self.ratio is None else self._scaled(self.ratio.estimate)

    @property
    def document(self) -> dict[str, Any]:
        """Value, 95 % interval and number of rows, as plain values."""
        interval = None if self.ratio is None else self.ratio.interval
        return {
            "value": self.value,
            "ci_low": None if interval is None else self._scaled(interval.low),
            "ci_high": None if interval is None else self._scaled(interval.high),
            "n": 0 if self.ratio is None else self.ratio.n,
        }

    def _scaled(self, mean: float) -> float:
        return _SCALES.get(self.name, float)(mean)


@dataclass(frozen=True, slots=True)
class LengthSummary:
    """Response tokens of the scored rows: mean and quantiles; None where nothing was scored."""

    mean: float | None
    quantiles: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class ModelMeasures:
    """One pool under one model.

    Attributes:
        statuses: Rows per status.
        rejects: Records that could not be read or rendered.
        measures: name -> number: `ppl`, `ppl_token_weighted`, `bits_per_byte`, `rsr`, `rsr_mean`.
    """

    statuses: dict[str, int]
    rejects: int
    lengths: LengthSummary
    measures: dict[str, Measure]

    @property
    def scored(self) -> int:
        """Rows that the numbers are over."""
        return sum(self.statuses[status] for status in ("ok", "truncated"))


@dataclass(frozen=True, slots=True)
class PoolMeasures:
    """One pool.

    Attributes:
        rows: Readable rows that are left and that every number is over.
        rejects: Records that could not be read.
        removed: Rows that were taken out because they share text with the target; None without a target.
        defects: Kinds of defects that the texts show.
        models: By model name.
        similarities: `similarity` and `centroid_similarity`; empty without a target.
    """

    pool: str
    rows: int
    rejects: int
    removed: int | None
    defects: tuple[DefectCount, ...]
    models: dict[str, ModelMeasures]
    similarities: dict[str, Measure]

    def measure(self, by: str, model: str | None) -> Measure:
        """Return the number `by`, of a model or of the similarities."""
        return self.similarities[by] if model is None else self.models[model].measures[by]


def model_measures(table: Mapping[str, NDArray[Any]], rejects: int, seed: int, stream: str) -> ModelMeasures:
    """Measure the rows of a score table.

    Args:
        table: Columns of equal length: `status`, `response_tokens`, `response_bytes`, `response_nll` (NaN: not scored),
            and `response_rank_sum` (NaN: not scored), which scores of older versions lack.
        stream: Names the pool and model, for the bootstrap.
    """
    counts = Counter(table["status"].tolist())
    tokens = table["response_tokens"].astype(np.float64)
    nlls = table["response_nll"].astype(np.float64)
    scored = np.isfinite(nlls) & (tokens > 0)
    nlls, tokens = nlls[scored], tokens[scored]
    num_bytes = table["response_bytes"].astype(np.float64)[scored]
    pairs = {
        PPL: (nlls / tokens, np.ones(len(nlls))),
        PPL_TOKENS: (nlls, tokens),
        BPB: (nlls[num_bytes > 0], LN2 * num_bytes[num_bytes > 0]),
        **_rank_surprisal(table["response_rank_sum"][scored] if "response_rank_sum" in table else nlls[:0], nlls),
    }
    measures = {name: Measure(name, bootstrap_ratio(*pair, seed, f"{stream} {name}")) for name, pair in pairs.items()}
    return ModelMeasures({s: counts.get(s, 0) for s in STATUSES}, rejects, _lengths(tokens), measures)


def _rank_surprisal(sums: NDArray[Any], nlls: NDArray[np.float64]) -> dict[str, _Pair]:
    """Return values and weights of the two ratios; of no rows where there are no ranks."""
    nlls = nlls[: len(sums)]
    known = np.isfinite(sums) & (nlls > 0)
    sums, nlls = sums[known].astype(np.float64), nlls[known]
    return {RSR: (sums, nlls), RSR_MEAN: (sums / nlls, np.ones(len(sums)))}


def similarity_measures(
    similarity: NDArray[np.float64], centroid: NDArray[np.float64] | None, seed: int, stream: str
) -> dict[str, Measure]:
    """Average the similarities of rows to the target; the centroid's is absent where the targets cancel out."""
    given = {SIMILARITY: similarity, CENTROID: np.zeros(0) if centroid is None else centroid}
    return {
        name: Measure(name, bootstrap_ratio(values, np.ones(len(values)), seed, f"{stream} {name}"))
        for name, values in given.items()
    }


def _lengths(tokens: NDArray[np.float64]) -> LengthSummary:
    if len(tokens) == 0:
        return LengthSummary(None, {f"{q:g}": None for q in QUANTILES})
    found: Sequence[float] = np.quantile(tokens, QUANTILES).tolist()
    return LengthSummary(float(tokens.mean()), {f"{q:g}": value for q, value in zip(QUANTILES, found, strict=True)})
