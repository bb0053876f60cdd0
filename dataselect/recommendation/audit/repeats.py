"""Rows that say what other rows say: exact and near duplicates inside and across pools, and prompts that return.

Pools count in the order in which they were given: the first row of a group stays, the later ones repeat it. That is
what `select --dedup` removes from the same pools, except that there the ranking says which row of a group stays.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import MissingExtraError
from dataselect.pool.ids import hash64
from dataselect.recommendation.audit.kinds import BITS
from dataselect.recommendation.audit.rows import Rows
from dataselect.registry import check_installed
from dataselect.selection.band_keys import BandKeys
from dataselect.selection.dedup import near_duplicates
from dataselect.selection.filters import Filters
from dataselect.selection.text_normalisation import normalised
from dataselect.strategies import Text

THRESHOLD = Filters().dedup_threshold


@dataclass(slots=True)
class Repeats:
    """All repetitions among the rows.

    Attributes:
        of: row -> a row that it repeats, resembles or shares its prompt or id with, by kind.
        exact, near: Rows that the whole of the pools loses to `--dedup exact`, and to `ngram` after it.
        pairs: (earlier pool, later pool) -> rows of the later one that repeat, or resemble, one of the earlier.
        missing: Why near-duplicates were not looked for; empty where they were.
    """

    of: dict[str, dict[int, int]] = field(default_factory=dict)
    exact: int = 0
    near: int = 0
    pairs: dict[tuple[int, int], Counter[str]] = field(default_factory=dict)
    missing: str = ""


def content_hash(text: Text) -> int:
    """64 bits of what a row says, as `--dedup exact` compares it."""
    return hash64(f"{normalised(text.prompt)}\n{normalised(text.response)}")


def text_hash(text: str) -> int:
    """64 bits of a text; 0 for an empty one only."""
    return hash64(text) if text else 0


def mark_repeats(rows: Rows, keys: BandKeys | None) -> Repeats:
    """Mark all kinds of repetition.

    Args:
        keys: The band keys of all rows; None where near-duplicates cannot be compared.
    """
    found = Repeats()
    pool = rows.column("pool").astype(np.int64)
    content = rows.column("content")
    first = _first(content)
    inside = _first_within(content, pool)
    later = np.flatnonzero(inside != np.arange(len(rows)))
    shared = np.flatnonzero((inside == np.arange(len(rows))) & (first != np.arange(len(rows))))
    _note(rows, found, "duplicate", dict(zip(later.tolist(), inside[later].tolist(), strict=True)))
    _note(rows, found, "shared_row", dict(zip(shared.tolist(), first[shared].tolist(), strict=True)))
    found.exact = len(later) + len(shared)
    _count_shared(found, content, pool, len(rows.pools))
    _mark_prompts(rows, found)
    _mark_responses(rows, found)
    _mark_ids(rows, found)
    if keys is None:
        found.missing = _missing_extra()
    else:
        _mark_near(rows, found, keys, np.flatnonzero(first == np.arange(len(rows))))
    return found


def can_compare_near() -> bool:
    """Return whether the package that compares near-duplicates is installed."""
    return not _missing_extra()


def _missing_extra() -> str:
    try:
        check_installed("datasketch", extra="dedup")
    except MissingExtraError as error:
        return f"{error.message} ({error.hint})"
    return ""


def _first(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row the first row with the same value."""
    _, first, place = np.unique(values, return_index=True, return_inverse=True)
    return first[place].astype(np.int64)


def _first_within(values: NDArray[np.uint64], pool: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same, inside the row's own pool."""
    found = np.arange(len(values))
    for one in np.unique(pool):
        rows = np.flatnonzero(pool == one)
        found[rows] = rows[_first(values[rows])]
    return found


def _note(rows: Rows, found: Repeats, key: str, of: dict[int, int]) -> None:
    rows.mark(np.fromiter(of, np.int64, len(of)), BITS[key])
    found.of[key] = of


def _count_shared(found: Repeats, content: NDArray[np.uint64], pool: NDArray[np.int64], pools: int) -> None:
    said = [np.unique(content[pool == one]) for one in range(pools)]
    for later in range(pools):
        for earlier in range(later):
            rows = np.isin(content[pool == later], said[earlier]).sum()
            found.pairs[earlier, later] = Counter(exact=int(rows))


def _mark_prompts(rows: Rows, found: Repeats) -> None:
    """Rows whose prompt another row has too, with another response."""
    prompt, content = rows.column("prompt"), rows.column("content")
    asked = np.flatnonzero(prompt != 0)
    pairs = np.unique(np.stack([prompt[asked], content[asked]], axis=1), axis=0)
    prompts, responses = np.unique(pairs[:, 0], return_counts=True)
    several = asked[np.isin(prompt[asked], prompts[responses > 1])]
    first: dict[int, int] = {}
    other: dict[int, int] = {}
    of: dict[int, int] = {}
    for row in several.tolist():
        kept = first.setdefault(int(prompt[row]), row)
        if content[kept] != content[row]:
            other.setdefault(int(prompt[row]), row)
    for row in several.tolist():
        kept = first[int(prompt[row])]
        of[row] = kept if content[kept] != content[row] else other[int(prompt[row])]
    _note(rows, found, "same_prompt", of)


def _mark_responses(rows: Rows, found: Repeats) -> None:
    """Rows whose long response another row has too, with another prompt."""
    response, prompt = rows.column("response"), rows.column("prompt")
    long = np.flatnonzero((response != 0) & (prompt != 0))
    pairs = np.unique(np.stack([response[long], prompt[long]], axis=1), axis=0)
    responses, prompts = np.unique(pairs[:, 0], return_counts=True)
    several = long[np.isin(response[long], responses[prompts > 1])]
    first: dict[int, int] = {}
    for row in several.tolist():
        first.setdefault(int(response[row]), row)
    other = {
        int(response[row]): row
        for row in reversed(several.tolist())
        if prompt[first[int(response[row])]] != prompt[row]
    }
    of = {}
    for row in several.tolist():
        kept = first[int(response[row])]
        of[row] = kept if prompt[kept] != prompt[row] else other[int(response[row])]
    _note(rows, found, "same_response", of)


def _mark_ids(rows: Rows, found: Repeats) -> None:
    ids = rows.column("own_id")
    owned = np.flatnonzero(ids != 0)
    first = owned[_first(ids[owned])]
    of = dict(zip(owned.tolist(), first.tolist(), strict=True))
    _note(rows, found, "repeated_id", {row: kept for row, kept in of.items() if row != kept})


def _mark_near(rows: Rows, found: Repeats, keys: BandKeys, distinct: NDArray[np.int64]) -> None:
    """Near-duplicates of each pool by itself, then of all pools together."""
    pool = rows.column("pool").astype(np.int64)
    inside: dict[int, int] = {}
    for one in range(len(rows.pools)):
        own = np.flatnonzero((pool == one) & ~rows.has(BITS["duplicate"]))
        inside |= near_duplicates(rows, keys.sharing(own), THRESHOLD)
    _note(rows, found, "near_duplicate", inside)
    if len(rows.pools) == 1:
        found.near = len(inside)
        return
    everywhere = near_duplicates(rows, keys.sharing(distinct), THRESHOLD)
    found.near = len(everywhere)
    across = {row: kept for row, kept in everywhere.items() if pool[row] != pool[kept]}
    _note(rows, found, "shared_near", across)
    for row, kept in across.items():
        found.pairs[int(pool[kept]), int(pool[row])]["near"] += 1
