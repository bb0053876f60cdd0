"""From token log-probabilities to every score: one definition of perplexity and its relatives, in plain NumPy.

Definitions. For a set of tokens with log-probabilities `l_t` (natural log, each given all that precedes):

    NLL            -sum l_t                                 nats
    perplexity     exp(NLL / number of tokens)              per token; a model that guesses among V tokens has V
    bits per byte  NLL / (ln 2 * UTF-8 bytes of the text)   comparable across tokenizers, perplexity is not
    IFD            perplexity given the prompt / perplexity without it, over the same tokens (2402.00530)
    IFD of losses  mean NLL given the prompt / mean NLL without it (Cherry LLM, 2308.12032); another order than IFD
    Min-K%         mean of the lowest 20 % of l_t (2310.16789): floor(n / 5) tokens, at least one
    shifted        share of tokens of rank > 3, marginal: rank 2 or 3 (URIAL, 2312.01552), with
                   rank = number of vocabulary entries with a logit >= the token's
    RSR            sum of min(rank, clip) / NLL             rank-surprisal ratio (2601.14249), clip 100 unless stated
    steps          the first token of each step of a response, counted and summed apart (after 2604.06834)
    rating         sum of k p_k over the digits k = 1 .. 6, p the softmax over their six logits (Deita, 2312.15685)

Counts are of *scored* tokens: BOS, and a first token with nothing before it, are in no count. What cannot be computed
is None, never 0; nor is a perplexity that no float can hold (a mean NLL over 709 nats) an infinite one. Response
perplexity here is conditional on the prompt and matches `exp(loss)` of a trainer that masks the prompt, except that
end-of-turn tokens are counted apart; `sequence_ppl` is that of a trainer that masks nothing.
For many examples, `exp` of the mean over examples of the per-example mean NLL is the *macro* value and the
token-weighted one the *micro* value, which lm-evaluation-harness calls token perplexity. They differ on unequal
lengths.

Left out: anything that needs a second model, and anything that ranks.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.records import END, PROMPT, RESPONSE

LN2 = math.log(2.0)
RANK_CLIP = 100
"""The rank that higher ones count as in RSR, as its paper has it: 50 and 500 agreed less with results there."""
_MOST = math.log(sys.float_info.max)


def not_finite() -> FloatingPointError:
    """Return the error of a model's log-probability that is NaN or infinite."""
    return FloatingPointError("the model gave a log-probability that is not finite")


def _exp(x: float) -> float | None:
    """Return exp(x); None if it exceeds the largest float."""
    return math.exp(x) if x <= _MOST else None


def perplexity(nll: float | None, tokens: int) -> float | None:
    """Return exp(nll / tokens); None without tokens, or if it exceeds the largest float.

    Args:
        nll: Sum in nats.
        tokens: Number of scored tokens in that sum.
    """
    if nll is None or tokens == 0:
        return None
    return _exp(nll / tokens)


def bits_per_byte(nll: float | None, num_bytes: int) -> float | None:
    """Return nll in bits over UTF-8 bytes; None without bytes."""
    if nll is None or num_bytes == 0:
        return None
    return nll / (LN2 * num_bytes)


def ifd(conditional_nll: float | None, alone_nll: float | None, tokens: int) -> float | None:
    """Return the ratio of the two perplexities over the same `tokens` (Superfiltering, arXiv 2402.00530)."""
    if conditional_nll is None or alone_nll is None or tokens == 0:
        return None
    return _exp((conditional_nll - alone_nll) / tokens)


def ifd_loss(conditional_nll: float | None, alone_nll: float | None) -> float | None:
    """Return the ratio of the two mean losses over the same tokens (Cherry LLM, arXiv 2308.12032); None over 0."""
    if conditional_nll is None or alone_nll is None or alone_nll == 0.0:
        return None
    return conditional_nll / alone_nll


def min_k(logprobs: NDArray[np.float32], share: int = 5) -> float | None:
    """Return the mean of the lowest 1/share of the log-probabilities, at least one of them; None for no tokens."""
    n = len(logprobs)
    if n == 0:
        return None
    k = max(1, n // share)
    return float(np.partition(logprobs, k - 1)[:k].mean(dtype=np.float64))


def rank_surprisal_ratio(rank_sum: int | None, nll: float | None) -> float | None:
    """Return the sum of clipped ranks over that of surprisals (arXiv 2601.14249); None over 0 nats."""
    return None if rank_sum is None or not nll else rank_sum / nll


def expected_digit(logprobs: NDArray[np.float32]) -> float:
    """Return the mean of 1, 2, 3 ... under a softmax over these tokens alone; a constant added to them has no effect.

    Args:
        logprobs: (n,) log-probabilities of the digits 1 to n in one place.

    Raises:
        FloatingPointError: If one is NaN or infinite.
    """
    if not np.isfinite(logprobs).all():
        raise not_finite()
    weights = np.exp(logprobs.astype(np.float64) - logprobs.max())
    return float(weights @ np.arange(1, len(logprobs) + 1) / weights.sum())


@dataclass(frozen=True, slots=True)
class Ingredients:
    """The sums of one example that every score is derived from. NLLs in nats, None where nothing was scored.

    Attributes:
        shifted: Response tokens of rank > 3; None without ranks.
        marginal: Response tokens of rank 2 or 3; None without ranks.
        mink_20: Mean log-probability of the least likely fifth of the response tokens.
        response_rank_sum: Sum of the clipped ranks of the response tokens; None without ranks or response.
        step_tokens: Response tokens that begin a step; 0 where nobody said which do.
        step_nll: Sum over them.
    """

    prompt_tokens: int
    response_tokens: int
    end_tokens: int
    prompt_nll: float | None
    response_nll: float | None
    end_nll: float | None
    shifted: int | None
    marginal: int | None
    mink_20: float | None
    response_rank_sum: int | None
    step_tokens: int
    step_nll: float | None

    @property
    def rsr(self) -> float | None:
        """Rank-surprisal ratio of the response."""
        return rank_surprisal_ratio(self.response_rank_sum, self.response_nll)

    @property
    def ppl(self) -> float | None:
        """Perplexity of the response given the prompt."""
        return perplexity(self.response_nll, self.response_tokens)

    @property
    def sequence_ppl(self) -> float | None:
        """Perplexity over prompt, response and end tokens together."""
        tokens = self.prompt_tokens + self.response_tokens + self.end_tokens
        nll = math.fsum(x for x in (self.prompt_nll, self.response_nll, self.end_nll) if x is not None)
        return perplexity(nll, tokens)

    @property
    def shifted_fraction(self) -> float | None:
        """Share of response tokens of rank > 3."""
        return None if self.shifted is None or not self.response_tokens else self.shifted / self.response_tokens

    @property
    def marginal_fraction(self) -> float | None:
        """Share of response tokens of rank 2 or 3."""
        return None if self.marginal is None or not self.response_tokens else self.marginal / self.response_tokens


def nll(logprobs: NDArray[np.float32]) -> float | None:
    """Return -sum in float64; None for no tokens, since a sum over nothing is not a measurement."""
    return None if len(logprobs) == 0 else -float(logprobs.sum(dtype=np.float64))


def ingredients(
    logprobs: NDArray[np.float32],
    parts: NDArray[np.int8],
    ranks: NDArray[np.int32] | None = None,
    steps: NDArray[np.int64] | None = None,
    rank_clip: int = RANK_CLIP,
) -> Ingredients:
    """Sum one example's tokens by part.

    Args:
        logprobs: (n_tokens,) natural log-probabilities; finite wherever `parts` is not UNSCORED.
        parts: (n_tokens,) part codes.
        ranks: (n_tokens,) ranks, or None where the backend was not asked for them.
        steps: (n_steps,) indices of the response tokens that begin a step, or None where that is not known.
        rank_clip: Higher ranks count as this one.

    Raises:
        FloatingPointError: If a scored log-probability is NaN or infinite: a sum over it would look like a number.
    """
    by_part = {part: logprobs[parts == part] for part in (PROMPT, RESPONSE, END)}
    if not all(np.isfinite(values).all() for values in by_part.values()):
        raise not_finite()
    response = by_part[RESPONSE]
    response_ranks = None if ranks is None else ranks[parts == RESPONSE]
    firsts = logprobs[:0] if steps is None else logprobs[steps]
    return Ingredients(
        prompt_tokens=len(by_part[PROMPT]),
        response_tokens=len(response),
        end_tokens=len(by_part[END]),
        prompt_nll=nll(by_part[PROMPT]),
        response_nll=nll(response),
        end_nll=nll(by_part[END]),
        shifted=None if response_ranks is None else int((response_ranks > 3).sum()),
        marginal=None if response_ranks is None else int(((response_ranks == 2) | (response_ranks == 3)).sum()),
        mink_20=min_k(response),
        response_rank_sum=None if response_ranks is None else _rank_sum(response_ranks, rank_clip),
        step_tokens=len(firsts),
        step_nll=nll(firsts),
    )


def _rank_sum(ranks: NDArray[np.int32], clip: int) -> int | None:
    """Return the sum of min(rank, clip); None for no tokens."""
    return int(np.minimum(ranks, clip).sum(dtype=np.int64)) if len(ranks) else None


def macro_perplexity(nlls: NDArray[np.float64], tokens: NDArray[np.int64]) -> float | None:
    """Return exp of the mean over examples of the per-example mean NLL; examples without tokens are left out.

    Args:
        nlls: (n_examples,) sums in nats, NaN where not scored.
        tokens: (n_examples,) scored tokens.
    """
    scored = np.isfinite(nlls) & (tokens > 0)
    return _exp(float((nlls[scored] / tokens[scored]).mean())) if scored.any() else None


def micro_perplexity(nlls: NDArray[np.float64], tokens: NDArray[np.int64]) -> float | None:
    """Return exp of total NLL over total tokens, weighted by token. Arguments as in `macro_perplexity`."""
    scored = np.isfinite(nlls) & (tokens > 0)
    return _exp(float(nlls[scored].sum() / tokens[scored].sum())) if scored.any() else None
