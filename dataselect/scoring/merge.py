"""From shards to one score table: the rows of every model side by side, in input order.

The first model's columns have their plain names, those of a further model the suffix `.NAME`, and the contrasts between
them come last. A record that one model's template cannot render is a reject for all, so that each example is either one
whole row or one reject.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.artifacts import atomic
from dataselect.records import Reject
from dataselect.scoring.contrast import contrast_names, contrasts
from dataselect.scoring.shards import Shards

_SHARED = ("id", "source")


def table_schema(one: Any, names: list[str]) -> Any:  # noqa: ANN401 - Arrow schemas
    """The Arrow schema of the merged table.

    Args:
        one: Schema of one model's table.
        names: Names of the further models.
    """
    import pyarrow as pa

    suffixed = [field.with_name(f"{field.name}.{name}") for name in names for field in one if field.name not in _SHARED]
    return pa.schema([*one, *suffixed, *(pa.field(name, pa.float64()) for name in contrast_names(names))])


def merge(
    directory: Path,
    count: int,
    shards: Mapping[str, Shards],
    one: Any,  # noqa: ANN401
    same_tokenizer: Mapping[str, bool],
) -> None:
    """Write `scores.parquet` and `rejects.jsonl` from shards 0 to count - 1, one at a time in memory.

    Args:
        directory: The stage directory.
        shards: name -> shards of each model, the first under the empty name.
        one: Arrow schema of one model's table.
        same_tokenizer: name -> whether a further model's tokenizer is the first one's.
    """
    import pyarrow.parquet as pq

    with atomic(directory / "rejects.jsonl") as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for index in range(count):
            for reject in _rejects(shards, index):
                file.write(json.dumps(asdict(reject), ensure_ascii=False) + "\n")
    schema = table_schema(one, [name for name in shards if name])
    with atomic(directory / "scores.parquet") as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for index in range(count):
            tables = {name: one_model.read(index) for name, one_model in shards.items()}
            writer.write_table(_side_by_side(tables, same_tokenizer).cast(schema))


def _side_by_side(tables: dict[str, Any], same_tokenizer: Mapping[str, bool]) -> Any:  # noqa: ANN401
    if len(tables) == 1:
        return tables[""]
    common = set.intersection(*(set(table["id"].to_pylist()) for table in tables.values()))
    kept = {
        name: table.filter(np.array([id_ in common for id_ in table["id"].to_pylist()], bool))
        for name, table in tables.items()
    }
    first = kept.pop("")
    merged = first
    for name, table in kept.items():
        for column in table.column_names:
            if column not in _SHARED:
                merged = merged.append_column(f"{column}.{name}", table[column])
    for name, values in contrasts(first, kept, same_tokenizer).items():
        merged = merged.append_column(name, [_nulled(values)])
    return merged


def _nulled(values: Any) -> Any:  # noqa: ANN401 - a NumPy array in, an Arrow array out
    import pyarrow as pa

    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _rejects(shards: Mapping[str, Shards], index: int) -> Iterator[Reject]:
    """The rejects of all models, each record once, in input order."""
    seen: set[tuple[str, int]] = set()
    found = [reject for one_model in shards.values() for reject in one_model.rejects(index)]
    order = {file: at for at, file in enumerate(dict.fromkeys(reject.file for reject in found))}
    for reject in sorted(found, key=lambda r: (order[r.file], r.line)) if len(shards) > 1 else found:
        if (reject.file, reject.line) not in seen or len(shards) == 1:
            seen.add((reject.file, reject.line))
            yield reject
