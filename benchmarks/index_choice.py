"""Exact, IVF and HNSW indexes over one pool of vectors: time to build, recall, time per query, and size.

200,000 x 384 unit vectors around 2,000 centres, one in twenty of them a copy of another, as pools hold equal prompts;
once close to their centres (spread 0.8: cosines of 0.61 inside a cluster) and once hardly (spread 2: 0.2).
Each index is built and tuned as `dataselect embed` does it; recall is against exact search. Queries are rows of it, one
at a time and 1,000 at once. The last line on stdout is one JSON document; `--out` keeps it.

    python benchmarks/index_choice.py --out benchmarks/results/index_choice.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.embeddings.index import IndexKind, VectorIndex
from dataselect.embeddings.index_file import build_index, tuned_recall
from dataselect.stage.provenance import environment

WIDTH = 384
KINDS: tuple[IndexKind, ...] = ("exact", "ivf", "hnsw")


def vectors_around_centres(rows: int, spread: float) -> np.ndarray:
    """(rows, 384) float32 unit vectors around 2,000 centres, a twentieth of them copies."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((2000, WIDTH), dtype=np.float32)
    vectors = centres[rng.integers(2000, size=rows)]
    vectors += spread * rng.standard_normal(vectors.shape, dtype=np.float32)
    vectors[rng.choice(rows, rows // 20, replace=False)] = vectors[rng.integers(rows, size=rows // 20)]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def measure(kind: IndexKind, vectors: np.ndarray, k: int) -> dict[str, Any]:
    began = time.perf_counter()
    index = build_index(kind, vectors)
    build_s = time.perf_counter() - began
    began = time.perf_counter()
    recall = tuned_recall(index, vectors, k)
    tuning_s = time.perf_counter() - began
    own = np.sort(np.random.default_rng(1).choice(len(vectors), min(1000, len(vectors)), replace=False))
    together_ms = per_query_ms(index, vectors, own, k, len(own))
    single_ms = per_query_ms(index, vectors, own[:200], k, 1)
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "index.faiss")
        size = (Path(folder) / "index.faiss").stat().st_size
    return {
        "kind": kind,
        "build_s": round(build_s, 2),
        "breadth": recall.breadth,
        "recall": recall.value,
        "tuning_s": round(tuning_s, 2),
        "single_query_ms": round(single_ms, 3),
        "together_query_ms": round(together_ms, 3),
        "mebibytes": round(size / 2**20, 1),
    }


def per_query_ms(index: VectorIndex, vectors: np.ndarray, own: np.ndarray, k: int, at_once: int) -> float:
    began = time.perf_counter()
    for start in range(0, len(own), at_once):
        part = own[start : start + at_once]
        index.others(vectors[part], part, k)
    return 1000 * (time.perf_counter() - began) / len(own)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--spreads", nargs="+", type=float, default=[0.8, 2.0])
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    asked = {"rows": options.rows, "width": WIDTH, "k": options.k}
    document: dict[str, Any] = {"environment": environment(), **asked, "results": []}
    for spread in options.spreads:
        vectors = vectors_around_centres(options.rows, spread)
        for kind in options.kinds:
            document["results"].append({"spread": spread, **measure(kind, vectors, options.k)})
            print(document["results"][-1], flush=True)
            if options.out:
                options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
