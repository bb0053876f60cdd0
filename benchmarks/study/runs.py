"""The committed cells and properties as tables: gains of runs, and properties of pools.

    python benchmarks/study/runs.py --results benchmarks/results/study

writes `runs.csv` beside the cells, one row per run, which `dataselect analyze --config benchmarks/study/analyze.yaml`
reads. A gain is positive where training helped: the fall of the mean NLL of a task's items in nats per token, or the
rise of accuracy. A training that failed, and a model without an untrained cell, has no gains and is named.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CHOICE = ("arc-easy", "blimp", "boolq", "piqa")
"""Tasks measured by accuracy; all others by NLL."""
SETTING = ("model", "tokens", "method", "rate", "seed")
OF_MODEL = ("ppl", "ppl_token_weighted", "bits_per_byte", "rsr", "shifted_fraction", "response_tokens")


@dataclass(frozen=True)
class Results:
    """What is committed of the study.

    Attributes:
        folder: Holds `cells.jsonl` and `properties.json`.
    """

    folder: Path

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """All finished cells."""
        return [json.loads(line) for line in (self.folder / "cells.jsonl").read_text(encoding="utf-8").splitlines()]

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Model -> pool -> property, under `models`, and pool -> task, under `similarity`."""
        return json.loads((self.folder / "properties.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]

    @cached_property
    def untrained(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Model -> task -> value of each item before training."""
        found = (cell for cell in self.cells if cell["part"] == "untrained")
        return {cell["model"]: {task: np.asarray(v) for task, v in cell["values"].items()} for cell in found}

    @property
    def failed(self) -> list[str]:
        """What has no gains, in words."""
        return [
            f"{cell['model']} {cell['rows']} {cell['tokens']}: {cell.get('failed', 'no untrained cell')}"
            for cell in self.cells
            if "values" not in cell or cell["model"] not in self.untrained
        ]

    def item_gains(self, cell: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
        """Gain of each item of each task."""
        before = self.untrained[cell["model"]]
        turned = {task: 1.0 if task in CHOICE else -1.0 for task in cell["values"]}
        return {task: turned[task] * (np.asarray(v) - before[task]) for task, v in cell["values"].items()}

    def trained(self, part: str) -> Iterator[dict[str, Any]]:
        """The cells of a part that have gains."""
        for cell in self.cells:
            if cell["part"] == part and "values" in cell and cell["model"] in self.untrained:
                yield cell

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run on a pool, or per model before training (pool `none`): setting, scores, properties."""
        rows = [
            {"model": model, "pool": "none", "tokens": 0, "method": "none", "rate": "none", "seed": 0}
            | {task: values.mean() for task, values in tasks.items()}
            for model, tasks in self.untrained.items()
        ]
        for cell in self.trained("pools"):
            row = {"pool": cell["rows"]} | {name: cell[name] for name in SETTING}
            row |= {task: float(np.mean(values)) for task, values in cell["values"].items()}
            row |= {name: self.properties["models"][cell["model"]][cell["rows"]][name] for name in OF_MODEL}
            row["similarity"] = float(np.mean(list(self.properties["similarity"][cell["rows"]].values())))
            rows.append(row)
        return pd.DataFrame(rows)

    def gains(self, **setting: Any) -> pd.DataFrame:
        """Pools x tasks: the mean gain of the runs of a setting, over its seeds."""
        found: dict[str, list[dict[str, float]]] = {}
        for cell in self.trained("pools"):
            if all(cell[name] == value for name, value in setting.items()):
                means = {task: float(one.mean()) for task, one in self.item_gains(cell).items()}
                found.setdefault(cell["rows"], []).append(means)
        return pd.DataFrame({pool: pd.DataFrame(means).mean() for pool, means in found.items()}).T

    def settings(self) -> list[dict[str, Any]]:
        """Every setting (seed 0) that was run on at least five pools."""
        counted: dict[tuple[Any, ...], int] = {}
        for cell in self.trained("pools"):
            if cell["seed"] == 0:
                key = tuple(cell[name] for name in SETTING)
                counted[key] = counted.get(key, 0) + 1
        return [dict(zip(SETTING, key, strict=True)) for key, pools in counted.items() if pools >= 5]


def main() -> None:
    """Write the table of runs."""
    parser = argparse.ArgumentParser(description="The runs of the study as a table.")
    parser.add_argument("--results", type=Path, required=True, help="folder of the committed cells")
    arguments = parser.parse_args()
    results = Results(arguments.results)
    results.runs.round(5).to_csv(arguments.results / "runs.csv", index=False)
    print(f"{len(results.runs)} rows; without gains: {results.failed or 'none'}")


if __name__ == "__main__":
    main()
