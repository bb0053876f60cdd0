"""Another budget for a ranking that is there already: nothing is scored, embedded, compared or ranked again.

FILE.ranking.parquet holds every row in its order, so that a budget is a look at it. What else the new manifest says
comes from the manifest beside the ranking. A pool is only read to copy the chosen records; for a list of ids it is not
needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest, read_json
from dataselect.errors import ArtifactError, UsageError
from dataselect.pool import ColumnMap, PoolReader
from dataselect.selection.budget import Budget, parse_budget
from dataselect.selection.output import write_selection
from dataselect.selection.quota import Quota
from dataselect.selection.ranked_pool import RankedPool, cut
from dataselect.selection.ranking_file import read_ranking
from dataselect.selection.summary import Counts, ReadCounts, SelectionSummary
from dataselect.selection.target import IDS, KIND, check_target
from dataselect.selection.whereabouts import Whereabouts

SUFFIX = ".ranking.parquet"
_BY_BUDGET = (
    "kind", "budget", "unit", "budget_text", "funnel", "counts", "composition", "notes", "ranking", "file", "sha256",
    "environment",
)  # fmt: skip
_AGAIN = "give a FILE.ranking.parquet with its FILE.manifest.json, or select again with --strategy"


@dataclass(frozen=True, slots=True)
class ReselectRequest:
    """What to select from a ranking, into what.

    Attributes:
        pools: The pools that were ranked; none where `out` takes ids.
        ranking: FILE.ranking.parquet of an earlier selection.
        budget: `N`, `P%` or `Ntok`.
        out: The file to write: `.jsonl` for records, `.txt` or `.ids` for their ids.
    """

    pools: tuple[str, ...]
    ranking: Path
    budget: str
    out: Path


def reselect(request: ReselectRequest) -> SelectionSummary:
    """Cut a ranking by another budget and write what it keeps, as `select` does.

    Raises:
        UsageError: If the budget or `out` is not valid.
        DataselectError: If the ranking is missing or damaged, does not reach as far as the budget, or is not that of
            the pools.
    """
    budget = parse_budget(request.budget)
    if not request.pools and request.out.suffix not in IDS:
        raise UsageError(f"{request.out} takes records, and no POOL is given", f"give POOL, or --out FILE{IDS[0]}")
    check_target(request.out, [Path(pool) for pool in request.pools if pool != "-"])
    manifest = read_manifest(request.ranking)
    ranked = _read_ranked(request.ranking, manifest, budget)
    reader = None
    if request.pools:
        reader = PoolReader(request.pools, ColumnMap(**manifest["columns"]), manifest["prefix_ids"])
        check_pool(reader, manifest)
    chosen = cut(ranked, budget)
    read = ReadCounts(**{field.name: manifest["counts"][field.name] for field in fields(ReadCounts)})
    counts = Counts.of(ranked, chosen, read)
    about = {name: value for name, value in manifest.items() if name not in _BY_BUDGET}
    about["paths"] = _whereabouts(request, manifest).described(request.out.parent)
    return write_selection(request.out, reader, budget, ranked, chosen, counts, about)


def _whereabouts(request: ReselectRequest, manifest: Mapping[str, Any]) -> Whereabouts:
    """Where the inputs are: the pools as given now, the rest as it was recorded."""
    where = Whereabouts.recorded(manifest, request.ranking.parent)
    return replace(where, pools=Whereabouts.given(request.pools, (), None).pools) if request.pools else where


def read_manifest(ranking: Path) -> dict[str, Any]:
    """The manifest beside a ranking.

    Raises:
        ArtifactError: If either is missing, or they do not belong together.
    """
    if not ranking.name.endswith(SUFFIX) or not ranking.is_file():
        fault = "is no ranking" if ranking.exists() else "does not exist"
        raise ArtifactError(f"{ranking} {fault}", _AGAIN)
    path = ranking.with_name(ranking.name.removesuffix(SUFFIX) + ".manifest.json")
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND or "ranking" not in manifest:
        raise ArtifactError(f"{path} is not the manifest of a selection with a ranking", _AGAIN)
    if manifest["ranking"]["sha256"] != file_digest(ranking):
        raise ArtifactError(f"{ranking} is not the file that {path} describes: it was changed", _AGAIN)
    return manifest


def _read_ranked(ranking: Path, manifest: Mapping[str, Any], budget: Budget) -> RankedPool:
    quota = Quota.recorded(manifest["quota"])
    if quota is not None and manifest["unit"] != budget.unit:
        raise UsageError(
            f"the quotas of {ranking} count {manifest['unit']}, and the budget {budget.text} does not",
            "select again with --strategy and --quota",
        )
    return read_ranking(ranking, manifest["ranking"]["complete"], manifest["composition"]["length"]["unit"], quota)


def check_pool(reader: PoolReader, manifest: Mapping[str, Any]) -> None:
    """Refuse pools of other content than those that were ranked."""
    ranked = sorted(one["sha256"] for one in manifest["inputs"] if one["role"] == "pool")
    given = sorted(one["sha256"] for one in reader.inputs)
    if ranked and ranked != given:
        raise ArtifactError("the pools are not those that were ranked: their content differs", "give the same POOL")
