"""The records behind ids: of the pool, and of the target set, each checked to be what it was.

A pool that has moved or changed is an error, since any text shown in its place could be another's. Where the pool was
standard input or a hub, there is nothing to look into until it is given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataselect.artifacts import MANIFEST, RUN, read_json
from dataselect.errors import ArtifactError, DataselectError
from dataselect.explanation.selected import Selected
from dataselect.pool import ColumnMap, PoolReader
from dataselect.pool.targets import target_files
from dataselect.records import Example
from dataselect.selection.reselect import check_pool

Targets = Mapping[tuple[str, str], Example]
"""(file, id) -> the target."""


def open_pool(selected: Selected, given: Sequence[str]) -> PoolReader | None:
    """The pools of a selection; None where it does not say where they are.

    Args:
        given: Where they are now; empty for where they were.

    Raises:
        ArtifactError: If they are no longer there, or no longer the same.
        PoolError: If one that is given cannot be read.
    """
    where = selected.whereabouts.pools
    if not given and (not where or None in where):
        return None
    gone = [path for path in where if not given and path is not None and not path.exists()]
    if gone:
        raise ArtifactError(f"the pool {gone[0]} is not there any more", "say where it is now: --pool FILE")
    reader = PoolReader(
        tuple(given) or tuple(map(str, where)), ColumnMap(**selected.manifest["columns"]),
        selected.manifest["prefix_ids"],
    )  # fmt: skip
    try:
        check_pool(reader, selected.manifest)
    except ArtifactError:
        then = {one["sha256"] for one in selected.manifest["inputs"] if one["role"] == "pool"}
        other = next((one["source"] for one in reader.inputs if one["sha256"] not in then), "a pool")
        raise ArtifactError(
            f"{other} has changed since {selected.path} was selected from it (its sha256 is another)",
            "give the pool as it was: --pool FILE, or select again",
        ) from None
    return reader


def read_examples(reader: PoolReader, wanted: Collection[str]) -> dict[str, Example]:
    """The examples of the wanted ids; one that is not there is absent."""
    left = set(wanted)
    found: dict[str, Example] = {}
    for example in reader:
        if isinstance(example, Example) and example.id in left:
            found[example.id] = example
            left.remove(example.id)
            if not left:
                break
    return found


def read_targets(folder: Path, given: Sequence[str]) -> Targets:
    """The examples of the target set that a folder of embeddings was made with.

    Args:
        given: The files, where they are not where `embed` found them.

    Raises:
        DataselectError: If they are not there, or not the same.
    """
    files = tuple(given) or _recorded(folder)
    missing = [file for file in files if not Path(file).exists()]
    if missing or not files:
        raise DataselectError(
            f"the target file {missing[0] if missing else ''} is not there".replace("  ", " "),
            "say where it is: --target FILE",
        )
    manifest: Mapping[str, Any] = read_json(folder / MANIFEST)
    columns = ColumnMap(**manifest["fingerprint"]["columns"])
    then = sorted(one["sha256"] for one in manifest["fingerprint"]["targets"])
    readers = target_files(files, columns)
    if sorted(entry["sha256"] for one in readers for entry in one.reader.inputs) != then:
        raise DataselectError(f"the target files are not those that {folder} was made with", "--target FILE")
    return {
        (one.name, example.id): example for one in readers for example in one.reader if isinstance(example, Example)
    }


def _recorded(folder: Path) -> tuple[str, ...]:
    options = read_json(folder / RUN).get("options", {})
    return tuple(str(path) for path in options.get("targets", ()))
