"""Which findings of the audit are faults, whose rows no candidate is offered.

    unusable   the model cannot be trained on the row, whatever it says: always removed
    damaged    the row is not what it was meant to be: removed, unless most rows of its pool show it, because then it is
               how the pool is written (a pool of continuations has no prompts, one of code ends inside a fence)

Kept are all properties that may be just what the task asks for, and that measuring on the task decides: refusals,
other languages, unusual lengths, boilerplate openings, one prompt with several responses, dialogues whose last turn is
the user's. A grammar can filter by each of them. Rows over the model's length are unusable unless rows are truncated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAK = "leak"
UNUSABLE = ("empty_response", "no_trained_token", "template_error", "too_long")
DAMAGED = (
    "non_text", "response_is_prompt", "truncated_ending", "special_text", "empty_prompt", "same_response",
    "unlike_pool",
)  # fmt: skip
FAULTS = (LEAK, *UNUSABLE, *DAMAGED)
"""Kinds whose rows are removed. A row that shows several is counted under the first."""

_MOST = 0.5


@dataclass(frozen=True, slots=True)
class FaultyRows:
    """Which rows are removed, and why.

    Attributes:
        codes: (n_rows,) int8, the place in `FAULTS` from 1; 0 for a row that stays.
        tolerated: source -> kinds that most of its rows show, which therefore stay; with the share.
    """

    codes: NDArray[np.int8]
    tolerated: Mapping[str, Mapping[str, float]]

    def count(self, rows: NDArray[np.int64]) -> dict[str, int]:
        """Count some rows by kind."""
        sizes = np.bincount(self.codes[rows], minlength=len(FAULTS) + 1)
        return {kind: int(size) for kind, size in zip(FAULTS, sizes[1:], strict=True) if size}


def find_faulty(
    shown: Mapping[str, NDArray[np.bool_]], sources: NDArray[np.object_], truncates: bool = False
) -> FaultyRows:
    """Decide which rows are removed.

    Args:
        shown: kind -> (n_rows,) whether a row shows it.
        sources: (n_rows,) the pool of each row.
        truncates: Whether rows over the model's length are cut instead of left out.
    """
    codes = np.zeros(len(sources), np.int8)
    tolerated: dict[str, dict[str, float]] = {}
    by_source = {name: sources == name for name in dict.fromkeys(sources.tolist())}
    for code, kind in enumerate(FAULTS, 1):
        if truncates and kind == "too_long":
            continue
        faulty = shown[kind].copy()
        for name, here in by_source.items() if kind in DAMAGED else ():
            share = float(faulty[here].mean())
            if share > _MOST:
                tolerated.setdefault(name, {})[kind] = share
                faulty &= ~here
        codes[faulty & (codes == 0)] = code
    return FaultyRows(codes, tolerated)


def in_words(counts: Mapping[str, int], words: Mapping[str, tuple[str, str]]) -> str:
    """Counts as one phrase, the largest first: `120 exact duplicates, 1 empty response`.

    Args:
        words: Kind -> how it reads after 1 and after any other number.
    """
    ordered: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{number:,} {words[kind][number != 1]}" for kind, number in ordered)
