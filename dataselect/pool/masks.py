"""From character spans to token parts: which token is prompt, response or end; for many texts at once.

A token belongs to the response when it holds at least one character of one, so a token that straddles the seam is
scored, and counted. The end of a turn is the first special token behind the response, with any white space before it,
and an EOS right behind that. An added token that is not marked as special counts like a special one: the text behind
a response is the template's own.

What is scored of a response is its runs: contiguous stretches of response tokens inside one assistant turn. A turn is
one run, unless thoughts are left out of it or its first token is also the first of the sequence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.templates import Templated, response_spans
from dataselect.pool.tokenizer import SpecialTokens
from dataselect.pool.tokenizing import Integers, Tokens
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED

Range = tuple[int, int]
"""First token and the one after the last."""

TurnRuns = list[list[Range]]
"""The runs of each turn of one text."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the tokens of several texts.

    Attributes:
        codes: (n_tokens,) int8 part codes.
        responses: (n_tokens + 1,) how many of the tokens before each are response.
        seams: For texts that have any: their response tokens that straddle a seam, counted from the text's first token.
    """

    codes: NDArray[np.int8]
    responses: Integers
    seams: dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Stretches of response in the order of the text: a turn, or what is left of it without thoughts.

    Attributes:
        text: (n,) which text each is in.
        start: (n,) place of its first character.
        end: (n,) place behind its last character.
        closes: (n,) whether it is the last one of its turn.
    """

    text: Integers
    start: Integers
    end: Integers
    closes: NDArray[np.bool_]


def tokens_in(tokens: Tokens, start: Integers, end: Integers) -> tuple[Integers, Integers]:
    """The tokens that hold a character of `[start, end)`: the first, and the one after the last.

    Args:
        start: (n,) places.
        end: (n,) places, none before its start.
    """
    first = np.searchsorted(tokens.ends, start, side="right")
    last = np.searchsorted(tokens.starts, end, side="left")
    return first, np.where(end > start, np.maximum(first, last), first)


def token_parts(templated: Sequence[Templated], tokens: Tokens, special: SpecialTokens, think: bool) -> Parts:
    """Parts of all tokens.

    Args:
        templated: The texts that `tokens` are of.
        think: Whether `<think>` spans count as response.
    """
    pieces = _pieces(templated, tokens.places, think)
    first, last = tokens_in(tokens, pieces.start, pieces.end)
    stop = _stops(templated, tokens, pieces, last, special)
    codes = np.full(len(tokens.ids), PROMPT, np.int8)
    for a, b, c in zip(first.tolist(), last.tolist(), stop.tolist(), strict=True):
        codes[a:b] = RESPONSE
        codes[b:c] = END
    codes[tokens.bounds[:-1][np.diff(tokens.bounds) > 0]] = UNSCORED
    responses = np.concatenate(([0], np.cumsum(codes == RESPONSE, dtype=np.int64)))
    return Parts(codes, responses, _seams(tokens, pieces, first, last))


def _pieces(templated: Sequence[Templated], places: Integers, think: bool) -> _Pieces:
    rows = []
    for index, one in enumerate(templated):
        for turn in one.turns:
            spans = response_spans(one, turn, think)
            rows += [(index, start, end, end == spans[-1][1]) for start, end in spans]
    table = np.array(rows, np.int64).reshape(-1, 4)
    text, start, end, closes = table.T
    return _Pieces(text, start + places[text], end + places[text], closes.astype(np.bool_))


def _seams(tokens: Tokens, pieces: _Pieces, first: Integers, last: Integers) -> dict[int, tuple[int, ...]]:
    """First and last tokens that hold characters outside their piece; the first token of a text is in no count."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    held = first < last
    text, start, end = pieces.text[held], pieces.start[held], pieces.end[held]
    for token in (first[held], last[held] - 1):
        across = (tokens.starts[token] < start) | (tokens.ends[token] > end)
        inside = token - tokens.bounds[text]
        for index, at in zip(text[across].tolist(), inside[across].tolist(), strict=True):
            if at:
                found[index].add(at)
    return {index: tuple(sorted(seams)) for index, seams in found.items()}


def _stops(
    templated: Sequence[Templated], tokens: Tokens, pieces: _Pieces, last: Integers, special: SpecialTokens
) -> Integers:
    """One past the end tokens behind each piece; `last` where there are none."""
    stop = last.copy()
    behind = tokens.bounds[pieces.text + 1]
    open_ = np.flatnonzero(pieces.closes & (last > tokens.bounds[pieces.text]) & (last < behind))
    marks = np.fromiter(special.added, np.int64)
    at = last[open_]
    for index in np.flatnonzero(~np.isin(tokens.ids[at], marks)).tolist():
        at[index] = _next_mark(templated, tokens, int(pieces.text[open_[index]]), int(at[index]), special)
    open_, at = open_[at >= 0], at[at >= 0] + 1
    if special.eos is not None and special.eos != special.bos:
        more = at < behind[open_]
        at[more] += tokens.ids[at[more]] == special.eos
    stop[open_] = at
    return stop


def _next_mark(templated: Sequence[Templated], tokens: Tokens, text: int, at: int, special: SpecialTokens) -> int:
    """The first added token from `at` on with nothing but white space before it; -1 if there is none."""
    place, whole = int(tokens.places[text]), templated[text].text
    while at < tokens.bounds[text + 1]:
        if int(tokens.ids[at]) in special.added:
            return at
        if whole[tokens.starts[at] - place : tokens.ends[at] - place].strip():
            return -1
        at += 1
    return -1


def response_runs(templated: Sequence[Templated], tokens: Tokens, parts: Parts, stops: Integers) -> list[TurnRuns]:
    """The runs of each turn of each text.

    Args:
        stops: (n_texts,) index behind the last token that is kept of each text.
    """
    text = np.array([index for index, one in enumerate(templated) for _ in one.turns], np.int64)
    turns = np.array([(turn.start, turn.end) for one in templated for turn in one.turns], np.int64).reshape(-1, 2)
    start, end = (turns + tokens.places[text][:, None]).T
    first, last = (np.minimum(token, stops[text]) for token in tokens_in(tokens, start, end))
    is_whole = (parts.responses[last] - parts.responses[first] == last - first) & (first < last)
    found: list[TurnRuns] = [[] for _ in templated]
    for index, a, b, whole in zip(text.tolist(), first.tolist(), last.tolist(), is_whole.tolist(), strict=True):
        found[index].append([(a, b)] if whole else _runs(parts.codes, a, b))
    return found


def _runs(codes: NDArray[np.int8], first: int, last: int) -> list[Range]:
    is_response = np.concatenate(([False], codes[first:last] == RESPONSE, [False]))
    edges = (np.flatnonzero(is_response[1:] != is_response[:-1]) + first).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def response_bytes(one: Templated, runs: TurnRuns, tokens: Tokens, place: int) -> int:
    """UTF-8 bytes of the response characters that scored tokens of one text hold.

    Args:
        place: Place of the text's first character.
    """
    total, ascii_only = 0, one.text.isascii()
    for turn, found in zip(one.turns, runs, strict=True):
        for first, last in found:
            start = max(turn.start, int(tokens.starts[first]) - place)
            end = min(turn.end, int(tokens.ends[last - 1]) - place)
            total += end - start if ascii_only else len(one.text[start:end].encode("utf-8"))
    return total
