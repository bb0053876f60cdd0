"""Read evaluation sets as text, for decontamination: what each item asks, and what it answers where the file says so.

Items are read as pools are, with the pool's column map where it fits and by their own columns else. Many benchmarks
give a prompt and no response (HumanEval, IFEval): of such a record the prompt alone is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataselect.errors import PoolError
from dataselect.pool import ColumnMap
from dataselect.pool.faults import Unreadable
from dataselect.pool.formats import content_digest, read_rows
from dataselect.pool.rows import DAMAGED
from dataselect.pool.schema import RESPONSES, read_content
from dataselect.pool.sources import Source, find_sources
from dataselect.records import Example
from dataselect.selection.survey import said
from dataselect.strategies import Text

_PROMPTS = (*RESPONSES, "text")


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
            read, unreadable = _read(source, columns)
            inputs.append({"role": "decontaminate", "source": source.name, "sha256": content_digest(source)})
        except DAMAGED as error:
            raise PoolError(f"{source.name} cannot be read: {error}", "check that it is what its name says") from None
        if not read:
            raise PoolError(
                f"the evaluation set {source.name} should hold items with a prompt, got {unreadable:,} unreadable "
                "records",
                f"name its columns {', '.join(_PROMPTS)}, or messages",
            )
        items += read
        rejects += unreadable
    return EvaluationTexts(tuple(items), rejects, tuple(inputs))


def _read(source: Source, columns: ColumnMap) -> tuple[list[EvaluationItem], int]:
    items, unreadable = [], 0
    for row in read_rows(source, lambda record: True):
        text = _text(row.value, columns) if not row.fault and isinstance(row.value, Mapping) else None
        if text is None:
            unreadable += 1
        else:
            items.append(EvaluationItem(f"{source.name}:{row.line}", text))
    return items, unreadable


def _text(record: Mapping[str, Any], columns: ColumnMap) -> Text | None:
    for names in (columns, ColumnMap()):
        try:
            content = read_content(record, names)
        except Unreadable:
            continue
        return said(Example("", "", record, content.messages, content.text))
    prompt = next((record[name] for name in _PROMPTS if isinstance(record.get(name), str)), None)
    return None if prompt is None else Text(prompt.strip(), "")
