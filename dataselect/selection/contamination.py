"""Contamination: evaluation sets, and which rows share text with them.

A row is contaminated if it shares n consecutive words with an item: with its prompt or with its answer, and not across
the two (Brown et al. 2020, appendix C, with n = 13). A prompt of fewer than n words is looked for as a whole; one of
fewer than four words only counts where it is the row's whole prompt, since "What is it?" is in many texts. Answers of
fewer than n words do not count: "42" is no leak. Words are those of `text_normalisation.words`: no punctuation, lower
case, and single characters in scripts without spaces. Lists of numbers in code and tables match each other like any
other words; what matched is recorded with each row, so that such cases can be seen. With embeddings a row is also
contaminated if its cosine to an item of the embedded target set is over a threshold.

Items are read as pools are, with the pool's column map where it fits and by their own columns else. Many benchmarks
give a prompt and no response (HumanEval, IFEval): of such a record the prompt alone is taken; of a minimal pair both
sentences, the good one as a prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import PoolError
from dataselect.library_errors import refused
from dataselect.pool import ColumnMap
from dataselect.pool.columns import RESPONSES
from dataselect.pool.rejects import DAMAGED, Unreadable
from dataselect.pool.schema import read_content
from dataselect.pool.sources import Source, content_digest, find_sources, read_rows
from dataselect.records import Example
from dataselect.selection.pool_index import text_of_example
from dataselect.selection.text_normalisation import words
from dataselect.strategies import Text
from dataselect.strategies.cosine import cosine_rows

_PROMPTS = (*RESPONSES, "text")
_PAIR = ("sentence_good", "sentence_bad")

FEWEST = 4
"""Words that a prompt needs to be looked for inside other texts."""


@dataclass(frozen=True, slots=True)
class EvaluationItem:
    """One item of an evaluation set.

    Attributes:
        where: File and line, as in `gsm8k__test.jsonl:12`.
    """

    where: str
    text: Text


@dataclass(frozen=True, slots=True)
class EvaluationTexts:
    """All items of all files.

    Attributes:
        items: File after file.
        rejects: Records that could not be read.
        inputs: Name and sha256 of each file.
    """

    items: tuple[EvaluationItem, ...]
    rejects: int
    inputs: tuple[dict[str, Any], ...]


def read_evaluation_texts(files: Sequence[str], columns: ColumnMap) -> EvaluationTexts:
    """Read all items.

    Raises:
        PoolError: If a file is missing, of no known format, given twice, damaged, or holds no readable item.
    """
    items: list[EvaluationItem] = []
    inputs: list[dict[str, Any]] = []
    rejects = 0
    for source in find_sources(files) if files else ():
        try:
            read, unreadable = _read_items(source, columns)
            inputs.append({"role": "decontaminate", "source": source.name, "sha256": content_digest(source)})
        except DAMAGED as error:
            raise refused(error, f"cannot read {source.path}") or PoolError(
                f"{source.name} cannot be read: {error}", "check that it is what its name says"
            ) from None
        if not read:
            raise PoolError(
                f"the evaluation set {source.name} should hold items with a prompt, got {unreadable:,} unreadable "
                "records",
                f"name its columns {', '.join(_PROMPTS)}, or messages",
            )
        items += read
        rejects += unreadable
    return EvaluationTexts(tuple(items), rejects, tuple(inputs))


def _read_items(source: Source, columns: ColumnMap) -> tuple[list[EvaluationItem], int]:
    items, unreadable = [], 0
    for row in read_rows(source, lambda record: True):
        text = _item_text(row.value, columns) if not row.fault and isinstance(row.value, Mapping) else None
        if text is None:
            unreadable += 1
        else:
            items.append(EvaluationItem(f"{source.name}:{row.line}", text))
    return items, unreadable


def _item_text(record: Mapping[str, Any], columns: ColumnMap) -> Text | None:
    for names in (columns, ColumnMap()):
        try:
            content = read_content(record, names)
        except Unreadable:
            continue
        return text_of_example(Example("", "", record, content.messages, content.text))
    prompt = next((record[name] for name in _PROMPTS if isinstance(record.get(name), str)), None)
    if prompt is None and all(isinstance(record.get(name), str) for name in _PAIR):
        return Text(*(record[name].strip() for name in _PAIR))
    return None if prompt is None else Text(prompt.strip(), "")


@dataclass(frozen=True, slots=True)
class SharedWords:
    """Words that a row shares with an item.

    Attributes:
        where: The item.
        words: The shared words.
    """

    where: str
    words: str

    def __str__(self) -> str:
        return f'{self.where} "{self.words}"'


class EvaluationWords:
    """The n-grams of evaluation sets, and their short prompts.

    Args:
        items: The items; of those that share an n-gram the first is named.
        n: Consecutive words that a row may not share.
    """

    def __init__(self, items: Sequence[EvaluationItem], n: int) -> None:
        self._n = n
        self._runs: dict[int, dict[str, str]] = {n: {}}  # length -> run of so many words -> the item
        self._whole: dict[str, str] = {}
        for item in items:
            asked, answered = words(item.text.prompt), words(item.text.response)
            for part in (asked, answered):
                for run in _runs(part, n):
                    self._runs[n].setdefault(run, item.where)
            short = asked or answered
            if 0 < len(short) < min(n, FEWEST):
                self._whole.setdefault(" ".join(short), item.where)
            elif 0 < len(short) < n:
                self._runs.setdefault(len(short), {}).setdefault(" ".join(short), item.where)

    def overlap(self, text: Text) -> SharedWords | None:
        """Find what a row shares with an item: the longest kind of run, at its first place; None if nothing."""
        parts = [words(text.prompt), words(text.response)]
        for length in sorted(self._runs, reverse=True):
            known = self._runs[length]
            for part in parts:
                for run in _runs(part, length):
                    if run in known:
                        return SharedWords(known[run], run)
        prompt = " ".join(parts[0] or parts[1])
        return SharedWords(self._whole[prompt], prompt) if prompt in self._whole else None


def _runs(split: Sequence[str], length: int) -> Iterator[str]:
    return (" ".join(split[start : start + length]) for start in range(len(split) - length + 1))


def near_targets(
    vectors: NDArray[np.float32], targets: NDArray[np.float32], threshold: float
) -> dict[int, tuple[int, float]]:
    """Find the rows whose largest cosine to a target is over the threshold.

    Args:
        vectors: (n, d) unit vectors.
        targets: (m, d) unit vectors.

    Returns:
        row -> the nearest target, of equals the first, and the cosine.
    """
    largest = np.full(len(vectors), -2.0, np.float32)
    nearest = np.zeros(len(vectors), np.int64)
    for target, cosines in enumerate(cosine_rows(targets, vectors)):
        closer = cosines > largest
        largest[closer], nearest[closer] = cosines[closer], target
    return {row: (int(nearest[row]), float(largest[row])) for row in np.flatnonzero(largest > threshold).tolist()}
