"""How often the intervals of a comparison hold the truth: Student's with Satterthwaite's degrees, and the bootstrap's.

Comparisons are simulated from known variance components: difficulty of an item, what a strategy does to an item, noise
of a seed, and noise of an item in a seed. There is no true difference beyond what is drawn for these items, so that an
interval is right if it holds zero. Both intervals see the same comparisons. The last line on stdout is one JSON
document.

    python benchmarks/interval_coverage.py --out benchmarks/results/interval_coverage.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from pathlib import Path

import numpy as np

from dataselect.analysis.intervals import paired_difference
from dataselect.analysis.resampling import resampled

SEEDS = ((3, 1), (3, 3), (5, 3), (10, 10))
"""Seeds of random and of the strategy."""

COMPONENTS = ((0.5, 0.02, 0.2), (0.5, 0.05, 0.5), (0.8, 0.03, 0.1), (0.2, 0.10, 0.2))
"""Standard deviations: strategy by item, seed, item by seed."""


def arm(rng: np.random.Generator, difficulty: np.ndarray, seeds: int, parts: tuple[float, float, float]) -> np.ndarray:
    """(seeds, n_items) outcomes of one arm."""
    by_item, by_seed, residual = parts
    taste = rng.normal(0, by_item / math.sqrt(2), len(difficulty))
    return difficulty + taste + rng.normal(0, by_seed, (seeds, 1)) + rng.normal(0, residual, (seeds, len(difficulty)))


def coverage(
    comparisons: int, items: int, seeds: tuple[int, int], parts: tuple[float, float, float]
) -> dict[str, float]:
    """Shares of the comparisons in which each interval holds zero."""
    student = bootstrap = 0
    for number in range(comparisons):
        rng = np.random.default_rng([number, items, *seeds])
        difficulty = rng.normal(0, 1, items)
        control, strategy = (arm(rng, difficulty, n, parts) for n in seeds)
        found, again = paired_difference(strategy, control), resampled(strategy, control)
        assert found.ci_low is not None
        assert found.ci_high is not None
        student += found.ci_low <= 0 <= found.ci_high
        bootstrap += again.low <= 0 <= again.high
    return {"student": student / comparisons, "bootstrap": bootstrap / comparisons}


def main() -> None:
    """Simulate every case and print the table and the JSON."""
    parser = argparse.ArgumentParser(description="Coverage of both intervals.")
    parser.add_argument("--comparisons", type=int, default=1000)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    for seeds, parts in itertools.product(SEEDS, COMPONENTS):
        found = coverage(options.comparisons, options.items, seeds, parts)
        results.append({"random_seeds": seeds[0], "strategy_seeds": seeds[1], "components": parts, **found})
        case = f"{seeds[0]:3} against {seeds[1]:2} seeds  {parts}"
        print(f"{case}  student {found['student']:.3f}  bootstrap {found['bootstrap']:.3f}", flush=True)
    document = {"comparisons": options.comparisons, "items": options.items, "results": results}
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
