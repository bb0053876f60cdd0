"""What a selection is called in a comparison: its label, else its strategy; of a length control, whose lengths it has.

`length-matched-random` follows the lengths of another selection (`match=FILE.jsonl`), so that two such controls of two
strategies are two different things at the same budget and seed. In a comparison each is called
`length-matched-random:STRATEGY`, with the strategy that the manifest beside the matched file names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataselect.analysis.controls import LENGTH_CONTROL
from dataselect.artifacts import read_json


def full_name(made: Mapping[str, Any], folder: Path) -> str:
    """The name of a selection or of a run that was trained on one.

    Args:
        made: Its `strategy`, `params` and `label`, if it has one; `match` of the params is a selection file, or a
            strategy's name.
        folder: Where an experiment keeps its selections: it may have been moved since `match` was written.
    """
    if made.get("label"):
        return str(made["label"])
    strategy = str(made["strategy"])
    match = (made.get("params") or {}).get("match")
    if strategy != LENGTH_CONTROL or not isinstance(match, str) or not match:
        return strategy
    for file in (folder / Path(match).name, Path(match)):
        manifest = file.with_suffix(".manifest.json")
        if manifest.exists():
            return f"{strategy}:{full_name({'strategy': match, **read_json(manifest)}, folder)}"
    return f"{strategy}:{Path(match).stem if match.endswith('.jsonl') else match}"
