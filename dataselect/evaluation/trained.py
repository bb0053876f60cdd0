"""What a model's own training says about it: which run of a comparison it is, and how texts were shown to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.artifacts import MANIFEST, RUN, read_json
from dataselect.errors import ArtifactError
from dataselect.pool import RenderOptions

UNTRAINED = {"strategy": "untrained", "budget": 0, "unit": "examples", "seed": 0}
"""The run of a model that this toolkit did not train."""


@dataclass(frozen=True, slots=True)
class Training:
    """The training behind a model folder.

    Attributes:
        run: Strategy, budget, unit and seed.
        rendering: Settings of the renderer that it was trained with; None if it was not trained by this toolkit.
    """

    run: Mapping[str, Any]
    rendering: Mapping[str, Any] | None


def read_training(model: Path) -> Training:
    """Read the manifest of `dataselect train` in a model folder, if there is one.

    Raises:
        ArtifactError: If the training was not finished.
    """
    if not (model / MANIFEST).exists():
        if (model / RUN).exists():
            message = f"the training in {model} is not finished: it has {RUN} but no {MANIFEST}"
            raise ArtifactError(message, "finish it with dataselect train and the same --out")
        return Training(UNTRAINED, None)
    manifest = read_json(model / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("stage") != "train":
        return Training(UNTRAINED, None)
    return Training(manifest["run"], manifest["rendering"])


def resolve_rendering(training: Training, given: Mapping[str, Any]) -> RenderOptions:
    """How to render for a model: as given, else as it was trained, else the defaults.

    Length and truncation are not taken from the training: what could be trained on says nothing of what can be scored,
    and every model of a comparison should answer the same items.

    Args:
        given: Fields of `RenderOptions` that were given.
    """
    if training.rendering is None:
        return RenderOptions(**given)
    trained = replace(RenderOptions.recorded(training.rendering), max_length=None, truncate=False)
    if "template" in given:
        trained = replace(trained, template_text=None)
    return replace(trained, **given)
