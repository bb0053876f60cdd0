r"""Tokens per second of both backends beside what others do, on the same rows and model, in one run.

Each contender runs in a process of its own (`scoring_contenders.py`), one after another, is warmed up first, and passes
over the rows `--repeats` times; the best pass counts, since other work on the machine only ever slows one down. The
peak is that of a large product of `torch` in the same dtype, measured in the same run; on a CPU a second peak is that
of the same product through oneDNN, which is what a processor can do where PyTorch's own choice, MKL, does not use all
of it. The share of a peak is 2 x multiplied parameters x tokens / time (see `reference_models.multiplied_parameters`).

    python benchmarks/scoring_throughput.py --dtype float32 --out benchmarks/results/scoring_float32.json
    python benchmarks/scoring_throughput.py --model real_models/gemma-3-270m --rows 24 \
      --out benchmarks/results/scoring_gemma3_float32.json

A model in a folder scores text, the README of this repository in its own tokens. The JSON is rewritten after each
contender. One that is there is added to if it is of the same rows, and the best pass of all calls counts: on a machine
that others use too, contenders take turns in many short calls.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from reference_models import LENGTHS, SHAPES, found_model, found_rows, multiplied_parameters
from scoring_contenders import CONTENDERS, Job, write_rows

from dataselect.artifacts import digest
from dataselect.stage.provenance import environment

BASE, SLOW_TRUTH = "padded loop, batch 16", "loop, batch 1"
FIELD = [name for name in CONTENDERS if name != "reference"]


def measured_peaks(dtype: str) -> dict[str, float]:
    """GFLOP/s of a large product, the best of seven: `torch.matmul`, and oneDNN on a CPU."""
    import torch

    from dataselect.backends.cpu import prepacked

    gpu = torch.cuda.is_available()
    size = 8192 if gpu else 2048
    a, b = (torch.rand(size, size, dtype=getattr(torch, dtype), device="cuda" if gpu else "cpu") for _ in range(2))
    products = {"torch": lambda: a @ b}
    if (multiply := prepacked(b, None)) is not None:
        products["onednn"] = lambda: multiply(a)
    best = dict.fromkeys(products, float("inf"))
    for name, product in products.items():
        for _ in range(8):
            begun = time.perf_counter()
            product()
            if gpu:
                torch.cuda.synchronize()
            best[name] = min(best[name], time.perf_counter() - begun)
    return {name: round(2 * size**3 / seconds / 1e9, 1) for name, seconds in best.items()}


def run_contender(job: Job, limit: float, tell: Callable[[dict[str, Any]], None] = lambda told: None) -> dict[str, Any]:
    """What one contender told, or why it told nothing. Whatever processes it leaves are ended.

    Args:
        limit: Seconds that it may take.
        tell: Called with what it has told so far, whenever that is more.
    """
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        job.write(Path(folder) / "job.json")
        command = [sys.executable, str(Path(__file__).with_name("scoring_contenders.py")), f"{folder}/job.json"]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until, told = time.monotonic() + limit, {"name": job.name}
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the contender ends with its benchmark
        try:
            while time.monotonic() < until and process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(min(1.0, limit))
                if (now := {"name": job.name} | _read(Path(job.out))) != told:
                    told = now
                    tell(told)
        finally:
            ended = process.poll()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            signal.signal(signal.SIGTERM, before)
        if ended is None:
            return told | {"failed": f"not done after {limit:.0f} s"}
        log.seek(0)
        last = [line.strip() for line in log.read().splitlines() if line.strip()][-1:] or ["no message"]
        return told if ended == 0 else told | {"failed": last[0][:200]}


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def compared(results: list[dict[str, Any]], parameters: int, peaks: dict[str, float]) -> list[dict[str, Any]]:
    """Ratios, shares of the peaks, and the largest difference of a row's mean to the loop at batch 1."""
    by_name = {one["name"]: one for one in results if "failed" not in one}
    shown = []
    for one in results:
        if "failed" in one:
            shown.append(one)
            continue
        row, speed = dict(one), one["tokens_per_second"]
        for other in (BASE, SLOW_TRUTH):
            row[f"against {other}"] = other in by_name and round(speed / by_name[other]["tokens_per_second"], 2)
        row["gflops"] = round(2 * parameters * speed / 1e9, 1)
        row["share_of_peak"] = {name: round(row["gflops"] / peak, 3) for name, peak in peaks.items()}
        if SLOW_TRUTH in by_name:
            row["largest_difference_nats"] = largest_difference(one["means"], by_name[SLOW_TRUTH]["means"])
        shown.append(row)
    return shown


def largest_difference(means: Sequence[float], others: Sequence[float]) -> float:
    """Largest difference between the means of two contenders over those rows that both have, in two digits."""
    both = min(len(means), len(others))
    return float(f"{np.abs(np.array(means[:both]) - np.array(others[:both])).max():.1e}")


def show(document: dict[str, Any]) -> None:
    """Print the table as Markdown."""
    peaks = document["peaks_gflops"]
    print(
        f"| contender | tokens/s | × {BASE} | × {SLOW_TRUTH} | {' | '.join(f'of {p}' for p in peaks)} | start | nats |"
    )
    print("|---" * (6 + len(peaks)) + "|")
    for one in document["results"]:
        if "failed" in one:
            print(f"| {one['name']} | failed: {one['failed']} |")
            continue
        shares = " | ".join(f"{one['share_of_peak'][p]:.0%}" for p in peaks)
        ratios = f"{one[f'against {BASE}']} | {one[f'against {SLOW_TRUTH}']}"
        speed = f"{one['tokens_per_second']:,.0f}"
        away = one.get("largest_difference_nats", "")
        print(f"| {one['name']} | {speed} | {ratios} | {shares} | {one['start_seconds']} s | {away} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="reference", help=f"{', '.join(SHAPES)}, builtin or a folder")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--lengths", default="short", choices=list(LENGTHS))
    parser.add_argument("--contenders", nargs="+", default=FIELD, choices=FIELD)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--warm-up", type=int, default=16, help="rows that are scored before the clock starts")
    parser.add_argument("--limit", type=int, default=240, help="seconds that one contender may take")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Make model and rows, run the contenders, keep and print what they told."""
    model = found_model(options.model, options.dtype, folder / "model")
    rows = found_rows(options.model, options.rows, options.lengths)
    parameters, tokens = multiplied_parameters(model), sum(len(row.ids) for row in rows)
    setup = {
        "model": Path(options.model).name, "dtype": options.dtype, "rows": len(rows), "tokens": tokens,
        "lengths": options.lengths, "mean_tokens": round(tokens / len(rows), 1), "multiplied_parameters": parameters,
        "digest": digest([row.ids.tolist() for row in rows]),
    }  # fmt: skip
    document = {**setup, "peaks_gflops": measured_peaks(options.dtype), "environment": environment(), "results": []}
    if options.out and options.out.exists():
        document = continued(json.loads(options.out.read_text()), setup)
    stored = write_rows(rows, folder / "rows.npz")
    for name in options.contenders:
        job = Job(
            name, str(model), options.dtype, {options.lengths: stored}, [True], options.warm_up, options.repeats,
            time.time() + options.limit, str(folder / f"{len(document['results'])}.json"),
        )  # fmt: skip
        told = run_contender(job, options.limit)
        told |= told.pop("cells", [{}])[0]
        again = measured_peaks(options.dtype)
        document["peaks_gflops"] = {k: max(v, again[k]) for k, v in document["peaks_gflops"].items()}
        document["results"] = compared(added(document["results"], told), parameters, document["peaks_gflops"])
        print(f"{name}: {told.get('tokens_per_second', told.get('failed'))}", file=sys.stderr, flush=True)
        if options.out:
            options.out.write_text(json.dumps(document) + "\n")
    show(document)


def added(results: list[dict[str, Any]], told: dict[str, Any]) -> list[dict[str, Any]]:
    """The results with those of one contender; of an earlier call of the same one the faster stays."""
    name, speed = told["name"], told.get("tokens_per_second", 0.0)
    if any(one["name"] == name and one.get("tokens_per_second", 0.0) > speed for one in results):
        return results
    return [*(one for one in results if one["name"] != name), told]


def continued(document: dict[str, Any], setup: dict[str, Any]) -> dict[str, Any]:
    """The document of an earlier call, which must be of the same model and rows, and hold what is compared."""
    whole = all("means" in one or "failed" in one for one in document["results"])
    if {key: document.get(key) for key in setup} != setup or not whole:
        raise SystemExit("the file of --out is of another model or other rows: name another one, or remove it")
    return document


if __name__ == "__main__":
    main()
