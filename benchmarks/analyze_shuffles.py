"""Whether `analyze` shows a property that tells which data helps, and shows none that does not.

The table is the published one of 1,027 models (`gold/massive_sft__evaluation_result.csv`), with its 60 centred tests,
of ten data sets each. The property is made of the outcome itself: the mean over tasks of the standardised scores of a
model on a data set, plus noise, so that Spearman's rho with that mean is about 0.92, and far lower with single tasks.
Then its values are dealt out anew among the data sets, 200 times in each of two ways: whole data sets, the same way for
all models, and every model by itself. A relation that is shown then is false. Some 15 minutes; the last line on stdout
is one JSON document.

    python benchmarks/analyze_shuffles.py --out benchmarks/results/analyze_shuffles.json
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from dataselect.run_analysis import analyze
from dataselect.run_analysis.association import LEVEL, Scope, association_sides, below, corrected_tests
from dataselect.run_analysis.association_section import question_sentence
from dataselect.run_analysis.config import AnalyzeConfig, read_config
from dataselect.run_analysis.grid import Grid, centred, make_grids
from dataselect.run_analysis.reading import read_table
from dataselect.run_analysis.run_table import OVERALL, Floats

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "massive_sft.yaml"
NAME, RHO = "made of the outcome", 0.92
SCOPES: tuple[Scope, ...] = ("centred", "one model", "pooled")

Deal = Callable[[np.random.Generator, Floats], Floats]


def whole_columns(rng: np.random.Generator, values: Floats) -> Floats:
    """Deal the data sets out anew, the same way for every model."""
    return values[:, rng.permutation(values.shape[1])]


def each_model(rng: np.random.Generator, values: Floats) -> Floats:
    """Deal them out for every model by itself; holes stay where they are."""
    found = values.copy()
    for row in found:
        known = np.isfinite(row)
        row[known] = rng.permutation(row[known])
    return found


DEALS: dict[str, Deal] = {"whole data sets": whole_columns, "each model by itself": each_model}


def made_of_the_outcome(grid: Grid, rng: np.random.Generator) -> Floats:
    """(n_models, n_datasets) property with a centred rho of about 0.92 with the mean over tasks."""
    outcome = centred(grid.scores[[task.name for task in grid.tasks].index(OVERALL)])
    known = np.isfinite(outcome)
    noise = rng.normal(size=outcome.shape)

    def rho(size: float) -> float:
        return float(spearmanr(centred(outcome + size * noise)[known], outcome[known]).statistic)

    low, high = 0.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rho(middle) > RHO else (low, middle)
    return outcome + low * noise


def shown(grids: Sequence[Grid], config: AnalyzeConfig) -> dict[str, list[int]]:
    """For each question: how many of its tests hold, and how many there are; without intervals, which take long."""
    found: dict[str, list[int]] = {}
    pairs = [one for grid in grids for one in association_sides(grid)]
    for scope in SCOPES:
        tests = [test for one in pairs if one.scope == scope and (test := one.test)]
        found[scope] = [sum(below(one.p_holm) for one in corrected_tests(tests, config)), len(tests)]
    return found


def shuffles(grids: Sequence[Grid], config: AnalyzeConfig, deal: Deal, draws: int) -> Iterator[dict[str, list[int]]]:
    """`shown` of shuffled properties; each with its own random permutations."""
    for draw in range(draws):
        rng = np.random.default_rng([1, draw])
        dealt = [replace(grid, properties={NAME: deal(rng, grid.properties[NAME])}) for grid in grids]
        yield shown(dealt, replace(config, seed=draw))


def as_a_user(table: Path, grids: Sequence[Grid], config: AnalyzeConfig) -> dict[str, Any]:
    """Write the property into a copy of the table, run the whole analysis, and keep what it says."""
    with tempfile.TemporaryDirectory() as folder:
        copy, settings, out = (Path(folder) / name for name in ("runs.csv", "config.yaml", "out"))
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row[NAME] = _value(row, grids, config)
        with copy.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        settings.write_text(f"{CONFIG.read_text(encoding='utf-8')}\nproperties: {{{NAME}: {{}}}}\n", encoding="utf-8")
        began = time.perf_counter()
        document = analyze(copy, settings, out).document
        seconds = time.perf_counter() - began
    overall = [one for one in document["associations"] if (one["scope"], one["task"]) == ("centred", OVERALL)]
    return {
        "seconds": round(seconds, 1),
        "questions": document["questions"],
        "says": [question_sentence(one) for one in document["questions"]],
        "mean over tasks": [{key: one[key] for key in ("method", "p", "p_holm", "verdict")} for one in overall],
        "rho": [one["estimates"][1]["estimate"] for one in overall],
        "centred": sorted(
            ([abs(one["estimates"][1]["estimate"]), one["p_holm"], one["verdict"]] for one in document["associations"]
             if one["scope"] == "centred" and one["p"] is not None), reverse=True,
        ),
    }  # fmt: skip


def _value(row: dict[str, str], grids: Sequence[Grid], config: AnalyzeConfig) -> str:
    method = "LoRA" if row["lora"].lower() == "true" else "full"
    grid = next(one for one in grids if one.method == method)
    main = all(float(row[name]) == config.where[name] for name in ("data_size", "epoch") if row[name])
    if not (main and row["lr_strategy"] == "cosine" and row["data_name"] in grid.datasets):
        return ""
    value = grid.properties[NAME][grid.models.index(row["model_name"]), grid.datasets.index(row["data_name"])]
    return repr(float(value)) if np.isfinite(value) else ""


def main() -> None:
    """Make the property, analyse it, shuffle it, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("DATASELECT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--table", type=Path, default=data / "gold" / "massive_sft__evaluation_result.csv")
    parser.add_argument("--shuffles", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    config = read_config(CONFIG)
    rng = np.random.default_rng(0)
    grids = [
        replace(grid, properties={NAME: made_of_the_outcome(grid, rng)})
        for grid in make_grids(read_table(options.table, config, CONFIG.parent), config)
    ]
    document: dict[str, Any] = {"level": LEVEL, "shuffles": options.shuffles}
    document["made"] = as_a_user(options.table, grids, config)
    print(*document["made"]["says"], sep="\n", flush=True)
    document["shuffled"] = {}
    for name, deal in DEALS.items():
        began = time.perf_counter()
        draws = list(shuffles(grids, config, deal, options.shuffles))
        false = {scope: sum(one[scope][0] > 0 for one in draws) for scope in SCOPES}
        tests = {scope: draws[0][scope][1] for scope in SCOPES}
        document["shuffled"][name] = {"tests": tests, "shuffles with a relation": false}
        print(f"{name}: {false} of {options.shuffles}, {time.perf_counter() - began:.0f} s", flush=True)
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
