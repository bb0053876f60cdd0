"""The frozen records that pass between stages.

An `Example` comes out of a pool, a `Rendered` is what a model sees of it, `TokenScores` are what a model returns for
that, a `Ranking` is what a strategy returns, a `TaskResult` is the outcome of one model on one task. They hold data and
properties derived from it; reading, rendering, scoring and statistics live in their packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Direction = Literal["lower", "higher"]
"""The direction in which a metric improves."""

UNSCORED, PROMPT, RESPONSE, END = -1, 0, 1, 2
"""Part codes of tokens. UNSCORED: BOS, or a first token with nothing before it. END: end-of-turn or EOS."""

STATUSES = ("ok", "truncated", "empty_response", "too_short", "too_long", "engine_error")
"""Status of a row. The first two carry numbers; the others say why there are none."""

SCORABLE = ("ok", "truncated")


WHY_NO_IFD = {
    "plain_text": ("plain text has no prompt to take away", "rank plain text by another score"),
    "no_context": (
        "the template writes nothing before the response and there is no BOS",
        "score again with another --template, or with --bos always",
    ),
    "response_in_pieces": ("--no-think takes thoughts out of its midst", "score again without --no-think"),
    "final_turn_empty": ("nothing of the last turn is scored", "leave these rows out, or score without --no-think"),
    "final_turn_context": ("the last assistant turn is context only", "leave these rows out"),
    "out_of_range": ("the ratio is too large for a number", "rank by ifd_loss"),
    "final_turn_cut": ("--truncate cut the last turn off", "score again with a higher --max-length"),
}
"""Why a scored row has no IFD: code -> the reason in words, and what to do. `Rendered.alone_missing` holds the code."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn.

    Attributes:
        input: The input field of an Alpaca record, kept apart for templates that show it apart.
        trained: False for an assistant turn that its record marks as context only.
    """

    role: str
    content: str
    input: str = ""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    name: str = ""
    trained: bool = True

    @property
    def is_response(self) -> bool:
        """Whether this turn is scored and trained, and not only read."""
        return self.role == "assistant" and self.trained

    @property
    def full_content(self) -> str:
        """The content with the input below it, as one text."""
        return f"{self.content}\n\n{self.input}" if self.input else self.content


@dataclass(frozen=True, slots=True)
class Example:
    """One record of a pool: either `messages` (a dialogue, often of two turns) or `text` (plain text, all response).

    Attributes:
        id: Stable id, unique in the pools of one command.
        source: Name of the pool file it came from.
        line: Line of that file, from 1; the record's number in formats without lines.
        record: The record as it came, `_dataselect` included if there was one.
        tools: Tool definitions that the template may show.
        rejected: Of a preference pair the dialogue with the reply that was not preferred; `messages` has the other.
        desirable: Of a reply labelled by itself whether it is wanted; None for every other example.
    """

    id: str
    source: str
    record: Mapping[str, Any]
    messages: tuple[Message, ...] = ()
    text: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    line: int = 0
    rejected: tuple[Message, ...] = ()
    desirable: bool | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read or rendered, with the reason's code, and what the file says there."""

    file: str
    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class RatingPrompt:
    """A text that ends in a digit from 1 to 6, which is a model's rating of an example.

    Attributes:
        name: What is rated.
        token_ids: (n_tokens,) int32, with the digit 1 as the last token.
        digits: (6,) int32, the tokens of the digits 1 to 6 in that place.
    """

    name: str
    token_ids: NDArray[np.int32]
    digits: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a model sees of one example.

    Attributes:
        token_ids: (n_tokens,) int32, the whole sequence as trained, BOS included.
        parts: (n_tokens,) int8, one part code per token.
        spans: (n_tokens, 2) int32, character offsets of each token in `text`; (0, 0) for a BOS that no text shows.
        text: The rendering as one string.
        status: "ok" or "truncated" if it can be scored, else why not.
        seams: Indices of response tokens that also hold characters of the prompt or of the template.
        response_bytes: UTF-8 bytes of the scored response.
        plain_text: True for plain text, which is scored in rolling windows.
        alone_ids: With IFD: BOS + assistant header + the response token ids of the final turn; else empty.
        alone_start: Index in `alone_ids` of the first response token.
        final_start: Index in `token_ids` of the first token of the final response; the final response has
            `len(alone_ids) - alone_start` tokens.
        alone_missing: With IFD: why `alone_ids` is empty, a code of `WHY_NO_IFD`; "" where it is not, or not asked for.
        special_texts: Special tokens that the record's own text spells out; control tokens, unless they stay text.
        tokenised: False for a row that is too long by its text alone, which has no tokens here.
        ratings: With ratings: their prompts, by what is rated; else empty.
    """

    id: str
    source: str
    text: str
    token_ids: NDArray[np.int32]
    parts: NDArray[np.int8]
    spans: NDArray[np.int32]
    status: str
    seams: tuple[int, ...]
    response_bytes: int
    plain_text: bool = False
    alone_ids: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    alone_start: int = 0
    final_start: int = 0
    alone_missing: str = ""
    special_texts: int = 0
    tokenised: bool = True
    ratings: tuple[RatingPrompt, ...] = ()

    @property
    def total_tokens(self) -> int | None:
        """Tokens of the whole sequence; None where they were not counted."""
        return len(self.token_ids) if self.tokenised else None

    @property
    def seam_tokens(self) -> int:
        """Number of response tokens that straddle a seam."""
        return len(self.seams)

    @property
    def scorable(self) -> bool:
        """Whether a model can score it."""
        return self.status in SCORABLE


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Log-probabilities and ranks of one token sequence.

    Attributes:
        logprobs: (n_tokens,) float32, natural-log probability of each token given all before it; NaN at index 0 and
            wherever it was not asked for.
        ranks: (n_tokens,) int32, number of vocabulary entries with a logit >= the token's; 0 where not asked for.
    """

    logprobs: NDArray[np.float32]
    ranks: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The result of a strategy: candidate indices, best first, and the score of each.

    Attributes:
        order: (n_ranked,) int64 indices into the candidates, best first. Candidates that cannot be ranked are absent.
        scores: (n_ranked,) float64, aligned with `order`; what the strategy ranked by, in its own direction.
        complete: False if the strategy stopped at the number of ranks that will be read (`Candidates.limit`).
    """

    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class TaskResult:
    """Per-item outcomes of one model on one task in one metric.

    Attributes:
        direction: Which way the metric improves.
        item_ids: Ids of the items, in task order.
        values: (n_items,) float64.
        groups: The group of each item, such as the paradigm of a minimal pair; empty where the task has none.
    """

    task: str
    metric: str
    direction: Direction
    item_ids: tuple[str, ...]
    values: NDArray[np.float64]
    groups: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The metric over the whole task: mean over items."""
        return float(self.values.mean())


def why_no_ifd(reasons: Mapping[str, int]) -> str:
    """Return how many rows have no IFD, in words such as `3 (plain text has no prompt to take away)`."""
    return ", ".join(f"{rows:,} ({WHY_NO_IFD[reason][0]})" for reason, rows in reasons.items())
