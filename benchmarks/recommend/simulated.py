"""Simulated trainings with known truth: a race on steering items, then fresh seeds on sealed ones.

The gain of an arm on an item in one training is a sum of

    gain of any training (1 at the largest budget, times the root of the budget's share) + item (sd 0.5, in every arm)
    + effect of the arm (the truth, drawn with sd `effect`, times the budget's share)
    + arm by item + seed of the training + item by seed

each drawn from a normal distribution or Student's t of 3 degrees, scaled to its sd. `loud` makes seeds of the arms
noisier by that factor than those of the control, or quieter where it is below 1 (an arm whose rule fixes its rows has
less to vary by than random rows). The default scales are those of real trainings, as shares of what the control gains
at 6,000 tokens (`grid.py` prints them), but for the effects, which there are larger (0.77) and easier to find.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dataselect.recommendation.race import Measurement, RaceArm, RaceOutcome, race

CONTROL = "random"
BUDGETS = (1000, 2000, 4000)
FINAL_SEED = 1000
FAMILIES = ("low", "mid", "high", "mixture")


@dataclass(frozen=True)
class Mix:
    """One row of a table: sds of the parts, and how many arms, items and tokens.

    Attributes:
        items: Of each half.
        tokens: Of the race.
    """

    name: str
    effect: float = 0.3
    arm_by_item: float = 0.44
    seed: float = 0.18
    item_by_seed: float = 0.17
    loud: float = 0.55
    heavy: bool = False
    arms: int = 12
    items: int = 40
    tokens: int = 120_000


class World:
    """One simulated search; every training is drawn once, when it is asked for."""

    def __init__(self, mix: Mix, seed: int) -> None:
        self.mix = mix
        self.rng = np.random.default_rng([seed, *mix.name.encode()])
        names = [CONTROL, *(f"arm{n}" for n in range(mix.arms))]
        self.arms = [RaceArm(name, 0, FAMILIES[n % 4]) for n, name in enumerate(names)]
        self.item = 0.5 * self.rng.normal(size=2 * mix.items)
        self.effect = {name: mix.effect * self.rng.normal() if name != CONTROL else 0.0 for name in names}
        self.by_item = {name: mix.arm_by_item * self.draw(2 * mix.items) for name in names}
        self.drawn: dict[tuple[str, int, int], np.ndarray] = {}

    def draw(self, size: int) -> np.ndarray:
        """Mean 0, sd 1."""
        return self.rng.standard_t(3, size) / math.sqrt(3) if self.mix.heavy else self.rng.normal(size=size)

    def training(self, arm: str, budget: int, seed: int) -> np.ndarray:
        """Gains on all items, steering ones first."""
        key = (arm, budget, seed)
        if key not in self.drawn:
            share = budget / BUDGETS[-1]
            noise = self.mix.seed * (self.mix.loud if arm != CONTROL else 1.0) * float(self.draw(1)[0])
            fixed = math.sqrt(share) + self.item + share * self.effect[arm] + share * self.by_item[arm]
            self.drawn[key] = fixed + noise + self.mix.item_by_seed * self.draw(2 * self.mix.items)
        return self.drawn[key]

    def measure(self, arm: str, budget: int, seed: int) -> Measurement:
        """What the race sees."""
        return Measurement(self.training(arm, budget, seed)[: self.mix.items], budget)

    def search(self) -> RaceOutcome:
        """The race."""
        return race(self.arms, CONTROL, BUDGETS, self.mix.tokens, self.measure)

    def sealed(self, arm: str, budget: int, seeds: range) -> np.ndarray:
        """(seeds, items) gains of fresh trainings on the sealed items."""
        return np.stack([self.training(arm, budget, FINAL_SEED + seed)[self.mix.items :] for seed in seeds])

    def steering(self, arm: str, budget: int, seeds: int) -> np.ndarray:
        """(seeds, items) gains of the race's own trainings on its own items."""
        return np.stack([self.training(arm, budget, seed)[: self.mix.items] for seed in range(seeds)])

    def truth(self, arm: str, budget: int) -> float:
        """The arm's gain over the control in all items that there could be."""
        return self.effect[arm] * budget / BUDGETS[-1]
