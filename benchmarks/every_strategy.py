"""Every strategy from the command line on a real pool of 5,000: how long each takes beyond its scores and embeddings.

The pool (Alpaca) is scored by the bundled model with a second one beside it, which is the bundled model trained on 500
of its rows, and embedded by MiniLM with 200 held-out Dolly prompts as the target. Then every strategy that
`dataselect ls strategies` lists selects 10 % of it, each in a process of its own that starts from nothing. `deita` is
given perplexity as its score, since ratings of a model this small are worth nothing. The last line on stdout is one
JSON document.

    python benchmarks/every_strategy.py --work /tmp/every --out benchmarks/results/every_strategy.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from dataselect.stage.provenance import environment
from dataselect.strategies import STRATEGIES

PAIRS = {"pair-margin", "length-gap", "implicit-gap", "combined-margin", "pair-length-matched-random"}
"""Strategies of preference pairs, which Alpaca does not hold."""

PARAMS: dict[str, list[str]] = {
    "length-matched-random": ["match=longest.jsonl"],
    "column": ["name=ppl"],
    "weighted": ["of=ppl=1,ifd=-1"],
    "rrf": ["of=ppl-mid,ifd-high"],
    "deita": ["score=ppl"],
}


def command(work: Path, *words: str) -> float:
    """Run one command of ours; its seconds."""
    began = time.perf_counter()
    program = str(Path(sys.executable).with_name("dataselect"))
    subprocess.run([program, *words], cwd=work, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def prepare(data: Path, work: Path) -> None:
    """The pool's scores by two models, and its embeddings; finished stages are not repeated."""
    work.mkdir(parents=True, exist_ok=True)
    pool = data / "pools" / "alpaca__alpaca_5000.json"
    (work / "pool.json").write_bytes(pool.read_bytes())
    dolly = json.loads((data / "pools" / "alpagasus__dolly_3k.json").read_text(encoding="utf-8"))[:200]
    (work / "target.json").write_text(json.dumps(dolly), encoding="utf-8")
    if not (work / "tuned" / "manifest.json").exists():
        command(work, "select", "pool.json", "--strategy", "random", "--budget", "500", "--out", "some.jsonl")
        command(work, "train", "some.jsonl", "--model", "builtin", "--epochs", "1", "--out", "tuned")
    models = ("--model", "builtin", "--model", "tuned=tuned")
    command(work, "score", "pool.json", *models, "--ifd", "--out", "scores")
    command(work, "embed", "pool.json", "--encoder", "minilm", "--target", "target.json", "--out", "vectors")


def select(name: str, work: Path) -> float:
    """Seconds of one strategy's selection."""
    out = work / f"{name}.jsonl"
    for old in work.glob(f"{name}.*"):
        old.unlink()
    words = ["select", "pool.json", "--strategy", name, "--scores", "scores", "--embeddings", "vectors"]
    words += ["--budget", "100%" if name == "full" else "10%", "--out", out.name]
    words += [word for param in PARAMS.get(name, []) for word in ("--param", param)]
    words += ["--target", "target.json"] if name == "dsir" else []
    return command(work, *words)


def main() -> None:
    """Prepare, time every strategy, print and keep."""
    parser = argparse.ArgumentParser(description="Every strategy from the command line on 5,000 rows.")
    parser.add_argument("--work", type=Path, required=True, help="folder for stages; finished ones are used again")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    shared = Path(os.environ.get("DATASELECT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    prepare(shared, options.work)
    seconds = {}
    for name in (name for name in STRATEGIES.names() if name not in PAIRS):
        seconds[name] = round(select(name, options.work), 2)
        print(f"{name:24}{seconds[name]:8.2f} s", flush=True)
    document = {"rows": 5000, "seconds": seconds, "environment": environment()}
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
