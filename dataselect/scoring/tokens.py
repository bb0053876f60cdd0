"""The token sidecar: log-probability and rank of every scored token, from which any score is derived again (`rescore`).

One Parquet file per shard under `tokens/`, rows in the order of the score table. Per example the lists `token_id`,
`logprob`, `rank` and `part` (0 prompt, 1 response, 2 end) hold the scored tokens only; with IFD, `alone_logprob` holds
the final response without its prompt, whose first token is at `final_start` of the other lists. `step_starts` holds
the indices, in the other lists, of the response tokens that begin a step (`steps`). Rows without numbers have nulls.
About 13 bytes per token before compression.

Left out: the text. Token ids give it back with the tokenizer that the manifest names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.artifacts import unreadable
from dataselect.records import UNSCORED, Rendered
from dataselect.scoring.rows import TokenNumbers

TOKENS = "tokens"
"""The folder of the sidecar in a score folder."""

STEP_STARTS = "step_starts"
"""The list of tokens that begin a step."""

_LISTS = ("logprob", "part", "rank", "alone_logprob", STEP_STARTS)


def token_schema(with_ifd: bool, with_ranks: bool) -> Any:  # noqa: ANN401 - a pyarrow schema
    """Return the Arrow schema of the sidecar."""
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
    return pa.schema([*fields, pa.field(STEP_STARTS, pa.list_(pa.int32()))])


def token_row(rendered: Rendered, numbers: TokenNumbers | None) -> dict[str, Any]:
    """Return one row of the sidecar; nulls for a row without numbers."""
    row: dict[str, Any] = {"id": rendered.id, "response_bytes": rendered.response_bytes if numbers else 0}
    if numbers is None:
        return row
    scored = numbers.parts != UNSCORED
    row |= {
        "token_id": rendered.token_ids[scored],
        "logprob": numbers.logprobs[scored],
        "part": numbers.parts[scored],
    }
    if numbers.steps is not None:
        row[STEP_STARTS] = (np.cumsum(scored)[numbers.steps] - 1).astype(np.int32)
    if numbers.ranks is not None:
        row["rank"] = numbers.ranks[scored]
    if numbers.alone is not None:
        row["alone_logprob"] = numbers.alone
        row["final_start"] = int(scored[: numbers.final_start].sum())
    return row


def read_tokens(file: Path) -> Iterator[tuple[str, TokenNumbers | None]]:
    """Read a file of the sidecar.

    Yields:
        Id and scored tokens of each row, in order; None for a row without numbers.

    Raises:
        ArtifactError: If the file cannot be read.
    """
    import pyarrow
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(file, page_checksum_verification=True).iter_batches():
            yield from _token_numbers(batch)
    except (pyarrow.ArrowException, OSError, KeyError) as error:
        raise unreadable(file, error) from None


def _token_numbers(batch: Any) -> Iterator[tuple[str, TokenNumbers | None]]:  # noqa: ANN401 - an Arrow record batch
    ids = batch.column("id").to_pylist()
    lists = {name: _rows_of_list(batch.column(name)) for name in _LISTS if name in batch.schema.names}
    starts = batch.column("final_start").to_pylist() if "final_start" in batch.schema.names else [None] * len(ids)
    for row, id_ in enumerate(ids):
        values = {name: rows[row] for name, rows in lists.items()}
        if values["logprob"] is None:
            yield id_, None
            continue
        yield (
            id_,
            TokenNumbers(
                parts=values["part"],
                logprobs=values["logprob"],
                ranks=values.get("rank"),
                alone=values.get("alone_logprob"),
                final_start=starts[row] or 0,
                steps=values.get(STEP_STARTS),
            ),
        )


def _rows_of_list(column: Any) -> list[Any]:  # noqa: ANN401 - an Arrow list array, NumPy arrays
    """Return the array of each row, None for null."""
    offsets, flat = column.offsets.to_numpy(), column.values.to_numpy(zero_copy_only=False)
    absent = column.is_null().to_numpy(zero_copy_only=False)
    return [None if absent[i] else flat[offsets[i] : offsets[i + 1]] for i in range(len(column))]
