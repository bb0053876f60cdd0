"""Score folders written by hand, as `dataselect score --tokens` leaves them, so that every number can be counted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.scoring.tokens import token_schema


def _write(seal, folder: Path, rows: list[dict], model: str = "no such model", sub: str = "", **scorers) -> Path:
    """A score folder with a sidecar.

    Args:
        rows: `id`, and lists `token_id`, `logprob`, `rank`, `part`; a row of only an id has no numbers.
        sub: Name of a further model whose sidecar this is.
    """
    (folder / "tokens" / sub).mkdir(parents=True, exist_ok=True)
    schema = token_schema(with_ifd=False, with_ranks=True)
    names = [field.name for field in schema]
    full = [{"response_bytes": 0, **dict.fromkeys(names[2:]), **row} for row in rows]
    pq.write_table(pa.Table.from_pylist(full, schema), folder / "tokens" / sub / "000000.parquet")
    rendering = {"tokenizer_sha256": "t"}
    fingerprint = {
        "scorers": {"tokens": True, "ranks": True, **scorers},
        "rendering": rendering,
        "references": {sub: {"rendering": rendering}} if sub else {},
    }
    if not sub:
        manifest = {"stage": "score", "model": model, "references": {}, "fingerprint": fingerprint}
    else:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["references"] = {sub: model}
        manifest["fingerprint"]["references"] = fingerprint["references"]
    return seal(folder, "score", manifest, manifest["fingerprint"])


@pytest.fixture(scope="session")
def write_sidecar(seal):
    """Writes a score folder."""
    return partial(_write, seal)


@pytest.fixture
def one_row():
    """A row with a prompt token, response tokens of the given ids, ranks and log-probabilities, and an end token."""

    def make(id_, ids, ranks, logprobs=None):
        logprobs = logprobs or [-1.0] * len(ids)
        return {
            "id": id_, "token_id": [1, *ids, 2], "rank": [50, *ranks, 50], "logprob": [-9.0, *logprobs, -9.0],
            "part": [0, *[1] * len(ids), 2],
        }  # fmt: skip

    return make
