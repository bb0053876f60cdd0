"""The token sidecar: what the model said about every scored token, so that any score can be derived again without it.

One Parquet file per shard under `tokens/`, rows in the order of the score table. Per example the lists `token_id`,
`logprob`, `rank` and `part` (0 prompt, 1 response, 2 end) hold the scored tokens only; with IFD, `alone_logprob` holds
the final response without its prompt, whose first token is at `final_start` of the other lists. Rows without numbers
have nulls. About 13 bytes per token before compression.

Left out: the text. Token ids give it back with the tokenizer that the manifest names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.errors import ArtifactError
from dataselect.records import UNSCORED, Rendered
from dataselect.scoring.rows import TokenNumbers, derive

DIRECTORY = "tokens"


def token_schema(with_ifd: bool, with_ranks: bool) -> Any:  # noqa: ANN401 - a pyarrow schema
    """The Arrow schema of the sidecar."""
    import pyarrow as pa

    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("response_bytes", pa.int64(), nullable=False),
        pa.field("token_id", pa.list_(pa.int32())),
        pa.field("logprob", pa.list_(pa.float32())),
        *([pa.field("rank", pa.list_(pa.int32()))] if with_ranks else []),
        pa.field("part", pa.list_(pa.int8())),
    ]
    if with_ifd:
        fields += [pa.field("alone_logprob", pa.list_(pa.float32())), pa.field("final_start", pa.int32())]
    return pa.schema(fields)


def token_row(rendered: Rendered, numbers: TokenNumbers | None) -> dict[str, Any]:
    """One row of the sidecar; nulls where there are no numbers."""
    row: dict[str, Any] = {"id": rendered.id, "response_bytes": rendered.response_bytes if numbers else 0}
    if numbers is None:
        return row
    scored = numbers.parts != UNSCORED
    row |= {
        "token_id": rendered.token_ids[scored],
        "logprob": numbers.logprobs[scored],
        "part": numbers.parts[scored],
    }
    if numbers.ranks is not None:
        row["rank"] = numbers.ranks[scored]
    if numbers.alone is not None:
        row["alone_logprob"] = numbers.alone
        row["final_start"] = int(scored[: numbers.final_start].sum())
    return row


def rescored(directory: Path) -> Iterator[dict[str, Any]]:
    """Derive every score again from a sidecar, row by row, without the model.

    Args:
        directory: The folder `tokens` of a scoring run.

    Yields:
        `id` and the numbers of the score table that come from log-probabilities; only `id` for a row without any.

    Raises:
        ArtifactError: If there is no sidecar.
    """
    import pyarrow.parquet as pq

    files = sorted(directory.glob("*.parquet"))
    if not files:
        raise ArtifactError(f"{directory} holds no token sidecar", "score with --tokens")
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches():
            for row in batch.to_pylist():
                numbers = _numbers(row)
                yield {"id": row["id"]} | ({} if numbers is None else derive(numbers, row["response_bytes"]))


def _numbers(row: Mapping[str, Any]) -> TokenNumbers | None:
    if row["logprob"] is None:
        return None
    ranks, alone = row.get("rank"), row.get("alone_logprob")
    return TokenNumbers(
        np.array(row["part"], np.int8),
        np.array(row["logprob"], np.float32),
        None if ranks is None else np.array(ranks, np.int32),
        None if alone is None else np.array(alone, np.float32),
        row.get("final_start") or 0,
    )
