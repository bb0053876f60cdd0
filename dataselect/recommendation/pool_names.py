"""Names of pools, fit for files, candidates and mixtures: letters, digits, - and _ only, and no two the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dataselect.pool.sources import format_of

_LONGEST = 40
_UNFIT = re.compile(r"[^\w-]+")
RESERVED = ("all",)
"""The name of all pools together."""


def safe_name(source: str) -> str:
    """The name of one pool, from that of its file: `a/train.jsonl.gz` is `a-train`."""
    path = Path(source)
    while path.suffix and format_of(path) is not None:
        path = path.with_suffix("")
    return _UNFIT.sub("-", str(path)).strip("-")[:_LONGEST] or "pool"


def safe_names(sources: Sequence[str]) -> dict[str, str]:
    """source -> its name; of those that would have one name, all but the first get -2, -3 and so on."""
    names: dict[str, str] = {}
    taken = set(RESERVED)
    for source in sources:
        plain = safe_name(source)
        name, copy = plain, 2
        while name in taken:
            name, copy = f"{plain}-{copy}", copy + 1
        taken.add(name)
        names[source] = name
    return names
