"""Replay a selection: ask again what its manifest says was asked, and compare the rows.

A manifest names every input by digest and path, and the rule as it was typed. So the selection is made again beside it,
in a temporary folder, and the new manifest is compared with the old one. If all inputs are what they were, the two must
be equal to the byte; if one has changed, it is named, and how many of the rows stay says what the change means.

Left out: selections by `--ranking` are replayed from the rule behind their ranking, not from the ranking. What came
from standard input or a hub has no path to be read from again, and is refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.arguments import PathLike, as_path
from dataselect.errors import ArtifactError
from dataselect.library_errors import user_errors
from dataselect.pool import ColumnMap
from dataselect.selection.filters import recorded_filters
from dataselect.selection.inputs import InputPaths
from dataselect.selection.length_control import recorded
from dataselect.selection.output import read_intact
from dataselect.selection.request import SelectRequest
from dataselect.selection.selecting import select
from dataselect.selection.selection_file import selected_ids
from dataselect.selection.stages import Then
from dataselect.stage.beside import read_manifest_beside


@dataclass(frozen=True, slots=True)
class Replay:
    """A selection and the same request made again.

    Attributes:
        file: The selection.
        rows, again: Rows of the selection, and of the one made again.
        shared: Rows in both.
        first_difference: The first rank, from 1, at which they hold another row; None if there is none.
        same_bytes: Whether the two files are equal to the byte.
        changed: Inputs whose content is not what it was, as `role name`.
    """

    file: Path
    rows: int
    again: int
    shared: int
    first_difference: int | None
    same_bytes: bool
    changed: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether the file is what its manifest says: equal to the byte, from the same inputs."""
        return self.same_bytes and not self.changed


@user_errors()
def verify_selection(file: PathLike) -> Replay:
    """Select again as the manifest of a selection says, and compare.

    Args:
        file: A selection with its manifest and ranking beside it.

    Raises:
        ArtifactError: If one of these is missing or was changed, or an input is not where it was.
        DataselectError: As `select`.
    """
    path = as_path(file, "file")
    manifest = read_intact(path)
    if manifest is None:
        raise ArtifactError(f"{path} has no manifest beside it", "give a file that `dataselect select` wrote")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / path.name
        select(recorded_request(manifest, path.parent, out))
        made, before, now = read_manifest_beside(out), _ids(path), _ids(out)
    return Replay(
        file=path, rows=len(before), again=len(now), shared=len(set(before) & set(now)),
        first_difference=_first_difference(before, now), same_bytes=made["sha256"] == manifest["sha256"],
        changed=_changed(manifest["inputs"], made["inputs"]),
    )  # fmt: skip


def recorded_request(manifest: Mapping[str, Any], folder: Path, out: Path) -> SelectRequest:
    """The request behind a manifest.

    Args:
        manifest: Of a selection in `folder`.
        out: Where the selection is to be written again.

    Raises:
        ArtifactError: If an input has no path or is not there any more, or an older version wrote the manifest.
    """
    if "asked" not in manifest:
        raise ArtifactError(
            "an older dataselect made this selection: its manifest does not say what was typed", "select again"
        )
    paths, asked = InputPaths.recorded(manifest, folder), manifest["asked"]
    _check_present([*paths.pools, *paths.scores, *paths.targets, *paths.evaluation])
    return SelectRequest(
        pools=_texts(paths.pools), strategy=asked["strategy"], budget=manifest["budget_text"], out=out,
        params=asked["params"], scores=paths.scores, embeddings=paths.embeddings, seed=manifest["seed"],
        columns=ColumnMap(**manifest["columns"]), prefix_ids=manifest["prefix_ids"],
        length_control=recorded(manifest["length_control"]), targets=_texts(paths.targets),
        filters=recorded_filters(manifest["filters"], _texts(paths.evaluation)),
        then=tuple(Then(*one) for one in asked["then"]), quota=tuple(asked["quota"]), label=manifest["label"] or "",
        within=manifest.get("within"),
    )  # fmt: skip


def _check_present(paths: Sequence[Path | None]) -> None:
    for path in paths:
        if path is None:
            raise ArtifactError(
                "an input was read from standard input or a hub: there is no path to read it from again",
                "select from files to be able to verify",
            )
        if not path.exists():
            raise ArtifactError(f"the input {path} is not there any more", "put it back, or select again")


def _texts(paths: Sequence[Path | None]) -> tuple[str, ...]:
    return tuple(str(path) for path in paths)


def _ids(path: Path) -> list[str]:
    if path.suffix == ".jsonl":
        return selected_ids(path)
    return path.read_text(encoding="utf-8").splitlines()


def _first_difference(before: Sequence[str], now: Sequence[str]) -> int | None:
    for rank, (one, other) in enumerate(zip(before, now, strict=False), 1):
        if one != other:
            return rank
    return None if len(before) == len(now) else min(len(before), len(now)) + 1


def _changed(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    pairs = zip(before, now, strict=True)
    return tuple(f"{one['role']} {one['source']}" for one, other in pairs if one["sha256"] != other["sha256"])
