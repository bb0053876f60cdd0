"""Selection inputs: score tables, embeddings, target texts and evaluation sets, read once, and where they were.

The manifest names inputs by digest, which says what they were but not where. Their paths stand beside that, relative to
the folder of the manifest, so that `dataselect explain` finds them again: a folder that holds a pool, its scores and
its selections can be moved as a whole, and no path names a home directory without need. Standard input and hub names
have no path.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest
from dataselect.errors import PoolError
from dataselect.pool import ColumnMap
from dataselect.pool.reader import TargetFile, target_files
from dataselect.records import Reject
from dataselect.selection.contamination import EvaluationTexts, read_evaluation_texts
from dataselect.selection.pool_index import text_of_example
from dataselect.selection.score_tables import RESPONSE_TOKENS, TOTAL_TOKENS, ScoreTable, read_table
from dataselect.selection.vectors import Vectors, read_embedded, read_vectors
from dataselect.strategies import Needs, Text


@dataclass(frozen=True, slots=True)
class SelectionInputs:
    """The inputs of a selection besides its pools.

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


def read_inputs(
    needs: Needs,
    *,
    scores: Sequence[Path],
    embeddings: Path | None,
    targets: Sequence[str],
    decontaminate: Sequence[str],
    columns: ColumnMap,
    text_columns: Collection[str] = (),
) -> SelectionInputs:
    """Read the inputs that are needed.

    Args:
        needs: Of all strategies and filters together.
        decontaminate: Files of evaluation sets.
        columns: Column map of the pools.
        text_columns: Columns of tables that may hold texts.

    Raises:
        DataselectError: If an input is missing, unfinished, damaged, or of the wrong kind.
    """
    wanted = wanted_columns(needs)
    tables = [read_table(path, wanted, text_columns) for path in scores]
    vectors = None
    if embeddings is not None:
        tables.append(read_embedded(embeddings, wanted, text_columns))
        if needs.vectors or needs.targets:
            vectors = read_vectors(embeddings, needs.targets)
    return SelectionInputs(
        tables,
        vectors,
        read_target_texts(targets, columns) if needs.target_texts else None,
        read_evaluation_texts(decontaminate, columns) if decontaminate else None,
    )


def wanted_columns(needs: Needs) -> tuple[str, ...]:
    """Return the columns to read where a table has them: those needed, the response length, and the tokens to count."""
    return (*needs.columns, RESPONSE_TOKENS, TOTAL_TOKENS)


def recorded_inputs(inputs: SelectionInputs, needs: Needs) -> list[dict[str, Any]]:
    """Return role, name and sha256 of every file that was read, for the manifest."""
    found: list[dict[str, Any]] = [
        {"role": "scores", "source": table.name, "sha256": table.sha256} for table in inputs.tables
    ]
    for one in (inputs.vectors, inputs.targets, inputs.evaluation):
        found += one.inputs if one is not None else []
    if needs.selection is not None:
        found.append({"role": "match", "source": str(needs.selection), "sha256": file_digest(needs.selection)})
    return found


@dataclass(frozen=True, slots=True)
class TargetTexts:
    """The texts of a target set, for strategies that compare words.

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
        read, unreadable = _read_targets(file)
        texts += read
        tasks += [file.name] * len(read)
        rejects += unreadable
        inputs += [{"role": "target", **entry} for entry in file.reader.inputs]
    return TargetTexts(tuple(texts), tuple(tasks), rejects, tuple(inputs))


def _read_targets(file: TargetFile) -> tuple[list[Text], int]:
    items = list(file.reader)
    texts = [text_of_example(item) for item in items if not isinstance(item, Reject)]
    if not texts:
        raise PoolError(
            f"the target {file.name} should hold examples, got {len(items):,} unreadable records",
            "check the file and the column options",
        )
    return texts, len(items) - len(texts)


@dataclass(frozen=True, slots=True)
class InputPaths:
    """Absolute paths of the inputs of a selection.

    Attributes:
        pools: In the order in which they were given; None for one that is no file or folder.
        scores: Score tables.
        embeddings: The folder of embeddings; None where none was given.
        targets: Files of the target set, as the pools.
        evaluation: Evaluation sets of decontamination, as the pools.
    """

    pools: tuple[Path | None, ...] = ()
    scores: tuple[Path, ...] = ()
    embeddings: Path | None = None
    targets: tuple[Path | None, ...] = ()
    evaluation: tuple[Path | None, ...] = ()

    @classmethod
    def typed(
        cls,
        pools: Sequence[str],
        scores: Sequence[Path] = (),
        embeddings: Path | None = None,
        targets: Sequence[str] = (),
        evaluation: Sequence[str] = (),
    ) -> InputPaths:
        """Make absolute what a user typed, in the folder where the command runs."""
        files = (_existing(pools), _existing(targets), _existing(evaluation))
        folder = None if embeddings is None else _absolute(embeddings)
        return cls(files[0], tuple(map(_absolute, scores)), folder, *files[1:])

    @classmethod
    def recorded(cls, manifest: Mapping[str, Any], folder: Path) -> InputPaths:
        """Read the paths from a manifest in `folder`; none where it records none."""
        paths = manifest.get("paths") or {}

        def found(name: str) -> tuple[Path | None, ...]:
            return tuple(_resolved(folder, path) for path in paths.get(name, ()))

        scores = tuple(path for path in found("scores") if path is not None)
        embeddings = _resolved(folder, paths.get("embeddings"))
        return cls(found("pools"), scores, embeddings, found("targets"), found("evaluation"))

    def described(self, folder: Path) -> dict[str, Any]:
        """Return the paths as a manifest in `folder` records them."""
        return {
            "pools": [_relative(folder, path) for path in self.pools],
            "scores": [_relative(folder, path) for path in self.scores],
            "embeddings": _relative(folder, self.embeddings),
            "targets": [_relative(folder, path) for path in self.targets],
            "evaluation": [_relative(folder, path) for path in self.evaluation],
        }


def _existing(typed: Sequence[str]) -> tuple[Path | None, ...]:
    return tuple(_absolute(Path(one)) if Path(one).exists() else None for one in typed)


def _absolute(path: Path) -> Path:
    """Resolve the links of the path's folder, but not its own: the file that it links to may have another suffix."""
    whole = Path(os.path.abspath(path))
    return Path(os.path.realpath(whole.parent), whole.name)


def _relative(folder: Path, path: Path | None) -> str | None:
    return None if path is None else os.path.relpath(path, os.path.realpath(folder))


def _resolved(folder: Path, path: str | None) -> Path | None:
    return None if path is None else Path(os.path.normpath(os.path.join(os.path.realpath(folder), path)))
