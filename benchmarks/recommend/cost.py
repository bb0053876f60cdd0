"""What a race finds with a quarter of the tokens of a full grid, against random search with the same tokens.

The grid (`grid.py`) is 84 cells of real trainings, arm and budget, with three seeds each. Its value of a cell is the
mean gain over the untrained model over all seeds and items. A replay deals the stored trainings in another order of
seeds and arms, and steers by a random half of the items:

    race            `dataselect.recommendation.race` with a quarter of the grid's tokens; its finalist, or the control
                    where it names none, at its budget
    random search   cells in random order, each with one, two or three seeds (as many as the grid has), until the same
                    tokens are spent; the cell that gained most. 200 such searches in each replay

Regret is the value of the best cell minus that of the chosen one. With one seed each, a quarter of the tokens reaches
three quarters of the cells, and both methods often find the best one: so the race is held to the mean regret of the
200 searches, and ties with single searches are counted. A choice is "within the interval of the best" if the
paired 95 % interval of its difference to the best cell (all seeds, all items) holds 0.

    python benchmarks/recommend/cost.py --out benchmarks/results/recommend_cost.json
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from grid import BUDGETS, CONTROL, SEEDS, Grid, arms

from dataselect.comparison.intervals import paired_difference
from dataselect.recommendation.race import Measurement, race

STORED = Path(__file__).parents[1] / "results" / "recommend_grid.json"
REPLAYS, SHARE, RANDOM_SEARCHES = 20, 0.25, 200
Cell = tuple[str, int]


@dataclass(frozen=True)
class Choice:
    """What one method chose in one replay."""

    arm: str
    budget: int
    regret: float
    within: bool
    trainings: int
    tokens: int


class Replay:
    """One deal of the grid: order of seeds, order of arms, half of the items."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.grid, self.rng = grid, np.random.default_rng(seed)
        items = next(iter(grid.gains.values())).shape[1]
        self.steering = self.rng.permutation(items)[: items // 2]
        self.seeds = {cell: self.rng.permutation(len(gains)) for cell, gains in grid.gains.items()}
        control, *others = arms()
        self.arms = [control, *(others[place] for place in self.rng.permutation(len(others)))]

    def measure(self, arm: str, budget: int, seed: int) -> Measurement:
        """A stored training."""
        return self.grid.measurement(arm, budget, int(self.seeds[arm, budget][seed]), self.steering)

    def race(self, tokens: int) -> tuple[Cell, int, int]:
        """Choice, trainings, tokens."""
        found = race(self.arms, CONTROL, BUDGETS, tokens, self.measure, most_seeds=SEEDS)
        return (found.finalist or CONTROL, found.budget), found.trainings, found.spent

    def random_search(self, tokens: int, seeds: int) -> tuple[Cell, int, int]:
        """The same of random search with so many seeds for each cell."""
        cells, spent, trainings = list(self.grid.gains), 0, 0
        best: tuple[float, Cell] = (-np.inf, cells[0])
        for place in self.rng.permutation(len(cells)):
            arm, budget = cells[place]
            if spent + budget * seeds > tokens:
                break
            found = [self.measure(arm, budget, seed) for seed in range(seeds)]
            spent += sum(one.tokens for one in found)
            trainings += seeds
            mean = float(np.mean([one.gains for one in found]))
            best = max(best, (mean, (arm, budget)))
        return best[1], trainings, spent


class Judge:
    """Regret by the whole grid."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.value = {cell: float(gains.mean()) for cell, gains in grid.gains.items()}
        self.best = max(self.value, key=lambda cell: self.value[cell])
        self.within: dict[Cell, bool] = {self.best: True}

    def choice(self, cell: Cell, trainings: int, tokens: int) -> Choice:
        """What a choice is worth."""
        if cell not in self.within:
            found = paired_difference(self.grid.gains[cell], self.grid.gains[self.best])
            assert found.ci_low is not None
            assert found.ci_high is not None
            self.within[cell] = found.ci_low <= 0 <= found.ci_high
        return Choice(*cell, self.value[self.best] - self.value[cell], self.within[cell], trainings, tokens)


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description="Regret of the race and of random search on a stored grid.")
    parser.add_argument("--grid", type=Path, default=STORED)
    parser.add_argument("--replays", type=int, default=REPLAYS)
    parser.add_argument("--share", type=float, default=SHARE)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    grid = Grid.read(options.grid)
    judge = Judge(grid)
    grid_tokens = sum(sum(spent[:SEEDS]) for spent in grid.tokens.values())
    tokens = int(options.share * grid_tokens)
    raced, drawn = [], {seeds: [] for seeds in range(1, SEEDS + 1)}  # type: ignore[var-annotated]
    for seed in range(options.replays):
        replay = Replay(grid, seed)
        raced.append(judge.choice(*replay.race(tokens)))
        for seeds, kept in drawn.items():
            kept.append([judge.choice(*replay.random_search(tokens, seeds)) for _ in range(RANDOM_SEARCHES)])
    document = {
        "cells": len(grid.gains),
        "grid_tokens": grid_tokens,
        "tokens": tokens,
        "replays": options.replays,
        "best_cells": best_cells(judge),
        "race": {**figures(raced), "choices": [asdict(one) for one in raced]},
        "random_search": [{"seeds": seeds, **against(raced, kept)} for seeds, kept in drawn.items()],
    }
    for row in (document["race"], *document["random_search"]):  # type: ignore[misc]
        print("| " + " | ".join(str(value) for key, value in row.items() if key != "choices") + " |")
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


def best_cells(judge: Judge) -> list[dict[str, object]]:
    """The first ten."""
    ranked = sorted(judge.value, key=lambda cell: -judge.value[cell])[:10]
    return [{"arm": arm, "budget": budget, "gain": round(judge.value[arm, budget], 4)} for arm, budget in ranked]


def figures(choices: list[Choice]) -> dict[str, float]:
    """Means over choices."""
    return {
        "mean_regret": round(float(np.mean([one.regret for one in choices])), 4),
        "worst_regret": round(max(one.regret for one in choices), 4),
        "best_cell_chosen": round(float(np.mean([one.regret == 0 for one in choices])), 3),
        "within_interval_of_best": round(float(np.mean([one.within for one in choices])), 3),
        "trainings": round(float(np.mean([one.trainings for one in choices])), 1),
        "tokens": round(float(np.mean([one.tokens for one in choices]))),
    }


def against(raced: list[Choice], drawn: list[list[Choice]]) -> dict[str, float]:
    """Random search with the race beside it: replays below its mean, and shares of single searches below and equal."""
    pairs = [(ours.regret, one.regret) for ours, ones in zip(raced, drawn, strict=True) for one in ones]
    means = [float(np.mean([one.regret for one in ones])) for ones in drawn]
    return {
        **figures([one for ones in drawn for one in ones]),
        "replays_with_race_below": sum(ours.regret < mean for ours, mean in zip(raced, means, strict=True)),
        "race_below_single": round(float(np.mean([ours < one for ours, one in pairs])), 3),
        "race_equal_to_single": round(float(np.mean([ours == one for ours, one in pairs])), 3),
    }


if __name__ == "__main__":
    main()
