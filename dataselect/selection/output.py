"""The output of a selection: FILE.jsonl (records) or FILE.txt (ids), FILE.ranking.parquet and FILE.manifest.json.

An existing file is replaced only with `overwrite`, and of the two beside it only those of an earlier selection. The
manifest is written last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataselect.artifacts import canonical_json, file_digest, move_into_place, temporary_folder
from dataselect.errors import ArtifactError, UsageError
from dataselect.pool import PoolReader
from dataselect.selection.budget import Budget
from dataselect.selection.ranked_pool import Cut, RankedPool
from dataselect.selection.ranking_file import write_ranking
from dataselect.selection.selection_file import IDS, RECORDS, shared_rows, write_ids, write_records
from dataselect.selection.summary import SelectionComposition, SelectionCounts, SelectionSummary, composition
from dataselect.stage import provenance
from dataselect.stage.beside import check_beside, manifest_path, read_manifest_beside, without_places, write_manifest
from dataselect.stage.fingerprints import differences, listed

_RESULTS = ("composition", "counts", "funnel", "notes", "ranking", "sha256")


def ranking_path(out: Path) -> Path:
    """Return FILE.ranking.parquet beside FILE.jsonl."""
    return out.with_suffix(".ranking.parquet")


def check_output(out: Path, pools: Sequence[str], inputs: Iterable[Path], overwrite: bool) -> None:
    """Refuse an `out` that does not fit the pools, or to write over anything that may not be replaced.

    Args:
        pools: The pools that are read; `-` is standard input.
        inputs: The other files that are read.
        overwrite: Replace `out`, and an earlier selection's files beside it.

    Raises:
        UsageError: If `out` is no `.jsonl`, `.txt` or `.ids` file, takes records of no pool, or is an input, or a file
            beside it is one.
        ArtifactError: If another file or folder is at one of the three paths.
    """
    if not pools and out.suffix not in IDS:
        raise UsageError(
            f"--out {out} needs the records of a POOL, and none is given", f"give POOL, or --out FILE{IDS[0]}"
        )
    if out.suffix not in (RECORDS, *IDS) or out.stem.startswith("."):
        raise UsageError(f"--out should be a file that ends in .jsonl, or for ids in .txt or .ids, got {out}")
    written = (out, manifest_path(out), ranking_path(out))
    read = {path.resolve() for path in (*(Path(pool) for pool in pools if pool != "-"), *inputs)}
    for path in written:
        if path.resolve() in read:
            raise UsageError(f"--out is also an input: {path}", "choose another --out")
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir():
        raise ArtifactError(f"{above} is a file, but a folder is needed for {out.name}", "choose another --out")
    for path in written:
        if path.is_dir():
            raise ArtifactError(f"{path} is a folder", "choose another --out")
    if existing := [path for path in written if path.exists()]:
        _check_replaceable(out, existing, overwrite)


def _check_replaceable(out: Path, existing: Sequence[Path], overwrite: bool) -> None:
    described = _described_file(out)
    if described is None and not overwrite:
        raise ArtifactError(
            f"{existing[0]} exists and has no selection manifest next to it",
            "choose another --out, or add --overwrite",
        )
    if described is None and existing != [out]:
        raise ArtifactError(f"{existing[-1]} was not written by dataselect select", "choose another --out, or move it")
    if described is not None and described != out.name:
        raise ArtifactError(
            f"{manifest_path(out)} is the manifest of {out.with_name(described)}", "choose another --out"
        )


def _described_file(out: Path) -> str | None:
    """Return the name of the file that the manifest beside `out` describes; None if it is missing or damaged."""
    try:
        return str(read_manifest_beside(out)["file"])
    except ArtifactError:
        return None


def write_selection(
    out: Path,
    reader: PoolReader | None,
    budget: Budget,
    ranked: RankedPool,
    cut: Cut,
    counts: SelectionCounts,
    about: Mapping[str, Any],
    overwrite: bool,
    scratch: Path | None = None,
) -> SelectionSummary:
    """Write the chosen records or ids, the ranking beside them, and the manifest of both.

    Args:
        reader: The pool; needed for records only.
        about: What the manifest records that does not depend on the budget.
        overwrite: Replace another selection; the same one is left as it is.
        scratch: The folder for files that are being written, on the file system of `out`; None for that of `out`.

    Raises:
        PoolError: If a chosen record is gone, or an id of a list holds a line break.
        ArtifactError: If another selection is at `out`, or a file cannot be written.
    """
    made_of = composition(ranked, cut.rows)
    summary = SelectionSummary(
        out=out,
        manifest=manifest_path(out),
        strategy=about["strategy"],
        budget=cut.amount,
        unit=budget.unit,
        counts=counts,
        short=cut.short,
        ran_out=cut.ran_out,
        shared=shared_rows(about["params"], ranked.ids.take(cut.rows)),
        sources=made_of.sources,
    )
    with temporary_folder(out, scratch) as folder:
        new, ranking = folder / out.name, folder / ranking_path(out).name
        sha256 = _write_chosen(new, reader, ranked, cut, about["strategy"])
        write_ranking(ranking, ranked, cut)
        manifest = {
            **about,
            **_results(budget, summary, made_of),
            "ranking": {"file": ranking.name, "sha256": file_digest(ranking), "complete": ranked.complete},
            "file": out.name,
            "sha256": sha256,
            "environment": provenance.environment(),
        }
        earlier = None if overwrite else read_intact(out)
        if earlier is not None:
            _check_same(out, earlier, manifest)
        else:
            move_into_place(ranking, ranking_path(out))
            move_into_place(new, out)
        if earlier is None or earlier["paths"] != manifest["paths"]:
            write_manifest(summary.manifest, manifest, scratch)
    return summary


def _write_chosen(path: Path, reader: PoolReader | None, ranked: RankedPool, cut: Cut, strategy: str) -> str:
    """Write records, or for a list their ids, and return the sha256 of the file."""
    ids = ranked.ids.take(cut.rows)
    if path.suffix in IDS:
        return write_ids(path, ids)
    assert reader is not None, "records are in the pool"
    return write_records(path, reader, list(ids), ranked.scores_of(cut.rows), strategy)


def _results(budget: Budget, summary: SelectionSummary, made_of: SelectionComposition) -> dict[str, Any]:
    """Return the part of the manifest that depends on the budget; rows in minus rows left out are rows out."""
    counts = asdict(summary.counts)
    return {
        "budget": summary.budget,
        "unit": summary.unit,
        "budget_text": budget.text,
        "funnel": {"rows_in": counts["pool_rows"], "left_out": counts.pop("left_out"), "rows_out": counts["kept"]},
        "counts": counts,
        "composition": asdict(made_of),
        "overlap": summary.overlap,
        "notes": summary.notes,
    }


def _check_same(out: Path, earlier: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    if different := selection_differences(earlier, manifest):
        settings = [one for one in different if not one.startswith(_RESULTS)]
        raise ArtifactError(
            f"{out} is another selection: {listed(settings) or 'it holds other rows'}",
            "choose another --out, or add --overwrite",
        )


def read_intact(out: Path) -> dict[str, Any] | None:
    """Read the manifest of an existing selection; None where there is none.

    Raises:
        ArtifactError: If a file of it is damaged or was changed.
    """
    if not manifest_path(out).exists():
        return None
    earlier = read_manifest_beside(out)
    check_beside(out, earlier)
    ranking = ranking_path(out)
    if not ranking.is_file() or earlier["ranking"]["sha256"] != file_digest(ranking):
        raise ArtifactError(f"{ranking} is missing, damaged or was changed", "add --overwrite")
    return earlier


def selection_differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in what an existing selection differs from a manifest, or from a part of one."""
    asked: dict[str, Any] = json.loads(canonical_json(without_places(now)))
    recorded = without_places(earlier)
    return differences({name: recorded[name] for name in asked if name in recorded}, asked)
