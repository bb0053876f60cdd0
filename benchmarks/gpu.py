"""The scoring benchmark for a GPU, in one command: every contender, two sizes, three lengths, with and without ranks.

Nothing is needed but the checkout: the models have random weights and are made on the spot, unless `--models` names
folders. Each contender runs in a process of its own (`scoring_contenders.py`), once per model, and writes after every
cell; what the time runs out for is missing in the table, and what is not installed is named as absent. Before them the
model runs plainly in float32 over the first rows, which is what the differences in nats are to. The peak is that of a
large product of `torch` in the same dtype, measured between contenders.

    python benchmarks/gpu.py --out benchmarks/results/gpu.json                 # at most ten minutes
    python benchmarks/gpu.py --models reference-tiny --rows 4 --minutes 2      # tries it out, on a CPU too

Left out: several GPUs, and models that one GPU does not hold in float32.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reference_models import LENGTHS, SHAPES, found_model, found_rows, multiplied_parameters
from scoring_contenders import Job, write_rows
from scoring_throughput import largest_difference, measured_peaks, run_contender

from dataselect.backends import TokenSequence
from dataselect.stage.provenance import environment

NEEDS = {
    "transformers backend": "transformers", "vllm backend": "vllm", "loop, batch 1": "transformers",
    "padded loop, batch 16": "transformers", "lm-eval hf, batch 16": "lm_eval",
}  # fmt: skip
"""The contenders, and the package without which they are absent."""

TRUTH, FEW = "reference", 4
"""What is run in float32, and over how many rows; as many warm every contender up."""


@dataclass
class Contest:
    """One model: its folder and rows, and what was measured.

    Attributes:
        name: As it was asked for.
        rows: Rows by the name of their lengths.
        until: Unix time after which nothing is begun.
        peak: GFLOP/s of a large product, the best so far.
        truth: Means of the first rows in float32.
    """

    name: str
    folder: Path
    rows: dict[str, list[TokenSequence]]
    dtype: str
    until: float
    peak: float
    truth: dict[str, list[float]] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)

    def find_truth(self, inside: Path) -> None:
        """Score the first rows plainly in float32."""
        few = {lengths: write_rows(rows[:FEW], inside / f"{lengths}-few.npz") for lengths, rows in self.rows.items()}
        job = Job(TRUTH, str(self.folder), "float32", few, [False], 1, 1, self.until, str(inside / "truth.json"))
        told = run_contender(job, self._left)
        self.truth = {cell["lengths"]: cell["means"] for cell in told.get("cells", [])}

    def run(self, name: str, repeats: int, inside: Path, keep: Callable[[], None]) -> None:
        """Let one contender score all rows, and keep its cells whenever there is another one."""
        if importlib.util.find_spec(NEEDS[name]) is None:
            self.results.append({"name": name, "absent": f"{NEEDS[name]} is not installed"})
            return keep()

        def tell(told: dict[str, Any]) -> None:
            self.results[-1] = told | {"cells": [self._judged(cell) for cell in told.get("cells", [])]}
            keep()

        rows = {lengths: write_rows(some, inside / f"{lengths}.npz") for lengths, some in self.rows.items()}
        out = str(inside / f"{len(self.results)}.json")
        self.results.append({"name": name})
        job = Job(name, str(self.folder), self.dtype, rows, [True, False], FEW, repeats, self.until, out)
        tell(run_contender(job, self._left, tell))
        self.peak = max(self.peak, *measured_peaks(self.dtype).values())

    @property
    def _left(self) -> float:
        return max(1.0, self.until - time.time())

    def _judged(self, cell: dict[str, Any]) -> dict[str, Any]:
        """A cell with the largest difference to float32 in place of all means."""
        kept = {key: value for key, value in cell.items() if key != "means"}
        truth = self.truth.get(cell["lengths"])
        return kept if truth is None else kept | {"nats_to_float32": largest_difference(cell["means"], truth)}

    def document(self) -> dict[str, Any]:
        """What was measured, with the share of the peak."""
        parameters = multiplied_parameters(self.folder)
        for result in self.results:
            for cell in result.get("cells", []):
                cell["share_of_peak"] = round(2 * parameters * cell["tokens_per_second"] / 1e9 / self.peak, 3)
        tokens = {lengths: sum(len(row.ids) for row in rows) for lengths, rows in self.rows.items()}
        return {
            "model": self.name, "multiplied_parameters": parameters, "dtype": self.dtype, "tokens": tokens,
            "rows": {lengths: len(rows) for lengths, rows in self.rows.items()}, "peak_gflops": round(self.peak, 1),
            "results": self.results,
        }  # fmt: skip


def table(model: dict[str, Any]) -> str:
    """One model's results as Markdown."""
    lines = [
        f"**{model['model']}**, {model['dtype']}, peak {model['peak_gflops'] / 1000:,.2f} TFLOP/s\n",
        "| contender | lengths | tokens/s | without ranks | of the peak | nats to float32 |",
        "|---|---|---|---|---|---|",
    ]
    for result in model["results"]:
        cells = {(cell["lengths"], cell["ranks"]): cell for cell in result.get("cells", [])}
        for lengths in model["tokens"] if cells else ():
            with_ranks, without = cells.get((lengths, True)), cells.get((lengths, False))
            one = without or with_ranks
            speeds = " | ".join(f"{cell['tokens_per_second']:,.0f}" if cell else "" for cell in (with_ranks, without))
            rest = f"{one['share_of_peak']:.0%} | {one.get('nats_to_float32', '')}" if one else " | "
            lines.append(f"| {result['name']} | {lengths} | {speeds} | {rest} |")
        if why := result.get("absent") or result.get("failed"):
            lines.append(f"| {result['name']} | {'absent' if 'absent' in result else 'failed'}: {why} | | | | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--models", nargs="+", default=["reference-1b", "reference-3b"], help=f"{', '.join(SHAPES)}, or folders"
    )
    parser.add_argument("--dtype", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--rows", type=int, default=256, help="rows of each of the three lengths")
    parser.add_argument("--contenders", nargs="+", default=list(NEEDS), choices=list(NEEDS))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=9.0, help="time after which nothing is begun")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(measure(options, Path(folder)))


def measure(options: argparse.Namespace, folder: Path) -> str:
    """Measure every model, write the JSON after every cell, and give the tables."""
    begun = time.time()
    models: list[dict[str, Any]] = []
    for number, name in enumerate(options.models):
        inside = folder / str(number)
        inside.mkdir()
        rows = {lengths: found_rows(name, options.rows, lengths) for lengths in LENGTHS}
        model, peak = found_model(name, options.dtype, inside / "model"), max(measured_peaks(options.dtype).values())
        until = begun + 60 * options.minutes * (number + 1) / len(options.models)
        contest = Contest(Path(name).name, model, rows, options.dtype, until, peak)
        models.append({})

        def keep(contest: Contest = contest) -> None:
            models[-1] = contest.document()
            if options.out:
                options.out.write_text(json.dumps({"environment": environment(), "models": models}) + "\n")

        contest.find_truth(inside)
        for contender in options.contenders:
            print(f"{name}: {contender}", file=sys.stderr, flush=True)
            contest.run(contender, options.repeats, inside, keep)
    return "\n\n".join(table(model) for model in models)


if __name__ == "__main__":
    main()
