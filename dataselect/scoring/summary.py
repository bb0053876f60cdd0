"""A finished score table in a few numbers: rows per status, and the perplexity of the pool both ways."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.likelihood import LN2, macro_perplexity, micro_perplexity
from dataselect.records import STATUSES


@dataclass(frozen=True, slots=True)
class TableSummary:
    """Counts per status with `rejects`, and the pool's aggregates."""

    counts: dict[str, int]
    pool: dict[str, Any]


def summarise(directory: Path) -> TableSummary:
    """Summarise the score table and rejects in a stage directory.

    The `ppl` of the pool is exp of the mean over examples of the per-example mean NLL; the token-weighted value and
    the bits per byte over all bytes stand beside it.
    """
    import pyarrow.parquet as pq

    wanted = ["status", "response_tokens", "total_tokens", "response_bytes", "response_nll"]
    table = pq.read_table(directory / "scores.parquet", columns=wanted)
    found = Counter(table["status"].to_pylist())
    counts = {status: found.get(status, 0) for status in STATUSES}
    with (directory / "rejects.jsonl").open("rb") as file:
        counts["rejects"] = sum(1 for _ in file)
    nlls = table["response_nll"].to_numpy().astype(np.float64)
    tokens = table["response_tokens"].to_numpy()
    scored_bytes = int(table["response_bytes"].to_numpy().sum())
    pool = {
        "rows": table.num_rows,
        "ppl": macro_perplexity(nlls, tokens),
        "ppl_token_weighted": micro_perplexity(nlls, tokens),
        "bits_per_byte": float(np.nansum(nlls) / (LN2 * scored_bytes)) if scored_bytes else None,
        "response_tokens": int(tokens.sum()),
        "total_tokens": int(table["total_tokens"].to_numpy().sum()),
    }
    return TableSummary(counts, pool)
