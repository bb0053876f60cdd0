"""The figures of the write-up, drawn from `answers.json` and the cells.

    pip install matplotlib
    python benchmarks/study/plots.py --results benchmarks/results/study --out benchmarks/study

`gains.svg`: what each pool gains on each task, per model. `properties.svg`: each property's coefficient with its
interval, and without the pools that carry it. `inside.svg`: strategies inside Alpaca against random. `layers.svg`: how
far each layer moved. Left out: anything that is not in the tables of the write-up.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from answers import SAID
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from runs import CHOICE, Results

mpl.use("svg")
plt.rcParams.update({"svg.hashsalt": "study", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9")
"""Of Okabe and Ito, which colour-blind readers tell apart."""
FIRST = {"tokens": 6000, "method": "full", "rate": "first", "seed": 0}


def gains(results: Results, models: list[str]) -> Figure:
    """Heat maps of pools x tasks; the same scale of colours in each model, cut at its 95th percentile."""
    figure, axes = plt.subplots(len(models), 1, figsize=(8, 3.6 * len(models)), layout="constrained")
    for axis, model in zip(np.atleast_1d(axes), models, strict=True):
        table = results.gains(model=model, **FIRST)
        table = table[[task for task in table.columns if task not in CHOICE]]
        limit = float(np.percentile(np.abs(table.to_numpy()), 95))
        image = axis.imshow(table.to_numpy(), cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
        axis.set_xticks(range(len(table.columns)), table.columns, rotation=40, ha="right")
        axis.set_yticks(range(len(table.index)), table.index)
        axis.set_title(f"{model}: gain of 6,000 tokens of a pool (row) on a task (column)", loc="left")
        figure.colorbar(image, ax=axis, label="fall of NLL, nats per token")
    return figure


def properties(document: dict[str, Any], models: list[str]) -> Figure:
    """Coefficients with intervals, filled; hollow: without the few pools that carry half of it."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 4.2), sharey=True, layout="constrained")
    names = list(SAID)
    for axis, elsewhere in zip(axes, (False, True), strict=True):
        for place, model in enumerate(models):
            found = next(
                one for one in document["predicted"]
                if one["setting"] == {"model": model, **FIRST} and one["elsewhere"] == elsewhere
            )  # fmt: skip
            for row, name in enumerate(names):
                answer, y = found["properties"][name], row + 0.16 * (place - (len(models) - 1) / 2)
                label = model if row == 0 else None
                axis.plot(answer["interval"], [y, y], color=COLOURS[place], lw=1.2)
                axis.plot(answer["mean"], y, "o", color=COLOURS[place], ms=4, label=label)
                if answer["hangs_on"]:
                    axis.plot(answer["hangs_on"]["without"], y, "o", mfc="white", color=COLOURS[place], ms=4)
        axis.axvline(0, color="#888", lw=0.8)
        axis.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        axis.set_title("tasks of other pools only" if elsewhere else "all tasks", loc="left")
        axis.set_xlabel("Spearman with gain, as said is positive")
    axes[0].invert_yaxis()
    axes[1].legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def inside(document: dict[str, Any], task: str) -> Figure:
    """Differences to random by budget, for each model."""
    found = [one for one in document["inside"] if one["task"] == task and one["rate"] == "first"]
    models = list(dict.fromkeys(one["model"] for one in found))
    names = list(dict.fromkeys(one["strategy"] for one in found))
    figure, axes = plt.subplots(
        1, len(models), figsize=(4 * len(models), 4.2), sharey=True, layout="constrained", squeeze=False
    )
    for axis, model in zip(axes[0], models, strict=True):
        budgets = sorted({one["tokens"] for one in found if one["model"] == model})
        for place, tokens in enumerate(budgets):
            for one in found:
                if (one["model"], one["tokens"]) == (model, tokens):
                    y = names.index(one["strategy"]) + 0.2 * (place - (len(budgets) - 1) / 2)
                    axis.plot(one["interval"], [y, y], color=COLOURS[place], lw=1.2)
                    label = f"{tokens:,} tokens" if one["strategy"] == names[0] else None
                    axis.plot(one["difference"], y, "o", color=COLOURS[place], ms=4, label=label)
        axis.axvline(0, color="#888", lw=0.8)
        axis.set_title(model, loc="left")
        axis.set_xlabel(f"gain on {task} over random, nats per token")
        axis.legend(frameon=False, fontsize=8)
    axes[0][0].set_yticks(range(len(names)), names)
    axes[0][0].invert_yaxis()
    return figure


def layers(document: dict[str, Any], models: list[str]) -> Figure:
    """Mean relative change of each layer, by depth, as a share of the mean layer's."""
    figure, axis = plt.subplots(figsize=(5, 3), layout="constrained")
    for colour, model in zip(COLOURS, models, strict=False):
        found = next(one for one in document["layers"] if one["setting"] == {"model": model, **FIRST})
        moved = np.array(found["relative_change"])
        axis.plot(np.linspace(0, 1, len(moved)), moved / moved.mean(), "o-", color=colour, ms=3, label=model)
    axis.axhline(1, color="#888", lw=0.8)
    axis.set_xlabel("depth, 0 is the first layer")
    axis.set_ylabel("relative change, 1 is the mean layer")
    axis.legend(frameon=False, fontsize=8)
    return figure


def main() -> None:
    """Draw all."""
    parser = argparse.ArgumentParser(description="Draw the study's figures.")
    parser.add_argument("--results", type=Path, required=True, help="folder of the committed cells and answers")
    parser.add_argument("--out", type=Path, required=True, help="folder of the figures")
    arguments = parser.parse_args()
    results = Results(arguments.results)
    document = json.loads((arguments.results / "answers.json").read_text(encoding="utf-8"))
    models = [one["setting"]["model"] for one in document["layers"] if FIRST.items() <= one["setting"].items()]
    figures = {
        "gains": gains(results, models), "properties": properties(document, models),
        "inside": inside(document, "own-alpaca"), "layers": layers(document, models),
    }  # fmt: skip
    for name, figure in figures.items():
        figure.savefig(arguments.out / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
