"""The controls that every strategy is compared with, and the names of strategies in a comparison.

A selection is named by its label, else by its strategy. `length-matched-random` follows the lengths of another
selection (`match=FILE.jsonl`), so that two such controls of two strategies differ at the same budget and seed. In a
comparison each is named `length-matched-random:STRATEGY`, with the strategy that the manifest beside the matched file
names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from dataselect.stage.beside import manifest_path, read_manifest_beside

CONTROL = "random"
"""The control that decides the verdict."""

LENGTH_CONTROL = "length-matched-random"
"""Random examples with the token lengths of a strategy's selection; in a comparison LENGTH_CONTROL:STRATEGY."""

UNTRAINED = "untrained"
"""The model as it is."""

WITHOUT_BUDGET = (UNTRAINED, "full")
"""The model as it is, and the model trained on the whole pool: no budget limits them."""

CONTROLS = (*WITHOUT_BUDGET, CONTROL, "longest", LENGTH_CONTROL)
"""Controls that every experiment runs without being listed in its configuration."""


def missing_controls(strategies: Collection[str]) -> tuple[str, ...]:
    """The controls that a comparison of these strategies lacks."""
    present = {name.split(":")[0] for name in strategies}
    return tuple(name for name in CONTROLS if name not in present)


Role = Literal["candidate", "control", "reference"]
"""The role of a row in a comparison: a selection to choose, a random draw, or a model of another treatment."""


def role(strategy: str) -> Role:
    """The role of a strategy by its name.

    A reference is not a selection under the budget: the model as it is, or trained on more data than any candidate.
    """
    if is_random(strategy):
        return "control"
    return "reference" if strategy in WITHOUT_BUDGET else "candidate"


def is_random(strategy: str) -> bool:
    """True for a strategy that draws at random, from all examples or with the lengths of another selection."""
    return strategy.split(":")[0] in (CONTROL, LENGTH_CONTROL)


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
        if manifest_path(file).exists():
            return f"{strategy}:{full_name(read_manifest_beside(file), folder)}"
    return f"{strategy}:{Path(match).stem if match.endswith('.jsonl') else match}"
