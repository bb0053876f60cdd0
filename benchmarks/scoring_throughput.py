"""Tokens per second of both backends beside what others do, on the same rows and model, in one run.

Each contender runs in a process of its own (`scoring_contenders.py`), one after another, is warmed up first, and passes
over the rows `--repeats` times; the best pass counts, since other work on the machine only ever slows one down. The
peak is that of a large product of `torch` in the same dtype, measured in the same run; on a CPU a second peak is that
of the same product through oneDNN, which is what a processor can do where PyTorch's own choice, MKL, does not use all
of it. The share of a peak is 2 x multiplied parameters x tokens / time (see `reference_models.multiplied_parameters`).

    python benchmarks/scoring_throughput.py --dtype float32 --out benchmarks/results/scoring_float32.json
    python benchmarks/scoring_throughput.py --model reference-1b --dtype bfloat16 --lengths long --rows 2000

The JSON is rewritten after each contender, so that a run that dies keeps what it has.
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
from pathlib import Path
from typing import Any

import numpy as np
from reference_models import LENGTHS, SHAPES, make_model, make_rows, multiplied_parameters
from scoring_contenders import CONTENDERS

from dataselect.bundled.resolve import resolve_model
from dataselect.provenance import environment

BASE, SLOW_TRUTH = "padded loop, batch 16", "loop, batch 1"


def measured_peaks(dtype: str) -> dict[str, float]:
    """GFLOP/s of a large product, the best of seven: `torch.matmul`, and oneDNN on a CPU."""
    import torch

    from dataselect.backends.prepacked import prepacked

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


def run_contender(name: str, model: Path, dtype: str, rows: Path, repeats: int, limit: int) -> dict[str, Any]:
    """What one contender told, or why it told nothing. Whatever processes it leaves are ended."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        out = Path(folder) / "told.json"
        script = Path(__file__).with_name("scoring_contenders.py")
        command = [sys.executable, str(script), name, str(model), dtype, str(rows), str(out), str(repeats)]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if out.exists():
            return {"name": name, **json.loads(out.read_text())}
        log.seek(0)
        last = [line.strip() for line in log.read().splitlines() if line.strip()][-1:] or ["no message"]
        reason = f"not done after {limit} s" if process.poll() in (None, -signal.SIGKILL) else last[0]
        return {"name": name, "failed": reason[:200]}


def compared(results: list[dict[str, Any]], parameters: int, peaks: dict[str, float]) -> list[dict[str, Any]]:
    """Ratios, shares of the peaks, and the largest difference of a row's mean to the loop at batch 1."""
    by_name = {one["name"]: one for one in results if "failed" not in one}
    shown = []
    for one in results:
        if "failed" in one:
            shown.append(one)
            continue
        speed = one["tokens_per_second"]
        row = {key: value for key, value in one.items() if key != "means"}
        for other in (BASE, SLOW_TRUTH):
            row[f"against {other}"] = other in by_name and round(speed / by_name[other]["tokens_per_second"], 2)
        row["gflops"] = round(2 * parameters * speed / 1e9, 1)
        row["share_of_peak"] = {name: round(row["gflops"] / peak, 3) for name, peak in peaks.items()}
        if SLOW_TRUTH in by_name:
            away = np.abs(np.array(one["means"]) - np.array(by_name[SLOW_TRUTH]["means"]))
            row["largest_difference_nats"] = float(f"{away.max():.1e}")
        shown.append(row)
    return shown


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
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--limit", type=int, default=240, help="seconds that one contender may take")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Make model and rows, run the contenders, keep and print what they told."""
    if options.model in SHAPES:
        model = make_model(options.model, options.dtype, folder / "model")
    else:
        model = resolve_model(options.model)
    from transformers import AutoConfig

    rows = make_rows(options.rows, AutoConfig.from_pretrained(model).get_text_config().vocab_size, options.lengths)
    stored = folder / "rows.npz"
    np.savez(stored, ids=np.concatenate([r.ids for r in rows]), ends=np.cumsum([len(r.ids) for r in rows]))
    tokens, parameters = sum(len(row.ids) for row in rows), multiplied_parameters(model)
    document: dict[str, Any] = {
        "model": options.model, "dtype": options.dtype, "rows": len(rows), "tokens": tokens, "lengths": options.lengths,
        "mean_tokens": round(tokens / len(rows), 1), "multiplied_parameters": parameters, "repeats": options.repeats,
        "peaks_gflops": measured_peaks(options.dtype), "environment": environment(), "results": [],
    }  # fmt: skip
    told: list[dict[str, Any]] = []
    for name in options.contenders:
        told.append(run_contender(name, model, options.dtype, stored, options.repeats, options.limit))
        print(f"{name}: {told[-1].get('tokens_per_second', told[-1].get('failed'))}", file=sys.stderr, flush=True)
        again = measured_peaks(options.dtype)
        document["peaks_gflops"] = {k: max(v, again[k]) for k, v in document["peaks_gflops"].items()}
        document["results"] = compared(told, parameters, document["peaks_gflops"])
        if options.out:
            options.out.write_text(json.dumps(document, indent=2) + "\n")
    show(document)
    print(json.dumps(document))


if __name__ == "__main__":
    main()
