"""How long the strategies take that could take long, each beside the plain way of doing it, in one run.

- `similarity`: mean top-10 cosine of 1,000,000 x 384 vectors to 1,000 targets, beside the bare FAISS calls.
- `deita`: the greedy cosine filter over 50,000 x 384 until 6,000 are kept, beside a straight PyTorch loop of the
  published algorithm, which normalises what it compares in every step and appends what it keeps, and beside the same
  loop with vectors that are normalised once; all must keep the same rows.
- `k-center`: 5,000 of 100,000 x 384, beside the plain greedy on the first choices (its cost per choice is constant).
- `facility-location`: 5,000 of 50,000 x 384.
- `ranking`: a score table of 10,000,000 rows ranked, and the ids of a tenth written, with the peak of memory.

Vectors are drawn around 2,000 centres, so that they have near neighbours as real embeddings do. Each part runs in a
process of its own. The last line on stdout is one JSON document; `--out` keeps it.

    python benchmarks/strategy_runtime.py --out benchmarks/results/strategy_runtime.json
    python benchmarks/strategy_runtime.py --parts deita k-center
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.stage.provenance import environment

WIDTH = 384
Figures = dict[str, Any]


def embeddings(number: int, seed: int, spread: float = 0.8) -> np.ndarray:
    """(number, 384) float32 unit vectors around 2,000 centres."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((2000, WIDTH), dtype=np.float32)
    vectors = np.empty((number, WIDTH), np.float32)
    for at in range(0, number, 50_000):
        part = vectors[at : at + 50_000]
        part[:] = centres[rng.integers(2000, size=len(part))]
        part += spread * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def similarity() -> Figures:
    """Ours against IndexFlatIP.search over the targets and a mean."""
    import faiss

    from dataselect.embeddings.similarity import TargetVectors

    vectors, targets = embeddings(1_000_000, 0), embeddings(1000, 1)

    def bare() -> np.ndarray:
        index = faiss.IndexFlatIP(WIDTH)
        index.add(targets)
        found = [index.search(vectors[at : at + 65536], 10)[0] for at in range(0, len(vectors), 65536)]
        return np.concatenate(found).mean(axis=1)

    def ours() -> np.ndarray:
        near = TargetVectors(targets, 10)
        parts = (near.similarity(vectors[at : at + 65536]) for at in range(0, len(vectors), 65536))
        return np.concatenate([part.similarity for part in parts])

    plain, expected = timed(bare)
    mine, got = timed(ours)
    return {
        "seconds": mine,
        "bare_faiss_seconds": plain,
        "ratio": mine / plain,
        "largest_difference": float(np.abs(got - expected).max()),
    }


def deita() -> Figures:
    """Blocks against one candidate after the other."""
    import torch

    from dataselect.strategies.cosine import greedy_distinct

    vectors = embeddings(50_000, 2, spread=0.33)
    order = np.random.default_rng(3).permutation(len(vectors))

    pool = torch.from_numpy(vectors)

    def largest_normalised(kept: torch.Tensor, row: torch.Tensor) -> float:
        kept, row = kept / kept.norm(dim=1)[:, None], row / row.norm(dim=1)[:, None]
        return float(torch.mm(row, kept.t()).max())

    def loop(largest: Callable[[torch.Tensor, torch.Tensor], float]) -> list[int]:
        """The first row is kept; each next is compared with everything kept (batch size 1)."""
        kept, rows = pool[order[:1]], [int(order[0])]
        for row in order[1:].tolist():
            if largest(kept, pool[row : row + 1]) <= 0.9:
                kept = torch.cat([kept, pool[row : row + 1]])
                rows.append(row)
                if len(rows) == 6000:
                    break
        return rows

    mine, got = timed(lambda: greedy_distinct(vectors, order, 0.9, limit=6000))
    plain, expected = timed(lambda: loop(largest_normalised))
    tuned, also = timed(lambda: loop(lambda kept, row: float((kept @ row[0]).max())))
    return {
        "seconds": mine, "published_loop_seconds": plain, "times_faster": plain / mine,
        "normalised_once_seconds": tuned, "times_faster_than_that": tuned / mine, "kept": len(got),
        "looked_at": int(np.flatnonzero(order == got[-1])[0]) + 1, "identical": got.tolist() == expected == also,
    }  # fmt: skip


def k_center() -> Figures:
    """Ours for 5,000, the plain greedy for 100."""
    from itertools import islice

    from dataselect.strategies.k_center import farthest_first

    vectors = embeddings(100_000, 4)

    def plain(choices: int) -> list[int]:
        row, rows = next(farthest_first(vectors))[0], []
        largest = np.full(len(vectors), -1.0, np.float32)
        for _ in range(choices):
            rows.append(row)
            largest = np.maximum(largest, np.round(vectors @ vectors[row], 6))
            largest[rows] = np.inf
            row = int(np.argmin(largest))
        return rows

    mine, got = timed(lambda: [row for row, _ in islice(farthest_first(vectors), 5000)])
    slow, expected = timed(lambda: plain(100))
    return {"seconds": mine, "plain_greedy_seconds_extrapolated": slow * 50, "same_first_100": got[:100] == expected}


def facility_location() -> Figures:
    """5,000 of 50,000."""
    from dataselect.strategies import Candidates, make_strategy

    vectors = embeddings(50_000, 5)
    candidates = Candidates([f"{i:06d}" for i in range(50_000)], vectors=vectors, limit=5000)
    mine, got = timed(lambda: make_strategy("facility-location", {}).rank(candidates, np.random.default_rng(0)))
    return {"seconds": mine, "chosen": len(got.order)}


def ranking() -> Figures:
    """10,000,000 rows of a score table: the best tenth as a list of ids, then a fifth from the same ranking."""
    import tempfile

    from dataselect.selection import ReselectRequest, SelectRequest, reselect, select

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scores(folder / "scores", 10_000_000)
        request = SelectRequest((), "ppl-low", "10%", folder / "tenth.txt", scores=(folder / "scores",))
        first, _ = timed(lambda: select(request))
        again = ReselectRequest((), folder / "tenth.ranking.parquet", "20%", folder / "fifth.txt")
        second, _ = timed(lambda: reselect(again))
        tenth, fifth = ((folder / f"{part}.txt").read_bytes() for part in ("tenth", "fifth"))
    return {
        "seconds": first,
        "seconds_for_another_budget": second,
        "ids": tenth.count(b"\n"),
        "larger_budget_appends": fifth.startswith(tenth),
    }


def write_scores(folder: Path, rows: int) -> None:
    """A finished score folder of random ids of 16 hex digits, sources, perplexities and lengths."""
    import pyarrow.parquet as pq

    from dataselect.stage import StageDirectory

    rng = np.random.default_rng(0)
    with StageDirectory("score", folder, {}, {}) as stage:
        with stage.write("scores.parquet") as path, pq.ParquetWriter(path, score_schema()) as file:
            _write_rows(file, rows, rng)
        stage.finish({})


def _write_rows(file: Any, rows: int, rng: np.random.Generator) -> None:
    import pyarrow as pa

    for start in range(0, rows, 1_000_000):
        size = min(1_000_000, rows - start)
        digits = rng.bytes(8 * size).hex()
        columns = {
            "id": [digits[at : at + 16] for at in range(0, 16 * size, 16)],
            "source": np.array(["a.jsonl", "b.jsonl"])[rng.integers(2, size=size)],
            "status": ["ok"] * size,
            "ppl": rng.lognormal(2, 1, size),
            "response_tokens": rng.integers(1, 500, size),
            "total_tokens": rng.integers(500, 900, size),
        }
        file.write_table(pa.table(columns, score_schema()))


def score_schema() -> Any:
    """Of the score table: a `pyarrow.Schema`."""
    import pyarrow as pa

    texts, numbers = dict.fromkeys(("id", "source", "status"), pa.string()), ("response_tokens", "total_tokens")
    return pa.schema({**texts, "ppl": pa.float64(), **dict.fromkeys(numbers, pa.int64())})


PARTS: dict[str, Callable[[], Figures]] = {
    "similarity": similarity,
    "deita": deita,
    "k-center": k_center,
    "facility-location": facility_location,
    "ranking": ranking,
}


def _run(name: str, queue: Any) -> None:
    figures = PARTS[name]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    queue.put({"part": name} | figures | {"peak_gib": round(peak, 2)})


def measure(name: str) -> Figures:
    """One part, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_run, args=(name, queue))
    process.start()
    figures = queue.get()
    process.join()
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}


def main() -> None:
    """Parse options, measure, print."""
    parser = argparse.ArgumentParser(description="Runtime of strategies beside plain ways of doing the same.")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    document: dict[str, Any] = {"environment": environment(), "results": []}
    for name in options.parts:
        document["results"].append(measure(name))
        print(document["results"][-1], flush=True)
        if options.out:
            options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
