"""Another budget for an existing ranking: nothing is scored, embedded, compared or ranked again.

FILE.ranking.parquet holds every row in its order, so that a budget only cuts it. The rest of the new manifest comes
from the manifest beside the ranking. A pool is only read to copy the chosen records; for a list of ids it is not
needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.artifacts import file_digest
from dataselect.errors import ArtifactError, UsageError
from dataselect.library_errors import user_errors
from dataselect.pool import ColumnMap, PoolReader
from dataselect.selection.budget import Budget, parse_budget
from dataselect.selection.inputs import InputPaths
from dataselect.selection.output import check_output, write_selection
from dataselect.selection.quota import Quota
from dataselect.selection.ranked_pool import RankedPool, cut
from dataselect.selection.ranking_file import read_ranking
from dataselect.selection.summary import SelectionCounts, SelectionSummary
from dataselect.stage.beside import manifest_path, read_manifest_beside

SUFFIX = ".ranking.parquet"
_BY_BUDGET = (
    "kind", "budget", "unit", "budget_text", "funnel", "counts", "composition", "overlap", "notes", "ranking", "file",
    "sha256", "environment",
)  # fmt: skip
_COUNTED_AGAIN = ("pool_rows", "kept", "kept_tokens", "ranked")
_AGAIN = "give a FILE.ranking.parquet with its FILE.manifest.json, or select again with --strategy"


@dataclass(frozen=True, slots=True)
class ReselectRequest:
    """Request of `reselect`: the ranking, the new budget, and the file to write.

    Attributes:
        pools: The pools that were ranked; none where `out` takes ids.
        ranking: FILE.ranking.parquet of an earlier selection.
        budget: `N`, `P%` or `Ntok`.
        out: The file to write: `.jsonl` for records, `.txt` or `.ids` for their ids.
        overwrite: Replace another file `out`.
    """

    pools: tuple[str, ...]
    ranking: Path
    budget: str
    out: Path
    overwrite: bool = False

    def __post_init__(self) -> None:
        checked(self)


@user_errors()
def reselect(request: ReselectRequest) -> SelectionSummary:
    """Cut a ranking by another budget and write what it keeps, as `select` does.

    Raises:
        UsageError: If the budget or `out` is not valid.
        DataselectError: If the ranking is missing or damaged, does not reach as far as the budget, or is not that of
            the pools.
    """
    budget = parse_budget(request.budget)
    check_output(request.out, request.pools, (), request.overwrite)
    manifest = read_manifest(request.ranking)
    ranked = _read_ranked(request.ranking, manifest, budget)
    reader = None
    if request.pools:
        reader = PoolReader(request.pools, ColumnMap(**manifest["columns"]), manifest["prefix_ids"])
        check_pool(reader, manifest)
    kept = cut(ranked, budget)
    read = {name: count for name, count in manifest["counts"].items() if name not in _COUNTED_AGAIN}
    about = {name: value for name, value in manifest.items() if name not in _BY_BUDGET}
    about["paths"] = _input_paths(request, manifest).described(request.out.parent)
    return write_selection(
        request.out, reader, budget, ranked, kept, SelectionCounts.of(ranked, kept, **read), about, request.overwrite
    )


def _input_paths(request: ReselectRequest, manifest: Mapping[str, Any]) -> InputPaths:
    """Return the pools as typed now, and the other inputs as they were recorded."""
    paths = InputPaths.recorded(manifest, request.ranking.parent)
    return replace(paths, pools=InputPaths.typed(request.pools).pools) if request.pools else paths


def read_manifest(ranking: Path) -> dict[str, Any]:
    """Read the manifest beside a ranking.

    Raises:
        ArtifactError: If either is missing, or they do not belong together.
    """
    if not ranking.name.endswith(SUFFIX) or not ranking.is_file():
        fault = "is not a ranking" if ranking.exists() else "does not exist"
        raise ArtifactError(f"{ranking} {fault}", _AGAIN)
    beside = ranking.with_name(ranking.name.removesuffix(SUFFIX) + ".jsonl")
    path, manifest = manifest_path(beside), read_manifest_beside(beside)
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
