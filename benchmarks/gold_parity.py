"""How well strategies find the rows that others published as the best of Alpaca, beside what length alone achieves.

The pool is what is at hand of Alpaca: `alpagasus__random_9k` and `alpaca_5000`, distinct rows. Three published subsets:

    cherry      3,111 rows of highest IFD under a LLaMA-7B that had seen some of the data (Cherry LLM)
    alpagasus   5,305 rows that a judge (Claude) gave 4.5 of 5 and more
    longest     the 1,000 longest responses (Long Is More)

A row of the pool is gold if the subset has it: same instruction, input and response, white space aside. (`longest` has
no input column; its instruction stands behind the preamble of the Alpaca template, the input behind it.) For each
strategy the AUC, the AUC within deciles of response length, and the precision at as many rows as are gold. Intervals:
95 %, a bootstrap of 500 resamples of gold and other rows apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from defect_contenders import CONTENDERS, Contender, Prepared, places
from defect_kinds import Row
from defect_measures import Floats, auc, auc_within
from planted_pools import read_rows, write_pool

POOLS = ("pools/alpagasus__random_9k.json", "pools/alpaca__alpaca_5000.json")
SUBSETS = {
    "cherry": "gold/cherry_llm__cherry_alpaca_5_percent.json",
    "alpagasus": "gold/alpagasus__claude_t45.json",
    "longest": "gold/long_is_more__filtered_alpaca_1k_longest.json",
}
RESAMPLES = 500


def text_of(row: Row) -> str:
    """What identifies a row: its words, without the Alpaca template's own."""
    asked = f"{row.instruction} {row.input}"
    if asked.startswith("Below is an instruction") and "### Instruction:" in asked:
        asked = asked.partition("### Instruction:")[2].replace("### Input:", " ").replace("### Response:", " ")
    return " ".join(f"{asked} {row.output}".split())


def gold_pool(data: Path, most: int | None = None) -> tuple[list[Row], dict[str, np.ndarray]]:
    """The pool, or the first `most` rows of it, in the order of its ids, and for each subset which rows it has."""
    distinct = {row.id: row for name in POOLS for row in read_rows(data / name, least=1)}
    rows = [distinct[id_] for id_ in sorted(distinct)][:most]  # ids are digests, so that this is a random draw
    texts = [text_of(row) for row in rows]
    published = {name: {text_of(row) for row in read_rows(data / path, least=1)} for name, path in SUBSETS.items()}
    return rows, {name: np.array([text in some for text in texts]) for name, some in published.items()}


def by_score(contender: Contender) -> bool:
    """Whether it needs nothing but scores: no embeddings, ratings, target, texts, or other selection."""
    needs_more = contender.embeddings or contender.rated or contender.target or contender.match
    return not needs_more and contender.strategy != "zip"


def gold_parity(data: Path, folder: Path, model: str, most: int | None = None) -> dict[str, Any]:
    """Score the pool, let the strategies order it, and compare with the subsets."""
    from dataselect.scoring import ScoreRequest, score

    rows, gold = gold_pool(data, most)
    folder = folder / str(len(rows))
    pool = write_pool(folder / "pool.jsonl", rows)
    score(ScoreRequest((str(pool),), model, folder / "scores", backend="transformers", ifd=True))
    given = Prepared(folder / "scores", None, {}, pool)
    bins = _deciles(folder / "scores")
    in_bins = np.array([bins[row.id] for row in rows])
    found: dict[str, Any] = {"rows": len(rows), "gold": {name: int(is_in.sum()) for name, is_in in gold.items()}}
    found["strategies"] = {}
    for one in filter(by_score, CONTENDERS):
        place = places(one, pool, given, 0, folder)
        where = np.array([place[row.id] for row in rows])
        found["strategies"][one.name] = {name: _judged(where, in_bins, is_in) for name, is_in in gold.items()}
    return found


def _deciles(scores: Path) -> dict[str, int]:
    import pyarrow.parquet as pq

    from dataselect.selection import LengthBins

    table = pq.read_table(scores / "scores.parquet", columns=["id", "response_tokens"])
    tokens = np.asarray(table["response_tokens"].to_numpy(), np.float64)
    return dict(zip(table["id"].to_pylist(), LengthBins(10).assign(tokens).tolist(), strict=True))


def _judged(place: Floats, bins: np.ndarray, gold: np.ndarray) -> dict[str, float | None]:
    """Gold rows take the part of the clean ones, the others that of the defective ones."""
    ours, others, number = place[gold], place[~gold], int(gold.sum())
    within = auc_within(ours, bins[gold], others, bins[~gold])
    rng = np.random.default_rng(0)
    again = [auc(rng.choice(ours, len(ours)), rng.choice(others, len(others))) for _ in range(RESAMPLES)]
    low, high = np.quantile(np.array(again, np.float64), [0.025, 0.975])
    return {
        "auc": auc(ours, others), "auc_low": float(low), "auc_high": float(high), "auc_within": within,
        "precision": float((ours <= number).mean()),
    }  # fmt: skip
