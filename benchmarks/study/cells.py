"""The cells of the study: choose rows, train on them, evaluate, and keep every item's value.

    python benchmarks/study/cells.py --of SmolLM2-135M-Instruct --real real_models --work /tmp/study \
      --out benchmarks/results/study/cells.jsonl --minutes 60

Two parts for each model. `pools`: random rows of each pool up to a number of tokens, trained in full at two sizes, with
LoRA at the small one, at a second learning rate, and with further seeds. `inside`: the 600 rows of Alpaca by each
strategy at three sizes. All cells of a size see the same number of tokens (prompts included, by the model's own
tokenizer) in steps of about 500. What is stored of a cell: each item's value in each task, the tokens and seconds, and
how far each layer moved. A training that fails is stored with its reason and without values.

A cell is a line of `--out`, written when it is finished: the same command goes on after a stop, and several may run
side by side.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from inputs import POOLS, tasks
from models import MODELS
from scores import Study

import dataselect as ds
from dataselect.errors import DataselectError
from dataselect.layers.checkpoints import Checkpoint
from dataselect.layers.compare import compare_run
from dataselect.models import resolve_model
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.records import Rendered

SMALL, LARGE = 6000, 18000
BUDGETS = (1500, 4000, 12000)
RANDOM_SEEDS = 5
STEP_TOKENS = 500
STRATEGIES = ("ppl-low", "ppl-mid", "ppl-high", "ifd-high", "rsr", "similarity", "deita", "longest")
MATCHED = "ppl-low"
"""The strategy that the length-matched control follows."""
INSIDE_TASKS = ("own-alpaca", "own-dolly", "own-instructions", "gsm8k-test")
CHOICE_METRIC, TEXT_METRIC = "accuracy", "nll"


@dataclass(frozen=True)
class Cell:
    """One training, or none.

    Attributes:
        part: `pools`, `inside` or `untrained`.
        rows: The pool, or the strategy inside Alpaca.
        tokens: Budget.
        method: `full` or `lora`.
        rate: `first` or `second` learning rate.
    """

    model: str
    part: str
    rows: str = ""
    tokens: int = 0
    method: str = "full"
    rate: str = "first"
    seed: int = 0

    @property
    def key(self) -> str:
        """Its name, also of files."""
        return "_".join(str(value) for value in asdict(self).values())


def pool_cells(model: str) -> Iterator[Cell]:
    """In the order in which they matter most."""
    one = [Cell(model, "pools", pool, SMALL) for pool in POOLS]
    yield from one
    yield from (Cell(model, "pools", pool, LARGE) for pool in POOLS)
    yield from (Cell(model, "pools", pool, SMALL, rate="second") for pool in POOLS)
    yield from (Cell(model, "pools", pool, SMALL, method="lora") for pool in POOLS)
    yield from (Cell(model, "pools", pool, SMALL, seed=seed) for seed in (1, 2) for pool in POOLS)


def inside_cells(model: str) -> Iterator[Cell]:
    """Each size in turn; the middle one first."""
    low, middle, high = BUDGETS
    for tokens in (middle, low, high):
        yield from (Cell(model, "inside", "random", tokens, seed=seed) for seed in range(RANDOM_SEEDS))
        yield from (Cell(model, "inside", name, tokens) for name in (*STRATEGIES, "length-matched"))
    for name in STRATEGIES:
        yield Cell(model, "inside", name, middle, rate="second")
    yield from (Cell(model, "inside", "random", middle, rate="second", seed=seed) for seed in range(RANDOM_SEEDS))


@cache
def lengths(file: Path, model: str) -> tuple[tuple[str, int], ...]:
    """Line and tokens of each row of a pool that can be trained on."""
    renderer = Renderer(resolve_model(model), RenderOptions())
    examples = list(PoolReader([str(file)]))
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    rendered = renderer.render(examples)  # type: ignore[arg-type]
    return tuple(
        (line, len(one.token_ids)) for line, one in zip(lines, rendered, strict=True) if isinstance(one, Rendered)
    )


class Runner:
    """Trains and evaluates the cells of one model.

    Args:
        study: Its folders.
        out: The file of cells.
    """

    def __init__(self, study: Study, out: Path) -> None:
        self._study, self._out = study, out
        self._settings = MODELS[study.name]
        self._tasks = tasks(study.work)
        out.parent.mkdir(parents=True, exist_ok=True)

    def done(self) -> set[str]:
        """Keys of the cells in the file."""
        lines = self._out.read_text(encoding="utf-8").splitlines() if self._out.exists() else []
        fields = Cell.__dataclass_fields__
        return {Cell(**{name: cell[name] for name in fields}).key for cell in map(json.loads, lines)}

    def run(self, cell: Cell) -> None:
        """Finish a cell, unless it is finished or in work elsewhere."""
        with self._claimed(cell) as mine:
            if not mine or cell.key in self.done():
                return
            began = time.perf_counter()
            folder = self._study.work / "cells" / cell.key
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            found = self._untrained(folder) if cell.part == "untrained" else self._trained(cell, folder)
            shutil.rmtree(folder)
            line = json.dumps({**asdict(cell), **found, "seconds": round(time.perf_counter() - began, 1)})
            with self._out.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
            print(cell.key, f"{time.perf_counter() - began:.0f} s", found.get("failed", ""), flush=True)

    @contextmanager
    def _claimed(self, cell: Cell) -> Iterator[bool]:
        folder = self._study.work / "claims"
        folder.mkdir(exist_ok=True)
        with (folder / cell.key).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _untrained(self, folder: Path) -> dict[str, Any]:
        return {"values": self._evaluated(self._study.model, folder, tuple(self._tasks))}

    def _trained(self, cell: Cell, folder: Path) -> dict[str, Any]:
        chosen = self._chosen(cell, folder)
        rows = lengths(chosen, self._study.model)
        seen = sum(tokens for _, tokens in rows)
        batch = max(1, round(STEP_TOKENS * len(rows) / seen))
        rates = self._settings
        rate = rates.lora_rate if cell.method == "lora" else rates.rate if cell.rate == "first" else rates.other_rate
        config = ds.TrainConfig(
            epochs=1.0, learning_rate=rate, batch_size=batch, micro_batch_size=min(batch, 8), seed=cell.seed,
            dtype=rates.dtype, lora=cell.method == "lora",
        )  # fmt: skip
        begun = time.perf_counter()
        found = {"trained_rows": len(rows), "trained_tokens": seen, "learning_rate": rate}
        try:
            request = ds.TrainRequest(file=chosen, model=self._study.model, out=folder / "model", config=config)
            summary = ds.train(request)
        except DataselectError as error:
            return {**found, "failed": error.message.replace(str(folder), "DIR")}
        found |= {"steps": summary.steps, "final_loss": round(summary.final_loss, 5)}
        found["train_seconds"] = round(time.perf_counter() - begun, 1)
        names = tuple(self._tasks) if cell.part == "pools" else INSIDE_TASKS
        values = self._evaluated(str(folder / "model"), folder, names)
        return {**found, "layers": self._moved(folder / "model"), "values": values}

    def _chosen(self, cell: Cell, folder: Path) -> Path:
        out = folder / "chosen.jsonl"
        if cell.part == "pools":
            rows = list(lengths(self._study.pool(cell.rows), self._study.model))
            random.Random(f"{cell.rows} {cell.seed}").shuffle(rows)
            taken, total = [], 0
            for line, tokens in rows:
                if total + tokens <= cell.tokens:
                    taken.append(line)
                    total += tokens
            out.write_text("".join(taken), encoding="utf-8")
            return out
        self._select(cell.rows, cell, out)
        return out

    def _select(self, name: str, cell: Cell, out: Path) -> None:
        params: dict[str, str] = {}
        if name == "length-matched":
            followed = out.with_name("followed.jsonl")
            self._select(MATCHED, cell, followed)
            name, params = "length-matched-random", {"match": str(followed)}
        request = ds.SelectRequest(
            pools=str(self._study.inside), strategy=name, budget=f"{cell.tokens}tok", out=out, params=params,
            scores=self._study.inside_scores(), embeddings=self._study.inside_embeddings(), seed=cell.seed,
        )  # fmt: skip
        ds.select(request)

    def _evaluated(self, model: str, folder: Path, names: tuple[str, ...]) -> dict[str, list[float]]:
        files = tuple(f"{name}={self._tasks[name]}" for name in names)
        out = folder / "evaluated"
        ds.evaluate(ds.EvaluateRequest(model=model, tasks=files, out=out, dtype=self._settings.dtype))
        table = pq.read_table(out / "results.parquet").to_pandas()
        table = table[table.metric.isin((CHOICE_METRIC, TEXT_METRIC))].sort_values(["task", "item_id"])
        return {str(task): [round(value, 4) for value in one.value] for task, one in table.groupby("task")}

    def _moved(self, model: Path) -> list[float]:
        """Relative change of each layer's weights, from the first to the last."""
        run = compare_run(Checkpoint(resolve_model(self._study.model)), "trained", model, spectra=False)
        return [round(one.change.sums.relative or 0.0, 7) for one in run.layers]


def main() -> None:
    """Train what is missing, as far as the time goes."""
    parser = argparse.ArgumentParser(description="The cells of the study.")
    parser.add_argument("--of", choices=list(MODELS), required=True, help="the model")
    parser.add_argument("--real", type=Path, required=True, help="folder of the real models")
    parser.add_argument("--work", type=Path, required=True, help="folder of the study, with its inputs")
    parser.add_argument("--out", type=Path, required=True, help="JSONL file of the cells")
    parser.add_argument("--part", choices=("pools", "inside"), action="append", help="one part only")
    parser.add_argument("--first", type=int, help="the first cells of each part only")
    parser.add_argument("--minutes", type=float, default=1e9, help="no cell begins later")
    arguments = parser.parse_args()
    began = time.perf_counter()
    runner = Runner(Study(arguments.of, arguments.real, arguments.work), arguments.out)
    parts = arguments.part or ["pools", "inside"]
    made = {"pools": pool_cells, "inside": inside_cells}
    cells = [Cell(arguments.of, "untrained")]
    cells += [cell for part in parts for cell in list(made[part](arguments.of))[: arguments.first]]
    for cell in cells:
        if time.perf_counter() - began < 60 * arguments.minutes:
            runner.run(cell)


if __name__ == "__main__":
    main()
