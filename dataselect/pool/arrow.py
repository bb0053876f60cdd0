"""Arrow data to rows: Parquet files, folders of `datasets.save_to_disk`, and data sets of the hub.

Values become what JSON can hold, because records are written as JSON later: bytes become text (base64 where they are
not UTF-8), dates and decimals their usual text. Lines are record numbers.

A struct has every field that any row has, so a call with the argument `a` alone comes with `b: null` because another
call had a `b`. Such nulls are not in the data and would become tokens: they are removed from the arguments of calls
and from definitions of tools. They cannot be distinguished from a null that was meant. Elsewhere a null field reads
like a missing one, and stays.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from dataselect.errors import PoolError
from dataselect.pool.columns import TOOLS
from dataselect.pool.rejects import RawRecord
from dataselect.registry import require

_ARGUMENTS = ("arguments", "parameters")
"""The fields of a call or a tool beside its name."""

_BATCH_ROWS, _BATCH_BYTES = 1024, 1 << 24


def read_parquet(path: Path) -> Iterator[RawRecord]:
    """One row per record, a batch of a row group in memory at a time.

    Raises:
        OSError: If the file is damaged or is not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            size = sum(g.total_byte_size for g in groups) / max(1, file.metadata.num_rows)
            rows = int(min(_BATCH_ROWS, max(1, _BATCH_BYTES // max(1, size))))
            yield from _rows(file.iter_batches(batch_size=rows))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, UnicodeDecodeError) as error:
        raise OSError(f"damaged Parquet data: {error}") from error


def saved_folder(folder: Path) -> Path:
    """Find the data of a folder of `datasets.save_to_disk`: in it, or in its split "train" or its only split.

    Raises:
        PoolError: If it is another kind of folder, or has several splits and none is "train".
    """
    splits = [path.parent for path in sorted(folder.glob("*/state.json"))]
    if (folder / "state.json").exists():
        return folder
    if not splits:
        hint = "name the files in it; only folders of datasets.save_to_disk are read"
        raise PoolError(f"{folder} is a folder, but a file is expected", hint)
    if len(splits) > 1 and folder / "train" not in splits:
        names = ", ".join(path.name for path in splits)
        raise PoolError(f"{folder} holds the splits {names}, and none is called train", f"name one, as {splits[0]}")
    return folder / "train" if len(splits) > 1 else splits[0]


def read_saved(folder: Path) -> Iterator[RawRecord]:
    """One row per record of a saved data set, mapped from disk and not loaded.

    Raises:
        OSError: If a file is damaged or missing.
        MissingExtraError: If the package datasets is not installed.
        PoolError: As `saved_folder`.
    """
    datasets = require("datasets", "hub")
    try:
        table = datasets.load_from_disk(str(saved_folder(folder))).with_format("arrow")
        yield from _rows(table.iter(batch_size=_BATCH_ROWS))
    except ValueError as error:  # Arrow's own errors among them
        raise OSError(f"damaged data set: {error}") from error


def read_hub(name: str) -> Iterator[RawRecord]:
    """One row per record of the split "train" of a data set on the hub, streamed.

    Raises:
        MissingExtraError: If the package datasets is not installed.
        PoolError: If it does not exist, cannot be reached or has no such split.
        OSError: If the connection breaks.
    """
    datasets = require("datasets", "hub")
    faults = _hub_faults(datasets)
    try:
        stream = datasets.load_dataset(name, split="train", streaming=True)
    except faults as error:
        reported = " ".join(str(error).split())[:200]
        raise PoolError(
            f"neither a local file nor a readable data set of the hub: {reported}",
            "check the path; for the hub also the connection and HF_HUB_OFFLINE",
        ) from None
    try:
        for number, record in enumerate(stream, 1):
            yield RawRecord(number, {name: _cell(name, value) for name, value in record.items()})
    except faults as error:
        raise OSError(f"the connection to the hub was interrupted: {error}") from error


def _hub_faults(datasets: ModuleType) -> tuple[type[Exception], ...]:
    """The errors that a request to the hub may raise; newer releases use httpx, whose errors are no OSError."""
    httpx = sys.modules.get("httpx")
    return (
        OSError,
        ValueError,
        RuntimeError,
        datasets.exceptions.DatasetsError,
        *((httpx.HTTPError,) if httpx else ()),
    )


def _rows(batches: Any) -> Iterator[RawRecord]:  # noqa: ANN401 - an iterator of Arrow batches or tables
    number = 0
    for batch in batches:
        for record in _records(batch):
            number += 1
            yield RawRecord(number, *(("", "not_utf8") if record is None else (record,)))


def _records(batch: Any) -> Iterator[Mapping[str, object] | None]:  # noqa: ANN401
    """The records of a batch; None for one with text that is not UTF-8."""
    try:
        records = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            yield None
        else:
            for at in range(batch.num_rows):
                yield from _records(batch.slice(at, 1))
        return
    for record in records:
        yield {name: value if type(value) is str else _cell(name, value) for name, value in record.items()}


def _cell(name: str, value: object) -> object:
    return _without_nulls(as_json_value(value)) if name in TOOLS else as_json_value(value)


def as_json_value(value: object) -> object:
    """Convert a value to one that JSON can hold."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        found = {str(k): as_json_value(v) for k, v in value.items()}
        if "name" in found:
            found.update({name: _without_nulls(found[name]) for name in _ARGUMENTS if name in found})
        return found
    if isinstance(value, list | tuple):
        return [as_json_value(v) for v in value]
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    return as_json_value(value.tolist()) if hasattr(value, "tolist") else str(value)


def _without_nulls(value: object) -> object:
    """A value without the null fields of its objects."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")
