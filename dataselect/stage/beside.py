"""A file with its manifest beside it: `FILE.jsonl` and `FILE.manifest.json`, as `dataselect select` writes them.

The manifest is sealed by a digest of itself and holds the digest of the file, so that a changed byte in either shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest, json_text, ordinary_file, read_json, write_text
from dataselect.errors import ArtifactError
from dataselect.stage.record import sealed, unsealed

KIND = "selection"
_AGAIN = "select again, or move the manifest away to use the file as a plain pool"


def manifest_path(file: Path) -> Path:
    """Return FILE.manifest.json, beside FILE.jsonl."""
    return file.with_suffix(".manifest.json")


def read_manifest_beside(file: Path) -> dict[str, Any]:
    """Read the manifest of a selection, without its seal; the file itself is not read.

    Raises:
        ArtifactError: If it is missing, damaged, or no manifest of a selection.
    """
    path = manifest_path(file)
    if not path.exists():
        raise ArtifactError(f"the selection {file} is not finished: {path.name} is missing", "select again")
    value = read_json(path)
    if not isinstance(value, dict) or value.get("kind") != KIND or "seal" not in value:
        raise ArtifactError(f"{path} is not the manifest of a selection", _AGAIN)
    return unsealed(value, path)


def check_beside(file: Path, manifest: Mapping[str, Any]) -> None:
    """Compare a selection with the digest in its manifest.

    Raises:
        ArtifactError: If the file is missing or was changed.
    """
    if not file.is_file():
        raise ArtifactError(f"{file} does not exist, but {manifest_path(file)} does", "select again")
    if manifest["sha256"] != file_digest(file):
        raise ArtifactError(f"{file} is not the file that {manifest_path(file)} describes: it was changed", _AGAIN)


def without_places(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest, or the `run` taken from one, without the paths of the selection's inputs.

    Inputs of a selection are compared by role, order and digest; pools by their name too, which every row carries.
    """
    plain = {name: one for name, one in made.items() if name not in ("paths", "asked", "environment", "notes")}
    for one in (plain, *(stages := [dict(stage) for stage in made.get("stages", ())])):
        if one.get("params"):
            one["params"] = {name: value for name, value in one["params"].items() if name != "match"}
    if stages:
        plain["stages"] = stages
    if "inputs" in made:
        plain["inputs"] = [one if one["role"] == "pool" else one | {"source": None} for one in made["inputs"]]
    if (plain.get("filters") or {}).get("decontaminate"):
        evaluation = plain["filters"]["decontaminate"] | {"files": None}
        plain["filters"] = plain["filters"] | {"decontaminate": evaluation}
    return plain


def write_manifest(path: Path, manifest: Mapping[str, Any], scratch: Path | None = None) -> None:
    """Write a sealed manifest atomically, by way of a folder for files that are being written; None for its own."""
    write_text(path, json_text(sealed({"kind": KIND, **manifest})), scratch)


def write_file(path: Path, text: str, overwrite: bool) -> None:
    """Write a file that the user named, atomically; one with the same text is left as it is.

    Raises:
        ArtifactError: If another file exists and `overwrite` is off, or it cannot be written.
    """
    if ordinary_file(path).exists() and not overwrite:
        if path.read_bytes() == text.encode("utf-8", "surrogatepass"):
            return
        raise ArtifactError(f"{path} exists", "choose another --out, or add --overwrite")
    write_text(path, text)
