"""The cells of an experiment: one selection, one training, one evaluation each, controls included.

For every budget there are the random control over its seeds, the longest rows, each listed strategy, and a random
control that follows the lengths of each; once, the untrained model and the full pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dataselect.comparison.controls import UNTRAINED
from dataselect.experiment.config import ExperimentConfig


@dataclass(frozen=True, slots=True)
class Cell:
    """One model of the matrix.

    Attributes:
        strategy: Strategy or variant of its selection; "untrained" for the model as it is.
        budget: Budget as it was typed.
        seed: Seed of selection and training.
        matches: Name of the cell whose lengths the selection follows, for a length-matched control.
    """

    strategy: str
    budget: str
    seed: int
    matches: str | None = None

    @property
    def trains(self) -> bool:
        """Whether a model is trained."""
        return self.strategy != UNTRAINED

    @property
    def name(self) -> str:
        """A name for files, unique in the experiment."""
        if not self.trains:
            return UNTRAINED
        budget = re.sub(r"[^0-9a-z.]", "", self.budget.replace("%", "pct").lower())
        follows = f"-of-{self.matches.split('-at-')[0]}" if self.matches else ""
        return f"{self.strategy}{follows}-at-{budget}-seed-{self.seed}"


def cells(config: ExperimentConfig) -> Iterator[Cell]:
    """Yield all cells of a setting in the order of the work: a cell comes after the one whose lengths it follows."""
    if UNTRAINED not in config.without:
        yield Cell(UNTRAINED, "0", 0)
    if "full" not in config.without:
        yield Cell("full", "100%", config.seeds[0])
    for budget in config.budgets:
        for seed in config.random_seeds:
            yield Cell("random", budget, seed)
        for seed in config.seeds:
            if "longest" not in config.without:
                yield Cell("longest", budget, seed)
            for name in config.compared:
                cell = Cell(name, budget, seed)
                yield cell
                if name in config.matched:
                    yield Cell("length-matched-random", budget, seed, matches=cell.name)
