"""`dataselect recommend` on real pools and a real model: SmolLM2-135M-Instruct, GSM8K, 35 minutes on two cores.

    python benchmarks/real_models.py real_models
    python benchmarks/recommend/real.py --data ../shared/data --model real_models/SmolLM2-135M-Instruct \
      --work /tmp/real --out benchmarks/results/recommend_real.json

Pools: 5,000 rows of Alpaca, 2,996 of Dolly, and the training set of GSM8K (7,473). Task: `--items` items of the test
set of GSM8K, drawn by chance, of which the command keeps half sealed for its final figures. The answer has to come
within 45 minutes.

The output is `recommendation.json` of the command without paths of this machine, the wall time, and how the time was
spent. Started again with the same folder, the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

POOLS = {
    "alpaca": "pools/alpaca__alpaca_5000.json",
    "dolly": "pools/alpagasus__dolly_3k.json",
    "gsm8k": "pools/gsm8k__train.jsonl",
}
TASK = "benchmarks/gsm8k__test.jsonl"
RECIPE = {"epochs": 1, "learning_rate": 1e-4, "batch_size": 8, "dtype": "bfloat16"}
"""Short trainings need a higher rate than long ones; bfloat16 is two to three times as fast where the CPU has it."""
MOST_MINUTES = 45


def inputs(data: Path, work: Path, items: int) -> dict[str, Path]:
    """The pools and the drawn task under short names, which are the names of the sources in the answer."""
    work.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, file in {**POOLS, "gsm8k-test": TASK}.items():
        found[name] = work / f"{name}{Path(file).suffix}"
        if name != "gsm8k-test" and not found[name].exists():
            found[name].symlink_to((data / file).resolve())
    lines = (data / TASK).read_text(encoding="utf-8").splitlines()
    drawn = sorted(random.Random(0).sample(range(len(lines)), min(items, len(lines))))
    found["gsm8k-test"].write_text("".join(f"{lines[n]}\n" for n in drawn), encoding="utf-8")
    return found


def recommend(files: dict[str, Path], model: Path, work: Path, budget: list[str]) -> float:
    """Run the command, as in a shell, and return its seconds."""
    recipe = work / "recipe.yaml"
    recipe.write_text("".join(f"{key}: {value}\n" for key, value in RECIPE.items()), encoding="utf-8")
    pools = [str(files[name]) for name in POOLS]
    command = [
        str(Path(sys.executable).with_name("dataselect")), "recommend", *pools, "--model", str(model),
        "--task", str(files["gsm8k-test"]), "--config", str(recipe), *budget, "--out", str(work / "answer"),
    ]  # fmt: skip
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def without_paths(value: Any, folders: dict[str, str]) -> Any:
    """The same document with the folders of this machine replaced by their names."""
    if isinstance(value, dict):
        return {key: without_paths(one, folders) for key, one in value.items()}
    if isinstance(value, list):
        return [without_paths(one, folders) for one in value]
    if isinstance(value, str):
        for folder, name in folders.items():
            value = value.replace(folder, name)
    return value


def main() -> None:
    """Run it and write what came out."""
    parser = argparse.ArgumentParser(description="recommend on real pools and a real model.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data")
    parser.add_argument("--model", type=Path, required=True, help="folder of SmolLM2-135M-Instruct")
    parser.add_argument("--work", type=Path, required=True, help="folder of the run")
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    parser.add_argument("--items", type=int, default=200, help="items of the test set")
    parser.add_argument("--time", default="35m", help="what recommend is given")
    arguments = parser.parse_args()
    files = inputs(arguments.data, arguments.work, arguments.items)
    seconds = recommend(files, arguments.model, arguments.work, ["--time", arguments.time])
    answer = json.loads((arguments.work / "answer" / "recommendation.json").read_text(encoding="utf-8"))
    folders = {
        str(arguments.work / "answer"): "DIR", str(arguments.work): "WORK", str(arguments.work.resolve()): "WORK",
        str(arguments.data.resolve()): "DATA", str(arguments.model): arguments.model.name,
        str(arguments.model.resolve()): arguments.model.name,
    }  # fmt: skip
    document = {
        "model": arguments.model.name, "time": arguments.time, "items": arguments.items,
        "recipe": RECIPE, "minutes": round(seconds / 60, 1),
        "within": seconds <= 60 * MOST_MINUTES, "cores": os.cpu_count(), "machine": platform.machine(),
        "recommendation": without_paths(answer, folders),
    }  # fmt: skip
    arguments.out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{seconds / 60:.1f} min: {document['recommendation']['sentence']}")


if __name__ == "__main__":
    main()
