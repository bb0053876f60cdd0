r"""Which leaks does the audit find, and what does it take for one? Against the published rule of 13 words in a row.

    python benchmarks/recommend/leaks.py --data ../shared/data --work /tmp/leaks \
      --out benchmarks/results/recommend_leaks.json

Composed: the pools of `three_pools.py` with other seeds than those that the rule was made with; everything is written
after templates, and 36 items are planted. Natural: three public pools and benchmarks that the rule was not made with,
each benchmark cut to 400 items, of which up to 40 are planted in each of six ways into rows of the pool. A row that
was not planted and is called a leak is counted as false, though a real one may be among them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from three_pools import defect_of, write_pools

from dataselect.artifacts import read_parquet
from dataselect.pool import PoolReader
from dataselect.recommendation.audit import AuditRequest, audit
from dataselect.records import Example
from dataselect.selection.pool_index import text_of_example

SEEDS = range(100, 120)
PAIRS = (
    ("long_is_more__fastchat_lima_1k.json", "llm_adapters__ARC-Easy_test.json"),
    ("codealpaca__code_alpaca_2k.json", "humaneval__HumanEval.jsonl.gz"),
    ("llms_from_scratch__instruction-data.json", "gsm8k__test.jsonl"),
)
ITEMS, PLANTED, NATURAL = 400, 40, "natural"
WAYS = ("whole item", "prompt alone", "prompt inside a longer one", "half of the prompt", "30 words", "20 words")


def planted(way: str, prompt: str, answer: str, host: tuple[str, str], draw: random.Random) -> tuple[str, str] | None:
    """An item put into a row of the pool; None where it is too short for this way."""
    asked, said = host
    split = prompt.split()
    if way == "whole item":
        return prompt, answer or said
    if way == "prompt alone":
        return prompt, said
    if way == "prompt inside a longer one":
        return f"{asked} {prompt} Thank you.", said
    if way == "half of the prompt":
        return (f"{' '.join(split[: len(split) // 2])} {asked}", said) if len(split) >= 30 else None
    length = int(way.split()[0])
    if len(split) < length + 12:
        return None
    start = draw.randrange(5, len(split) - length - 4)
    return f"{asked} {' '.join(split[start : start + length])}", said


def texts(file: Path) -> list[tuple[str, str]]:
    """Prompt and response of the rows of a pool."""
    rows = (text_of_example(one) for one in PoolReader([str(file)]) if isinstance(one, Example))
    return [(row.prompt, row.response) for row in rows]


def items(file: Path) -> list[dict[str, Any]]:
    """The records of a benchmark, as prompt and response."""
    text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text(encoding="utf-8")
    records = json.loads(text) if file.suffix == ".json" else [json.loads(line) for line in text.split("\n") if line]
    names = (("question", "answer"), ("prompt", "canonical_solution"), ("instruction", "output"))
    prompt, response = next(pair for pair in names if all(name in records[0] for name in pair))
    return [{"prompt": record[prompt], "response": record[response]} for record in records]


def natural(pool: Path, benchmark: Path, work: Path) -> dict[str, Any]:
    """Plant items of a benchmark into a pool and count what is found."""
    draw = random.Random(benchmark.name)
    rows, task = texts(pool), items(benchmark)
    draw.shuffle(task)
    task = task[:ITEMS]
    made = [{"id": f"{NATURAL}:{n}", "prompt": asked, "response": said} for n, (asked, said) in enumerate(rows)]
    for way in WAYS:
        for item in draw.sample(task, min(PLANTED, len(task))):
            row = planted(way, item["prompt"], item["response"], draw.choice(rows), draw)
            if row:
                made.append({"id": f"{way}:{len(made)}", "prompt": row[0], "response": row[1]})
    folder = work / pool.stem
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in {"pool": made, "task": task}.items():
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    found = counted(audited((folder / "pool.jsonl",), folder / "task.jsonl", folder), lambda id_: id_.split(":")[0])
    return {"pool": pool.name, "benchmark": benchmark.name, **found}


def audited(pools: tuple[Path, ...], task: Path, folder: Path) -> Iterator[tuple[str, bool, bool]]:
    """Each row's id, whether it shares 13 words, and whether that is called a leak."""
    audit(AuditRequest(pools=pools, tasks=task, out=folder / "audit", overwrite=True))
    table = read_parquet(folder / "audit" / "rows.parquet", ["id", "leak", "task_wording"]).to_pydict()
    for id_, leak, wording in zip(table["id"], table["leak"], table["task_wording"], strict=True):
        yield id_, bool(leak or wording), bool(leak)


def counted(rows: Iterator[tuple[str, bool, bool]], kind_of: Callable[[str], str]) -> dict[str, Any]:
    """Kind of row -> rows, those that share 13 words, those called leaks."""
    found: dict[str, Counter[str]] = {}
    for id_, shares, leak in rows:
        found.setdefault(kind_of(id_), Counter()).update(rows=1, published=int(shares), found=int(leak))
    return {"kinds": {kind: dict(counts) for kind, counts in found.items()}}


def composed(work: Path) -> dict[str, Any]:
    """All seeds of the composed pools together."""
    total = {"leaked": Counter[str](), "other": Counter[str]()}
    for seed in SEEDS:
        folder = work / f"seed-{seed}"
        files = write_pools(folder, seed)
        rows = audited(tuple(files.pools.values()), files.task, folder)
        found = counted(rows, lambda id_: "leaked" if defect_of(id_) == "leaked" else "other")
        for kind, counts in found["kinds"].items():
            total[kind].update(counts)
    return {"seeds": [SEEDS.start, SEEDS.stop - 1], "kinds": {kind: dict(counts) for kind, counts in total.items()}}


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description="What the audit calls a leak.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data")
    parser.add_argument("--work", type=Path, required=True, help="folder for pools and audits")
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    arguments = parser.parse_args()
    document = {
        "composed": composed(arguments.work),
        "natural": [
            natural(arguments.data / "pools" / pool, arguments.data / "benchmarks" / benchmark, arguments.work)
            for pool, benchmark in PAIRS
        ],
    }
    arguments.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
