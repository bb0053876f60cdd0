"""What `dataselect layers` found about the models of an experiment, without the single tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataselect.artifacts import MANIFEST, read_json

_LEFT_OUT = ("tensors", "matrices", "not_compared", "mean_spectrum")


def layer_changes(folder: Path) -> dict[str, Any] | None:
    """The map of runs by layer, the runs, and the correlations with gain; None where none was made.

    Args:
        folder: Of `dataselect layers`.
    """
    if not (folder / MANIFEST).exists():
        return None
    found = read_json(folder / "layers.json")
    runs = [{name: value for name, value in run.items() if name not in _LEFT_OUT} for run in found["runs"]]
    return {"runs": runs, **{name: found[name] for name in ("map", "correlations", "caution")}}
