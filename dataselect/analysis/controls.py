"""The names of the controls that stand beside every strategy, and which of them are random draws."""

from __future__ import annotations

from collections.abc import Collection

CONTROL = "random"
"""What every strategy is compared with."""

LENGTH_CONTROL = "length-matched-random"
"""Random examples with the token lengths of a strategy's selection; in a comparison LENGTH_CONTROL:STRATEGY."""

WITHOUT_BUDGET = ("untrained", "full")
"""The model as it is, and the model trained on the whole pool: no budget limits them."""


CONTROLS = (*WITHOUT_BUDGET, CONTROL, "longest", LENGTH_CONTROL)
"""What stands beside every strategy without being listed."""


def missing_controls(strategies: Collection[str]) -> tuple[str, ...]:
    """Which controls a comparison of these strategies lacks."""
    there = {name.split(":")[0] for name in strategies}
    return tuple(name for name in CONTROLS if name not in there)


def is_random(strategy: str) -> bool:
    """Whether it is drawn by chance, of any lengths or of a strategy's."""
    return strategy.split(":")[0] in (CONTROL, LENGTH_CONTROL)


def is_control(strategy: str) -> bool:
    """Whether nobody would choose it for being the best."""
    return is_random(strategy) or strategy in WITHOUT_BUDGET
