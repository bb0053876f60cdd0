"""The name of a length-matched control: which strategy's lengths it follows.

`length-matched-random` follows the lengths of another selection (`match=FILE.jsonl`), so that two such controls of two
strategies are two different things at the same budget and seed. In a comparison each is called
`length-matched-random:STRATEGY`, with the strategy that the manifest beside the matched file names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataselect.artifacts import read_json

LENGTH_CONTROL = "length-matched-random"


def full_name(strategy: str, params: Mapping[str, Any], folder: Path) -> str:
    """The strategy's name in a comparison: for a length-matched control, with the strategy that it controls.

    Args:
        params: Its options; `match` is a selection file, or a strategy's name.
        folder: Where an experiment keeps its selections: it may have been moved since `match` was written.
    """
    match = params.get("match")
    if strategy != LENGTH_CONTROL or not isinstance(match, str) or not match:
        return strategy
    for file in (folder / Path(match).name, Path(match)):
        manifest = file.with_suffix(".manifest.json")
        if manifest.exists():
            inner = read_json(manifest)
            return f"{strategy}:{full_name(inner.get('strategy', match), inner.get('params') or {}, folder)}"
    return f"{strategy}:{Path(match).stem if match.endswith('.jsonl') else match}"
