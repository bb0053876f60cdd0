"""Which rows share text with an evaluation set.

A row is contaminated if it shares n consecutive words with an item: with its prompt or with its answer, and not across
the two (Brown et al. 2020, appendix C, with n = 13). A prompt of fewer than n words is looked for as a whole; one of
fewer than four words only counts where it is the row's whole prompt, since "What is it?" is in many texts. Answers of
fewer than n words do not count: "42" is no leak. Words are those of `wording.words`: no punctuation, lower case, and
single characters in scripts without spaces. Lists of numbers in code and tables match each other like any other words;
what matched is recorded with each row, so that such cases can be seen.

With embeddings a row is also contaminated if its cosine to an item of the embedded target set is over a threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.selection.evaluation_texts import EvaluationItem
from dataselect.selection.wording import words
from dataselect.strategies import Text
from dataselect.strategies.cosine import cosine_rows

FEWEST = 4
"""Words that a prompt needs to be looked for inside other texts."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a row shares with an item.

    Attributes:
        where: The item.
        words: The shared words.
    """

    where: str
    words: str

    def __str__(self) -> str:
        return f'{self.where} "{self.words}"'


class EvaluationWords:
    """The n-grams of evaluation sets, and their short prompts.

    Args:
        items: The items; of those that share an n-gram the first is named.
        n: Consecutive words that a row may not share.
    """

    def __init__(self, items: Sequence[EvaluationItem], n: int) -> None:
        self._n = n
        self._runs: dict[int, dict[str, str]] = {n: {}}  # length -> run of so many words -> the item
        self._whole: dict[str, str] = {}
        for item in items:
            asked, answered = words(item.text.prompt), words(item.text.response)
            for part in (asked, answered):
                for run in _runs(part, n):
                    self._runs[n].setdefault(run, item.where)
            short = asked or answered
            if 0 < len(short) < min(n, FEWEST):
                self._whole.setdefault(" ".join(short), item.where)
            elif 0 < len(short) < n:
                self._runs.setdefault(len(short), {}).setdefault(" ".join(short), item.where)

    def overlap(self, text: Text) -> Overlap | None:
        """What a row shares with an item: the longest kind of run, at its first place; None if it shares nothing."""
        parts = [words(text.prompt), words(text.response)]
        for length in sorted(self._runs, reverse=True):
            known = self._runs[length]
            for part in parts:
                for run in _runs(part, length):
                    if run in known:
                        return Overlap(known[run], run)
        prompt = " ".join(parts[0] or parts[1])
        return Overlap(self._whole[prompt], prompt) if prompt in self._whole else None


def _runs(split: Sequence[str], length: int) -> Iterator[str]:
    return (" ".join(split[start : start + length]) for start in range(len(split) - length + 1))


def near_targets(
    vectors: NDArray[np.float32], targets: NDArray[np.float32], threshold: float
) -> dict[int, tuple[int, float]]:
    """Rows whose largest cosine to a target is over the threshold.

    Args:
        vectors: (n, d) unit vectors.
        targets: (m, d) unit vectors.

    Returns:
        row -> the nearest target, of equals the first, and the cosine.
    """
    largest = np.full(len(vectors), -2.0, np.float32)
    nearest = np.zeros(len(vectors), np.int64)
    for target, cosines in enumerate(cosine_rows(targets, vectors)):
        closer = cosines > largest
        largest[closer], nearest[closer] = cosines[closer], target
    return {row: (int(nearest[row]), float(largest[row])) for row in np.flatnonzero(largest > threshold).tolist()}
