"""From a selection file to the response lengths of its rows, in rank order, for strategies that follow them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.errors import ArtifactError
from dataselect.selection.tables import ScoreTable

RESPONSE_TOKENS = "response_tokens"


def matched_lengths(path: Path, tables: Sequence[ScoreTable]) -> NDArray[np.float64]:
    """Response tokens of each row of the selection `path`, best first.

    Returns:
        (n_selected,) float64.

    Raises:
        ArtifactError: If the file is not a selection, or the tables have no length for one of its rows.
    """
    ids = selected_ids(path)
    wanted = set(ids)
    lengths: dict[str, float] = {}
    for table in tables:
        for id_, value in zip(table.ids, table.columns.get(RESPONSE_TOKENS, ()), strict=False):
            if id_ in wanted and not np.isnan(value):
                lengths[id_] = float(value)
    missing = [id_ for id_ in ids if id_ not in lengths]
    if missing:
        raise ArtifactError(
            f"{len(missing):,} of {len(ids):,} rows of {path} have no {RESPONSE_TOKENS} in the score tables, "
            f"the first being {missing[0]!r}",
            "give the --scores of its pool, and make it with --scores too, so that it holds scored rows only",
        )
    return np.array([lengths[id_] for id_ in ids])


def selected_ids(path: Path) -> list[str]:
    """The ids of a selection file, in rank order.

    Raises:
        ArtifactError: If the file cannot be read, is empty, or a line is not a selected record.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"cannot read the selection {path}: {error}", "check --param match=FILE.jsonl") from None
    ranked = sorted(_place(path, number, line) for number, line in enumerate(lines, 1))
    if not ranked:
        raise ArtifactError(f"the selection {path} is empty", "give one with at least one row")
    return [id_ for _, id_ in ranked]


def _place(path: Path, number: int, line: str) -> tuple[int, str]:
    try:
        note = json.loads(line)["_dataselect"]
        return int(note["rank"]), str(note["id"])
    except (ValueError, KeyError, TypeError):
        raise ArtifactError(
            f"line {number} of {path} is not a selected record: it has no _dataselect with id and rank",
            "give a file that `dataselect select` wrote",
        ) from None
