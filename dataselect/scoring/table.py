"""The score table of a run: written as shards, merged at the end, and summarised.

A shard holds a fixed number of records of the pool in input order, so that shard k is the same part of the pool in
every run; each model of the run has shards of its own. A shard is finished when the stage lists all its files and their
digests still match; one that is damaged, was replaced or has other columns (an older version wrote it) is scored again.

The merged table holds the rows of every model side by side, in input order. The first model's columns have their plain
names, those of a further model the suffix `.NAME`, and the contrasts between models come last. A record that one
model's template cannot render is a reject for all models, so that each record is either one whole row or one reject.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import column_names, json_line, parquet_writer, read_parquet, write_parquet
from dataselect.likelihood import LN2, macro_perplexity, micro_perplexity
from dataselect.pool.rejects import reject_notes
from dataselect.records import SCORABLE, STATUSES, Reject, why_no_ifd
from dataselect.scoring.contrast import contrast_names, contrasts
from dataselect.scoring.rows import (
    DESIRABLE,
    IFD_MISSING,
    OF_RECORD,
    RANK_SUM,
    RATING_MARGIN,
    REJECTED_PREFIX,
    SPECIAL_TEXTS,
)
from dataselect.scoring.tokens import TOKENS
from dataselect.scoring.worker import ShardResult
from dataselect.stage import StageDirectory

SHARD_RECORDS = 2048
"""Enough rows to sort by length; few enough that a run which is killed loses little."""

_SHARDS = "shards"

TABLE, REJECTS = "scores.parquet", "rejects.jsonl"


class ScoreShards:
    """The shards of one model in one scoring run.

    Args:
        stage: The stage directory.
        name: Name of the model; empty for the first.
        tokens: Whether each shard has a token sidecar.
        columns: Of each shard.
    """

    def __init__(self, stage: StageDirectory, name: str, tokens: bool, columns: Sequence[str]) -> None:
        self._stage = stage
        self._columns = list(columns)
        self._shards = PurePosixPath(_SHARDS, name)
        self._tokens = PurePosixPath(TOKENS, name) if tokens else None

    def _table(self, index: int) -> str:
        return str(self._shards / f"{index:06d}.parquet")

    def _rejects(self, index: int) -> str:
        return str(self._shards / f"{index:06d}.rejects.jsonl")

    def _sidecar(self, index: int) -> tuple[str, ...]:
        return () if self._tokens is None else (str(self._tokens / f"{index:06d}.parquet"),)

    def done(self, index: int) -> bool:
        """Return whether a shard was finished, by this run or an earlier one, and is undamaged."""
        names = (self._table(index), self._rejects(index), *self._sidecar(index))
        if not all(self._stage.intact(name) for name in names):
            return False
        return column_names(self._stage.path / self._table(index)) == self._columns

    def write(self, result: ShardResult) -> None:
        """Write one shard."""
        lines = (json_line(asdict(reject)) for reject in result.rejects)
        self._stage.write_text(self._rejects(result.index), "".join(lines), interim=True)
        for name in self._sidecar(result.index):
            with self._stage.write(name) as temporary:
                write_parquet(result.sidecar, temporary, compression="zstd")
        with self._stage.write(self._table(result.index), interim=True) as temporary:
            write_parquet(result.table, temporary)

    def read(self, index: int) -> Any:  # noqa: ANN401 - an Arrow table
        """Read the rows of one shard."""
        return read_parquet(self._stage.path / self._table(index))

    def rejects(self, index: int) -> Iterator[Reject]:
        """Read the rejects of one shard."""
        text = (self._stage.path / self._rejects(index)).read_text(encoding="utf-8")
        for line in text.split("\n")[:-1]:
            yield Reject(**json.loads(line))

    def remove(self, count: int) -> None:
        """Remove the first `count` shards, so that they are scored again."""
        for index in range(count):
            self._stage.remove(self._table(index), self._rejects(index), *self._sidecar(index))


_SHARED = (*OF_RECORD, DESIRABLE, RATING_MARGIN)


def table_schema(one: Any, names: list[str]) -> Any:  # noqa: ANN401 - Arrow schemas
    """Return the Arrow schema of the merged table.

    Args:
        one: Schema of one model's table.
        names: Names of the further models.
    """
    import pyarrow as pa

    suffixed = [field.with_name(f"{field.name}.{name}") for name in names for field in one if field.name not in _SHARED]
    contrasted = contrast_names(names)
    if f"{REJECTED_PREFIX}status" in one.names:
        contrasted += [REJECTED_PREFIX + name for name in contrast_names(names)]
    return pa.schema([*one, *suffixed, *(pa.field(name, pa.float64()) for name in contrasted)])


def merge(
    stage: StageDirectory,
    count: int,
    shards: Mapping[str, ScoreShards],
    one: Any,  # noqa: ANN401
    same_tokenizer: Mapping[str, bool],
) -> None:
    """Write `scores.parquet` and `rejects.jsonl` from shards 0 to count - 1, one at a time in memory.

    Args:
        stage: The stage directory.
        shards: name -> shards of each model, the first under the empty name.
        one: Arrow schema of one model's table.
        same_tokenizer: name -> whether a further model's tokenizer is the first one's.
    """
    with stage.write(REJECTS) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for index in range(count):
            for reject in _rejects(shards, index):
                file.write(json_line(asdict(reject)))
    tables = ({name: one_model.read(index) for name, one_model in shards.items()} for index in range(count))
    write_table(stage, tables, table_schema(one, [name for name in shards if name]), same_tokenizer)


def write_table(
    stage: StageDirectory,
    tables: Iterable[dict[str, Any]],
    schema: Any,  # noqa: ANN401 - a pyarrow schema
    same_tokenizer: Mapping[str, bool],
) -> None:
    """Write `scores.parquet` from stretches of the pool.

    Args:
        tables: For each stretch name -> Arrow table of that model's rows, the first model under the empty name.
        schema: `table_schema` of these models.
        same_tokenizer: See `merge`.
    """
    with stage.write(TABLE) as temporary, parquet_writer(temporary, schema) as writer:
        for stretch in tables:
            writer.write_table(_side_by_side(stretch, same_tokenizer).cast(schema))


def _side_by_side(tables: dict[str, Any], same_tokenizer: Mapping[str, bool]) -> Any:  # noqa: ANN401
    import pyarrow as pa

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
    for prefix in ("", REJECTED_PREFIX) if f"{REJECTED_PREFIX}status" in first.column_names else ("",):
        further = {name: _of_reply(table, prefix) for name, table in kept.items()}
        for name, values in contrasts(_of_reply(first, prefix), further, same_tokenizer).items():
            merged = merged.append_column(prefix + name, [pa.array(values, pa.float64(), mask=np.isnan(values))])
    return merged


def _of_reply(table: Any, prefix: str) -> Any:  # noqa: ANN401 - Arrow tables
    """Return the columns of one reply of a pair, named as those of a row of its own."""
    names = [name for name in table.column_names if name.startswith(prefix)]
    return table.select(names).rename_columns([name.removeprefix(prefix) for name in names])


def _rejects(shards: Mapping[str, ScoreShards], index: int) -> Iterator[Reject]:
    """Yield the rejects of all models, each record once, in input order."""
    seen: set[tuple[str, int]] = set()
    found = [reject for one_model in shards.values() for reject in one_model.rejects(index)]
    order = {file: at for at, file in enumerate(dict.fromkeys(reject.file for reject in found))}
    for reject in sorted(found, key=lambda r: (order[r.file], r.line)) if len(shards) > 1 else found:
        if (reject.file, reject.line) not in seen or len(shards) == 1:
            seen.add((reject.file, reject.line))
            yield reject


_RSR = (RANK_SUM, "rsr")
_OF_MODELS = ("status", "ifd", IFD_MISSING)


@dataclass(frozen=True, slots=True)
class TableSummary:
    """The score table in a few numbers.

    Attributes:
        counts: Rows per status, and `rejects`.
        pool: Aggregates over the pool.
        notes: Warnings for the user: rows without IFD and why, parts of files that are missing as a whole.
        sources: Rows per source.
    """

    counts: dict[str, int]
    pool: dict[str, Any]
    notes: tuple[str, ...]
    sources: dict[str, int]


def summarise(directory: Path, special_tokens: str) -> TableSummary:
    """Summarise the score table and rejects in a stage directory.

    The `ppl` of the pool is exp of the mean over examples of the per-example mean NLL; the token-weighted value and
    the bits per byte over all bytes are reported beside it.

    Args:
        special_tokens: How special tokens that a record spells out were read: "control" or "text".
    """
    wanted = ["source", SPECIAL_TEXTS, "response_tokens", "total_tokens", "response_bytes", "response_nll"]
    scores = directory / TABLE
    present = column_names(scores)
    wanted += [name for name in _RSR if name in present]
    of_models = [name for name in present if name.partition(".")[0] in _OF_MODELS]
    table = read_parquet(scores, [*wanted, *of_models])
    found = Counter(table["status"].to_pylist())
    counts = {status: found.get(status, 0) for status in STATUSES}
    with (directory / REJECTS).open(encoding="utf-8") as file:
        rejects = [Reject(**json.loads(line)) for line in file]
    counts["rejects"] = len(rejects)
    nlls = table["response_nll"].to_numpy().astype(np.float64)
    tokens = table["response_tokens"].to_numpy()
    scored_bytes = int(table["response_bytes"].to_numpy().sum())
    pool = {
        "rows": table.num_rows,
        "ppl": macro_perplexity(nlls, tokens),
        "ppl_token_weighted": micro_perplexity(nlls, tokens),
        "bits_per_byte": float(np.nansum(nlls) / (LN2 * scored_bytes)) if scored_bytes else None,
        "response_tokens": int(tokens.sum()),
        "total_tokens": int(np.nansum(table["total_tokens"].to_numpy())),
        "rows_with_special_texts": int((table[SPECIAL_TEXTS].to_numpy() > 0).sum()),
        **(_pool_rsr(table, nlls) if RANK_SUM in present else {}),
    }
    sources = dict(Counter(table["source"].to_pylist()))
    without = without_ifd(table)
    pool |= {f"without_{name}": reasons for name, reasons in without.items()}
    spelled = pool["rows_with_special_texts"]
    became = (
        "stayed text" if special_tokens == "text" else "became control tokens; --special-tokens text keeps them text"
    )
    special = (
        [f"rows that spell special tokens out in their own text: {spelled:,}, where they {became}"] if spelled else []
    )
    missing = (f"scored rows without {name}: {why_no_ifd(reasons)}" for name, reasons in without.items())
    return TableSummary(counts, pool, (*missing, *special, *reject_notes(rejects)), sources)


def _pool_rsr(table: Any, nlls: NDArray[np.float64]) -> dict[str, float | None]:  # noqa: ANN401 - an Arrow table
    """Return the rank-surprisal ratio of the pool, the ratio of its two sums, and beside it the mean of the ratios."""
    sums, ratios = (table[name].to_numpy().astype(np.float64) for name in _RSR)
    known = np.isfinite(ratios)
    ratio = float(sums[known].sum() / nlls[known].sum()) if known.any() else None
    return {"rsr": ratio, "rsr_mean": float(ratios[known].mean()) if known.any() else None}


def without_ifd(table: Any) -> dict[str, dict[str, int]]:  # noqa: ANN401 - an Arrow table
    """Count scored rows without IFD by reason (`records.WHY_NO_IFD`), for each model that has any."""
    found = {}
    for name in (name for name in table.column_names if name.partition(".")[0] == "ifd"):
        of_model = name.removeprefix("ifd")
        columns = (table[f"{column}{of_model}"].to_pylist() for column in ("status", "ifd", IFD_MISSING))
        rows = zip(*columns, strict=True)
        reasons = Counter(why or "out_of_range" for status, ifd, why in rows if status in SCORABLE and ifd is None)
        found[name] = dict(reasons.most_common())
    return {name: reasons for name, reasons in found.items() if reasons}
