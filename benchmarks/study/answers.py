"""The answers of the study, all from committed files.

    python benchmarks/study/answers.py --results benchmarks/results/study

writes `answers.json` beside the cells. The unit of every interval is what the claim is about: pools for properties,
models' agreement and layers (drawn anew, 2,000 times, percentiles); items, and the seeds of random, for strategies
inside one pool. Coefficients are Spearman over pools within a task, averaged over the tasks measured by NLL, and turned
so that above 0 means as the literature says: low perplexity, low rank-surprisal ratio, high similarity.

A task of a pool's own held-out rows is no evidence for a property other than similarity: `elsewhere` leaves the pool
out of the coefficient of its own task. Left out: accuracies, which 40 items do not tell apart at these sizes; they are
in the table of runs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from runs import CHOICE, Results

DRAWS, LEVEL = 2000, 95.0
SAID = {
    "ppl": -1.0, "ppl_token_weighted": -1.0, "bits_per_byte": -1.0, "rsr": -1.0, "shifted_fraction": -1.0,
    "response_tokens": 1.0, "similarity": 1.0,
}  # fmt: skip
"""Property -> the sign with which it is said to go with gain."""
LENGTH = "response_tokens"
HEADS = (("ppl", "similarity"), ("rsr", "ppl"), ("ppl", LENGTH), ("bits_per_byte", "ppl"))
LARGEST_SHARE = 3
"""At most one in so many pools is left out together."""
Floats = NDArray[np.float64]
Rows = NDArray[np.int_]


def ranks(values: Floats) -> Floats:
    """(..., units, tasks) ranks among the units that are known, ties at their mean; NaN stays."""
    lower = (values[..., None, :, :] < values[..., :, None, :]).sum(axis=-2)
    same = (values[..., None, :, :] == values[..., :, None, :]).sum(axis=-2)
    return np.where(np.isfinite(values), lower + (same + 1) / 2, np.nan)


def spearman(x: Floats, y: Floats) -> Floats:
    """(..., tasks) Spearman's coefficients over the units, axis -2.

    NaN where one side is the same everywhere or fewer than four units are known.
    """
    known = np.isfinite(x) & np.isfinite(y)
    a, b = (ranks(np.where(known, side, np.nan)) for side in (x, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        count = known.sum(axis=-2)
        middle = (count[..., None, :] + 1) / 2
        a, b = (np.where(known, side - middle, 0.0) for side in (a, b))
        found = (a * b).sum(axis=-2) / np.sqrt((a * a).sum(axis=-2) * (b * b).sum(axis=-2))
    return np.where(count >= 4, found, np.nan)


def partial(x: Floats, y: Floats, z: Floats) -> Floats:
    """Spearman's coefficients of x and y with z held fixed."""
    xy, xz, yz = spearman(x, y), spearman(x, z), spearman(y, z)
    rest = np.sqrt(np.maximum(0.0, (1 - xz**2) * (1 - yz**2)))
    return np.divide(xy - xz * yz, rest, out=np.full_like(rest, np.nan), where=rest > 1e-9)


def mean_known(values: Floats) -> Floats:
    """Mean over the last axis of what is known, NaN where nothing is."""
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


class Predictions:
    """Properties against gains of one setting.

    Args:
        elsewhere: Whether a pool is left out of its own task.
    """

    def __init__(self, results: Results, setting: dict[str, Any], elsewhere: bool) -> None:
        gains = results.gains(**setting)
        self.pools = list(gains.index)
        self.tasks = [task for task in gains.columns if task not in CHOICE]
        self.gains = gains[self.tasks].to_numpy(copy=True)
        if elsewhere:
            for row, pool in enumerate(self.pools):
                self.gains[row, [n for n, task in enumerate(self.tasks) if task == f"own-{pool}"]] = math.nan
        of_model, similarity = results.properties["models"][setting["model"]], results.properties["similarity"]
        self.values = {
            name: np.array([[of_model[pool][name]] * len(self.tasks) for pool in self.pools])
            for name in SAID
            if name != "similarity"
        }
        self.values["similarity"] = np.array([[similarity[pool][task] for task in self.tasks] for pool in self.pools])

        self.every = np.arange(len(self.pools))

    def coefficients(self, name: str, rows: Rows, given: str = "") -> Floats:
        """(..., tasks) turned coefficients over some pools, (..., pools)."""
        x, y = SAID[name] * self.values[name][rows], self.gains[rows]
        return partial(x, y, self.values[given][rows]) if given else spearman(x, y)

    def mean(self, name: str, rows: Rows, given: str = "") -> Floats:
        """Mean over tasks."""
        return mean_known(self.coefficients(name, rows, given))

    def answer(self, name: str) -> dict[str, Any]:
        """Coefficient, interval, and alibi of one property."""
        whole = float(self.mean(name, self.every))
        without = np.array([np.delete(self.every, pool) for pool in self.every])
        one_less = self.mean(name, without)
        return {
            "mean": whole, "interval": bootstrap(lambda rows: self.mean(name, rows), len(self.pools)),
            "per_task": dict(zip(self.tasks, rounded(self.coefficients(name, self.every)), strict=True)),
            "given_length": None if name == LENGTH else float(self.mean(name, self.every, LENGTH)),
            "without_one": [float(one_less.min()), float(one_less.max())],
            "moves_most": self.pools[int(np.argmax(np.abs(one_less - whole)))],
            "hangs_on": self.smallest_set(name, whole),
        }  # fmt: skip

    def smallest_set(self, name: str, whole: float) -> dict[str, Any] | None:
        """The smallest set of pools, at most a third, without which less than half is left; of these the worst."""
        for size in range(1, len(self.pools) // LARGEST_SHARE + 1):
            sets = list(itertools.combinations(self.every, size))
            left = self.mean(name, np.array([np.setdiff1d(self.every, taken) for taken in sets])) / whole
            worst = int(np.nanargmin(left))
            if left[worst] < 0.5:
                return {"pools": [self.pools[n] for n in sets[worst]], "without": float(left[worst] * whole)}
        return None

    def head_to_head(self, first: str, second: str) -> dict[str, Any]:
        """How much larger the coefficient of the first is."""

        def apart(rows: Rows) -> Floats:
            return self.mean(first, rows) - self.mean(second, rows)

        return {"difference": float(apart(self.every)), "interval": bootstrap(apart, len(self.pools))}

    def choosing(self, name: str) -> dict[str, Any]:
        """What the pool that a property puts first gains, as a share of the best pool's gain over the average one's."""

        def share(rows: Rows) -> Floats:
            x, y = SAID[name] * self.values[name][rows], self.gains[rows]
            first = np.argmax(np.where(np.isfinite(y), x, -np.inf), axis=-2)
            chosen = np.take_along_axis(y, first[..., None, :], axis=-2)[..., 0, :]
            mean = mean_known(np.swapaxes(y, -1, -2))
            over = np.nanmax(y, axis=-2) - mean
            return mean_known(np.divide(chosen - mean, over, out=np.full_like(over, np.nan), where=over > 1e-12))

        return {"share": float(share(self.every)), "interval": bootstrap(share, len(self.pools))}


def bootstrap(statistic: Callable[[Rows], Floats], units: int, seed: int = 0) -> list[float]:
    """Percentile interval of a statistic of unit numbers, (draws, units) at once, from drawing units anew."""
    random = np.random.default_rng(seed)
    drawn = statistic(random.integers(0, units, (DRAWS, units)))
    tail = (100 - LEVEL) / 2
    return [float(value) for value in np.nanpercentile(drawn, [tail, 100 - tail])]


def agreement(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Any] | None:
    """How alike two settings order the pools, mean over the tasks measured by NLL; None under five common pools."""
    pools = [pool for pool in first.index if pool in second.index]
    tasks = [task for task in first.columns if task not in CHOICE and task in second.columns]
    if len(pools) < 5:
        return None
    a, b = first.loc[pools, tasks].to_numpy(), second.loc[pools, tasks].to_numpy()

    def mean(rows: Rows) -> Floats:
        return mean_known(spearman(a[rows], b[rows]))

    pairs = list(itertools.combinations(range(len(pools)), 2))
    same = np.mean([np.sign(a[i] - a[j]) == np.sign(b[i] - b[j]) for i, j in pairs])
    every = np.arange(len(pools))
    return {
        "pools": len(pools), "spearman": float(mean(every)), "interval": bootstrap(mean, len(pools)),
        "same_order": float(same),
    }  # fmt: skip


def agreements(results: Results) -> list[dict[str, Any]]:
    """Every pair of settings that differ in one thing."""
    found = []
    for first, second in itertools.combinations(results.settings(), 2):
        differs = [name for name in first if first[name] != second[name]]
        if len(differs) == 1:
            answer = agreement(results.gains(**first), results.gains(**second))
            if answer:
                found.append({"first": first, "second": second, "differ_in": differs[0], **answer})
    return found


def layers(results: Results, setting: dict[str, Any]) -> dict[str, Any]:
    """How far each layer moved, and how its move goes with the gain over pools: mean over tasks measured by NLL."""
    cells = [c for c in results.trained("pools") if all(c[k] == v for k, v in setting.items())]
    moved = np.array([cell["layers"] for cell in cells])
    gains = [results.item_gains(cell) for cell in cells]
    gain = np.array([[np.mean([one.mean() for task, one in each.items() if task not in CHOICE])] for each in gains])
    thirds = np.stack([part.mean(axis=1) for part in np.array_split(moved, 3, axis=1)], axis=1)

    def with_gain(rows: Rows) -> Floats:
        return spearman(thirds[rows], np.broadcast_to(gain[rows], thirds[rows].shape))

    def middle_over_ends(rows: Rows) -> Floats:
        first, middle, last = np.moveaxis(with_gain(rows), -1, 0)
        return middle - (first + last) / 2

    every = np.arange(len(cells))
    return {
        "relative_change": rounded(moved.mean(axis=0), 6),
        "with_gain": rounded(spearman(moved, np.broadcast_to(gain, moved.shape))),
        "thirds": rounded(with_gain(every)), "middle_over_ends": float(middle_over_ends(every)),
        "interval": bootstrap(middle_over_ends, len(cells)),
    }  # fmt: skip


def inside(results: Results) -> list[dict[str, Any]]:
    """Each strategy inside Alpaca against random at the same tokens, paired over items, with random's seeds drawn."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for cell in results.trained("inside"):
        groups.setdefault((cell["model"], cell["tokens"], cell["rate"]), []).append(cell)
    found = []
    for (model, tokens, rate), cells in groups.items():
        random_cells = [results.item_gains(cell) for cell in cells if cell["rows"] == "random"]
        if len(random_cells) < 3:
            continue
        for cell in cells:
            if cell["rows"] == "random":
                continue
            gains = results.item_gains(cell)
            for task in gains:
                controls = np.array([one[task] for one in random_cells])
                found.append(
                    {"model": model, "tokens": tokens, "rate": rate, "strategy": cell["rows"], "task": task}
                    | against_random(gains[task], controls)
                )
    return found


def against_random(gains: Floats, controls: Floats) -> dict[str, Any]:
    """Mean difference to random, its interval over items and seeds, and how many of random's seeds it beats.

    Args:
        gains: (items,).
        controls: (seeds, items).
    """
    random = np.random.default_rng(0)
    seeds, items = controls.shape
    drawn = []
    for _ in range(DRAWS):
        chosen, rows = random.integers(0, items, items), random.integers(0, seeds, seeds)
        drawn.append(gains[chosen].mean() - controls[rows][:, chosen].mean())
    tail = (100 - LEVEL) / 2
    # a strategy's single training varies with its seed as random's do: its part of the variance is added
    spread = np.std(controls.mean(axis=1), ddof=1)
    low, high = np.percentile(np.array(drawn) + random.normal(0, spread, DRAWS), [tail, 100 - tail])
    return {
        "difference": float(gains.mean() - controls.mean()), "interval": [float(low), float(high)],
        "seeds_beaten": int((gains.mean() > controls.mean(axis=1)).sum()), "seeds": seeds,
    }  # fmt: skip


def rounded(values: Floats, digits: int = 4) -> list[float | None]:
    """As plain numbers, None where there is none."""
    return [round(float(value), digits) if math.isfinite(value) else None for value in values]


def plain(value: Any) -> Any:
    """The same with floats to four digits and without NaN."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return round(float(value), 4 if abs(value) >= 0.001 else 7) if math.isfinite(value) else None
    return value


def cost(results: Results) -> dict[str, Any]:
    """Cells, trained tokens and minutes of each model."""
    found: dict[str, Any] = {}
    for cell in results.cells:
        one = found.setdefault(cell["model"], {"cells": 0, "trained_tokens": 0, "minutes": 0.0})
        one["cells"] += 1
        one["trained_tokens"] += cell.get("trained_tokens", 0)
        one["minutes"] += cell["seconds"] / 60
    return found


def answers(results: Results) -> dict[str, Any]:
    """Everything."""
    predicted = []
    for setting in results.settings():
        for elsewhere in (False, True):
            found = Predictions(results, setting, elsewhere)
            predicted.append({
                "setting": setting, "elsewhere": elsewhere, "pools": len(found.pools),
                "properties": {name: found.answer(name) for name in SAID},
                "heads": {f"{a} over {b}": found.head_to_head(a, b) for a, b in HEADS},
                "choosing": {name: found.choosing(name) for name in SAID},
            })  # fmt: skip
    return {
        "cost": cost(results), "without_gains": results.failed, "predicted": predicted,
        "agreement": agreements(results),
        "layers": [{"setting": setting, **layers(results, setting)} for setting in results.settings()],
        "inside": inside(results),
    }  # fmt: skip


def main() -> None:
    """Compute and write."""
    parser = argparse.ArgumentParser(description="Answer the questions of the study from its committed cells.")
    parser.add_argument("--results", type=Path, required=True, help="folder of the committed cells")
    arguments = parser.parse_args()
    document = plain(answers(Results(arguments.results)))
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (arguments.results / "answers.json").write_text(text, encoding="utf-8")
    print(json.dumps(document["cost"]))


if __name__ == "__main__":
    main()
