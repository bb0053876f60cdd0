"""What two selections have in common, and which rows tell them apart.

    Jaccard    rows in both / rows in either
    by chance  k_a * k_b / N rows in both are expected of two random draws of these sizes from N rows (hypergeometric)
    rank correlation over the rows in both: Spearman's rho and Kendall's tau-b of their ranks

A row tells A from B when A ranks it high and B has not chosen it; where B ranked it without choosing it, its rank there
is told. Lengths and sources come from the ranking files beside the selections, in which every row of the pool stands.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import read_json
from dataselect.errors import ArtifactError

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SAID = ("strategy", "params", "seed", "budget_text", "length_control", "filters", "quota")
"""Entries of the manifests that say how a selection was made."""


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
class Telling:
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
        telling: Its best rows that the other has not chosen.
    """

    name: str
    rows: int
    only_here: int
    sources: dict[str, int]
    length: tuple[float, ...] | None
    telling: tuple[Telling, ...]


@dataclass(frozen=True, slots=True)
class Difference:
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


def read_ranked(path: Path) -> RankedRows:
    """Read a selection's manifest and ranking file.

    Raises:
        ArtifactError: If one is missing or malformed.
    """
    import pyarrow.parquet as pq

    ranking = path.with_suffix(".ranking.parquet")
    manifest = read_json(path.with_suffix(".manifest.json"))
    if not ranking.exists():
        raise ArtifactError(f"{ranking.name} is missing beside {path}", "make the selection again")
    try:
        table = pq.read_table(ranking, columns=["id", "source", "rank", "length", "reason"])
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
            made={key: manifest.get(key) for key in _SAID},
            inputs=frozenset(one["sha256"] for one in manifest["inputs"] if one.get("role") == "pool"),
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ArtifactError(f"{path} is no selection that can be read: {error!r}", "make it again") from None


def difference(a: RankedRows, b: RankedRows, telling: int = 5) -> Difference:
    """Compare two selections.

    Args:
        telling: Rows of each that tell it from the other.
    """
    rank_a, rank_b = _chosen_ranks(a), _chosen_ranks(b)
    both = sorted(rank_a.keys() & rank_b.keys())
    either = len(rank_a.keys() | rank_b.keys())
    same_pool = a.inputs == b.inputs and len(a.ids) == len(b.ids)
    rho, tau = _correlations([rank_a[id_] for id_ in both], [rank_b[id_] for id_ in both])
    return Difference(
        both=len(both),
        jaccard=len(both) / either if either else 1.0,
        by_chance=len(rank_a) * len(rank_b) / len(a.ids) if same_pool else None,
        spearman=rho,
        kendall=tau,
        length_unit=a.length_unit if a.length_unit == b.length_unit else f"{a.length_unit} and {b.length_unit}",
        made={key: (a.made[key], b.made[key]) for key in _SAID if a.made[key] != b.made[key]},
        a=_side(a, rank_a, b, telling),
        b=_side(b, rank_b, a, telling),
    )


def _chosen_ranks(rows: RankedRows) -> dict[str, int]:
    return dict(zip(rows.ids[rows.chosen].tolist(), rows.rank[rows.chosen].tolist(), strict=True))


def _correlations(a: list[int], b: list[int]) -> tuple[float | None, float | None]:
    if len(a) < 3:
        return None, None
    from scipy.stats import kendalltau, spearmanr

    return float(spearmanr(a, b).statistic), float(kendalltau(a, b).statistic)


def _side(mine: RankedRows, ranks: dict[str, int], theirs: RankedRows, telling: int) -> Side:
    there = {id_: i for i, id_ in enumerate(theirs.ids.tolist())}
    chosen_there = set(theirs.ids[theirs.chosen].tolist())
    only = sorted((rank, id_) for id_, rank in ranks.items() if id_ not in chosen_there)
    known = mine.length[mine.chosen & np.isfinite(mine.length)]
    return Side(
        name=mine.path.stem,
        rows=len(ranks),
        only_here=len(only),
        sources=dict(sorted(Counter(mine.sources[mine.chosen].tolist()).items())),
        length=tuple(np.quantile(known, QUANTILES).tolist()) if len(known) else None,
        telling=tuple(_telling(rank, id_, theirs, there.get(id_)) for rank, id_ in only[:telling]),
    )


def _telling(rank: int, id_: str, theirs: RankedRows, row: int | None) -> Telling:
    if row is None:
        return Telling(id_, rank, None, "not in that pool")
    return Telling(id_, rank, int(theirs.rank[row]) or None, str(theirs.reasons[row]))
