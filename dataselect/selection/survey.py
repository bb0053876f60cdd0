"""First pass over a pool: the ids, sources and response sizes in bytes, and how many records could not be read.

The texts are kept only for what compares them; the second pass (`records`) fetches what was chosen. Where ids are all
that is asked for, a score table stands for its pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import canonical_json
from dataselect.embeddings.texts import text_of
from dataselect.records import Example, Reject
from dataselect.selection.tables import ScoreTable
from dataselect.strategies import Text
from dataselect.strategies.strings import Strings


@dataclass(frozen=True, slots=True)
class Survey:
    """A pool in short, sorted by id.

    Attributes:
        ids: (n,) distinct ids, ascending.
        response_bytes: (n,) UTF-8 bytes of each response; NaN where no pool was read.
        rejects: Records that could not be read.
        sources: (n,) the file that each came from.
        texts: (n,) what each says; empty where that was not asked for.
    """

    ids: Sequence[str]
    response_bytes: NDArray[np.float64]
    rejects: int
    sources: Sequence[str] = ()
    texts: tuple[Text, ...] = ()


def survey(pool: Iterable[Example | Reject], texts: bool = False) -> Survey:
    """Read the pool once.

    Args:
        texts: Whether what the examples say is kept.
    """
    ids, sizes, sources, rejects = [], [], [], 0
    said_by: list[Text] = []
    for item in pool:
        if isinstance(item, Reject):
            rejects += 1
            continue
        ids.append(item.id)
        sizes.append(response_bytes(item))
        sources.append(item.source)
        if texts:
            said_by.append(said(item))
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return Survey(
        tuple(ids[i] for i in order),
        np.asarray(sizes, np.float64)[order],
        rejects,
        tuple(sources[i] for i in order),
        tuple(said_by[i] for i in order) if texts else (),
    )


def survey_table(table: ScoreTable) -> Survey:
    """The rows of a score table as those of a pool; rows of a table that does not say where they are from are of ""."""
    ids = Strings(table.ids)
    rows = ids.ascending_rows()
    sources = Strings([""]).take(0 * rows) if table.sources is None else Strings(table.sources).take(rows)
    return Survey(ids.take(rows), np.full(len(ids), np.nan), 0, sources)


def said(example: Example) -> Text:
    """What an example says; plain text is all response."""
    prompt = "" if example.text is not None else text_of(example, "prompt")
    return Text(prompt, text_of(example, "response"))


def response_bytes(example: Example) -> int:
    """UTF-8 bytes of all assistant turns, tool calls included as JSON; of the whole text where it is plain text."""
    if example.text is not None:
        return len(example.text.encode())
    turns = [m for m in example.messages if m.role == "assistant"]
    texts = [text for m in turns for text in (m.content, *map(canonical_json, m.tool_calls))]
    return sum(len(text.encode()) for text in texts)
