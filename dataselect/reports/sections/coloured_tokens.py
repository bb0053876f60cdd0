"""Examples at the lowest, the median and the highest perplexity of the pool, each token coloured by its NLL.

They show what a perplexity is made of: whether a high one comes from a few tokens or from all, and whether a low one
is fluent or a repetition. There are none unless every token was kept when the pool was scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.comparison.pool_table import PoolTable
from dataselect.comparison.section_inputs import SectionInputs
from dataselect.comparison.token_nll import STEPS, read_token_nll, step_of
from dataselect.errors import ArtifactError, DataselectError
from dataselect.records import Example
from dataselect.reports.content import Block, ColouredText, ColouredToken, ReportSection, Section
from dataselect.reports.numbers import fixed, short
from dataselect.scoring.recorded import RecordedScores

_EACH = 2
"""Examples at each place."""

_LONGEST = 400
"""Tokens that are shown of one."""


@dataclass(frozen=True, slots=True)
class ColouredExample:
    """One example.

    Attributes:
        place: "lowest", "median" or "highest".
        tokens: Texts of its tokens, with `nats` (-log p; None where not scored) and `parts` aligned.
        cut: True if the text continues after them.
    """

    id: str
    place: str
    ppl: float
    tokens: tuple[str, ...]
    nats: tuple[float | None, ...]
    parts: tuple[str, ...]
    cut: bool


def coloured_examples(inputs: SectionInputs) -> tuple[ColouredExample, ...]:
    """The examples with their tokens, the lowest perplexity first; empty where no tokens were kept."""
    scores = inputs.experiment.scores if inputs.experiment else None
    if inputs.table is None or inputs.pool is None or scores is None:
        return ()
    if not RecordedScores.open(scores.parent).holds("tokens"):
        return ()
    places = _places(inputs.table)
    examples = {one.id: one for one in inputs.pool if isinstance(one, Example) and one.id in places}
    found = (
        _coloured(scores.parent, examples[name], place, ppl)
        for name, (place, ppl) in places.items()
        if name in examples
    )
    return tuple(one for one in found if one is not None)


def _places(table: PoolTable) -> dict[str, tuple[str, float]]:
    """id -> place and perplexity of the examples to show, the lowest first; of equals the smaller id."""
    ppl = table.numbers.get("ppl", np.full(len(table.ids), np.nan))
    ranked = sorted((float(value), name) for value, name in zip(ppl, table.ids, strict=True) if np.isfinite(value))
    middle = max(0, (len(ranked) - _EACH) // 2)
    found: dict[str, tuple[str, float]] = {}
    for place, chosen in (
        ("lowest", ranked[:_EACH]), ("median", ranked[middle : middle + _EACH]), ("highest", ranked[-_EACH:]),
    ):  # fmt: skip
        found |= {name: (place, value) for value, name in chosen if name not in found}
    return found


def _coloured(scores: Path, example: Example, place: str, ppl: float) -> ColouredExample | None:
    try:
        found = read_token_nll(scores, example)
    except ArtifactError:  # a damaged file
        raise
    except DataselectError:  # the tokenizer that scored it is no longer on this machine
        return None
    shown = found.tokens[:_LONGEST]
    return ColouredExample(
        id=example.id, place=place, ppl=ppl, tokens=tuple(token.text for token in shown),
        nats=tuple(None if token.nats is None else round(token.nats, 3) for token in shown),
        parts=tuple(token.part for token in shown), cut=found.truncated or len(found.tokens) > _LONGEST,
    )  # fmt: skip


_ABOUT = (
    "Examples at the lowest, the median and the highest perplexity of the pool. The darker a token, the less the base "
    "model expected it, given all before it; the response is bold."
)


def coloured_tokens_section(examples: Sequence[Mapping[str, Any]]) -> Section:
    """One block per example."""
    legend = tuple(ColouredToken(words, "", step, strong=False) for step, (_, words) in enumerate(STEPS))
    coloured = (ColouredText("How likely the model held a token", "", legend, spaced=True), *map(_example, examples))
    return Section("surprise", "Token NLL of examples", (Block(paragraphs=(_ABOUT,), coloured=coloured),))


def _example(example: Mapping[str, Any]) -> ColouredText:
    tokens = []
    for text, nats, part in zip(example["tokens"], example["nats"], example["parts"], strict=True):
        if nats is None:
            tokens.append(ColouredToken(text, "not scored", None, strong=False))
        else:
            hover = f"{fixed(nats, 2)} nats, {part}"
            tokens.append(ColouredToken(text, hover, step_of(nats), strong=part == "response"))
    if example["cut"]:
        tokens.append(ColouredToken("…", "cut here", None, strong=False))
    title = f"{example['place'].capitalize()} perplexity, {short(example['ppl'])}"
    return ColouredText(title, example["id"], tuple(tokens))


SECTION = ReportSection("coloured", data=coloured_examples, view=coloured_tokens_section)
