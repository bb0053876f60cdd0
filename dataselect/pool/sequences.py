"""The token sequence of an example: parts, status, truncation, the response by itself, and windows over a long text.

The windows are those of lm-evaluation-harness: they follow each other, each keeps at least `context` tokens of what
came before, and the last one is moved back so that it is full, which gives its tokens the most context that fits. The
golden numbers of its tests are reproduced in ours. With one token of context, the default there and here, a text costs
one pass over its tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.masks import Parts, TurnRuns, response_bytes, response_runs, token_parts
from dataselect.pool.templates import Templated, response_spans
from dataselect.pool.tokenizer import SpecialTokens
from dataselect.pool.tokenizing import Integers, Tokens
from dataselect.records import SCORABLE, Example, Rendered


@dataclass(frozen=True, slots=True)
class AssemblyRules:
    """The settings that turn tokens into a `Rendered`.

    Attributes:
        think: Whether `<think>` spans count as response.
        max_length: Most tokens of a dialogue.
        truncate: Whether a longer one is cut.
        alone: Whether to make the sequence that scores the final response without its prompt.
    """

    special: SpecialTokens
    think: bool
    max_length: int
    truncate: bool
    alone: bool


@dataclass(frozen=True, slots=True)
class _Alone:
    """The final response without its prompt: `Rendered.alone_ids`, `alone_start`, `final_start`, `alone_missing`."""

    ids: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    start: int = 0
    final_start: int = 0
    missing: str = ""


def assemble(
    examples: Sequence[Example], templated: Sequence[Templated], tokens: Tokens, rules: AssemblyRules
) -> Iterator[Rendered]:
    """The examples as a model sees them, in order.

    Args:
        templated: Their texts.
        tokens: The tokens of these texts, BOS included.
    """
    parts = token_parts(templated, tokens, rules.special, rules.think)
    statuses, stops = _statuses(examples, templated, tokens, parts, rules)
    runs = response_runs(templated, tokens, parts, stops)
    spans, places, begins = tokens.spans, tokens.places.tolist(), tokens.bounds.tolist()
    for row, (example, one, stop) in enumerate(zip(examples, templated, stops.tolist(), strict=True)):
        begin, plain = begins[row], example.text is not None
        by_itself = rules.alone and statuses[row] in SCORABLE
        alone = _alone(example, one, tokens, row, runs[row], stop, rules.special) if by_itself else _Alone()
        yield Rendered(
            id=example.id, source=example.source, text=one.text, status=statuses[row], plain_text=plain,
            token_ids=tokens.ids[begin:stop], parts=parts.codes[begin:stop], spans=spans[begin:stop],
            seams=tuple([seam for seam in parts.seams.get(row, ()) if seam < stop - begin]),
            response_bytes=response_bytes(one, runs[row], tokens, places[row]),
            alone_ids=alone.ids, alone_start=alone.start, final_start=alone.final_start,
            alone_missing=alone.missing, special_texts=one.special_texts,
        )  # fmt: skip


def without_tokens(example: Example, one: Templated, rules: AssemblyRules, longest: int) -> Rendered | None:
    """Make the `Rendered` of a certainly too long example; None where its only response may be in its first token.

    Args:
        longest: Most characters of a token.
    """
    ends = [end for turn in one.turns for _, end in response_spans(one, turn, rules.think)]
    if ends and max(ends) <= longest:
        return None
    return Rendered(
        id=example.id, source=example.source, text=one.text, token_ids=np.zeros(0, np.int32),
        parts=np.zeros(0, np.int8), spans=np.zeros((0, 2), np.int32), seams=(), response_bytes=0,
        status=_status(one, len(ends), over=True, truncate=False), special_texts=one.special_texts, tokenised=False,
    )  # fmt: skip


def _statuses(
    examples: Sequence[Example], templated: Sequence[Templated], tokens: Tokens, parts: Parts, rules: AssemblyRules
) -> tuple[list[str], Integers]:
    """The status of each text, and the index behind the last of its tokens that is kept."""
    first, last = tokens.bounds[:-1], tokens.bounds[1:]
    plain = np.array([example.text is not None for example in examples], np.bool_)
    responses = parts.responses[last] - parts.responses[first]
    over = (last - first > rules.max_length) & ~plain
    statuses = [
        _status(one, held, too_long, rules.truncate)
        for one, held, too_long in zip(templated, responses.tolist(), over.tolist(), strict=True)
    ]
    stops = np.where([status == "truncated" for status in statuses], first + rules.max_length, last)
    for row in np.flatnonzero(stops < last).tolist():
        if parts.responses[stops[row]] == parts.responses[first[row]]:
            statuses[row] = "too_long"
    return statuses, stops


def _status(templated: Templated, responses: int, over: bool, truncate: bool) -> str:
    if not any(templated.text[turn.start : turn.end].strip() for turn in templated.turns):
        return "empty_response"
    if responses == 0:
        return "too_short"
    if over:
        return "truncated" if truncate else "too_long"
    return "ok"


def _alone(
    example: Example, one: Templated, tokens: Tokens, row: int, runs: TurnRuns, stop: int, special: SpecialTokens
) -> _Alone:
    """BOS + assistant header + the response token ids of the final turn, all three cut out of the full sequence."""
    if example.text is not None:
        return _Alone(missing="plain_text")
    if not next((turn.trained for turn in reversed(example.messages) if turn.role == "assistant"), False):
        return _Alone(missing="final_turn_context")
    if not runs[-1]:
        cut = tokens.places[row] + one.turns[-1].end > tokens.ends[stop - 1]
        return _Alone(missing="final_turn_cut" if cut else "final_turn_empty")
    if len(runs[-1]) > 1:
        return _Alone(missing="response_in_pieces")
    ((first, last),) = runs[-1]
    context = _context(one, tokens, row, first, special)
    if len(context) == 0:
        return _Alone(missing="no_context")
    begin = int(tokens.bounds[row])
    return _Alone(np.concatenate((context, tokens.ids[first:last])), len(context), first - begin)


def _context(one: Templated, tokens: Tokens, row: int, first: int, special: SpecialTokens) -> NDArray[np.int32]:
    """BOS and the header's tokens, up to token `first`; where BOS is a chat mark that opens the header, once."""
    begin, place, turn = int(tokens.bounds[row]), int(tokens.places[row]), one.turns[-1]
    header = max(begin, int(np.searchsorted(tokens.ends, place + turn.header, side="right")))
    holds_bos = bool(tokens.ids[begin] == special.bos)
    if header == begin and (holds_bos or tokens.ends[begin] > place + turn.start):
        header += 1
    context = tokens.ids[header:first]
    return (
        np.concatenate((tokens.ids[begin : begin + 1], context))
        if holds_bos and special.bos not in context
        else context
    )


@dataclass(frozen=True, slots=True)
class Window:
    """Feed tokens `[begin, end)` of the sequence and keep the log-probabilities of `[first_scored, end)`."""

    begin: int
    first_scored: int
    end: int


def rolling_windows(num_tokens: int, max_length: int, context: int = 1) -> list[Window]:
    """Windows of at most `max_length` tokens in which each token but the first is scored once.

    Args:
        num_tokens: Tokens of the whole sequence; the first one is only context.
        max_length: Most tokens in one window, at least 2.
        context: Tokens of context that every window but the first has at least, from 1 to max_length - 1.
    """
    assert max_length >= 2
    assert 1 <= context < max_length
    windows: list[Window] = []
    scored = 1
    while scored < num_tokens:
        end = min(num_tokens, scored + max_length - (context if windows else 1))
        windows.append(Window(max(0, end - max_length), scored, end))
        scored = end
    return windows
