"""Forecasts before training: what `analyze` finds in two published tables, and its coverage where the truth is known.

The tables are read with the configurations in `configs/`. The simulated ones have eight or twelve groups of five runs,
outcome = quality + noise, of whose variance a share is the group's: 0 (runs err independently), a half, or 1 (runs of
a group err alike); in the noise tables the outcome does not depend on quality. 200 of each kind and size, each with its
own seed. The last line on stdout is one JSON document.

    python benchmarks/forecast.py DATA --out benchmarks/results/forecast.json     # DATA has the two CSVs
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.run_analysis.config import (
    AnalyzeConfig,
    Columns,
    ForecastConfig,
    PropertyConfig,
    TaskConfig,
    read_config,
)
from dataselect.run_analysis.forecast import Forecast, forecasts
from dataselect.run_analysis.reading import read_table
from dataselect.run_analysis.run_table import RunTable, TaskColumn

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
PUBLISHED = {"rsr__55_runs.csv": "rsr_55_runs.yaml", "massive_sft__evaluation_result.csv": "massive_sft.yaml"}
TABLES, RUNS = 200, 5

CONFIG = AnalyzeConfig(
    columns=Columns("model", "data"), tasks={"score": TaskConfig()}, properties={"quality": PropertyConfig()},
    forecast={"new": ForecastConfig("model", ("quality",), outcome="score")}, resamples=200,
)  # fmt: skip


def simulated(seed: list[int], groups: int, of_group: float, slope: float) -> RunTable:
    """Draw one table."""
    rng = np.random.default_rng(seed)
    shared, own = rng.normal(size=(groups, 1)), rng.normal(size=(groups, RUNS))
    quality = rng.normal(size=(groups, RUNS))
    score = slope * quality + np.sqrt(of_group) * shared + np.sqrt(1 - of_group) * own
    labels = {
        "model": tuple(f"m{g}" for g in range(groups) for _ in range(RUNS)),
        "data": tuple(f"d{d}" for _ in range(groups) for d in range(RUNS)),
    }
    return RunTable(
        model="model", data="data", lines=tuple(range(2, 2 + score.size)), labels=labels, tasks=(TaskColumn("score"),),
        scores=score.ravel()[None], properties={"quality": quality.ravel()},
    )  # fmt: skip


def of_kind(groups: int, of_group: float, slope: float) -> dict[str, Any]:
    """Forecast 200 tables of one kind."""
    found = [
        forecasts(simulated([place, groups, int(2 * of_group), int(slope)], groups, of_group, slope), CONFIG)[0]
        for place in range(TABLES)
    ]
    return {
        "groups": groups, "of_group": of_group, "slope": slope, "tables": TABLES,
        "coverage": float(np.mean([one.coverage for one in found])), "least_coverage": found[0].least_coverage,
        "ratio": float(np.median([one.ratio for one in found])),
        "narrower": sum(one.verdict == "narrower" for one in found),
        "wider": sum(one.verdict == "wider" for one in found),
    }  # fmt: skip


def published(data: Path) -> Iterator[dict[str, Any]]:
    """Forecast both published tables; of the large one the tasks that count in its mean over tasks."""
    for table, config in PUBLISHED.items():
        read = read_config(CONFIGS / config)
        runs = read_table(data / table, read, CONFIGS)
        wanted = tuple(name for name, task in read.tasks.items() if task.overall)
        limited = {name: replace(one, tasks=wanted) for name, one in read.forecast.items()}
        for one in forecasts(runs, replace(read, forecast=limited)):
            yield {"table": table, **without_runs(one)}


def without_runs(one: Forecast) -> dict[str, Any]:
    """A forecast without its single runs and groups."""
    return {key: value for key, value in asdict(one).items() if key not in ("runs", "groups", "left_out")}


def main() -> None:
    """Forecast all tables, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    kinds = [(groups, of_group, slope) for groups in (8, 12) for of_group in (0.0, 0.5, 1.0) for slope in (0.0, 1.0)]
    rows = [of_kind(*kind) for kind in kinds]
    for row in rows:
        print(row)
    document = json.dumps({"simulated": rows, "published": list(published(arguments.data))}, indent=1)
    if arguments.out:
        arguments.out.write_text(document + "\n")
    print(json.dumps(json.loads(document)))


if __name__ == "__main__":
    main()
