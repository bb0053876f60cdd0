"""What a chunk of records became: its vectors, whose they are, and a count of everything that got none."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Reject


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of records.

    Attributes:
        examples: Readable records: those embedded and those without text.
        without_text: Those without a text, or without a token of it that the encoder knows.
        truncated: Those among the embedded of which only the beginning was read.
        rejects: Unreadable records.
    """

    examples: int = 0
    embedded: int = 0
    without_text: int = 0
    truncated: int = 0
    rejects: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """The embedded examples of a chunk, in the order of the pools.

    Attributes:
        ids: (n,) ids.
        sources: (n,) names of the files they came from.
        vectors: (n, dim) float32 of length 1.
        rejects: Records that could not be read and examples without text, in the order of the pools.
        seconds: Time spent tokenising and encoding.
    """

    ids: tuple[str, ...]
    sources: tuple[str, ...]
    vectors: NDArray[np.float32]
    counts: Counts
    rejects: tuple[Reject, ...]
    seconds: float
