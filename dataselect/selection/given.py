"""What a selecting run is given besides its pools: tables, embeddings, targets and evaluation sets, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest
from dataselect.pool import ColumnMap
from dataselect.selection.evaluation_texts import EvaluationTexts, read_evaluation_texts
from dataselect.selection.requirements import wanted_columns
from dataselect.selection.tables import ScoreTable, read_table
from dataselect.selection.target_texts import TargetTexts, read_target_texts
from dataselect.selection.vectors import Vectors, read_embedded, read_vectors
from dataselect.strategies import Needs


@dataclass(frozen=True, slots=True)
class Given:
    """What was given.

    Attributes:
        tables: Score tables, the rows of an embedding folder last.
        vectors: Where something needs vectors or embedded targets.
        targets: Where a strategy needs target texts.
        evaluation: The evaluation sets of decontamination.
    """

    tables: Sequence[ScoreTable]
    vectors: Vectors | None = None
    targets: TargetTexts | None = None
    evaluation: EvaluationTexts | None = None


def read_given(
    needs: Needs,
    scores: Sequence[Path],
    embeddings: Path | None,
    targets: Sequence[str],
    decontaminate: Sequence[str],
    columns: ColumnMap,
) -> Given:
    """Read what is needed of what was given.

    Args:
        needs: Of all strategies and filters together.
        decontaminate: Files of evaluation sets.
        columns: Column map of the pools.

    Raises:
        DataselectError: If something is missing, unfinished, damaged, or not what it should be.
    """
    wanted = wanted_columns(needs)
    tables = [read_table(path, wanted) for path in scores]
    vectors = None
    if embeddings is not None:
        tables.append(read_embedded(embeddings, wanted))
        if needs.vectors or needs.targets:
            vectors = read_vectors(embeddings, needs.targets)
    return Given(
        tables,
        vectors,
        read_target_texts(targets, columns) if needs.target_texts else None,
        read_evaluation_texts(decontaminate, columns) if decontaminate else None,
    )


def inputs_of(given: Given, needs: Needs) -> list[dict[str, Any]]:
    """Role, name and sha256 of every file that was read, for the manifest."""
    found: list[dict[str, Any]] = [
        {"role": "scores", "source": table.name, "sha256": table.sha256} for table in given.tables
    ]
    for one in (given.vectors, given.targets, given.evaluation):
        found += one.inputs if one is not None else []
    if needs.selection is not None:
        found.append({"role": "match", "source": str(needs.selection), "sha256": file_digest(needs.selection)})
    return found
