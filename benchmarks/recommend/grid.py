"""A grid of real short trainings of the bundled model, every cell trained in full, for replaying searches.

The quickstart pool (1,040 composed rows, planted defects) is split by kind into four pools; the task is 60 held-out
examples of one kind (`function`). Arms are all rows and each pool by five rules: random, ppl-low, ppl-mid, ppl-high,
ifd-high, and all rows by longest, bpb and mink. Budgets are 1,500, 3,000 and 6,000 tokens: 84 cells, each
trained with seeds 0 to 2 (one pass, batch 4, rate 1e-3); the control, random rows of all, with seeds 0 to 7. What is
stored is each item's NLL of its response, per token, after each training and before any.

Every training is a row of `cells.jsonl` in the work folder, so a killed run goes on where it stopped.

    python benchmarks/recommend/grid.py --work /tmp/grid --out benchmarks/results/recommend_grid.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import dataselect as ds
from dataselect.experiment.quickstart import KINDS, QuickstartFiles, write_quickstart
from dataselect.recommendation.race import Measurement, RaceArm

TASK, CONTROL = "function", "all.random"
BUDGETS = (1500, 3000, 6000)
SEEDS, CONTROL_SEEDS = 3, 8
RULES = ("random", "ppl-low", "ppl-mid", "ppl-high", "ifd-high")
MORE_RULES = ("longest", "bpb", "mink")
COSTS = {"random": 1, "longest": 2}
RECIPE = {"epochs": 1.0, "learning_rate": 1e-3, "batch_size": 4}


def arms() -> list[RaceArm]:
    """The control first, then each pool by each rule."""
    names = [("all", rule) for rule in (*RULES, *MORE_RULES)]
    names += [(kind, rule) for rule in RULES for kind in KINDS]
    family = {"random": "mixture", "longest": "length", "bpb": "low", "mink": "low", "ifd-high": "high"}
    return [
        RaceArm(f"{pool}.{rule}", COSTS.get(rule, 4), family.get(rule, rule.removeprefix("ppl-")))
        for pool, rule in names
    ]


def order() -> Iterator[tuple[str, int, int]]:
    """Every training: seed by seed, so that an unfinished grid is balanced."""
    for seed in range(CONTROL_SEEDS):
        for arm in arms():
            if seed < SEEDS or arm.name == CONTROL:
                yield from ((arm.name, budget, seed) for budget in BUDGETS)


def measure(files: QuickstartFiles, work: Path, arm: str, budget: int, seed: int) -> dict[str, object]:
    """Select, train and evaluate one cell with one seed."""
    pool, rule = arm.split(".")
    source = files.pool if pool == "all" else work / f"{pool}.jsonl"
    chosen, model, found = work / "chosen.jsonl", work / "model", work / "found"
    request = ds.SelectRequest(
        pools=str(source), strategy=rule, budget=f"{budget}tok", out=chosen, scores=work / "scores", seed=seed,
        overwrite=True,
    )  # fmt: skip
    tokens = ds.select(request).counts.kept_tokens
    config = ds.TrainConfig(**RECIPE, seed=seed)  # type: ignore[arg-type]
    ds.train(ds.TrainRequest(file=chosen, model="builtin", out=model, config=config, overwrite=True))
    values = evaluated(files, str(model), found)
    return {"arm": arm, "budget": budget, "seed": seed, "tokens": tokens, "nll": values}


def evaluated(files: QuickstartFiles, model: str, out: Path) -> list[float]:
    """NLL of each item, of the task file and then of the target file, which nothing here selects towards."""
    tasks = (f"task={files.tasks[TASK]}", f"more={files.targets[TASK]}")
    ds.evaluate(ds.EvaluateRequest(model=model, tasks=tasks, out=out, overwrite=True))
    table = pq.read_table(out / "results.parquet").to_pandas()
    table = table[table.metric == "nll"].sort_values(["task", "item_id"])
    return [round(value, 5) for value in table.value]


def prepare(work: Path) -> QuickstartFiles:
    """Pools by kind and scores."""
    work.mkdir(parents=True, exist_ok=True)
    files = write_quickstart(work / "data")
    rows = [json.loads(line) for line in files.pool.read_text().splitlines()]
    for kind in KINDS:
        lines = [json.dumps(row) + "\n" for row in rows if row["kind"] == kind]
        (work / f"{kind}.jsonl").write_text("".join(lines))
    ds.score(ds.ScoreRequest(pools=str(files.pool), model="builtin", out=work / "scores", ifd=True))
    return files


def train_all(work: Path, wanted: Iterable[tuple[str, int, int]]) -> tuple[list[float], list[dict[str, object]]]:
    """Train what is missing; the untrained values and every cell."""
    files = prepare(work)
    kept = work / "cells.jsonl"
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    seen = {(cell["arm"], cell["budget"], cell["seed"]) for cell in done}
    for number, key in enumerate(wanted, start=1):
        if key in seen:
            continue
        began = time.perf_counter()
        cell = measure(files, work, *key)
        with kept.open("a") as stream:
            stream.write(json.dumps(cell) + "\n")
        done.append(cell)
        print(number, *key, f"{np.mean(cell['nll']):.4f} {time.perf_counter() - began:.1f} s", flush=True)
    untrained = evaluated(files, "builtin", work / "untrained")
    shutil.rmtree(work / "model", ignore_errors=True)
    return untrained, done


def write_cells(out: Path, untrained: list[float], done: list[dict[str, object]]) -> None:
    """One line per arm and budget."""
    cells: dict[tuple[object, object], list[dict[str, object]]] = {}
    for cell in sorted(done, key=lambda one: one["seed"]):  # type: ignore[arg-type,return-value]
        cells.setdefault((cell["arm"], cell["budget"]), []).append(cell)
    lines = [
        json.dumps({"arm": arm, "budget": budget, **{key: [one[key] for one in ones] for key in ("tokens", "nll")}})
        for (arm, budget), ones in cells.items()
    ]
    head = f'{{"task": "{TASK}", "recipe": {json.dumps(RECIPE)}, "untrained": {json.dumps(untrained)}, "cells": [\n'
    out.write_text(head + ",\n".join(lines) + "\n]}\n")
    print(f"{len(cells)} cells, {len(done)} trainings")


@dataclass(frozen=True)
class Grid:
    """A finished grid.

    Attributes:
        gains: Per (arm, budget): (seeds, items) fall of the NLL from the untrained model.
        tokens: Per (arm, budget): tokens of each seed's training.
    """

    gains: dict[tuple[str, int], np.ndarray]
    tokens: dict[tuple[str, int], list[int]]

    @classmethod
    def read(cls, path: Path) -> Grid:
        """What `main` wrote."""
        stored = json.loads(path.read_text())
        untrained, gains, tokens = np.array(stored["untrained"]), {}, {}
        for cell in stored["cells"]:
            key = (cell["arm"], cell["budget"])
            gains[key] = untrained - np.array(cell["nll"])
            tokens[key] = cell["tokens"]
        return cls(gains, tokens)

    def measurement(self, arm: str, budget: int, seed: int, items: np.ndarray) -> Measurement:
        """One training on some of the items."""
        return Measurement(self.gains[arm, budget][seed][items], self.tokens[arm, budget][seed])


def scales(grid: Grid, budget: int) -> dict[str, float]:
    """Sds of the parts of a gain at a budget, as shares of what the control gains: what `simulated.py` draws from."""
    control = grid.gains[CONTROL, budget]
    arms = [gains for (name, at), gains in grid.gains.items() if at == budget and name != CONTROL]
    single = np.mean([_residual_variance(gains) for gains in arms])
    gaps = [gains.mean(axis=0) - control.mean(axis=0) for gains in arms]
    noise = single * (1 / len(arms[0]) + 1 / len(control))
    found = {
        "item": control.mean(axis=0).std(),
        "effect": np.std([gap.mean() for gap in gaps]),
        "arm_by_item": max(0.0, float(np.mean([gap.var(ddof=1) for gap in gaps]) - noise)) ** 0.5,
        "seed_of_control": control.mean(axis=1).std(ddof=1),
        "seed_of_arms": np.mean([gains.mean(axis=1).var(ddof=1) for gains in arms]) ** 0.5,
        "item_by_seed": single**0.5,
    }
    return {name: round(float(value / control.mean()), 2) for name, value in found.items()}


def _residual_variance(gains: np.ndarray) -> float:
    residuals = gains - gains.mean(axis=0) - gains.mean(axis=1, keepdims=True) + gains.mean()
    return float((residuals**2).sum() / ((gains.shape[0] - 1) * (gains.shape[1] - 1)))


def main() -> None:
    """Train the grid and write it."""
    parser = argparse.ArgumentParser(description="Train every cell of a grid of candidates.")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    write_cells(options.out, *train_all(options.work, order()))
    for budget in BUDGETS:
        print(budget, scales(Grid.read(options.out), budget))


if __name__ == "__main__":
    main()
