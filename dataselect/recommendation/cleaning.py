"""Clean pools: each pool without faults, leaks of the tasks and repetitions, in an order drawn by chance.

One selection over all pools removes what the audit found (`faults`) and, of rows that say the same, all but one. Of a
repetition the row of the smallest pool stays: a small pool that was taken out of a large one keeps its rows, whichever
is named first. What is left is written as one file per pool, records as they came, in a random order; so the first n
rows of a file are a random sample of its pool. A row's place depends on the seed and its id alone, and another pool
beside it moves nothing.

Rows keep the ids under which the pools have them (`_dataselect.id`), so that tables made of a sample fit the whole.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest, file_digest, json_line, read_json, read_parquet, write_parquet
from dataselect.errors import DataselectError, PoolError
from dataselect.evaluation.tasks import find_tasks
from dataselect.pool import ColumnMap
from dataselect.recommendation.audit.repeats import can_compare_near
from dataselect.recommendation.audit.run import AUDIT, ROWS
from dataselect.recommendation.faults import FAULTS, LEAK, FaultyRows, find_faulty, in_words
from dataselect.recommendation.pool_names import safe_names
from dataselect.reports.audit import many
from dataselect.selection import Filters, SelectRequest, select
from dataselect.selection.output import ranking_path
from dataselect.selection.selection_file import NOTE
from dataselect.stage import FinishedStage, StageDirectory, read_finished

CLEAN, SAMPLE, CLEANING = "clean", "sample", "clean/cleaning.json"
UNREADABLE, DUPLICATE, NEAR_DUPLICATE = "unreadable", "duplicate", "near_duplicate"
REMOVED_WORDS = {
    UNREADABLE: ("unreadable record", "unreadable records"),
    LEAK: ("row that leaks a task", "rows that leak a task"),
    DUPLICATE: ("duplicate", "duplicates"),
    NEAR_DUPLICATE: ("near-duplicate", "near-duplicates"),
    "empty_response": ("empty response", "empty responses"),
    "no_trained_token": ("row without a trained token", "rows without a trained token"),
    "template_error": ("row that the template refuses", "rows that the template refuses"),
    "too_long": ("row over the model's length", "rows over the model's length"),
    "non_text": ("response without text", "responses without text"),
    "response_is_prompt": ("response that repeats the prompt", "responses that repeat the prompt"),
    "truncated_ending": ("response that stops in the middle", "responses that stop in the middle"),
    "special_text": ("row that spells out special tokens", "rows that spell out special tokens"),
    "empty_prompt": ("empty prompt", "empty prompts"),
    "same_response": ("response given to several prompts", "responses given to several prompts"),
    "unlike_pool": ("response unlike its pool", "responses unlike their pool"),
}
"""A reason as it reads after 1 and after any other number, in the order in which reasons are listed."""


@dataclass(frozen=True, slots=True)
class CleanPools:
    """Pools without what no candidate should be offered.

    Attributes:
        files: Name of the pool -> its file of clean rows, in random order.
        rows: Name -> rows in that file.
        removed: Reason (a key of `REMOVED_WORDS`) -> records that are in no file.
        read: Records in all pools: `rows` and `removed` add up to it.
        sources: Name -> what the pool is called by the audit and in the tables of `audit`.
        notes: What a reader should know, one line each.
        columns: Column map of the pools.
        table: Table of the audit, for filters; None for none.
    """

    files: Mapping[str, Path]
    rows: Mapping[str, int]
    removed: Mapping[str, int]
    read: int
    sources: Mapping[str, str]
    notes: tuple[str, ...] = ()
    columns: ColumnMap = ColumnMap()  # noqa: RUF009 - frozen
    table: Path | None = None

    @property
    def removed_in_words(self) -> str:
        """What was removed, as in `412 duplicates, 31 rows that leak a task`; empty where nothing was."""
        return in_words(self.removed, REMOVED_WORDS)

    def sample(self, rows: int, directory: StageDirectory) -> CleanPools:
        """Write a random sample of each pool: its first rows, or all where it has fewer.

        Args:
            rows: Most rows of each pool.
            directory: The stage; the files are `sample/NAME.jsonl` in it.
        """
        files, taken = {}, {}
        for name, file in self.files.items():
            with file.open(encoding="utf-8", newline="\n") as clean:
                lines = list(islice(clean, rows))
            directory.write_text(f"{SAMPLE}/{name}.jsonl", "".join(lines))
            files[name], taken[name] = directory.path / SAMPLE / f"{name}.jsonl", len(lines)
        return CleanPools(
            files, taken, self.removed, self.read, self.sources, self.notes, self.columns, self.table
        )  # fmt: skip


def clean(
    pools: Sequence[str],
    columns: ColumnMap,
    prefix_ids: bool,
    audit_dir: Path,
    tasks: Sequence[str],
    directory: StageDirectory,
    seed: int,
) -> CleanPools:
    """Write the clean rows of each pool to `clean/NAME.jsonl`; what is there already is not made again.

    Args:
        pools: As `PoolReader` takes them.
        prefix_ids: Whether ids carry the name of their file.
        audit_dir: Finished audit of the same pools against the same tasks.
        tasks: The `--task` values, of whose whole files no clean row leaks an item.

    Raises:
        PoolError: If no row of a pool is left.
        DataselectError: If the audit is of other pools or tasks, or a pool cannot be read.
    """
    audited = read_finished(audit_dir, "audit")
    _check_tasks(audited, tasks)
    key = digest([audited.manifest["fingerprint"], seed, can_compare_near(), FAULTS])
    if (made := _made_before(key, columns, audited, directory)) is not None:
        return made
    rows = _Audited.read(audited)
    directory.scratch.mkdir(exist_ok=True)
    plan = directory.scratch / "cleaning.parquet"
    _write_plan(plan, rows, seed)
    selected = SelectRequest(
        pools=tuple(pools), strategy="column", params={"name": "place", "direction": "low"}, budget="100%",
        out=directory.scratch / "cleaning.jsonl", scores=(plan,), columns=columns, prefix_ids=prefix_ids,
        filters=Filters(where="fault == 0", dedup=("exact", "ngram") if can_compare_near() else ("exact",)),
        overwrite=True,
    )  # fmt: skip
    _refuse_empty(rows, rows.faulty.codes == 0, {})
    select(selected)
    document = {"key": key, **_split(selected.out, rows, directory)}
    directory.write_json(CLEANING, document)
    return _clean_pools(document, columns, audited, directory)


@dataclass(frozen=True, slots=True)
class _Audited:
    """The rows of the audit.

    Attributes:
        ids, sources: (n_rows,) as the audit has them.
        unreadable: Records that could not be read.
    """

    ids: NDArray[np.object_]
    sources: NDArray[np.object_]
    faulty: FaultyRows
    names: Mapping[str, str]
    unreadable: Mapping[str, int]

    @classmethod
    def read(cls, audited: FinishedStage) -> _Audited:
        """Read the table of a finished audit."""
        table = read_parquet(audited.file(ROWS), ["id", "source", *FAULTS])
        ids, sources = (np.array(table.column(name).to_pylist(), object) for name in ("id", "source"))
        shown = {kind: table.column(kind).to_numpy() > 0 for kind in FAULTS}
        rendering = audited.manifest["fingerprint"]["rendering"] or {}
        pools = read_json(audited.file(AUDIT))["pools"]
        unreadable = {pool["name"]: pool["rejects"] for pool in pools}
        faulty = find_faulty(shown, sources, bool(rendering.get("truncate")))
        return cls(ids, sources, faulty, safe_names(list(unreadable)), unreadable)


def _check_tasks(audited: FinishedStage, tasks: Sequence[str]) -> None:
    known = {one["sha256"] for one in audited.manifest["inputs"] if one["role"] == "task"}
    for task in find_tasks(tasks):
        if task.file is None or file_digest(task.file) not in known:
            raise DataselectError(f"{audited.path} is no audit against the task {task.name}", "audit the pools again")


def _write_plan(path: Path, rows: _Audited, seed: int) -> None:
    """Write the order of the rows and why some are removed, as `select` joins it."""
    import pyarrow as pa

    sizes = Counter(rows.sources.tolist())
    ranks = {name: rank for rank, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name)))}
    places = [ranks[source] + _chance(id_, seed) for id_, source in zip(rows.ids, rows.sources, strict=True)]
    table = {"id": rows.ids, "place": np.array(places), "fault": rows.faulty.codes.astype(np.int64)}
    write_parquet(pa.table(table), path)


def _chance(id_: str, seed: int) -> float:
    """A number from 0 to below 1, drawn by the seed and the id alone."""
    drawn = hashlib.blake2b(f"{seed}:{id_}".encode("utf-8", "surrogatepass"), digest_size=5).digest()
    return int.from_bytes(drawn, "big") / 2**40


def _split(selection: Path, rows: _Audited, directory: StageDirectory) -> dict[str, Any]:
    """Write the rows of each pool to a file of its own, in their order, and count what was removed."""
    table = read_parquet(ranking_path(selection), ["id", "source", "reason"])
    ids, reasons = (np.array(table.column(name).to_pylist(), object) for name in ("id", "reason"))
    place = {id_: row for row, id_ in enumerate(rows.ids.tolist())}
    back = np.array([place[id_] for id_ in ids.tolist()], np.int64)
    kept = np.zeros(len(rows.ids), bool)
    kept[back[reasons == ""]] = True
    repeats = {name: back[reasons == name] for name in (DUPLICATE, NEAR_DUPLICATE)}
    _refuse_empty(rows, kept, repeats)
    written = Counter[str]()
    source_of = dict(zip(rows.ids[kept].tolist(), rows.sources[kept].tolist(), strict=True))
    with ExitStack() as stack:
        files = {
            source: stack.enter_context(
                stack.enter_context(directory.write(f"{CLEAN}/{name}.jsonl")).open("w", encoding="utf-8", newline="\n")
            )
            for source, name in rows.names.items()
        }
        for id_, line in _records(selection):
            files[source_of[id_]].write(line)
            written[rows.names[source_of[id_]]] += 1
    removed = _removed(rows, repeats)
    return {
        "rows": {name: written[name] for name in rows.names.values()}, "removed": removed,
        "read": len(rows.ids) + sum(rows.unreadable.values()),
        "sources": {name: source for source, name in rows.names.items()}, "notes": _notes(rows),
    }  # fmt: skip


def _records(selection: Path) -> Iterator[tuple[str, str]]:
    """Each selected record's id and line, with nothing of the selection but the id."""
    with selection.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            record = json.loads(line)
            id_ = record[NOTE]["id"]
            yield id_, json_line({**record, NOTE: {"id": id_}})


def _removed(rows: _Audited, repeats: Mapping[str, NDArray[np.int64]]) -> dict[str, int]:
    counts = {
        UNREADABLE: sum(rows.unreadable.values()), **rows.faulty.count(np.arange(len(rows.ids))),
        **{name: len(found) for name, found in repeats.items()},
    }  # fmt: skip
    return {reason: counts[reason] for reason in REMOVED_WORDS if counts.get(reason)}


def _refuse_empty(rows: _Audited, kept: NDArray[np.bool_], repeats: Mapping[str, NDArray[np.int64]]) -> None:
    """Refuse pools of which nothing is left.

    Raises:
        PoolError: For the first one, with what was removed.
    """
    for source in rows.names:
        here = rows.sources == source
        if kept[here].any():
            continue
        counts = {UNREADABLE: rows.unreadable[source], **rows.faulty.count(np.flatnonzero(here))}
        counts |= {name: int(here[found].sum()) for name, found in repeats.items()}
        why = in_words({reason: number for reason, number in counts.items() if number}, REMOVED_WORDS)
        total = int(here.sum()) + rows.unreadable[source]
        raise PoolError(
            f"no row of {source} is usable: of {many(total, 'record')} {why} {'was' if total == 1 else 'were'} removed",
            "leave this pool out, or see what is wrong with it: dataselect audit POOL",
        )


def _notes(rows: _Audited) -> list[str]:
    """What was left in a pool because most of its rows show it."""
    return [
        f"{source}: {share:.0%} of its rows are {REMOVED_WORDS[kind][1]}, which is taken for its form and not removed"
        for source, kinds in rows.faulty.tolerated.items()
        for kind, share in kinds.items()
    ]


def _made_before(key: str, columns: ColumnMap, audited: FinishedStage, directory: StageDirectory) -> CleanPools | None:
    """The clean pools of an earlier run with the same inputs; None if they are not all there, undamaged."""
    if not directory.intact(CLEANING):
        return None
    document = read_json(directory.path / CLEANING)
    if document["key"] != key or not all(directory.intact(f"{CLEAN}/{name}.jsonl") for name in document["rows"]):
        return None
    return _clean_pools(document, columns, audited, directory)


def _clean_pools(
    document: Mapping[str, Any], columns: ColumnMap, audited: FinishedStage, directory: StageDirectory
) -> CleanPools:
    return CleanPools(
        files={name: directory.path / CLEAN / f"{name}.jsonl" for name in document["rows"]},
        rows=document["rows"], removed=document["removed"], read=document["read"], sources=document["sources"],
        notes=tuple(document["notes"]), columns=columns, table=audited.file(ROWS),
    )  # fmt: skip
