"""Rows of the score table: from a rendered example and its token scores to columns.

Ingredients (token counts and NLL sums) are columns beside the numbers derived from them, so that no later choice needs
the model again. A row without numbers has a status, zero counts, and null everywhere else; only `total_tokens` is
known, and it is null too where the text alone shows that the row is too long.

To add a column, name it in the schema and compute it in `derive`; `scorers` describes it for users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.backends import TokenSequence
from dataselect.likelihood import RANK_CLIP, bits_per_byte, ifd, ifd_loss, ingredients, nll, not_finite
from dataselect.pool import rolling_windows
from dataselect.records import RESPONSE, Rendered, TokenScores
from dataselect.scoring.ratings import digit_logprobs, rating_columns, rating_numbers, rating_sequences
from dataselect.scoring.steps import step_starts

TOTAL_TOKENS = "total_tokens"
_COUNTS = (
    "prompt_tokens", "response_tokens", "end_tokens", "seam_tokens", TOTAL_TOKENS, "response_bytes", "windows",
)  # fmt: skip
_NUMBERS = (
    "prompt_nll", "response_nll", "end_nll", "ppl", "sequence_ppl", "bits_per_byte", "mink_20",
)  # fmt: skip
_RANK_NUMBERS = ("shifted_fraction", "marginal_fraction")
SPECIAL_TEXTS = "special_texts"
"""The column that counts special tokens spelled out in the record's own text."""
IFD_MISSING = "ifd_missing"
"""The column with the reason why a scored row has no IFD; null where it has one."""
_IFD_NUMBERS = ("final_response_nll", "response_alone_nll", "ifd", "ifd_loss")

RANK_SUM = "response_rank_sum"
"""The column with the sum of the clipped ranks of the response tokens."""
STEP_TOKENS = "step_tokens"
"""The column that counts the response tokens that begin a step."""


REJECTED_PREFIX = "rejected_"
"""What stands before the columns of the reply that was rejected in a pair."""
OF_RECORD = ("id", "source")
"""The columns that a record has once, whatever models and replies are scored."""
DESIRABLE, RATING_MARGIN = "desirable", "rating_margin"
"""Further columns of a record where records are pairs."""


def schema(
    with_ifd: bool, with_ranks: bool, ratings: Sequence[str] = (), with_steps: bool = True, pairs: bool = False
) -> Any:  # noqa: ANN401 - a pyarrow schema
    """Return the Arrow schema of one model's score table; new columns come last.

    Args:
        with_steps: Whether it is known which tokens begin a step; kept tokens of older versions do not say.
        pairs: Whether rows have a rejected reply too.
    """
    import pyarrow as pa

    numbers = [*_NUMBERS, *(_RANK_NUMBERS if with_ranks else ()), *(_IFD_NUMBERS if with_ifd else ())]
    numbers += rating_columns(ratings)
    counts = [*_COUNTS, SPECIAL_TEXTS, *(("final_response_tokens",) if with_ifd else ())]
    one = pa.schema(
        [pa.field(name, pa.string(), nullable=False) for name in ("id", "source", "status")]
        + [pa.field(name, pa.int64(), nullable=name == TOTAL_TOKENS) for name in counts]
        + [pa.field(name, pa.float64()) for name in numbers]
        + [pa.field(name, pa.string()) for name in (IFD_MISSING,) if with_ifd]
        + ([pa.field(RANK_SUM, pa.int64()), pa.field("rsr", pa.float64())] if with_ranks else [])
        + (
            [pa.field(STEP_TOKENS, pa.int64(), nullable=False), pa.field("step_nll", pa.float64())]
            if with_steps
            else []
        )
    )
    if not pairs:
        return one
    rejected = (field.with_name(REJECTED_PREFIX + field.name) for field in one if field.name not in OF_RECORD)
    own = (pa.field(DESIRABLE, pa.bool_()), pa.field(RATING_MARGIN, pa.float64()))
    return pa.schema([*one, *(field.with_nullable(True) for field in rejected), *own])


@dataclass(frozen=True, slots=True)
class TokenNumbers:
    """The scored tokens of one example, and of its final response without the prompt.

    Attributes:
        parts: (n,) int8 part codes; UNSCORED where there is no log-probability.
        logprobs: (n,) float32.
        ranks: (n,) int32; None where they were not asked for.
        alone: (k,) float32 log-probabilities of the final response without its prompt; None without IFD, or where
            it does not exist.
        final_start: Index of the final response's first token in the other arrays.
        digits: (n_prompts, 6) float32 log-probabilities of the digits behind the rating prompts.
        steps: (n_steps,) int64 indices of the response tokens that begin a step; None where that is not known.
    """

    parts: NDArray[np.int8]
    logprobs: NDArray[np.float32]
    ranks: NDArray[np.int32] | None
    alone: NDArray[np.float32] | None
    final_start: int
    digits: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 6), np.float32))
    steps: NDArray[np.int64] | None = None


def sequences(rendered: Rendered, max_length: int) -> list[TokenSequence]:
    """Return the sequences to score for one example: itself or its windows, the response alone, and the ratings.

    Args:
        rendered: A scorable example.
        max_length: Most tokens in one sequence.
    """
    asked = [
        TokenSequence(rendered.token_ids[w.begin : w.end], w.first_scored - w.begin)
        for w in rolling_windows(len(rendered.token_ids), max_length)
    ]
    if len(rendered.alone_ids):
        asked.append(TokenSequence(rendered.alone_ids, rendered.alone_start))
    return asked + rating_sequences(rendered)


def token_numbers(rendered: Rendered, answers: list[TokenScores], with_ranks: bool) -> TokenNumbers:
    """Join the model's answers about one example.

    Args:
        rendered: A scorable example.
        answers: The answers to `sequences(rendered, ...)`, in that order.
        with_ranks: Whether the answers hold ranks.
    """
    rated = len(answers) - len(rating_sequences(rendered))
    digits, answers = digit_logprobs(rendered, answers[rated:]), answers[:rated]
    alone = answers[-1].logprobs[rendered.alone_start :] if len(rendered.alone_ids) else None
    whole = _whole(answers if alone is None else answers[:-1], len(rendered.token_ids))
    ranks = whole.ranks if with_ranks else None
    steps = step_starts(rendered)
    return TokenNumbers(rendered.parts, whole.logprobs, ranks, alone, rendered.final_start, digits, steps)


def _whole(answers: list[TokenScores], tokens: int) -> TokenScores:
    """Join the windows of one example; all NaN if a window has NaN in place of a number."""
    if len(answers) == 1:
        return answers[0]
    scored = [~np.isnan(answer.logprobs) for answer in answers]
    if 1 + sum(int(each.sum()) for each in scored) != tokens:
        return TokenScores(np.full(tokens, np.nan, np.float32), np.zeros(tokens, np.int32))
    first, none = np.full(1, np.nan, np.float32), np.zeros(1, np.int32)
    return TokenScores(
        np.concatenate([first, *(a.logprobs[s] for a, s in zip(answers, scored, strict=True))]),
        np.concatenate([none, *(a.ranks[s] for a, s in zip(answers, scored, strict=True))]),
    )


def own_columns(rendered: Rendered) -> dict[str, Any]:
    """Return the columns that are not determined by the tokens: equal tokens may come from other records."""
    return {
        "id": rendered.id,
        "source": rendered.source,
        SPECIAL_TEXTS: rendered.special_texts,
        IFD_MISSING: rendered.alone_missing or None,
    }


def unscored_row(rendered: Rendered, status: str) -> dict[str, Any]:
    """Return a row without numbers, with its status."""
    row: dict[str, Any] = dict.fromkeys((*_COUNTS, "final_response_tokens", STEP_TOKENS), 0)
    row |= own_columns(rendered) | {IFD_MISSING: None, "status": status}
    return row | {TOTAL_TOKENS: rendered.total_tokens}


def scored_row(rendered: Rendered, numbers: TokenNumbers, windows: int, rank_clip: int = RANK_CLIP) -> dict[str, Any]:
    """Return a row with numbers, or with status `engine_error` if the model returned a value that is not finite."""
    try:
        derived = derive(numbers, rendered.response_bytes, rank_clip) | rating_numbers(rendered, numbers.digits)
    except FloatingPointError:
        return unscored_row(rendered, "engine_error")
    return {
        **own_columns(rendered), "status": rendered.status,
        "seam_tokens": rendered.seam_tokens, TOTAL_TOKENS: rendered.total_tokens,
        "response_bytes": rendered.response_bytes, "windows": windows,
    } | derived  # fmt: skip


def not_derived(with_ifd: bool, ratings: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that come from the record or the rating prompts, and not from the log-probabilities."""
    of_record = ("id", "source", "status", "seam_tokens", TOTAL_TOKENS, "response_bytes", "windows", SPECIAL_TEXTS)
    return (*of_record, *((IFD_MISSING,) if with_ifd else ()), *rating_columns(ratings))


def derive(numbers: TokenNumbers, response_bytes: int, rank_clip: int = RANK_CLIP) -> dict[str, Any]:
    """Compute every number of a row that comes from log-probabilities and ranks.

    Raises:
        FloatingPointError: If a log-probability that is needed is not finite.
    """
    sums = ingredients(numbers.logprobs, numbers.parts, numbers.ranks, numbers.steps, rank_clip)
    return {
        "prompt_tokens": sums.prompt_tokens, "response_tokens": sums.response_tokens, "end_tokens": sums.end_tokens,
        "prompt_nll": sums.prompt_nll, "response_nll": sums.response_nll, "end_nll": sums.end_nll,
        "ppl": sums.ppl, "sequence_ppl": sums.sequence_ppl,
        "bits_per_byte": bits_per_byte(sums.response_nll, response_bytes),
        "mink_20": sums.mink_20, "shifted_fraction": sums.shifted_fraction,
        "marginal_fraction": sums.marginal_fraction, "final_response_tokens": 0,
        RANK_SUM: sums.response_rank_sum, "rsr": sums.rsr, STEP_TOKENS: sums.step_tokens, "step_nll": sums.step_nll,
    } | ({} if numbers.alone is None else _contrast(numbers, numbers.alone))  # fmt: skip


def _contrast(numbers: TokenNumbers, alone: NDArray[np.float32]) -> dict[str, Any]:
    """Compare the final response with and without its prompt, over the same tokens."""
    inside = slice(numbers.final_start, numbers.final_start + len(alone))
    assert (numbers.parts[inside] == RESPONSE).all()
    given, by_itself = nll(numbers.logprobs[inside]), nll(alone)
    if by_itself is None or not np.isfinite(by_itself):
        raise not_finite()
    return {
        "final_response_nll": given,
        "final_response_tokens": len(alone),
        "response_alone_nll": by_itself,
        "ifd": ifd(given, by_itself, len(alone)),
        "ifd_loss": ifd_loss(given, by_itself),
    }
