"""What the selection's manifest fixes for the training: rendering, columns, and which run this will be.

`select` records how its rows were rendered when they were scored. Training renders them the same way, so that the loss
falls on the very token ids whose perplexity chose them; a flag that says otherwise is an error, not a preference. A
file without a manifest is trained on too: it is then nobody's selection and says so in the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest, read_json
from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.pool import ColumnMap, RenderOptions

UNSELECTED = "unselected"
"""Strategy of a run that was trained on a file without a selection's manifest."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A file to train on, with what is recorded about it.

    Attributes:
        manifest: FILE.manifest.json; None where there is none.
    """

    file: Path
    manifest: Mapping[str, Any] | None

    @property
    def rendering(self) -> Mapping[str, Any] | None:
        """Settings of the renderer that the rows were scored with; None if none were recorded."""
        return None if self.manifest is None else self.manifest.get("rendering")

    @property
    def columns(self) -> ColumnMap:
        """The column map that the rows were read with."""
        return ColumnMap(**(self.manifest or {}).get("columns", {}))

    def run(self, rows: int, seed: int) -> dict[str, Any]:
        """Which run of a comparison this training is.

        Args:
            rows: Examples trained on, the budget of a file that nobody selected.
            seed: Seed of the training, the run's seed where no selection has one.
        """
        if self.manifest is None:
            return {"strategy": UNSELECTED, "budget": rows, "unit": "examples", "seed": seed, "training_seed": seed}
        selected = {name: self.manifest[name] for name in ("strategy", "params", "budget", "unit", "seed")}
        more = {name: self.manifest[name] for name in ("label", "nests") if self.manifest.get(name) is not None}
        return {**selected, **more, "training_seed": seed}


def read_selection(file: Path) -> Selection:
    """Find the manifest beside a selection and check that the two belong together.

    Raises:
        DataselectError: If the file is missing.
        ArtifactError: If the manifest cannot be read or is another file's.
    """
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise DataselectError(f"the selection {file} {what}", "give the FILE.jsonl that dataselect select wrote")
    path = file.with_suffix(".manifest.json")
    if not path.exists():
        return Selection(file, None)
    manifest = read_json(path)
    missing = {"strategy", "params", "budget", "unit", "seed"} - set(manifest if isinstance(manifest, dict) else ())
    if missing:
        message = f"{path} is not the manifest of a selection: it lacks {', '.join(sorted(missing))}"
        raise ArtifactError(message, "move it away, or select again")
    if manifest.get("sha256") not in (None, file_digest(file)):
        raise ArtifactError(f"{file} is not the file that {path} describes: it was changed", "select again")
    return Selection(file, manifest)


def resolve_rendering(selection: Selection, given: Mapping[str, Any], most: int) -> tuple[RenderOptions, list[str]]:
    """Decide how to render, and say what the user should know about it.

    Args:
        given: Fields of `RenderOptions` that the user gave.
        most: Longest sequence that the model to be trained takes.

    Returns:
        The options, and warnings.

    Raises:
        UsageError: If a flag contradicts the manifest, naming both.
    """
    recorded = selection.rendering
    if recorded is None:
        return RenderOptions(**given), []
    for name, value in given.items():
        if not _same(name, value, recorded):
            message = _conflict(selection.file, name, value, recorded[name])
            raise UsageError(message, "drop the flag, or score and select again")
    options = RenderOptions.recorded(recorded)
    if options.max_length is not None and options.max_length > most:
        warning = f"the selection was scored up to {options.max_length} tokens, this model takes {most} at most"
        return replace(options, max_length=most), [warning]
    return options, []


def _same(name: str, value: object, recorded: Mapping[str, Any]) -> bool:
    if name == "template" and Path(str(value)).is_file():
        return bool(Path(str(value)).read_text(encoding="utf-8", errors="replace") == recorded["template_text"])
    return bool(value == recorded[name]) or (name, value) == ("template", "auto")


def _conflict(file: Path, name: str, value: object, recorded: object) -> str:
    if name == "think":
        flag, value, recorded = "--no-think", not value, not recorded
    else:
        flag = f"--{name.replace('_', '-')}"
    where = file.with_suffix(".manifest.json").name
    return f"{flag} {value} contradicts the selection, which was scored with {flag} {recorded} ({where})"


def tokenizer_warnings(selection: Selection, tokenizer_sha256: str) -> list[str]:
    """Whether the rows' token counts were made with another tokenizer than the one they are trained with."""
    recorded = (selection.rendering or {}).get("tokenizer_sha256")
    if recorded in (None, tokenizer_sha256):
        return []
    return ["the selection was scored with another tokenizer than this model's: its token counts are in other tokens"]
