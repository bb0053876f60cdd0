"""Rendering, columns and identity of a training run, as the manifest of its selection fixes them.

`select` records how its rows were rendered when they were scored. Training renders them the same way, so that the loss
falls on the very token ids whose perplexity chose them; a flag that says otherwise is an error, not a preference. A
file without a manifest is trained on too: its run has the strategy `unselected`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.artifacts import ordinary_file
from dataselect.errors import DataselectError, UsageError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.stage.beside import check_beside, manifest_path, read_manifest_beside

UNSELECTED = "unselected"
"""Strategy of a run that was trained on a file without a selection's manifest."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A file to train on, with what is recorded about it.

    Attributes:
        manifest: FILE.manifest.json; None if absent.
    """

    file: Path
    manifest: Mapping[str, Any] | None

    @property
    def rendering(self) -> Mapping[str, Any] | None:
        """Settings of the renderer that the rows were scored with; None if none are recorded."""
        return None if self.manifest is None else self.manifest.get("rendering")

    @property
    def columns(self) -> ColumnMap:
        """The column map that the rows were read with."""
        return ColumnMap(**(self.manifest or {}).get("columns", {}))

    def run(self, rows: int, seed: int) -> dict[str, Any]:
        """Return which run of a comparison this training is.

        Args:
            rows: Examples trained on, the budget of a file without a manifest.
            seed: Seed of the training, and the run's seed if no selection has one.
        """
        if self.manifest is None:
            return {"strategy": UNSELECTED, "budget": rows, "unit": "examples", "seed": seed, "training_seed": seed}
        selected = {name: self.manifest[name] for name in ("strategy", "params", "budget", "unit", "seed")}
        found = {name: self.manifest.get(name) for name in ("label", "nests", "overlap")}
        more = {name: value for name, value in found.items() if value is not None}
        return {**selected, **more, "training_seed": seed}


def read_selection(file: Path) -> Selection:
    """Find the manifest beside a selection and check that the two belong together.

    Raises:
        DataselectError: If the file is missing, or its rows are preference pairs.
        ArtifactError: If the manifest is damaged or another file's.
    """
    if not ordinary_file(file).exists():
        raise DataselectError(
            f"the selection {file} does not exist", "give the FILE.jsonl that dataselect select wrote"
        )
    if not manifest_path(file).exists():
        return Selection(file, None)
    manifest = read_manifest_beside(file)
    check_beside(file, manifest)
    selection = Selection(file, manifest)
    if selection.columns.pairs:
        raise DataselectError(
            f"{file} is a selection of preference pairs, and SFT trains on one reply",
            "select without --pairs to train on the chosen replies",
        )
    return selection


def resolve_rendering(
    selection: Selection, given: Mapping[str, Any], positions: int | None
) -> tuple[RenderOptions, list[str]]:
    """Decide how to render, with warnings about it.

    Args:
        given: Fields of `RenderOptions` that the user gave.
        positions: Positions that the model to be trained states; None if it states none.

    Returns:
        The options, and warnings.

    Raises:
        UsageError: If a flag contradicts the manifest, naming both.
    """
    recorded = selection.rendering
    if recorded is None:
        return RenderOptions(**given), []
    options = RenderOptions.recorded(recorded)
    for name, value in given.items():
        if not _same(name, value, recorded, options):
            message = _conflict(selection.file, name, value, getattr(options, name))
            raise UsageError(message, "leave the option out, or score and select again")
    if options.max_length is not None and positions is not None and options.max_length > positions - 1:
        most = positions - 1
        warning = f"the selection was scored up to {options.max_length} tokens, this model takes {most} at most"
        return replace(options, max_length=most), [warning]
    return options, []


def _same(name: str, value: object, recorded: Mapping[str, Any], options: RenderOptions) -> bool:
    if name == "template" and Path(str(value)).is_file():
        return bool(Path(str(value)).read_text(encoding="utf-8", errors="replace") == recorded["template_text"])
    if name == "date" and name not in recorded:
        return True  # the template does not ask for it
    return bool(value == getattr(options, name)) or (name, value) == ("template", "auto")


def _conflict(file: Path, name: str, value: object, recorded: object) -> str:
    if name == "think":
        flag, value, recorded = "--no-think", not value, not recorded
    else:
        flag = f"--{name.replace('_', '-')}"
    where = manifest_path(file).name
    return f"{flag} {value} contradicts the selection, which was scored with {flag} {recorded} ({where})"


def tokenizer_warnings(selection: Selection, tokenizer_sha256: str) -> list[str]:
    """Return a warning if the rows' token counts come from another tokenizer than the model's."""
    recorded = (selection.rendering or {}).get("tokenizer_sha256")
    if recorded in (None, tokenizer_sha256):
        return []
    return ["the selection was scored with another tokenizer than this model's: its token counts are in other tokens"]
