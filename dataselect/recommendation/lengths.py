"""Tokens of every clean row, as a table that `select` counts a token budget with.

Rows are rendered and counted as training renders them; no model is run. So a random draw of any number of tokens costs
nothing, and only rules that read scores need the rows scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dataselect.artifacts import digest, file_digest, read_json
from dataselect.models import resolve_model
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.progress import counted
from dataselect.recommendation.cleaning import CleanPools
from dataselect.records import RESPONSE, Example, Rendered
from dataselect.stage import StageDirectory

TABLE, COUNTS = "tokens.parquet", "tokens.json"
FOLDER = "lengths"
"""A folder of its own: a table that lies beside the manifest of a run is read only when that run is finished."""
_BATCH = 2048


@dataclass(frozen=True, slots=True)
class PoolLengths:
    """The tokens of clean pools.

    Attributes:
        table: id, total_tokens and response_tokens of every row.
        tokens, rows: By name of the pool; rows that can be trained on.
    """

    table: Path
    tokens: Mapping[str, int]
    rows: Mapping[str, int]

    @property
    def per_row(self) -> float:
        """Mean tokens of a row, over all pools."""
        return sum(self.tokens.values()) / max(1, sum(self.rows.values()))


def count_tokens(
    pools: CleanPools, model: str, options: RenderOptions, directory: StageDirectory, prefix: str = ""
) -> PoolLengths:
    """Count, or read what was counted of the same files.

    Args:
        directory: The stage that the table goes to.
        prefix: Of the names of the two files.
    """
    renderer = Renderer(resolve_model(model), options)
    files = {name: file_digest(file) for name, file in pools.files.items()}
    key = digest([files, renderer.settings()])
    table, counts = f"{FOLDER}/{prefix}{TABLE}", f"{FOLDER}/{prefix}{COUNTS}"
    if directory.intact(counts) and directory.intact(table):
        made = read_json(directory.path / counts)
        if made["key"] == key:
            return PoolLengths(directory.path / table, made["tokens"], made["rows"])
    tokens, rows = _write(pools, renderer, directory, table)
    directory.write_json(counts, {"key": key, "tokens": tokens, "rows": rows})
    return PoolLengths(directory.path / table, tokens, rows)


def _write(
    pools: CleanPools, renderer: Renderer, directory: StageDirectory, table: str
) -> tuple[dict[str, int], dict[str, int]]:
    import pyarrow as pa

    from dataselect.artifacts import parquet_writer

    tokens, rows = Counter(dict.fromkeys(pools.files, 0)), Counter(dict.fromkeys(pools.files, 0))
    schema = pa.schema([("id", pa.string()), ("total_tokens", pa.int64()), ("response_tokens", pa.int64())])
    with directory.write(table) as path, parquet_writer(path, schema) as writer:
        for name, file in pools.files.items():
            reader = PoolReader([str(file)], pools.columns)
            examples = (item for item in reader if isinstance(item, Example))
            shown = counted(examples, f"count the tokens of {name}", "rows", pools.rows[name])
            for batch in iter(lambda shown=shown: list(islice(shown, _BATCH)), []):  # type: ignore[misc]
                counts = [_counts(one) for one in renderer.render(batch)]
                known = [one for one in counts if one is not None]
                rows[name] += len(known)
                tokens[name] += sum(one["total_tokens"] for one in known)
                writer.write_table(pa.Table.from_pylist(known, schema=schema))
    return dict(tokens), dict(rows)


def _counts(one: Any) -> dict[str, Any] | None:  # noqa: ANN401 - Rendered or Reject
    if not isinstance(one, Rendered) or not one.scorable or one.total_tokens is None:
        return None
    return {"id": one.id, "total_tokens": one.total_tokens, "response_tokens": int((one.parts == RESPONSE).sum())}
