"""Which strategies and filters find what is wrong with a pool? Real pools with known defects planted at known rates.

Two published pools (Alpaca, GSM8K), 1,000 rows each, 2 % of the rows of each kind of defect (`defect_kinds`), five
seeds that draw rows and defects anew (`planted_pools`). The rows of all seeds are scored once with the model and
embedded once; then each strategy orders, and each filter thins, each pool (`defect_contenders`). For each strategy and
kind: the AUC overall and within deciles of response length, and the recall at budgets of 50 % and 10 %
(`defect_measures`). Last, the published subsets of Alpaca: how well does each strategy find them, beside what length
alone achieves (`gold_parity`).

Of a copy and its original the one with the worse place is the defect, since either may stay; that alone gives a random
order an AUC of 2/3 for copies, so compare with the row of `random`.

    python benchmarks/planted_defects.py
    python benchmarks/planted_defects.py --seeds 2 --size 500 --data-sets gsm8k --no-gold --out /tmp/some.json

Every scoring run and every cell (data set, seed, strategy) is kept in `--work` as soon as it is there, under a digest
of the rows, the model and the strategy's options: run the same command again after a crash and it goes on. After a
change of the measures give another `--work`. The tables are printed as Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from defect_contenders import SIEVES, Contender, Prepared, Sieve, contenders, places, removed
from defect_judging import Cell, judged, length_bins, sieved
from defect_kinds import Row
from defect_measures import over_seeds
from defect_tables import print_tables
from gold_parity import gold_parity
from planted_pools import DATA_SETS, counts, draws, read_rows, union, write_pool

from dataselect.artifacts import digest
from dataselect.models import model_digest, resolve_model
from dataselect.stage.provenance import environment

SHARE = 0.02


def prepare(folder: Path, rows: list[Row], target: list[Row], model: str, rated: bool) -> Prepared:
    """Score and embed the rows of all seeds; what is finished is left as it is."""
    from dataselect.embeddings import EmbedRequest, embed
    from dataselect.scoring import ScoreRequest, score
    from dataselect.scoring.ratings import RATINGS

    pool, targets = (write_pool(folder / f"{name}.jsonl", some) for name, some in (("all", rows), ("target", target)))
    score(ScoreRequest((str(pool),), model, folder / "scores", backend="transformers", ifd=True))
    ratings = folder / "ratings" if rated else None
    if ratings is not None:
        score(ScoreRequest((str(pool),), model, ratings, backend="transformers", ratings=RATINGS, ranks=False))
    made = {}
    for name, encoder, pooling in (("minilm", "minilm", None), ("builtin", model, "weighted-mean")):
        made[name] = folder / name
        embed(
            EmbedRequest(
                (str(pool),), encoder, made[name], (str(targets),), embed_text="both", pooling=pooling
            )
        )  # fmt: skip
    return Prepared(folder / "scores", ratings, made, targets)


class Cells:
    """Results that are kept one by one. The rows that they depend on are in the folder's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cells"
        self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, seed: int, one: Contender | Sieve, make: Callable[[], Cell]) -> Cell:
        """The cell of a strategy or filter, made if it is not there."""
        path = self._folder / f"{seed}-{digest(repr(one))[:12]}.json"
        if not path.exists():
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps(make()))
            temporary.replace(path)
        cell: Cell = json.loads(path.read_text())
        return cell


def one_data_set(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All strategies and filters over all seeds of one data set."""
    pools = list(draws(options.data, name, options.size, SHARE, options.seeds))
    drawn = [[(row.id, row.kind) for row in pool] for pool in pools]
    folder = options.work / f"{name}-{digest([model_digest(resolve_model(options.model)), drawn])[:12]}"
    items = read_rows(options.data / DATA_SETS[name].evaluation)
    given = prepare(folder, union(pools), items, options.model, DATA_SETS[name].rated)
    cells: list[dict[str, Cell]] = []
    for seed, pool in enumerate(pools):
        cells.append(one_seed(seed, pool, given, folder))
        print(f"{name}, seed {seed}: done", flush=True)
    return {
        "rows": counts(pools[0]),
        "strategies": {one.name: summary([found[one.name] for found in cells]) for one in contenders(given)},
        "filters": {one.name: summary([found[one.name] for found in cells]) for one in SIEVES},
    }


def one_seed(seed: int, pool: list[Row], given: Prepared, folder: Path) -> dict[str, Cell]:
    """The cells of all strategies and filters over one pool, by name."""
    file, bins, cells = write_pool(folder / f"pool-{seed}.jsonl", pool), length_bins(given.scores, pool), Cells(folder)

    def order(one: Contender) -> Cell:
        return judged(pool, places(one, file, given, seed, folder / f"kept-{seed}"), bins)

    def thin(one: Sieve) -> Cell:
        return sieved(pool, removed(one, file, given, seed))

    found = {one.name: cells.get(seed, one, partial(order, one)) for one in contenders(given)}
    return found | {one.name: cells.get(seed, one, partial(thin, one)) for one in SIEVES}


def summary(cells: list[Cell]) -> dict[str, dict[str, Any]]:
    """kind -> measure -> mean over seeds, and half of its interval."""
    return {
        kind: {measure: _over([cell[kind][measure] for cell in cells]) for measure in cells[0][kind]}
        for kind in cells[0]
    }


def _over(values: list[float]) -> dict[str, float | None]:
    found = over_seeds(values)
    return {"mean": round(found.mean, 4), "half": None if found.half is None else round(found.half, 4)}


def main() -> None:
    """Parse options, run what is left, print."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=here.parents[1] / "shared" / "data", help="the public data sets")
    parser.add_argument("--data-sets", nargs="+", choices=list(DATA_SETS), default=list(DATA_SETS))
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--size", type=int, default=1000, help="rows of a pool")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--no-gold", action="store_true", help="leave the published subsets out")
    parser.add_argument(
        "--gold-rows", type=int, help="most rows of Alpaca to find them in, drawn at random [default: all]"
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "dataselect-planted-defects")
    parser.add_argument("--out", type=Path, default=here / "results" / "planted_defects.json")
    options = parser.parse_args()
    os.environ["DATASELECT_CACHE"] = str(options.work / "cache")
    document: dict[str, Any] = {
        "size": options.size, "share_of_each_kind": SHARE, "seeds": options.seeds, "model": options.model,
        "environment": environment(), "data_sets": {},
    }  # fmt: skip
    for name in options.data_sets:
        document["data_sets"][name] = one_data_set(name, options)
        options.out.write_text(json.dumps(document) + "\n")
    if not options.no_gold:
        document["gold"] = gold_parity(options.data, options.work / "gold", options.model, options.gold_rows)
        options.out.write_text(json.dumps(document) + "\n")
    print_tables(document)


if __name__ == "__main__":
    main()
