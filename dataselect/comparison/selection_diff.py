"""The difference of two selections: what they share, and the rows that only one of them chose.

    Jaccard    rows in both / rows in either
    by chance  k_a * k_b / N rows in both are expected of two random draws of these sizes from N rows (hypergeometric)
    rank correlation over the rows in both: Spearman's rho and Kendall's tau-b of their ranks

The distinctive rows of A are those that A ranks highest and B has not chosen, with their rank in B where it has one.
Lengths and sources come from the ranking files of the selections, which hold every row of the pool.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import file_digest, read_parquet
from dataselect.errors import ArtifactError
from dataselect.library_errors import user_errors
from dataselect.stage.beside import check_beside, read_manifest_beside

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MADE_BY = ("strategy", "params", "seed", "budget_text", "length_control", "filters", "quota")
"""Entries of the manifests that describe how a selection was made."""


@dataclass(frozen=True, slots=True)
class RankedRows:
    """One selection, with every row of its pool.

    Attributes:
        ids: (n,) of the pool, ascending.
        rank: (n,) from 1; 0 where the row is not ranked.
        length: (n,) of the response in `length_unit`, NaN where unknown.
        chosen: (n,) bool.
        reasons: (n,) "" for chosen rows, else why not.
        made: How it was made.
        inputs: sha256 of its pools.
    """

    path: Path
    ids: NDArray[np.str_]
    sources: NDArray[np.str_]
    rank: NDArray[np.int64]
    length: NDArray[np.float64]
    length_unit: str
    chosen: NDArray[np.bool_]
    reasons: NDArray[np.str_]
    made: dict[str, Any]
    inputs: frozenset[str]


@dataclass(frozen=True, slots=True)
class DistinctiveRow:
    """A row that one selection chose and the other did not."""

    id: str
    rank: int
    rank_there: int | None
    reason_there: str


@dataclass(frozen=True, slots=True)
class Side:
    """One selection in numbers.

    Attributes:
        sources: Rows per source.
        length: Quantiles of the response length, see `QUANTILES`; None where no length is known.
        telling: Its distinctive rows: the best that the other has not chosen.
    """

    name: str
    rows: int
    only_here: int
    sources: dict[str, int]
    length: tuple[float, ...] | None
    telling: tuple[DistinctiveRow, ...]


@dataclass(frozen=True, slots=True)
class SelectionDifference:
    """Two selections side by side.

    Attributes:
        by_chance: Rows in both expected of two random draws; None where the pools differ.
        spearman: Over the rows in both; None for fewer than three.
        kendall: The same, tau-b.
        made: What differs in how they were made: entry -> (here, there).
    """

    both: int
    jaccard: float
    by_chance: float | None
    spearman: float | None
    kendall: float | None
    length_unit: str
    made: dict[str, tuple[Any, Any]]
    a: Side
    b: Side


@user_errors()
def read_ranked(path: Path) -> RankedRows:
    """Read a selection's manifest and ranking file.

    Raises:
        ArtifactError: If one is missing or malformed.
    """
    ranking = path.with_suffix(".ranking.parquet")
    manifest = read_manifest_beside(path)
    check_beside(path, manifest)
    if not ranking.exists() or file_digest(ranking) != manifest["ranking"]["sha256"]:
        what = "was changed since" if ranking.exists() else "is missing beside"
        raise ArtifactError(f"{ranking.name} {what} {path}", "make the selection again")
    try:
        table = read_parquet(ranking, ["id", "source", "rank", "length", "reason"])
        rank = table["rank"].fill_null(0).to_numpy().astype(np.int64)
        reasons = np.asarray(table["reason"].to_pylist(), np.str_)
        return RankedRows(
            path=path,
            ids=np.asarray(table["id"].to_pylist(), np.str_),
            sources=np.asarray(table["source"].to_pylist(), np.str_),
            rank=rank,
            length=table["length"].to_numpy().astype(np.float64),
            length_unit=manifest["composition"]["length"]["unit"],
            chosen=(reasons == "") & (rank > 0),
            reasons=reasons,
            made={key: manifest.get(key) for key in _MADE_BY},
            inputs=frozenset(one["sha256"] for one in manifest["inputs"] if one.get("role") == "pool"),
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ArtifactError(f"{path} is no selection that can be read: {error!r}", "make it again") from None


def difference(a: RankedRows, b: RankedRows, distinctive: int = 5) -> SelectionDifference:
    """Compare two selections.

    Args:
        distinctive: Number of distinctive rows of each.
    """
    rank_a, rank_b = (
        dict(zip(one.ids[one.chosen].tolist(), one.rank[one.chosen].tolist(), strict=True)) for one in (a, b)
    )
    both = sorted(rank_a.keys() & rank_b.keys())
    either = len(rank_a.keys() | rank_b.keys())
    same_pool = a.inputs == b.inputs and len(a.ids) == len(b.ids)
    rho, tau = _correlations([rank_a[id_] for id_ in both], [rank_b[id_] for id_ in both])
    return SelectionDifference(
        both=len(both),
        jaccard=len(both) / either if either else 1.0,
        by_chance=len(rank_a) * len(rank_b) / len(a.ids) if same_pool else None,
        spearman=rho,
        kendall=tau,
        length_unit=a.length_unit if a.length_unit == b.length_unit else f"{a.length_unit} and {b.length_unit}",
        made={key: (a.made[key], b.made[key]) for key in _MADE_BY if a.made[key] != b.made[key]},
        a=_side(a, rank_a, b, distinctive),
        b=_side(b, rank_b, a, distinctive),
    )


def _correlations(a: list[int], b: list[int]) -> tuple[float | None, float | None]:
    if len(a) < 3:
        return None, None
    from scipy.stats import kendalltau, spearmanr

    return float(spearmanr(a, b).statistic), float(kendalltau(a, b).statistic)


def _side(mine: RankedRows, ranks: dict[str, int], theirs: RankedRows, distinctive: int) -> Side:
    row_of = {id_: row for row, id_ in enumerate(theirs.ids.tolist())}
    chosen_there = set(theirs.ids[theirs.chosen].tolist())
    only = sorted((rank, id_) for id_, rank in ranks.items() if id_ not in chosen_there)
    shown = []
    for rank, id_ in only[:distinctive]:
        rank_there, reason = None, "not in that pool"
        if (row := row_of.get(id_)) is not None:
            rank_there, reason = int(theirs.rank[row]) or None, str(theirs.reasons[row])
        shown.append(DistinctiveRow(id_, rank, rank_there, reason))
    known = mine.length[mine.chosen & np.isfinite(mine.length)]
    return Side(
        name=mine.path.stem,
        rows=len(ranks),
        only_here=len(only),
        sources=dict(sorted(Counter(mine.sources[mine.chosen].tolist()).items())),
        length=tuple(np.quantile(known, QUANTILES).tolist()) if len(known) else None,
        telling=tuple(shown),
    )
