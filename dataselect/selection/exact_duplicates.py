"""Rows that say just what a row before them says, white space, case and compatibility forms aside."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataselect.selection.wording import normalised
from dataselect.strategies import Text


def exact_duplicates(texts: Sequence[Text], order: NDArray[np.int64]) -> dict[int, int]:
    """Rows that repeat a row before them.

    Args:
        texts: (n_pool,) what each row says.
        order: (n_ranked,) rows, best first.

    Returns:
        row -> the row that it repeats, the first of its kind.
    """
    first: dict[bytes, int] = {}
    repeats: dict[int, int] = {}
    for row in order.tolist():
        text = f"{normalised(texts[row].prompt)}\n{normalised(texts[row].response)}"  # no line break inside either
        kept = first.setdefault(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest(), row)
        if kept != row:
            repeats[row] = kept
    return repeats
