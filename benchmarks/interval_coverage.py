"""How often a table of a comparison tells a difference that is not there, and how often it finds one that is.

Tables are simulated from known parts and judged by the product's own code (`compare_arms`, `with_verdicts`). A table is
one task: random, the strategies, and the length-matched control of each, so that eight strategies are 16 differences.
No arm is better than another beyond what is drawn for these items and seeds; a table is false where any difference gets
the verdict better or worse. Of an outcome, the parts are

    item (sd 1, the same in every arm) + arm by item (0.3) + seed of the arm (0.1) + item by seed (0.3)

drawn from a normal, a t distribution of 3 degrees, or a lognormal (sigma 1), each scaled to sd 1; "binary" draws 0 or 1
with the normal sum as log-odds (an effect is added to the probability). Groups: the arm-by-item part is the same for 5
or 10 neighbouring items. Noise of seeds: equal; a tenth of that in every arm; three times for all strategies; three
times for random; ten times for one strategy; or each arm's own, 0.1 times exp of a standard normal.

Power: the effect that the comparison says 80 % of such experiments would show (median over null tables) is added to one
strategy, and it is counted how often its difference to random is shown; beside it the same for an effect of 0.8, eight
sds of a seed's noise. Coverage is of the single 95 % intervals against random. The last line on stdout is one JSON
document.

Everything is drawn and measured for many tables at once by a second implementation of the formulas, which is held to
the product's in the first tables of each case. A table in which some difference is over its half-width at 5 % over the
number of tests, without which Holm's first step rejects nothing, is judged by the product; power is that first step.

    python benchmarks/interval_coverage.py --out benchmarks/results/interval_coverage.json
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t

from dataselect.comparison.arms import Arm, ArmKey
from dataselect.comparison.controls import CONTROL, LENGTH_CONTROL
from dataselect.comparison.intervals import CONFIDENCE, half_width
from dataselect.comparison.power import detectable
from dataselect.comparison.rows import compare_arms
from dataselect.comparison.verdicts import BETTER, WORSE, ComparisonRow, with_verdicts

ITEMS, ARM_BY_ITEM, SEED, ITEM_BY_SEED, EIGHT_SDS = 100, 0.3, 0.1, 0.3, 0.8
CHUNK = 250
COLUMNS = {"false_tables": ".1%", "coverage": ".1%", "effect_said": ".2f", "seen": ".0%", "seen_eight_sds": ".0%"}
ABSENT = "-"
QUIET = "all x0.1"
NOISES = ("equal", "strategies x3", "random x3", "one strategy x10", "each its own")


@dataclass(frozen=True)
class Case:
    """One row: seeds of each strategy and of random, strategies, distribution, noise of seeds, size of item groups."""

    seeds: int = 3
    random_seeds: int = 3
    strategies: int = 8
    distribution: str = "normal"
    noise: str = "equal"
    group: int = 1


def cases() -> Iterator[Case]:
    """Every row of the table."""
    for seeds in ((1, 1), (1, 3)):
        yield Case(*seeds)
    for seeds in ((2, 2), (2, 3), (2, 5), (3, 3), (5, 5)):
        yield from (Case(*seeds, noise=noise) for noise in NOISES)
    for strategies in (2, 20):
        yield from (Case(strategies=strategies, noise=noise) for noise in NOISES)
    for strategies in (2, 8, 20):
        yield Case(strategies=strategies, noise=QUIET)
    for distribution in ("heavy tails", "lognormal", "binary"):
        yield Case(distribution=distribution, noise=QUIET)
    yield from (Case(group=group, noise=QUIET) for group in (5, 10))
    for seeds in (2, 3, 5):
        for distribution in ("heavy tails", "lognormal", "binary"):
            yield from (Case(seeds, seeds, distribution=distribution, noise=noise) for noise in NOISES[:2])
        yield from (Case(seeds, seeds, group=group) for group in (5, 10))


@dataclass(frozen=True)
class Tables:
    """Many tables of one case: arms are random, the strategies, and the control of each strategy.

    Attributes:
        random: (tables, random seeds, items) outcomes.
        others: (tables, arms, seeds, items) outcomes.
    """

    random: np.ndarray
    others: np.ndarray

    def arms(self, number: int) -> list[Arm]:
        """One of them as the product takes it."""
        half = self.others.shape[1] // 2
        names = [f"s{n}" for n in range(half)]
        names += [f"{LENGTH_CONTROL}:{name}" for name in names]
        return [_arm(CONTROL, self.random[number]), *map(_arm, names, self.others[number])]


def _arm(name: str, values: np.ndarray) -> Arm:
    seeds, ids = tuple((seed, seed) for seed in range(len(values))), tuple(map(str, range(ITEMS)))
    return Arm(ArmKey(name, 100, "examples"), "task", "metric", "higher", seeds, ids, values)


def draw(case: Case, rng: np.random.Generator, tables: int, effect: float = 0.0) -> Tables:
    """Tables without a difference but the effect of the first strategy."""
    arms = 2 * case.strategies
    noise = _seed_noise(case, rng, tables)
    item = rng.normal(0, 1, (tables, 1, 1, ITEMS))
    random = item + _values(case, rng, (tables, 1, case.random_seeds), noise[:, :1])
    others = item + _values(case, rng, (tables, arms, case.seeds), noise[:, 1:])
    if case.distribution == "binary":
        random, others = (1 / (1 + np.exp(-x)) for x in (random, others))
    others[:, 0] += effect
    if case.distribution == "binary":
        random, others = ((rng.random(x.shape) < x).astype(float) for x in (random, others))
    return Tables(random[:, 0], others)


def _seed_noise(case: Case, rng: np.random.Generator, tables: int) -> np.ndarray:
    """(tables, arms) sd of a seed's noise."""
    noise = np.full((tables, 1 + 2 * case.strategies), SEED)
    if case.noise == QUIET:
        noise *= 0.1
    elif case.noise == "strategies x3":
        noise[:, 1 : 1 + case.strategies] *= 3
    elif case.noise == "random x3":
        noise[:, 0] *= 3
    elif case.noise == "one strategy x10":
        noise[:, 1] *= 10
    elif case.noise == "each its own":
        noise *= np.exp(rng.normal(0, 1, noise.shape))
    return noise


def _values(case: Case, rng: np.random.Generator, shape: tuple[int, int, int], noise: np.ndarray) -> np.ndarray:
    tables, arms, seeds = shape
    groups = -(-ITEMS // case.group)
    by_item = np.repeat(_unit(case, rng, (tables, arms, 1, groups)), case.group, axis=3)[..., :ITEMS]
    by_seed = noise[:, :, None, None] * _unit(case, rng, (tables, arms, seeds, 1))
    return ARM_BY_ITEM * by_item + by_seed + ITEM_BY_SEED * _unit(case, rng, (tables, arms, seeds, ITEMS))


def _unit(case: Case, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Mean 0 and sd 1."""
    if case.distribution == "heavy tails":
        return rng.standard_t(3, shape) / math.sqrt(3)
    if case.distribution == "lognormal":
        return (np.exp(rng.normal(size=shape)) - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)
    return rng.normal(size=shape)


@dataclass(frozen=True)
class Measured:
    """Differences of many tables: first the strategies against random, then against their controls.

    Attributes:
        estimate: (tables, differences).
        own: The same shape: half-width of the 95 % interval.
        backed: The half-width that the correction's first step asks for.
    """

    estimate: np.ndarray
    own: np.ndarray
    backed: np.ndarray


def measure(case: Case, tables: Tables) -> Measured:
    """The formulas of `dataselect.comparison.intervals`, over all tables at once; two seeds on each side at least."""
    m, level = case.strategies, 1 - CONFIDENCE
    means = np.concatenate([tables.random.mean(1)[:, None], tables.others.mean(2)], axis=1)
    seeds = np.array([case.random_seeds, *[case.seeds] * 2 * m])
    noise = np.concatenate(
        [tables.random.mean(2).var(1, ddof=1)[:, None], tables.others.mean(3).var(2, ddof=1)], axis=1
    )
    backed = np.maximum(noise, noise.mean(1, keepdims=True))
    left, right = np.tile(np.arange(1, m + 1), 2), np.concatenate([np.zeros(m, int), np.arange(m + 1, 2 * m + 1)])
    gap = means[:, left] - means[:, right]
    estimate = gap.mean(2)
    halves = []
    for variance, dof, at in ((noise, seeds - 1, level), (backed, 2 * (seeds - 1), level / len(left))):
        squared = _items(gap - estimate[..., None], at)
        for side in (left, right):
            squared = squared + t.isf(at / 2, dof[side]) ** 2 * variance[:, side] / seeds[side]
        halves.append(np.sqrt(squared))
    return Measured(estimate, *halves)


def _items(residual: np.ndarray, level: float) -> np.ndarray:
    found = []
    for blocks in (20, 10):
        sums = residual.reshape(*residual.shape[:2], blocks, -1).sum(3)
        found.append(t.isf(level / 2, blocks - 1) ** 2 * blocks / (blocks - 1) * (sums**2).sum(2) / ITEMS**2)
    return np.maximum(*found)


def simulate(case: Case, tables: int) -> dict[str, float | None]:
    """One row of the table."""
    rng = np.random.default_rng(list(json.dumps(asdict(case)).encode()))
    if 1 in (case.seeds, case.random_seeds):
        return _without_second_seed(case, draw(case, rng, min(tables, 50)))
    false, covered, effects = 0, [], []
    for chunk in _chunks(tables):
        drawn = draw(case, rng, chunk)
        found = measure(case, drawn)
        if not effects:
            effects = [_checked(case, drawn, found, number) for number in range(20)]
        suspects = np.flatnonzero((np.abs(found.estimate) > found.backed).any(1))
        false += sum(_false(drawn.arms(number)) for number in suspects)
        covered.append((np.abs(found.estimate) <= found.own)[:, : case.strategies].mean())
    said = float(np.median(effects))
    return {
        "false_tables": false / tables,
        "coverage": float(np.mean(covered)),
        "effect_said": said,
        "seen": _seen(case, rng, tables, said),
        "seen_eight_sds": _seen(case, rng, tables, EIGHT_SDS),
    }


def _chunks(tables: int) -> Iterator[int]:
    yield from (min(CHUNK, tables - start) for start in range(0, tables, CHUNK))


def _without_second_seed(case: Case, tables: Tables) -> dict[str, float | None]:
    judged_tables = [with_verdicts(compare_arms(tables.arms(number))) for number in range(len(tables.random))]
    false = np.mean([any(_decided(row) for row in rows) for rows in judged_tables])
    return {"false_tables": float(false), "coverage": None, "effect_said": None, "seen": None, "seen_eight_sds": None}


def _checked(case: Case, tables: Tables, found: Measured, number: int) -> float:
    """The effect that the product says it would show, after its numbers are held to the measured ones."""
    compared = compare_arms(tables.arms(number))[1 : 1 + case.strategies]
    for place, one in enumerate(compared):
        for column, difference in ((place, one.against_random), (case.strategies + place, one.against_lengths)):
            assert difference is not None
            backed = half_width(
                [part.corrected for part in difference.components], (1 - CONFIDENCE) / (2 * case.strategies)
            )
            own = half_width([part.own for part in difference.components], 1 - CONFIDENCE)
            expected = [m[number, column] for m in (found.estimate, found.own, found.backed)]
            np.testing.assert_allclose([difference.estimate, own, backed], expected, rtol=1e-6, atol=1e-9)
    difference = compared[0].against_random
    assert difference is not None
    effect = detectable(difference.components, 2 * case.strategies)
    assert effect is not None
    return effect


def _false(arms: list[Arm]) -> bool:
    return any(_decided(row) for row in with_verdicts(compare_arms(arms)))


def _decided(row: ComparisonRow) -> bool:
    return bool({row.verdict, row.lm_verdict} & {BETTER, WORSE})


def _seen(case: Case, rng: np.random.Generator, tables: int, effect: float) -> float:
    """Share of the tables that show the first strategy, whose effect it is, to be better than random."""
    seen = 0
    for chunk in _chunks(tables):
        found = measure(case, draw(case, rng, chunk, effect))
        seen += int((found.estimate > np.maximum(found.own, found.backed))[:, 0].sum())
    return seen / tables


def main() -> None:
    """Simulate every case and print the table and the JSON."""
    parser = argparse.ArgumentParser(description="False tables, coverage and power of the verdicts.")
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    began, results = time.perf_counter(), []
    for case in cases():
        found = simulate(case, options.tables)
        results.append({**asdict(case), **found})
        print(line(case, found), flush=True)
    document = {
        "tables": options.tables,
        "items": ITEMS,
        "seconds": round(time.perf_counter() - began),
        "results": results,
    }
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


def line(case: Case, found: dict[str, float | None]) -> str:
    """A row of the table in Markdown."""
    what = f"{case.seeds}/{case.random_seeds} | {case.strategies} | {case.distribution}"
    groups = f", groups of {case.group}" if case.group > 1 else ""
    shown = [ABSENT if found[key] is None else f"{found[key]:{form}}" for key, form in COLUMNS.items()]
    return f"| {what}{groups} | {case.noise} | {' | '.join(shown)} |"


if __name__ == "__main__":
    main()
