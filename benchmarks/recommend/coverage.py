"""How often the final's stated 95 % interval holds the true gain of the finalist that a race has chosen.

Searches are simulated (`simulated.py`, whose docstring says from which parts): the race chooses among twelve arms, then
finalist and random are trained with three fresh seeds each and compared on sealed items. The true gain is known. Beside
the final's interval (`sealed_difference`) stand

    plain     that of `dataselect.comparison.intervals` from the same sealed outcomes
    naive     the 95 % interval of the race's own trainings on its own items, after the selection: what one would
              report without sealed items (pooled noise of seeds)

and how far each estimate is off on average, in standard deviations of the arms' true effects: the winner's curse.
Searches without a finalist are left out and counted.

    python benchmarks/recommend/coverage.py --out benchmarks/results/recommend_coverage.json
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from simulated import CONTROL, Mix, World

from dataselect.comparison.intervals import paired_difference
from dataselect.recommendation.decisions import GapInterval, gap_interval, pooled_seed_noise
from dataselect.recommendation.race import RaceOutcome
from dataselect.recommendation.sealed_interval import sealed_difference

SEEDS = range(3)
MIXES = (
    Mix("as measured"),
    Mix("all seeds alike", loud=1.0),
    Mix("seeds x3", seed=0.54),
    Mix("seeds x3, all alike", seed=0.54, loud=1.0),
    Mix("seeds x3, arms louder x3", seed=0.54, loud=3.0),
    Mix("arms louder x3", loud=3.0),
    Mix("arms' seeds x0.1", loud=0.055),
    Mix("seeds x0.1, item by seed x0.1", seed=0.018, item_by_seed=0.017),
    Mix("arm by item x0.25", arm_by_item=0.11),
    Mix("item by seed x4", item_by_seed=0.68),
    Mix("heavy tails", heavy=True),
    Mix("seeds x3, all alike, heavy tails", seed=0.54, loud=1.0, heavy=True),
    Mix("20 items", items=20),
    Mix("200 items", items=200),
    Mix("effects x0.2", effect=0.06),
    Mix("effects x0.2, seeds x3, all alike", effect=0.06, seed=0.54, loud=1.0),
)


@dataclass(frozen=True)
class Reported:
    """What one search says of its finalist.

    Attributes:
        off: Estimate minus truth.
        held: Whether the interval holds the truth; None without an interval.
        width: Of the interval.
    """

    off: float
    held: bool | None
    width: float | None

    @classmethod
    def of(cls, found: GapInterval, truth: float) -> Reported:
        """Compare with the truth."""
        if found.low is None or found.high is None:
            return cls(found.estimate - truth, None, None)
        return cls(found.estimate - truth, found.low <= truth <= found.high, found.high - found.low)


def search(mix: Mix, seed: int) -> dict[str, Reported] | None:
    """One search; None if the race names no finalist."""
    world = World(mix, seed)
    outcome = world.search()
    if outcome.finalist is None:
        return None
    truth = world.truth(outcome.finalist, outcome.budget)
    sides = [world.sealed(arm, outcome.budget, SEEDS) for arm in (outcome.finalist, CONTROL)]
    plain = paired_difference(*sides)
    found = {
        "final": sealed_difference(*sides),
        "plain": GapInterval(plain.estimate, plain.ci_low, plain.ci_high),
        "naive": naive(world, outcome),
    }
    return {name: Reported.of(one, truth) for name, one in found.items()}


def naive(world: World, outcome: RaceOutcome) -> GapInterval:
    """The finalist against the control as the race has them."""
    at: dict[str, list[np.ndarray]] = {}
    for (arm, budget, seed), gains in world.drawn.items():
        if budget == outcome.budget and seed < 1000:
            at.setdefault(arm, []).append(gains[: world.mix.items])
    arms = {arm: np.stack(gains) for arm, gains in at.items()}
    assert outcome.finalist is not None
    return gap_interval(arms[outcome.finalist], arms[CONTROL], pooled_seed_noise(list(arms.values())), 0.05)


def row(mix: Mix, searches: int) -> dict[str, object]:
    """One row of the table."""
    found = [one for seed in range(searches) if (one := search(mix, seed))]
    made: dict[str, object] = {"mix": mix.name, "searches": searches, "finalists": len(found)}
    for name in ("final", "plain", "naive"):
        ones = [one[name] for one in found]
        with_interval = [one for one in ones if one.held is not None]
        made[f"{name}_coverage"] = float(np.mean([one.held for one in with_interval]))
        made[f"{name}_width"] = float(np.mean([one.width for one in with_interval])) / mix.effect
        made[f"{name}_off"] = float(np.mean([one.off for one in ones])) / mix.effect
    return made


def main() -> None:
    """Simulate every mix and print the table."""
    parser = argparse.ArgumentParser(description="Coverage of the final's interval after a race.")
    parser.add_argument("--searches", type=int, default=500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    began, rows = time.perf_counter(), []
    for mix in MIXES:
        rows.append(row(mix, options.searches))
        print(line(rows[-1]), flush=True)
    document = {
        "searches": options.searches,
        "seconds": round(time.perf_counter() - began),
        "mixes": [asdict(mix) for mix in MIXES],
        "rows": rows,
    }
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


def line(row: dict[str, object]) -> str:
    """A row of the table in Markdown."""
    shown = [f"{row[f'{name}_coverage']:.1%}" for name in ("final", "plain", "naive")]
    shown += [f"{row[f'{name}_width']:.2f}" for name in ("final", "plain")]
    shown += [f"{row[f'{name}_off']:+.2f}" for name in ("final", "naive")]
    return f"| {row['mix']} | {row['finalists']} | {' | '.join(shown)} |"


if __name__ == "__main__":
    main()
