"""A selection as `select` wrote it: its manifest, its ranking cut by its budget, and the paths of its inputs.

The ranking file is cut again by the recorded budget, so that the same code decides again what is kept, and why the rest
is not.
"""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import ordinary_file
from dataselect.errors import ArtifactError, DataselectError
from dataselect.selection.budget import parse_budget
from dataselect.selection.inputs import InputPaths
from dataselect.selection.output import ranking_path
from dataselect.selection.quota import Quota
from dataselect.selection.ranked_pool import Cut, RankedPool, cut
from dataselect.selection.ranking_file import read_ranking
from dataselect.selection.reselecting import read_manifest
from dataselect.strategies.strings import Strings

DUPLICATES = ("duplicate", "near_duplicate", "semantic_duplicate")
"""Reasons of rows that repeat one which ranks higher."""

_NEAR = 5_000
"""Ids before and after an unknown one, in alphabetical order, among which similar ones are looked for."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A selection with every row of its pool.

    Attributes:
        path: The selection's file.
        ranked: The pool as it was ranked; rows are those of this pool, ascending by id.
        cut: What the budget keeps of it.
        rank: (n_pool,) from 1 in the final order; 0 where the row has none.
    """

    path: Path
    manifest: Mapping[str, Any]
    ranked: RankedPool
    cut: Cut
    rank: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ranked.ids)

    @property
    def ids(self) -> Strings:
        """(n_pool,) ids, ascending."""
        return self.ranked.ids

    @property
    def stages(self) -> Sequence[Mapping[str, Any]]:
        """The strategies, as the manifest describes them."""
        stages: Sequence[Mapping[str, Any]] = self.manifest["stages"]
        return stages

    @property
    def input_paths(self) -> InputPaths:
        """Paths of the inputs when the selection was made."""
        return InputPaths.recorded(self.manifest, self.path.parent)

    @property
    def kept(self) -> int:
        """Number of rows that are chosen."""
        return len(self.cut.rows)

    def reason(self, row: int) -> str:
        """Return why a row is not chosen; empty for a chosen one."""
        return self.cut.exclusions.names[int(self.cut.exclusions.codes[row])]

    def rows_with(self, *reasons: str) -> NDArray[np.bool_]:
        """(n_pool,) whether a row has one of these reasons."""
        codes = [code for code, name in enumerate(self.cut.exclusions.names) if name in reasons]
        return np.isin(self.cut.exclusions.codes, codes)

    def same_source(self, row: int) -> NDArray[np.bool_]:
        """(n_pool,) whether a row comes from the same file as `row`."""
        codes, _ = self.ranked.sources.encoded()
        same: NDArray[np.bool_] = codes == codes[row]
        return same

    def row(self, id_: str) -> int:
        """The row of an id.

        Raises:
            DataselectError: If the pool has no such id; the hint names similar ones.
        """
        found = int(self.ids.rows_of(Strings([id_]))[0])
        if found < 0:
            raise DataselectError(f"the pool of {self.path} has no row {id_!r}", self._similar(id_))
        return found

    def _similar(self, id_: str) -> str:
        at = bisect.bisect_left(self.ids, id_)
        around = list(self.ids[max(0, at - _NEAR) : at + _NEAR])
        near = difflib.get_close_matches(id_, around, n=3, cutoff=0.6)
        if near:
            return f"did you mean {' or '.join(map(repr, near))}?"
        shown = ", ".join(repr(one) for one in around[:3])
        return f"ids look like {shown}; each row of {self.path.name} has its own in _dataselect"


def open_selection(path: Path) -> Selected:
    """Read a selection's manifest and ranking.

    Raises:
        ArtifactError: If the file, its manifest or its ranking is missing, changed or no selection's.
    """
    if not ordinary_file(path).exists():
        raise ArtifactError(f"there is no selection {path}", "give the FILE.jsonl that dataselect select wrote")
    ranking = ranking_path(path)
    manifest = read_manifest(ranking)
    try:
        unit, complete = manifest["composition"]["length"]["unit"], manifest["ranking"]["complete"]
        ranked = read_ranking(ranking, complete, unit, Quota.recorded(manifest["quota"]))
        chosen = cut(ranked, parse_budget(manifest["budget_text"]))
    except (KeyError, TypeError) as error:
        raise ArtifactError(f"the manifest of {path} is malformed: {error!r}", "select again") from None
    rank = np.zeros(len(ranked.ids), np.int64)
    rank[ranked.order] = np.arange(1, len(ranked.order) + 1)
    return Selected(path, manifest, ranked, chosen, rank)
