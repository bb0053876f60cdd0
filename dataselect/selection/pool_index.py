"""Pool index, the first pass over a pool: ids, sources, response sizes in bytes, and how many records are unreadable.

The texts are kept only for what compares them; the second pass (`selection_file`) fetches what was chosen. Where only
ids are asked for, a score table stands for its pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import canonical_json
from dataselect.embeddings.texts import text_of
from dataselect.pool.pairs import sides
from dataselect.pool.rejects import reject_notes
from dataselect.progress import counted
from dataselect.records import Example, Reject
from dataselect.selection.score_tables import ScoreTable
from dataselect.strategies import Text
from dataselect.strategies.strings import Strings


@dataclass(frozen=True, slots=True)
class PoolIndex:
    """The rows of a pool, sorted by id, without their records.

    Attributes:
        ids: (n,) distinct ids, ascending.
        response_bytes: (n,) UTF-8 bytes of each response; NaN where no pool was read.
        rejects: Records that could not be read.
        lost: Parts of the files that could not be read, in words.
        sources: (n,) the file that each came from.
        texts: (n,) prompt and response of each; empty where nothing compares them.
    """

    ids: Sequence[str]
    response_bytes: NDArray[np.float64]
    rejects: int
    sources: Sequence[str] = ()
    texts: tuple[Text, ...] = ()
    lost: tuple[str, ...] = ()


def index_pool(pool: Iterable[Example | Reject], texts: bool = False) -> PoolIndex:
    """Read the pool once.

    Args:
        texts: Whether to keep the texts of the examples.
    """
    ids, sizes, sources = [], [], []
    rejects: list[Reject] = []
    read: list[Text] = []
    for item in counted(pool, "read the pool", "records"):
        if isinstance(item, Reject):
            rejects.append(item)
            continue
        ids.append(item.id)
        sizes.append(response_bytes(item))
        sources.append(item.source)
        if texts:
            read.append(text_of_example(item))
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return PoolIndex(
        ids=tuple(ids[i] for i in order),
        response_bytes=np.asarray(sizes, np.float64)[order],
        rejects=len(rejects),
        sources=tuple(sources[i] for i in order),
        texts=tuple(read[i] for i in order) if texts else (),
        lost=reject_notes(rejects),
    )


def index_table(table: ScoreTable) -> PoolIndex:
    """Index the rows of a score table as those of a pool; their source is "" where the table has none."""
    ids = Strings(table.ids)
    rows = ids.ascending_rows()
    sources = Strings([""]).take(0 * rows) if table.sources is None else Strings(table.sources).take(rows)
    return PoolIndex(ids.take(rows), np.full(len(ids), np.nan), 0, sources)


def text_of_example(example: Example) -> Text:
    """Return prompt and response of an example; plain text is all response, and that of a pair is both replies."""
    prompt = "" if example.text is not None else text_of(example, "prompt")
    replies = (text_of(side, "response") for side in sides(example).values())
    return Text(prompt, "\n\n".join(reply for reply in replies if reply))


def response_bytes(example: Example) -> int:
    """Count the UTF-8 bytes of all responses, tool calls included as JSON; of the whole text where it is plain text."""
    if example.text is not None:
        return len(example.text.encode())
    turns = [m for m in example.messages if m.is_response]
    texts = [text for m in turns for text in (m.content, *map(canonical_json, m.tool_calls))]
    return sum(len(text.encode()) for text in texts)
