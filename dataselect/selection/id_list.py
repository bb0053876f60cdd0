"""A list of ids, one per line, written straight from the memory of an Arrow array."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from dataselect.errors import PoolError
from dataselect.strategies.strings import Strings

_ROWS = 1_000_000


def write_ids(path: Path, ids: Strings) -> str:
    """Write `ids`, each with a line break after it.

    Returns:
        sha256 (hex) of the file.

    Raises:
        PoolError: If an id holds a line break.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    plain, line_break, nothing = ids.plain, *(pa.scalar(text, pa.large_string()) for text in ("\n", ""))
    if pc.any(pc.match_substring(plain, "\n")).as_py():
        raise PoolError("an id holds a line break, but a list has one id per line", "select into FILE.jsonl instead")
    sha256 = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, len(plain), _ROWS):
            lines = pc.binary_join_element_wise(plain.slice(start, _ROWS), line_break, nothing)
            _, offsets, letters = lines.buffers()
            text = memoryview(letters)[: np.frombuffer(offsets, np.int64)[len(lines)]]  # one string after the other
            file.write(text)
            sha256.update(text)
    return sha256.hexdigest()
