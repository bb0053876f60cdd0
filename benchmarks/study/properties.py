"""What is known of a pool before training on it: the properties that the study holds against gains.

    python benchmarks/study/properties.py --real real_models --work /tmp/study \
      --out benchmarks/results/study/properties.json

Per model and pool, over the 120 drawn rows: perplexity in both aggregations, bits per byte, rank-surprisal ratio (of
sums), shifted fraction, response tokens; and, the same for every model, the similarity to each task. Scoring and
embedding are stages that are left as they are when they are there; models without scores are left out and named.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import pandas as pd
from inputs import POOLS
from models import MODELS
from scores import Study, similarities

NOT_OF_MODEL = "similarity"


def of_model(table: pd.DataFrame) -> dict[str, float]:
    """The properties of one pool's rows, all by visible arithmetic over the score table."""
    rows = table[table.response_nll.notna() & (table.response_tokens > 0)]
    nll, tokens = rows.response_nll.sum(), rows.response_tokens.sum()
    found = {
        "ppl": math.exp((rows.response_nll / rows.response_tokens).mean()),
        "ppl_token_weighted": math.exp(nll / tokens),
        "bits_per_byte": nll / math.log(2) / rows.response_bytes.sum(),
        "rsr": rows.response_rank_sum.sum() / nll,
        "shifted_fraction": rows.shifted_fraction.mean(),
        "response_tokens": rows.response_tokens.mean(),
        "rows": float(len(rows)),
    }
    return {name: round(float(value), 6) for name, value in found.items()}


def main() -> None:
    """Score, embed and write."""
    parser = argparse.ArgumentParser(description="Properties of the study's pools.")
    parser.add_argument("--of", choices=list(MODELS), action="append", help="these models only")
    parser.add_argument("--real", type=Path, required=True, help="folder of the real models")
    parser.add_argument("--work", type=Path, required=True, help="folder of the study, with its inputs")
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    arguments = parser.parse_args()
    old = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else {"models": {}}
    models = old["models"]
    for name in arguments.of or MODELS:
        study = Study(name, arguments.real, arguments.work)
        table = pd.read_parquet(study.pool_scores() / "scores.parquet")
        pools = table.source.map(lambda file: Path(file).stem)
        models[name] = {pool: of_model(table[pools == pool]) for pool in POOLS}
        print(name, {pool: found["ppl"] for pool, found in models[name].items()}, flush=True)
    document = {"models": models, NOT_OF_MODEL: similarities(arguments.work)}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
