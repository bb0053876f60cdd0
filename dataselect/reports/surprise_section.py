"""The section of examples with each token coloured by its surprise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataselect.analysis.surprise import STEPS, step_of
from dataselect.reports.content import Block, Coloured, Section, Token
from dataselect.reports.numbers import fixed, short

_ABOUT = (
    "Examples at the lowest, the median and the highest perplexity of the pool. The darker a token, the less the base "
    "model expected it, given all before it; the response is bold."
)


def surprise_section(examples: Sequence[Mapping[str, Any]]) -> Section:
    """One block per example."""
    legend = tuple(Token(words, "", step, strong=False) for step, (_, words) in enumerate(STEPS))
    coloured = (Coloured("How likely the model held a token", "", legend, spaced=True), *map(_example, examples))
    return Section("surprise", "What surprised the model", (Block(paragraphs=(_ABOUT,), coloured=coloured),))


def _example(example: Mapping[str, Any]) -> Coloured:
    tokens = [
        _token(text, nats, part)
        for text, nats, part in zip(example["tokens"], example["nats"], example["parts"], strict=True)
    ]
    if example["cut"]:
        tokens.append(Token("…", "cut here", None, strong=False))
    title = f"{example['place'].capitalize()} perplexity, {short(example['ppl'])}"
    return Coloured(title, example["id"], tuple(tokens))


def _token(text: str, nats: float | None, part: str) -> Token:
    if nats is None:
        return Token(text, "not scored", None, strong=False)
    return Token(text, f"{fixed(nats, 2)} nats, {part}", step_of(nats), strong=part == "response")
