"""How often a search "finds" something where every candidate is a random draw, so that nothing can be found.

Two kinds of searches, each a whole one: the race chooses on steering items, then finalist and random are compared on
sealed items with three fresh seeds each, and if that is undecided twice more, with six and nine (`level_of_look`).

*Real*: 64 trainings of the bundled model at 1,500 and at 3,000 tokens, each on another random draw of the quickstart
pool, evaluated on 60 items, were stored once (`--work`). A search deals them to the control and seven arms without
putting one back, at random, and splits the items in halves at random. *Simulated*: `simulated.py` without effects, for
mixes of noise, twelve arms.

    python benchmarks/recommend/nothing_to_find.py --out benchmarks/results/recommend_nothing.json

trains nothing; `--work DIR` trains the draws again first, into benchmarks/results/recommend_null.json.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from grid import CONTROL, Grid, train_all, write_cells
from simulated import Mix, World

from dataselect.recommendation.decisions import BETTER, UNDECIDED, WORSE
from dataselect.recommendation.race import Measurement, RaceArm, RaceOutcome, race
from dataselect.recommendation.sealed_interval import level_of_look, sealed_difference

STORED = Path(__file__).parents[1] / "results" / "recommend_null.json"
DRAWS, REAL_BUDGETS, REAL_ARMS, FIRST_DRAW, ROOM = 64, (1500, 3000), 7, 5000, 200_000
MIXES = (
    Mix("as measured", effect=0.0),
    Mix("all seeds alike", effect=0.0, loud=1.0),
    Mix("seeds x3, all alike", effect=0.0, seed=0.54, loud=1.0),
    Mix("heavy tails", effect=0.0, heavy=True),
    Mix("seeds x3, all alike, heavy tails", effect=0.0, seed=0.54, loud=1.0, heavy=True),
    Mix("seeds x3, arms louder x3", effect=0.0, seed=0.54, loud=3.0),
    Mix("arm by item x0.25", effect=0.0, arm_by_item=0.11),
    Mix("20 items", effect=0.0, items=20),
)
SEEDS = (3, 6, 9)

Sealed = Callable[[str, int, range], np.ndarray]


@dataclass(frozen=True)
class Verdict:
    """What one search says: whether the race had a finalist, called an arm better, and the decisions of the final."""

    finalist: bool
    race_better: bool
    looks: tuple[str, ...]


def judged(outcome: RaceOutcome, sealed: Sealed, control: str) -> Verdict:
    """The final, with more looks while it is undecided."""
    looks: list[str] = []
    for number, seeds in enumerate(SEEDS, start=1):
        if outcome.finalist is None or (looks and looks[-1] != UNDECIDED):
            break
        sides = (sealed(arm, outcome.budget, range(seeds)) for arm in (outcome.finalist, control))
        looks.append(sealed_difference(*sides, level_of_look(number)).decision(0.0))
    called = any(look.decision == BETTER for look in outcome.looks)
    return Verdict(outcome.finalist is not None, called, tuple(looks))


class Deal:
    """Stored random trainings, dealt to arms: every one is used once at most."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.grid, rng = grid, np.random.default_rng(seed)
        items = rng.permutation(grid.gains[CONTROL, REAL_BUDGETS[0]].shape[1])
        self.steering, self.rest = items[: len(items) // 2], items[len(items) // 2 :]
        self.left = {budget: list(rng.permutation(DRAWS)) for budget in REAL_BUDGETS}
        self.fresh: dict[str, list[int]] = {}

    def measure(self, arm: str, budget: int, seed: int) -> Measurement:
        """The next draw, whatever the arm."""
        return self.grid.measurement(CONTROL, budget, self.left[budget].pop(), self.steering)

    def sealed(self, arm: str, budget: int, seeds: range) -> np.ndarray:
        """Fresh draws on the sealed items; an arm's first seeds stay what they were."""
        drawn = self.fresh.setdefault(arm, [])
        drawn += [self.left[budget].pop() for _ in range(len(seeds) - len(drawn))]
        return self.grid.gains[CONTROL, budget][drawn][:, self.rest]


def real_search(grid: Grid, seed: int) -> Verdict:
    """One search over stored trainings."""
    deal = Deal(grid, seed)
    arms = [RaceArm(CONTROL), *(RaceArm(f"arm{n}", 0, str(n % 4)) for n in range(REAL_ARMS))]
    outcome = race(arms, CONTROL, REAL_BUDGETS, ROOM, deal.measure)
    return judged(outcome, deal.sealed, CONTROL)


def row(name: str, verdicts: list[Verdict]) -> dict[str, object]:
    """Shares of one kind of search."""
    count = len(verdicts)
    at_look = Counter(place for one in verdicts for place, said in enumerate(one.looks, 1) if said == BETTER)
    return {
        "searches": name,
        "number": count,
        "finalists": sum(one.finalist for one in verdicts) / count,
        "race_better": sum(one.race_better for one in verdicts) / count,
        "better_first_look": at_look[1] / count,
        "better_any_look": sum(at_look.values()) / count,
        "worse_any_look": sum(WORSE in one.looks for one in verdicts) / count,
    }


def simulated_search(mix: Mix, seed: int) -> Verdict:
    """One search over simulated trainings."""
    world = World(mix, seed)
    return judged(world.search(), world.sealed, "random")


def main() -> None:
    """Search where nothing is, and print how often something was found."""
    parser = argparse.ArgumentParser(description="False recommendations of searches among random draws.")
    parser.add_argument("--searches", type=int, default=200, help="over real trainings")
    parser.add_argument("--simulated", type=int, default=500, help="of each mix")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--work", type=Path, help="train the draws again in this folder")
    options = parser.parse_args()
    if options.work:
        wanted = ((CONTROL, budget, FIRST_DRAW + draw) for draw in range(DRAWS) for budget in REAL_BUDGETS)
        write_cells(STORED, *train_all(options.work, wanted))
    grid = Grid.read(STORED)
    rows = [row("real trainings", [real_search(grid, seed) for seed in range(options.searches)])]
    for mix in MIXES:
        rows.append(row(f"simulated, {mix.name}", [simulated_search(mix, seed) for seed in range(options.simulated)]))
    document = {
        "searches": options.searches,
        "simulated": options.simulated,
        "mixes": [asdict(mix) for mix in MIXES],
        "rows": rows,
    }
    for one in rows:
        print(
            "| " + " | ".join(f"{cell:.1%}" if isinstance(cell, float) else str(cell) for cell in one.values()) + " |"
        )
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
