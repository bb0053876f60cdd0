"""Whether a change of the code changed what a user gets: keep the outputs of two checkouts and compare them.

    python benchmarks/same_outputs.py make BEFORE        # with the older checkout installed or on PYTHONPATH
    python benchmarks/same_outputs.py make AFTER         # with the newer one
    python benchmarks/same_outputs.py compare BEFORE AFTER

`make` runs the quickstart, scoring with every column, embedding, every strategy on 2,000 rows, filters, `rank`,
`analyze` on both tables of shared/data/gold, `layers`, `tokens`, `explain`, `diff`, `compare` and `report`, with one
thread. `compare` reads every file of both: data (JSONL, Parquet, arrays, indexes, weights) must be equal to the byte
once times are taken out; JSON must have the same keys and the same values, save times, versions, hardware and digests
of files that hold them; of sentences and pages only the numbers are compared, in their order, since wording may change.
The last line on stdout is one JSON document.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from every_strategy import PARAMS

TIMED_FILES = {"run.json", ".lock", "train_log.jsonl", "data.log"}
TIMED_KEYS = {
    "created", "started", "finished", "seconds", "wall_seconds", "wall_time_s", "encoding_s", "training_seconds",
    "tokens_per_second", "texts_per_second", "trained_tokens_per_second", "environment", "versions", "hardware",
    "commit", "git", "sha256", "size", "bytes", "outputs", "manifest", "fingerprint",
}  # fmt: skip
"""Keys of JSON whose values tell times, versions or digests of files that hold such."""
STRATEGIES = (
    "random", "full", "longest", "length-matched-random", "ppl-low", "ppl-mid", "ppl-high", "bpb", "shifted-fraction",
    "mink", "ifd-high", "excess-loss", "aligned-likelihood", "grape", "zip", "column", "weighted", "rrf", "similarity",
    "centroid", "rds-plus", "deita", "k-center", "kmeans", "facility-location", "semdedup", "entropy-loo", "dsir",
)  # fmt: skip
RSR = """
columns: {model: student, data: teacher}
tasks: {post_training: {column: post_training, direction: higher}}
properties:
  surprisal: {column: avg_surprisal}
  rank: {column: avg_rank_clipped}
  tokens: {column: avg_tokens}
  rsr: {column: rsr}
"""
NUMBER = re.compile(r"[-−+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?", re.IGNORECASE)


def program() -> list[str]:
    """The command line of the checkout that this process imports."""
    return [sys.executable, "-c", "from dataselect.cli import main; main()"]


def make(out: Path, shared: Path) -> None:
    """Run every command once into a folder. What is finished there is not run again."""
    out.mkdir(parents=True, exist_ok=True)
    inputs(out, shared)
    for name, words in commands(shared):
        done = out / f"{name.replace('/', '-')}.done"
        if done.exists():
            continue
        print(name, flush=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "DATASELECT_PROGRESS_SECONDS": "0"}
        environment["DATASELECT_CACHE"] = str(out / ".caches" / name.replace("/", "-"))
        ended = subprocess.run([*program(), *words], cwd=out, env=environment, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"{name}: exit {ended.returncode}: {ended.stderr[-2000:]}")
        (out / f"{name.replace('/', '-')}.stdout").write_text(ended.stdout)
        done.touch()


def inputs(out: Path, shared: Path) -> None:
    """2,000 rows of Alpaca, 500 of Dolly, targets, tasks and tables."""
    alpaca = json.loads((shared / "pools" / "alpaca__alpaca_5000.json").read_text(encoding="utf-8"))[:2000]
    dolly = json.loads((shared / "pools" / "alpagasus__dolly_3k.json").read_text(encoding="utf-8"))
    for name, rows in (("pool", alpaca), ("other", dolly[:500]), ("target", dolly[500:600]), ("task", dolly[600:640])):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (out / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (out / "rsr.yaml").write_text(RSR)


def commands(shared: Path) -> Iterator[tuple[str, list[str]]]:
    """Every command, named by what it writes."""
    yield "random-500", ["select", "pool.jsonl", "--strategy", "random", "--budget", "500", "--out", "random-500.jsonl"]
    yield "tuned", ["train", "random-500.jsonl", "--model", "builtin", "--epochs", "1", "--out", "tuned"]
    models = ["--model", "builtin", "--model", "tuned=tuned"]
    yield "scores", ["score", "pool.jsonl", *models, "--ifd", "--tokens", "--out", "scores"]
    yield "vectors", ["embed", "pool.jsonl", "--encoder", "minilm", "--target", "target.jsonl", "--out", "vectors"]
    yield (
        "tfidf",
        ["embed", "pool.jsonl", "--encoder", "tfidf", "--dim", "64", "--target", "target.jsonl", "--out", "tfidf"],
    )
    given = ["--scores", "scores", "--embeddings", "vectors"]
    for name in STRATEGIES:
        words = ["select", "pool.jsonl", "--strategy", name, *given, "--budget", "100%" if name == "full" else "10%"]
        words += [word for param in PARAMS.get(name, []) for word in ("--param", param)]
        yield name, [*words, *(["--target", "target.jsonl"] if name == "dsir" else []), "--out", f"{name}.jsonl"]
    filters = ["--where", "response_tokens > 20 and ppl < 500", "--dedup", "exact", "--dedup", "ngram"]
    filters += ["--decontaminate", "task.jsonl", "--length-control", "bins", "--quota", "even"]
    yield (
        "filtered",
        [
            "select",
            "pool.jsonl",
            "--strategy",
            "ifd-high",
            *given,
            *filters,
            "--budget",
            "20000tok",
            "--out",
            "filtered.jsonl",
        ],
    )
    chain = ["--shortlist", "20%", "--then", "facility-location"]
    yield (
        "chain",
        ["select", "pool.jsonl", "--strategy", "ifd-high", *given, *chain, "--budget", "2%", "--out", "chain.jsonl"],
    )
    yield (
        "again",
        ["select", "pool.jsonl", "--ranking", "ppl-mid.ranking.parquet", "--budget", "20%", "--out", "again.jsonl"],
    )
    yield "explained", ["explain", "filtered.jsonl", "--dropped", "dropped_by_rule", "--out", "explained"]
    row = json.loads((shared / "pools" / "alpaca__alpaca_5000.json").read_text(encoding="utf-8"))[17]
    yield "explained-row", ["explain", "deita.jsonl", identifier(row), "--pool", "pool.jsonl", "--out", "explained-row"]
    yield "diffed", ["diff", "ppl-low.jsonl", "ifd-high.jsonl", "--out", "diffed"]
    yield "tokens", ["tokens", "scores", "--out", "tokens"]
    yield "layers", ["layers", "builtin", "tuned", "--pool", "pool.jsonl", "--limit", "100", "--out", "layers"]
    rank = ["rank", "pool.jsonl", "other.jsonl", *models, "--target", "target.jsonl", "--limit", "200"]
    yield "ranked", [*rank, "--out", "ranked"]
    gold = shared / "gold"
    config = str(Path(__file__).resolve().parents[1] / "configs" / "massive_sft.yaml")
    yield (
        "massive",
        ["analyze", str(gold / "massive_sft__evaluation_result.csv"), "--config", config, "--out", "massive"],
    )
    yield "rsr", ["analyze", str(gold / "rsr__55_runs.csv"), "--config", "rsr.yaml", "--out", "rsr"]
    yield "evaluated", ["evaluate", "--model", "tuned", "--task", "task.jsonl", "--out", "evaluated"]
    yield "quickstart", ["quickstart", "--out", "quickstart"]
    yield "experiment", ["run", "quickstart/quickstart.yaml", "--out", "experiment"]
    yield "analysis", ["analyze", "experiment", "--out", "analysis"]
    yield "report.md", ["report", "experiment", "--out", "report.md"]


def identifier(row: dict[str, Any]) -> str:
    """The id of a record without one, as DESIGN.md defines it."""
    import hashlib

    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compare(before: Path, after: Path) -> dict[str, list[str]]:
    """The files that differ, each with the first place where; and how many were compared."""
    found: dict[str, list[str]] = {"equal": [], "differ": [], "missing": [], "new": []}
    old, new = files(before), files(after)
    found["missing"], found["new"] = sorted(set(old) - set(new)), sorted(set(new) - set(old))
    for name in sorted(set(old) & set(new)):
        difference = differs(old[name], new[name], (str(before), str(after)))
        found["differ" if difference else "equal"].append(f"{name}: {difference}" if difference else name)
    return found


def files(root: Path) -> dict[str, Path]:
    """Every output below a folder that tells no times alone."""
    kept = [p for p in sorted(root.rglob("*")) if p.is_file() and p.suffix != ".done" and p.name not in TIMED_FILES]
    return {p.relative_to(root).as_posix(): p for p in kept if ".caches" not in p.parts}


def differs(one: Path, other: Path, roots: tuple[str, str]) -> str:
    """The first difference of two files, or nothing."""
    a, b = (path.read_bytes().replace(root.encode(), b"ROOT") for path, root in zip((one, other), roots, strict=True))
    if a == b:
        return ""
    if one.suffix == ".json":
        return next(json_differences(json.loads(a), json.loads(b), ""), "")
    if one.suffix in (".html", ".md", ".stdout", ".txt"):
        return number_difference(a.decode(), b.decode())
    if one.suffix == ".parquet":
        return parquet_difference(one, other)
    return f"{len(a)} and {len(b)} bytes"


def json_differences(a: Any, b: Any, at: str) -> Iterator[str]:
    """Where two documents differ, in anything but times, versions, digests and wording."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in a.keys() | b.keys():
            if key in TIMED_KEYS:
                continue
            if key not in a or key not in b:
                yield f"{at}/{key} only in one"
            else:
                yield from json_differences(a[key], b[key], f"{at}/{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from json_differences(x, y, f"{at}/{i}")
    elif isinstance(a, str) and isinstance(b, str) and " " in a and " " in b:
        if difference := number_difference(a, b):
            yield f"{at}: {difference}"
    elif a != b:
        yield f"{at}: {str(a)[:80]} and {str(b)[:80]}"


def number_difference(a: str, b: str) -> str:
    """The first number in which two texts differ; their words may."""
    ours, theirs = (NUMBER.findall(seen(text)) for text in (a, b))
    for i, (x, y) in enumerate(zip(ours, theirs, strict=False)):
        if x != y:
            return f"number {i}: {x} and {y} (after {' '.join(ours[max(0, i - 4) : i])})"
    return "" if len(ours) == len(theirs) else f"{len(ours)} and {len(theirs)} numbers"


def seen(text: str) -> str:
    """A page without scripts, styles, addresses, times and hashes."""
    text = re.sub(r"<(style|script)\b.*?</\1>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"\bhref=\S+|\bid=\S+|\b[0-9a-f]{16,}\b", " ", html.unescape(text))
    text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S*", " ", text)
    return re.sub(r"[\d.,]+ (s|min|h|tokens/s|MB/s)\b", " ", text)


def parquet_difference(one: Path, other: Path) -> str:
    """Tables are equal where their columns, rows and values are; metadata may tell versions."""
    import pyarrow.parquet as pq

    a, b = pq.read_table(one), pq.read_table(other)
    if a.column_names != b.column_names:
        return f"columns {a.column_names} and {b.column_names}"
    return next((f"column {name}" for name in a.column_names if not a[name].equals(b[name])), "")


def main() -> None:
    """Make, or compare and print."""
    parser = argparse.ArgumentParser(description="Keep the outputs of a checkout, or compare those of two.")
    parser.add_argument("what", choices=["make", "compare"])
    parser.add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    shared = Path(os.environ.get("DATASELECT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if options.what == "make":
        make(options.folders[0].resolve(), shared)
        return
    found = compare(*(folder.resolve() for folder in options.folders))
    for kind in ("differ", "missing", "new"):
        for line in found[kind]:
            print(f"{kind}: {line}")
    print(json.dumps({kind: len(names) for kind, names in found.items()}))
    sys.exit(bool(found["differ"] or found["missing"] or found["new"]))


if __name__ == "__main__":
    main()
