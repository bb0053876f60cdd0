"""Where a selection may be written: a new `.jsonl`, or one that an earlier `select` wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dataselect.artifacts import read_json
from dataselect.errors import ArtifactError, UsageError

KIND = "selection"


def manifest_path(out: Path) -> Path:
    """FILE.manifest.json beside FILE.jsonl."""
    return out.with_suffix(".manifest.json")


def check_target(out: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write over anything that is not an earlier selection.

    Args:
        inputs: Files that this run reads.

    Raises:
        UsageError: If `out` is no `.jsonl` file, or is an input.
        ArtifactError: If something that `select` did not write is in the way.
    """
    if out.suffix != ".jsonl" or out.stem.startswith("."):
        raise UsageError(f"--out should be a file that ends in .jsonl, got {out}")
    if any(out.resolve() == path.resolve() for path in inputs):
        raise UsageError(f"--out is also an input: {out}", "choose another --out")
    manifest = manifest_path(out)
    above = next(folder for folder in out.absolute().parents if folder.exists())
    if not above.is_dir():
        raise ArtifactError(f"{above} is a file, but a folder is needed for {out.name}", "choose another --out")
    for path in (out, manifest):
        if path.is_dir():
            raise ArtifactError(f"{path} is a folder", "choose another --out")
    if (out.exists() or manifest.exists()) and not _ours(manifest):
        there = out if out.exists() else manifest
        raise ArtifactError(
            f"{there} exists and no manifest of a selection stands beside it", "choose another --out, or remove it"
        )


def _ours(manifest: Path) -> bool:
    if not manifest.exists():
        return False
    try:
        value = read_json(manifest)
    except ArtifactError:
        return False
    return isinstance(value, dict) and value.get("kind") == KIND
