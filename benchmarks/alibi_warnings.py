"""How often `analyze` warns of planted confounding, and how often in clean tables.

Every table is that of an experiment: models trained on data sets, a likelihood score of each (model, data set), the
length of each data set, a result. What models share is 70 % of the variance of each part, so that models agree as in
published tables. With e standard normal of that kind, drawn apart for every use,

    length         length L; score = 0.8 L + 0.6 e, result = 0.8 L + 0.6 e: without L they have nothing in common
    few groups     score = e, result = e, and 3 more of both in a quarter of the data sets: elsewhere nothing in common
    clean, rho r   score = e, result = r score + sqrt(1 - r^2) e, length of its own

200 tables of each kind and size, each with its own seed. What is counted is the association over all models, as
`analyze` judges it (`dataselect.run_analysis.alibi_sides`). The last line on stdout is one JSON document.

    python benchmarks/alibi_warnings.py --out benchmarks/results/alibi_warnings.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.run_analysis.alibi import Alibi
from dataselect.run_analysis.alibi_sides import alibi_sides
from dataselect.run_analysis.config import AnalyzeConfig, Columns, PropertyConfig, TaskConfig
from dataselect.run_analysis.grid import make_grids
from dataselect.run_analysis.run_table import Floats, RunTable, TaskColumn

TABLES, SHARED = 200, 0.7
SIZES = ((5, 24), (1, 24), (5, 11))
"""Models and data sets."""

CONFIG = AnalyzeConfig(
    columns=Columns("model", "data"), tasks={"result": TaskConfig()}, control="length", resamples=200,
    properties={"score": PropertyConfig(), "length": PropertyConfig()},
)  # fmt: skip

Draw = Callable[[np.random.Generator, int, int], tuple[Floats, Floats, Floats]]
"""Of (n_models, n_datasets): score, result, length."""


def noise(rng: np.random.Generator, models: int, datasets: int) -> Floats:
    """Draw standard normals that the models share in part."""
    common, own = rng.normal(size=(1, datasets)), rng.normal(size=(models, datasets))
    return np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own


def lengths(rng: np.random.Generator, models: int, datasets: int) -> Floats:
    """Draw a length for each data set."""
    return np.repeat(rng.normal(size=(1, datasets)), models, axis=0)


def by_length(rng: np.random.Generator, models: int, datasets: int) -> tuple[Floats, Floats, Floats]:
    """Score and result follow the length, and nothing else in common."""
    length = lengths(rng, models, datasets)
    score, result = (0.8 * length + 0.6 * noise(rng, models, datasets) for _ in range(2))
    return score, result, length


def by_few_groups(rng: np.random.Generator, models: int, datasets: int) -> tuple[Floats, Floats, Floats]:
    """A quarter of the data sets are high in both, and nothing else in common."""
    apart = np.zeros(datasets)
    apart[rng.permutation(datasets)[: round(datasets / 4)]] = 3.0
    score, result = (apart + noise(rng, models, datasets) for _ in range(2))
    return score, result, lengths(rng, models, datasets)


def clean(rho: float) -> Draw:
    """Return the draw of a relation that all data sets share."""

    def draw(rng: np.random.Generator, models: int, datasets: int) -> tuple[Floats, Floats, Floats]:
        score = noise(rng, models, datasets)
        result = rho * score + np.sqrt(1 - rho**2) * noise(rng, models, datasets)
        return score, result, lengths(rng, models, datasets)

    return draw


KINDS: dict[str, Draw] = {
    "length": by_length,
    "few groups": by_few_groups,
    **{f"clean, rho {rho:g}": clean(rho) for rho in (0.0, 0.3, 0.6, 0.9)},
}


def judged(score: Floats, result: Floats, length: Floats) -> Alibi:
    """Judge a table as `analyze` does."""
    models, datasets = score.shape
    labels = {
        "model": tuple(f"m{m}" for m in range(models) for _ in range(datasets)),
        "data": tuple(f"d{d:02}" for _ in range(models) for d in range(datasets)),
    }
    table = RunTable(
        model="model", data="data", lines=tuple(range(2, 2 + score.size)), labels=labels,
        tasks=(TaskColumn("result"),), scores=result.ravel()[None],
        properties={"score": score.ravel(), "length": length.ravel()},
    )  # fmt: skip
    (grid,) = make_grids(table, CONFIG)
    return next(iter(alibi_sides(grid))).alibi(CONFIG)


def counted(kind: str, models: int, datasets: int) -> dict[str, Any]:
    """Count the warnings over all tables of one kind and size."""
    found = [
        judged(*KINDS[kind](np.random.default_rng([place, models, datasets]), models, datasets))
        for place in range(TABLES)
    ]
    of_length = np.array([one.length.hold == "warning" for one in found])
    of_groups = np.array([one.groups[0].hold == "warning" for one in found])
    cautions = [one.length.hold == "caution" or one.groups[0].hold == "caution" for one in found]
    return {
        "kind": kind, "models": models, "datasets": datasets, "tables": TABLES,
        "mean_spearman": float(np.mean([one.estimate or 0.0 for one in found])),
        "warned": int((of_length | of_groups).sum()),
        "of_length": int(of_length.sum()), "of_groups": int(of_groups.sum()),
        "caution_only": int(np.sum(np.array(cautions) & ~(of_length | of_groups))),
    }  # fmt: skip


def main() -> None:
    """Judge all tables, and write the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    began, rows = time.perf_counter(), []
    for models, datasets in SIZES:
        for kind in KINDS:
            rows.append(counted(kind, models, datasets))
            print(rows[-1], flush=True)
    document = json.dumps({"tables": rows, "minutes": round((time.perf_counter() - began) / 60, 1)})
    if arguments.out:
        arguments.out.write_text(document + "\n")
    print(document)


if __name__ == "__main__":
    main()
