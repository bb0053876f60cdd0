"""Read the target set as text, for strategies that compare words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataselect.errors import PoolError
from dataselect.pool import ColumnMap
from dataselect.pool.targets import TargetFile, target_files
from dataselect.records import Reject
from dataselect.selection.survey import said
from dataselect.strategies import Text


@dataclass(frozen=True, slots=True)
class TargetTexts:
    """What the targets say.

    Attributes:
        texts: (t,) texts, file after file.
        tasks: (t,) the file that each came from.
        rejects: Records of the files that could not be read.
        inputs: Name and sha256 of each file.
    """

    texts: tuple[Text, ...]
    tasks: tuple[str, ...]
    rejects: int
    inputs: tuple[dict[str, Any], ...]


def read_target_texts(targets: Sequence[str], columns: ColumnMap) -> TargetTexts:
    """Read all target files.

    Raises:
        PoolError: If one is missing, of no known format, given twice, or holds no readable example.
    """
    texts: list[Text] = []
    tasks: list[str] = []
    rejects = 0
    inputs: list[dict[str, Any]] = []
    for file in target_files(targets, columns):
        read, unreadable = _read(file)
        texts += read
        tasks += [file.name] * len(read)
        rejects += unreadable
        inputs += [{"role": "target", **entry} for entry in file.reader.inputs]
    return TargetTexts(tuple(texts), tuple(tasks), rejects, tuple(inputs))


def _read(file: TargetFile) -> tuple[list[Text], int]:
    items = list(file.reader)
    texts = [said(item) for item in items if not isinstance(item, Reject)]
    if not texts:
        raise PoolError(
            f"the target {file.name} should hold examples, got {len(items):,} unreadable records",
            "check the file and the column options",
        )
    return texts, len(items) - len(texts)
