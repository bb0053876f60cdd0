"""Lowest compression ratio: a set that is hard to compress holds little twice.

Rule, in rounds. The ratio of a text is its size over its size compressed. (1) Take the `k1` candidates of the lowest
ratio known so far, which at first is that of each text alone; (2) measure each again together with everything chosen so
far, remember that, and shortlist the `k2` lowest; (3) from the shortlist choose `k3` one by one, each time the one with
which the texts chosen *in this round* compress least. Paper: ZIP (Yin et al. 2024, arXiv 2407.06645), with the defaults
of its code: DEFLATE at level 9, k1 10000, k2 200, k3 100. Direction: low. Nesting: yes, rounds do not depend on the
budget.

A text is prompt and response, each closed by a line break; the released code compresses the Python text of the whole
record, keys included. What stage 3 passes over goes back to the pool, so that every row gets a place; the released code
never offers it again (`passed_over=drop`), so it orders k3 / k2 of a pool. DEFLATE looks back 32 KiB, so "everything
chosen so far" is in truth the last of it, and the number can only tell near repetition of wording. Left out: nothing.

Cost: a compressor's state is copied before each measurement, which then costs the new text alone instead of the whole
set, below 0.1 ms, and gives the very same size. A round measures k1 + k2 * k3 - k3² / 2 texts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.ordering import one_by_one

LEVEL = 9


class ZipChoice(NamedTuple):
    """A chosen row, and the compression ratio of its round's texts up to it."""

    row: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Zip:
    """Greedy lowest compression ratio in three stages.

    Attributes:
        k1: Candidates that are measured again in a round.
        k2: Candidates on a round's shortlist.
        k3: Candidates that a round chooses.
        passed_over: Whether the rest of a shortlist may be chosen later or never.
    """

    summary: ClassVar[str] = "the set that compresses least, greedily: little said twice"
    paper: ClassVar[str] = "arXiv 2407.06645"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(texts=True)

    k1: int = 10_000
    k2: int = 200
    k3: int = 100
    passed_over: Literal["return", "drop"] = "return"

    def __post_init__(self) -> None:
        if not self.k1 >= self.k2 >= self.k3 >= 1:
            raise ValueError(f"expected k1 >= k2 >= k3 >= 1, got {self.k1}, {self.k2}, {self.k3}")

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Choose until all are chosen or the limit is reached; the score is the ratio of the round up to the row."""
        texts = [f"{text.prompt}\n{text.response}\n".encode() for text in candidates.texts]
        filled = [row for row, text in enumerate(texts) if len(text) > len(b"\n\n")]
        choices = self.choices([texts[row] for row in filled])
        return one_by_one(((filled[choice.row], choice.ratio) for choice in choices), candidates)

    def choices(self, texts: Sequence[bytes]) -> Iterator[ZipChoice]:
        """Choose among `texts`, best first, as long as there are any; ties go to the first."""
        whole = Compressed()
        ratios = np.array([whole.ratio_with(text) for text in texts], np.float64)
        rows = np.arange(len(texts))
        while len(rows):
            first = _lowest(rows, ratios, self.k1)
            ratios[first] = [whole.ratio_with(texts[row]) for row in first]
            shortlist = _lowest(first, ratios, self.k2)
            chosen = []
            for choice in islice(_one_by_one(texts, shortlist.tolist()), self.k3):
                yield choice
                chosen.append(choice.row)
            for row in chosen:
                whole.append(texts[row])
            rows = np.setdiff1d(rows, chosen if self.passed_over == "return" else shortlist)


class Compressed:
    """A growing text as DEFLATE sees it."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(LEVEL)
        self._read = self._written = 0

    def append(self, text: bytes) -> None:
        """Add `text` for good."""
        self._read += len(text)
        self._written += len(self._stream.compress(text))

    def ratio_with(self, text: bytes) -> float:
        """Size over compressed size if `text` were added."""
        branch = self._stream.copy()
        written = self._written + len(branch.compress(text)) + len(branch.flush())
        return (self._read + len(text)) / written


def _lowest(rows: NDArray[np.int64], ratios: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The `count` of `rows` with the lowest ratios; `rows` ascend, and so does the answer."""
    return np.sort(rows[np.argsort(ratios[rows], kind="stable")[:count]])


def _one_by_one(texts: Sequence[bytes], shortlist: list[int]) -> Iterator[ZipChoice]:
    own = Compressed()
    while shortlist:
        ratios = [own.ratio_with(texts[row]) for row in shortlist]
        choice = ZipChoice(shortlist.pop(int(np.argmin(ratios))), min(ratios))
        own.append(texts[choice.row])
        yield choice
