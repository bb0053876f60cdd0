"""The selections of an experiment as records: which ids, in which order, with which scores.

Only what statistics need is kept; the texts stay in the files and are read again for the few examples that are shown
(`excerpts`). A selection without its manifest is unfinished and an error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import ordinary_file
from dataselect.comparison.controls import full_name
from dataselect.errors import ArtifactError
from dataselect.library_errors import user_errors
from dataselect.pool import ColumnMap
from dataselect.stage.beside import check_beside, manifest_path, read_manifest_beside

_AGAIN = "make it again with dataselect select"


@dataclass(frozen=True, slots=True)
class SelectionRecord:
    """One selection file.

    Attributes:
        strategy: As in the comparison's rows: a length-matched control carries the strategy that it controls.
        columns: The column map that the pool was read with.
        ids: Ids, best first.
        scores: What the strategy ranked by, aligned with `ids`; None where it has no score.
        kinds: The records' own `kind`, aligned with `ids`; None where a record has none.
    """

    strategy: str
    budget: int
    unit: str
    seed: int
    path: Path
    columns: ColumnMap
    ids: tuple[str, ...]
    scores: tuple[float | None, ...]
    kinds: tuple[str | None, ...]


def read_selections(folder: Path) -> list[SelectionRecord]:
    """All selections of a folder, by strategy, unit, budget and seed.

    Raises:
        ArtifactError: If one is unfinished or malformed.
    """
    found = [read_selection(path) for path in sorted(folder.glob("*.jsonl"))]
    return sorted(found, key=lambda s: (s.strategy, s.unit, s.budget, s.seed))


def first_seeds(selections: Sequence[SelectionRecord]) -> list[SelectionRecord]:
    """Of every strategy at every budget, the selection of the lowest seed."""
    first: dict[tuple[str, int, str], SelectionRecord] = {}
    for selection in sorted(selections, key=lambda s: s.seed):
        first.setdefault((selection.strategy, selection.budget, selection.unit), selection)
    return [s for s in selections if first[s.strategy, s.budget, s.unit] is s]


def read_selection(path: Path) -> SelectionRecord:
    """Read one selection file and its manifest.

    Raises:
        ArtifactError: If the manifest is missing, or either is malformed.
    """
    manifest = read_manifest_beside(path)
    check_beside(path, manifest)
    try:
        strategy = full_name(manifest, path.parent)
        budget, unit, seed = int(manifest["budget"]), str(manifest["unit"]), int(manifest["seed"])
        columns = ColumnMap(**(manifest.get("columns") or {}))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{manifest_path(path)} is malformed: {error!r}", _AGAIN) from None
    rows = _rows(path)
    ids, scores, kinds = zip(*rows, strict=True) if rows else ((), (), ())
    return SelectionRecord(
        strategy=strategy, budget=budget, unit=unit, seed=seed, path=path, columns=columns,
        ids=ids, scores=scores, kinds=kinds,
    )  # fmt: skip


def _rows(path: Path) -> list[tuple[str, float | None, str | None]]:
    rows: list[tuple[str, float | None, str | None]] = []
    with user_errors(f"cannot read {path}"), ordinary_file(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record: dict[str, Any] = json.loads(line)
                mark = record["_dataselect"]
                score = mark.get("score")
                rows.append((str(mark["id"]), None if score is None else float(score), kind_of(record)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ArtifactError(f"{path}, line {number}: not a row of a selection: {error!r}", _AGAIN) from None
    return rows


def kind_of(record: Any) -> str | None:  # noqa: ANN401 - JSON
    """The record's own `kind`, which quickstart pools and many others carry; None without one."""
    kind = record.get("kind")
    return kind if isinstance(kind, str) and kind else None
