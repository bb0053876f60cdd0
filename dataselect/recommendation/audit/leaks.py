"""Which rows that share words with a task leak it, and which only share how everybody in these pools writes.

The published rule (`selection.contamination`: 13 words in a row) takes any row for a leak that shares the wording of an
item. Pools written after a template share wording with a task of the same template although no item is in them: "How
many apples does she have left over at the end of the day" is then in hundreds of rows. A row that shares 13 words
stays a leak if

    cover      what it shares makes up 90 % of an item's prompt or answer, or
    own words  8 of the shared words lie outside common phrases: five words in a row, numbers alike, that stand in more
               than three different rows (of those that share with one item at most three count, since copies of an
               item make its words common), or in more than ten rows whatever they share

A prompt of fewer than 13 words is found whole, so it is covered. Rows that do not stay are counted as wording shared
with a task, which is no fault. `select --decontaminate` keeps to the published rule.

Left out: leaks in other words, and a copy of less than 90 % of an item whose every phrase is common in the pools.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dataselect.recommendation.audit.kinds import BITS
from dataselect.recommendation.audit.reading import Reading
from dataselect.selection.contamination import EvaluationItem, EvaluationWords
from dataselect.selection.text_normalisation import words
from dataselect.strategies import Text

COVER, OWN_WORDS, PHRASE, FEW_ROWS, MANY_ROWS = 0.9, 8, 5, 3, 10
RULE = {
    "cover": COVER, "own_words": OWN_WORDS, "phrase": PHRASE, "few_rows": FEW_ROWS, "many_rows": MANY_ROWS,
}  # fmt: skip
"""What decides, for fingerprints."""


def judge_leaks(
    reading: Reading, tasks: Mapping[str, EvaluationWords], items: Sequence[EvaluationItem], n: int
) -> None:
    """Turn the mark of rows that leak nothing into `task_wording`, and count the leaks of each task and pool.

    Args:
        reading: Rows that share words with a task are marked as leaks.
        tasks: The words of each task.
        items: Those of all tasks.
        n: Words in a row that make a row suspect.
    """
    rows = reading.rows
    suspects = np.flatnonzero(rows.has(BITS["leak"])).tolist()
    known_items = _Items(items, n)
    shared = {row: found for row in suspects if (found := known_items.shared(rows[row])).cover < COVER}
    phrases = _Phrases(shared, rows)
    cleared = np.array([row for row, one in shared.items() if phrases.own_words(one) < OWN_WORDS], np.int64)
    rows.unmark(cleared, BITS["leak"])
    rows.mark(cleared, BITS["task_wording"])
    pools = rows.column("pool")
    for row in np.flatnonzero(rows.has(BITS["leak"])).tolist():
        for task, known in tasks.items():
            if known.overlap(rows[row]) is not None:
                reading.leaks[task][rows.pools[pools[row]]] += 1


@dataclass(frozen=True, slots=True)
class _Shared:
    """What a row shares with items.

    Attributes:
        parts: Its prompt and its response: the words, and the places of those that are shared.
        cover: Largest share of an item's prompt or answer that is in the row.
        item: Number of that item.
    """

    parts: tuple[tuple[list[str], set[int]], ...]
    cover: float
    item: int


class _Items:
    """Where each run of n words stands in the prompts and answers of items."""

    def __init__(self, items: Sequence[EvaluationItem], n: int) -> None:
        self._n = n
        self._lengths: list[int] = []
        self._item: list[int] = []
        self._where: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, item in enumerate(items):
            for text in (item.text.prompt, item.text.response):
                split = words(text)
                for start in range(len(split) - n + 1):
                    self._where[" ".join(split[start : start + n])].append((len(self._lengths), start))
                self._lengths.append(len(split))
                self._item.append(number)

    def shared(self, text: Text) -> _Shared:
        """Find all that a row shares. A row that shares no run holds a short prompt whole."""
        covered: dict[int, set[int]] = defaultdict(set)
        parts = []
        for split in (words(text.prompt), words(text.response)):
            places: set[int] = set()
            for start in range(len(split) - self._n + 1):
                for part, there in self._where.get(" ".join(split[start : start + self._n]), ()):
                    places.update(range(start, start + self._n))
                    covered[part].update(range(there, there + self._n))
            parts.append((split, places))
        if not covered:
            return _Shared(tuple(parts), 1.0, -1)
        cover = {part: len(found) / self._lengths[part] for part, found in covered.items()}
        most = max(cover, key=lambda part: (cover[part], -part))
        return _Shared(tuple(parts), cover[most], self._item[most])


class _Phrases:
    """How common the phrases are that suspect rows share with items.

    Args:
        shared: Suspect row -> what it shares.
        rows: The texts of all rows.
    """

    def __init__(self, shared: Mapping[int, _Shared], rows: Sequence[Text]) -> None:
        known = {phrase for one in shared.values() for part in one.parts for phrase, _ in _phrases(*part)}
        seen: dict[str, set[tuple[int, int]]] = {phrase: set() for phrase in known}
        for row in range(len(rows)) if known else ():
            text, item = rows[row], shared[row].item if row in shared else -1
            for split in (words(text.prompt), words(text.response)):
                alike = [_alike(word) for word in split]
                author = hash(tuple(split))
                for start in range(len(split) - PHRASE + 1):
                    if (phrase := " ".join(alike[start : start + PHRASE])) in seen:
                        seen[phrase].add((item, author))
        self._common = {phrase for phrase, authors in seen.items() if _is_common(authors)}

    def own_words(self, shared: _Shared) -> int:
        """Count the shared words that are in no common phrase."""
        own = 0
        for split, places in shared.parts:
            common: set[int] = set()
            for phrase, start in _phrases(split, places):
                if phrase in self._common:
                    common.update(range(start, start + PHRASE))
            own += len(places - common)
        return own


def _phrases(split: Sequence[str], places: set[int]) -> Iterator[tuple[str, int]]:
    """The phrases that touch shared words, and where they begin."""
    alike = [_alike(word) for word in split] if places else []
    for start in range(len(alike) - PHRASE + 1):
        if not places.isdisjoint(range(start, start + PHRASE)):
            yield " ".join(alike[start : start + PHRASE]), start


def _alike(word: str) -> str:
    """The word, or one sign for anything with a digit."""
    return "#" if any(letter.isdigit() for letter in word) else word


def _is_common(authors: set[tuple[int, int]]) -> bool:
    if len(authors) > MANY_ROWS:
        return True
    by_item = Counter(item for item, _ in authors)
    return by_item.pop(-1, 0) + sum(min(number, FEW_ROWS) for number in by_item.values()) > FEW_ROWS
