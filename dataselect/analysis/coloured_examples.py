"""Examples at the lowest, the median and the highest perplexity of the pool, with how surprising each token was.

They show what a perplexity is made of: whether a high one comes from a few tokens or from all, and whether a low one
is fluent or a repetition. There are none unless every token was kept when the pool was scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataselect.analysis.pool_table import PoolTable
from dataselect.analysis.surprise import read_surprise
from dataselect.errors import DataselectError
from dataselect.records import Example, Reject

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
        cut: Whether it goes on after them.
    """

    id: str
    place: str
    ppl: float
    tokens: tuple[str, ...]
    nats: tuple[float | None, ...]
    parts: tuple[str, ...]
    cut: bool


def coloured_places(table: PoolTable) -> dict[str, tuple[str, float]]:
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


def coloured_examples(
    scores: Path, pool: Iterable[Example | Reject], places: Mapping[str, tuple[str, float]]
) -> tuple[ColouredExample, ...]:
    """The examples, in the order of `places`; empty where no tokens were kept.

    Args:
        scores: Folder of the scoring run.
    """
    if not (scores / "tokens").exists():
        return ()
    examples = {one.id: one for one in pool if isinstance(one, Example) and one.id in places}
    found = (_coloured(scores, examples[name], place, ppl) for name, (place, ppl) in places.items() if name in examples)
    return tuple(one for one in found if one is not None)


def _coloured(scores: Path, example: Example, place: str, ppl: float) -> ColouredExample | None:
    try:
        surprise = read_surprise(scores, example)
    except DataselectError:  # the tokenizer that scored it is not on this machine any more
        return None
    shown = surprise.tokens[:_LONGEST]
    return ColouredExample(
        id=example.id, place=place, ppl=ppl, tokens=tuple(token.text for token in shown),
        nats=tuple(None if token.nats is None else round(token.nats, 3) for token in shown),
        parts=tuple(token.part for token in shown), cut=surprise.truncated or len(surprise.tokens) > _LONGEST,
    )  # fmt: skip
