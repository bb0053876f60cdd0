"""From templated texts and their tokens to `Rendered`: parts, status, truncation, and the response by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.encoder import Integers, Tokens
from dataselect.pool.masks import Parts, token_parts
from dataselect.pool.responses import TurnRuns, response_bytes, response_runs
from dataselect.pool.spans import Templated
from dataselect.pool.tokenizer import SpecialTokens
from dataselect.records import SCORABLE, Example, Rendered


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides how tokens become a `Rendered`.

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
    """The final response without its prompt: `Rendered.alone_ids`, `alone_start` and `final_start`."""

    ids: NDArray[np.int32]
    start: int
    final_start: int


_NOT_ALONE = _Alone(np.zeros(0, np.int32), 0, 0)


def assemble(
    examples: Sequence[Example], templated: Sequence[Templated], tokens: Tokens, rules: Rules
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
        by_itself = rules.alone and not plain and statuses[row] in SCORABLE
        alone = _alone(one, tokens, row, runs[row], rules.special) if by_itself else _NOT_ALONE
        yield Rendered(
            id=example.id, source=example.source, text=one.text, status=statuses[row], plain_text=plain,
            token_ids=tokens.ids[begin:stop], parts=parts.codes[begin:stop], spans=spans[begin:stop],
            seams=tuple([seam for seam in parts.seams.get(row, ()) if seam < stop - begin]),
            response_bytes=response_bytes(one, runs[row], tokens, places[row]),
            alone_ids=alone.ids, alone_start=alone.start, final_start=alone.final_start,
        )  # fmt: skip


def _statuses(
    examples: Sequence[Example], templated: Sequence[Templated], tokens: Tokens, parts: Parts, rules: Rules
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


def _alone(one: Templated, tokens: Tokens, row: int, runs: TurnRuns, special: SpecialTokens) -> _Alone:
    """BOS + assistant header + the response token ids of the final turn, all three cut out of the full sequence."""
    if not runs or len(runs[-1]) != 1:
        return _NOT_ALONE
    begin = int(tokens.bounds[row])
    ((first, last),) = runs[-1]
    header = int(np.searchsorted(tokens.starts, tokens.places[row] + one.turns[-1].header, side="left"))
    kept = slice(begin, begin + 1 if tokens.ids[begin] == special.bos else begin)
    context = np.concatenate((tokens.ids[kept], tokens.ids[max(header, begin + 1) : first]))
    if len(context) == 0:
        return _NOT_ALONE
    return _Alone(np.concatenate((context, tokens.ids[first:last])), len(context), first - begin)
