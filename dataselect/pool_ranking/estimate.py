"""Estimate of a ranking before it starts: time, memory and disk of its scoring runs, and the time of embedding.

    scoring    as of `score --estimate`, of all models and pools together
    embedding  texts of pools and target * seconds per text, by a sample of the pools that the encoder embeds

Left out: the removal of what overlaps with the target, and the bootstrap, which take seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from dataselect.embeddings import load_encoder
from dataselect.embeddings.texts import text_of
from dataselect.embeddings.tfidf import TfidfEncoder
from dataselect.errors import PoolError
from dataselect.library_errors import user_errors
from dataselect.pool.reader import target_files
from dataselect.pool_ranking.request import RankPlan, RankRequest
from dataselect.progress import measured
from dataselect.scoring.estimate import Duration, ScoreEstimate, estimate
from dataselect.scoring.sample import draw_examples

SAMPLE, SEED = 128, 0


@dataclass(frozen=True, slots=True)
class EmbeddingEstimate:
    """The time that embedding will take.

    Attributes:
        texts: Of pools and target.
        start: Seconds until the encoder is loaded and has answered.
        seconds_per_text: As measured.
    """

    encoder: str
    texts: int
    start: float
    seconds_per_text: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.start + self.texts * self.seconds_per_text


@dataclass(frozen=True, slots=True)
class RankEstimate:
    """The cost of a ranking; `embedding` is None without a target, and for an encoder that is fitted, not run."""

    scoring: ScoreEstimate
    embedding: EmbeddingEstimate | None

    @property
    def duration(self) -> Duration:
        """Time of the whole run."""
        scoring, more = self.scoring.duration, 0.0 if self.embedding is None else self.embedding.seconds
        return Duration(scoring.low + more, scoring.expected + more, scoring.high + more)


@user_errors()
def estimate_ranking(request: RankRequest) -> RankEstimate:
    """Estimate a ranking; nothing is written, and `out` is not read.

    Raises:
        DataselectError: If pools, models, target or encoder cannot be used, or nothing in a sample can be scored.
    """
    plan = RankPlan(request)
    scoring = estimate(plan.all_scoring)
    return RankEstimate(scoring, _embedding(plan, scoring.examples) if request.targets else None)


def _embedding(plan: RankPlan, rows: int) -> EmbeddingEstimate | None:
    request = plan.request
    encoder = load_encoder(request.encoder)
    if isinstance(encoder, TfidfEncoder):
        return None
    drawn = draw_examples(plan.reader(), SAMPLE, SEED).examples
    texts = [text_of(example, request.embed_text) for example in drawn]
    began = time.perf_counter()
    tokens = encoder.count_tokens(texts)
    texts = [texts[at] for at in np.flatnonzero(tokens > 0)]
    if not texts:
        raise PoolError("the pools should hold examples with text to embed", "check --embed-text")
    encoder.encode(texts[:1])
    start = time.perf_counter() - began
    with measured("calibrate the encoder", "texts", len(texts)) as meter:
        began = time.perf_counter()
        encoder.encode(texts, meter.advance)
        seconds = time.perf_counter() - began
    targets = sum(one.reader.count() for one in target_files(request.targets, request.columns))
    return EmbeddingEstimate(request.encoder, rows + targets, start, seconds / len(texts))
