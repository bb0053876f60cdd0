"""Does `dataselect recommend` find the pool that helps, and its clean rows? 20 seeds with a known answer.

    python benchmarks/recommend/planted_truth.py --work /tmp/planted --out benchmarks/results/recommend_planted.json

Each seed composes three pools (`three_pools.py`: one helps the task, one is noise, one harms it; 30 % of the rows of
each are spoiled) and runs the command as a user does, on the bundled model. The criterion, fixed before the first run:
at least 90 % of the recommended rows are of the helpful pool, and at most 10 % are spoiled. It has to hold in at least
18 of 20 seeds. A copy spoils an answer that has its original too; alone it is a clean row, since which of two equal
rows stays is arbitrary.

`truth` in the output is what makes it a test: the task's loss after training on 50 clean rows of each pool, and before.
The outcome of a seed is written as soon as there is one; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from three_pools import CLEAN, POOLS, Files, defect_of, write_pools

LEAST_HELPFUL, MOST_SPOILED, LEAST_SEEDS, SEEDS = 0.9, 0.1, 18, 20
TRAIN_TOKENS = 80_000
RECIPE = {"epochs": 1.0, "learning_rate": 1e-3, "batch_size": 8}
"""That of `recommend` for the bundled model."""


def recommend(directory: Path, files: Files, seed: int) -> None:
    """Run the command, as in a shell."""
    pools = [str(path) for path in files.pools.values()]
    command = [
        str(Path(sys.executable).with_name("dataselect")), "recommend", *pools, "--model", "builtin",
        "--task", str(files.task), "--train-tokens", str(TRAIN_TOKENS),
        "--seed", str(seed), "--out", str(directory / "answer"),
    ]  # fmt: skip
    subprocess.run(command, check=True)


def outcome(directory: Path, seed: int) -> dict[str, Any]:
    """What was recommended, judged by where its rows come from."""
    lines = (directory / "answer" / "recommended.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    ids = [str(record["id"]) for record in records]
    pools = Counter(id_.split("-")[0] for id_ in ids)
    contents = [{key: one for key, one in record.items() if key not in ("id", "_dataselect")} for record in records]
    alone = {id_ for id_, one in zip(ids, contents, strict=True) if contents.count(one) == 1}
    found = {id_: defect_of(id_) for id_ in ids}
    defects = Counter(CLEAN if found[id_] == "copy" and id_ in alone else found[id_] for id_ in ids)
    helpful, spoiled = pools["helpful"] / len(ids), 1 - defects[CLEAN] / len(ids)
    answer = json.loads((directory / "answer" / "recommendation.json").read_text(encoding="utf-8"))
    return {
        "seed": seed, "passed": helpful >= LEAST_HELPFUL and spoiled <= MOST_SPOILED, "rows": len(ids),
        "helpful": round(helpful, 4), "spoiled": round(spoiled, 4), "pools": dict(pools), "defects": dict(defects),
        "candidate": answer["candidate"], "decision": answer["decision"], "trainings": answer["trainings"],
        "train_tokens": answer["train_tokens"], "sentence": answer["sentence"].replace(str(directory), "DIR"),
    }  # fmt: skip


def truth(directory: Path) -> dict[str, float]:
    """The mean loss of the task (nats per token, lower is better) untrained and after 50 clean rows of each pool."""
    import dataselect as ds

    files = write_pools(directory / "data", 0)

    def loss(model: str, name: str) -> float:
        request = ds.EvaluateRequest(model=model, tasks=(str(files.task),), out=directory / f"loss-{name}")
        return round(ds.evaluate(request).means[0].mean, 4)

    found = {"untrained": loss("builtin", "untrained")}
    for name in POOLS:
        rows = [json.loads(line) for line in files.pools[name].read_text(encoding="utf-8").splitlines()]
        clean = [row for row in rows if defect_of(row["id"]) == CLEAN][:50]
        file = directory / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in clean), encoding="utf-8")
        request = ds.TrainRequest(file=file, model="builtin", out=directory / name, config=ds.TrainConfig(**RECIPE))  # type: ignore[arg-type]
        ds.train(request)
        found[name] = loss(str(directory / name), name)
    return found


def main() -> None:
    """Run the seeds that have no outcome yet, then write all that have."""
    parser = argparse.ArgumentParser(description="20 seeds with a known answer.")
    parser.add_argument("--work", type=Path, required=True, help="folder of the runs; what is finished is kept")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of all outcomes")
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, SEEDS), metavar=("FIRST", "END"))
    arguments = parser.parse_args()
    work: Path = arguments.work
    measured = work / "truth.json"
    if not measured.exists() and arguments.seeds[0] == 0:
        work.mkdir(parents=True, exist_ok=True)
        measured.write_text(json.dumps(truth(work / "truth")), encoding="utf-8")
    for seed in range(*arguments.seeds):
        directory = work / f"seed-{seed:02d}"
        done = directory / "outcome.json"
        if not done.exists():
            began = time.perf_counter()
            recommend(directory, write_pools(directory / "data", seed), seed)
            found = {**outcome(directory, seed), "seconds": round(time.perf_counter() - began, 1)}
            done.write_text(json.dumps(found), encoding="utf-8")
        write(work, arguments.out)


def write(work: Path, out: Path) -> None:
    """Collect the outcomes that there are."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(work.glob("seed-*/outcome.json"))]
    measured = work / "truth.json"
    document = {
        "criterion": f"at least {LEAST_HELPFUL:.0%} of the rows of the helpful pool and at most {MOST_SPOILED:.0%} "
        f"spoiled, in at least {LEAST_SEEDS} of {SEEDS} seeds",
        "model": "builtin", "recipe": RECIPE, "train_tokens": TRAIN_TOKENS,
        "truth": json.loads(measured.read_text(encoding="utf-8")) if measured.exists() else {},
        "seeds": len(found), "passed": sum(one["passed"] for one in found), "outcomes": found,
    }  # fmt: skip
    out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    last = found[-1]
    print(f"{document['passed']} of {len(found)} seeds; seed {last['seed']}: {last['sentence']}")


if __name__ == "__main__":
    main()
