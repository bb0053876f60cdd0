"""Where a selection may be written: a new file, or one that an earlier `select` wrote.

Beside FILE.jsonl (records) or FILE.txt (ids) stand FILE.ranking.parquet and FILE.manifest.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dataselect.artifacts import read_json
from dataselect.errors import ArtifactError, UsageError

KIND = "selection"
RECORDS = ".jsonl"
IDS = (".txt", ".ids")


def manifest_path(out: Path) -> Path:
    """FILE.manifest.json beside FILE.jsonl."""
    return out.with_suffix(".manifest.json")


def ranking_path(out: Path) -> Path:
    """FILE.ranking.parquet beside FILE.jsonl."""
    return out.with_suffix(".ranking.parquet")


def check_target(out: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write over anything that is not an earlier selection.

    Args:
        inputs: Files that this run reads.

    Raises:
        UsageError: If `out` is no `.jsonl`, `.txt` or `.ids` file, or it or a file beside it is an input.
        ArtifactError: If something that `select` did not write is in the way.
    """
    if out.suffix not in (RECORDS, *IDS) or out.stem.startswith("."):
        raise UsageError(f"--out should be a file that ends in .jsonl, or for ids in .txt or .ids, got {out}")
    manifest, ranking = manifest_path(out), ranking_path(out)
    read = {path.resolve() for path in inputs}
    for path in (out, manifest, ranking):
        if path.resolve() in read:
            raise UsageError(f"--out is also an input: {path}", "choose another --out")
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir():
        raise ArtifactError(f"{above} is a file, but a folder is needed for {out.name}", "choose another --out")
    for path in (out, manifest, ranking):
        if path.is_dir():
            raise ArtifactError(f"{path} is a folder", "choose another --out")
    there = [path for path in (out, manifest, ranking) if path.exists()]
    if there and not _ours(manifest):
        raise ArtifactError(
            f"{there[0]} exists and no manifest of a selection stands beside it", "choose another --out, or remove it"
        )
    for other in (out.with_suffix(suffix) for suffix in (RECORDS, *IDS) if suffix != out.suffix):
        if other.exists() and manifest.exists():
            raise ArtifactError(f"{manifest} is the manifest of {other}", "choose another --out")


def _ours(manifest: Path) -> bool:
    if not manifest.exists():
        return False
    try:
        value = read_json(manifest)
    except ArtifactError:
        return False
    return isinstance(value, dict) and value.get("kind") == KIND
