"""First pass over a pool: the ids, the size of each response in bytes, and how many records could not be read.

Nothing else is kept in memory; the second pass (`records`) fetches what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import canonical_json
from dataselect.records import Example, Reject


@dataclass(frozen=True, slots=True)
class Survey:
    """A pool in short, sorted by id.

    Attributes:
        ids: (n,) distinct ids, ascending.
        response_bytes: (n,) UTF-8 bytes of each response.
        rejects: Records that could not be read.
    """

    ids: tuple[str, ...]
    response_bytes: NDArray[np.float64]
    rejects: int


def survey(pool: Iterable[Example | Reject]) -> Survey:
    """Read the pool once."""
    ids, sizes, rejects = [], [], 0
    for item in pool:
        if isinstance(item, Reject):
            rejects += 1
        else:
            ids.append(item.id)
            sizes.append(response_bytes(item))
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return Survey(tuple(ids[i] for i in order), np.asarray(sizes, np.float64)[order], rejects)


def response_bytes(example: Example) -> int:
    """UTF-8 bytes of all assistant turns, tool calls included as JSON; of the whole text where it is plain text."""
    if example.text is not None:
        return len(example.text.encode())
    turns = [m for m in example.messages if m.role == "assistant"]
    texts = [text for m in turns for text in (m.content, *map(canonical_json, m.tool_calls))]
    return sum(len(text.encode()) for text in texts)
