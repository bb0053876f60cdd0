"""The inputs of a selection, opened where they are now: score tables, embeddings, pools and target files.

A folder that the selection names and that no longer exists is reported, with the command that makes it again; one that
the request names must exist. A pool or target file that has moved or changed is an error, since any text shown in its
place could be another's. Where the pool was standard input or a hub, no text is shown until the pool is given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import file_digest
from dataselect.embeddings.store import TARGET_VECTORS, VECTORS
from dataselect.errors import ArtifactError, DataselectError
from dataselect.explanation.numbers import Numbers, read_numbers
from dataselect.explanation.request import ExplainRequest
from dataselect.explanation.selected import Selected
from dataselect.pool import ColumnMap, PoolReader
from dataselect.pool.reader import target_files
from dataselect.records import Example
from dataselect.selection.reselecting import check_pool
from dataselect.selection.vectors import Vectors, read_vectors
from dataselect.stage import read_finished
from dataselect.strategies.cosine import cosine_rows
from dataselect.strategies.strings import Strings

SCORE = "dataselect score POOL --model M --tokens --out DIR, then --scores DIR"
EMBED = "dataselect embed POOL --encoder minilm --target FILE --out DIR, then --embeddings DIR"
NO_POOL = "texts: the path of the pool was not recorded (give it with --pool FILE)"

NO_COSINE = -2.0
"""Below every cosine: the value for the row itself and for rows without a vector."""

Targets = Mapping[tuple[str, str], Example]
"""(file, id) -> the target."""


@dataclass(frozen=True, slots=True)
class ExplainInputs:
    """The inputs that are available.

    Attributes:
        scores: Score tables.
        vectors: With those of the targets, if the folder has any; None where nothing is embedded.
        cosines: (n_pool,) of the row to each row; None where the row has no vector.
        embedded: What was embedded, and by what; empty where nothing is.
        reader: The pool; None where its path is not known.
        notes: Warnings about these inputs.
        missing: What is not available, and what makes it.
    """

    numbers: Numbers
    scores: tuple[Path, ...]
    vectors: Vectors | None
    cosines: NDArray[np.float32] | None
    embedded: str
    reader: PoolReader | None
    notes: tuple[str, ...]
    missing: tuple[str, ...]


def open_inputs(selected: Selected, row: int, request: ExplainRequest) -> ExplainInputs:
    """Open the inputs that exist.

    Raises:
        DataselectError: If a pool has moved or changed, or what the request names cannot be read.
    """
    where, missing = selected.input_paths, list[str]()
    scores = request.scores or existing(where.scores, missing, "score table", "--scores")
    recorded = () if where.embeddings is None else (where.embeddings,)
    folders = (request.embeddings,) if request.embeddings else existing(recorded, missing, "folder", "--embeddings")
    folder = folders[0] if folders else None
    if not scores and not where.scores:
        missing.append(f"scores and the NLL of each token: the selection used no scores ({SCORE})")
    numbers = read_numbers(selected.ids, scores, folder, selected.manifest)
    vectors = None if folder is None else read_vectors(folder, TARGET_VECTORS in read_finished(folder, "embed"))
    if vectors is None and not where.embeddings:
        missing.append(f"neighbours: the selection used no embeddings ({EMBED})")
    has_vector = vectors is not None and selected.ids[row] in vectors.ids
    if vectors is not None and not has_vector:
        missing.append(f"neighbours: {folder} has no vector of this row (it has no text to embed, or was added later)")
    reader = open_pool(selected, request.pools, missing)
    return ExplainInputs(
        numbers,
        tuple(scores),
        vectors,
        cosines=row_cosines(vectors, selected.ids, row) if vectors is not None and has_vector else None,
        embedded="" if vectors is None else _embedded(vectors.folder),
        reader=reader,
        notes=tuple(_changed(selected, request, numbers, folder)),
        missing=tuple(missing),
    )


def existing(recorded: Sequence[Path], missing: list[str], what: str, option: str) -> tuple[Path, ...]:
    """Return the paths that still exist; the others are added to what is missing."""
    for path in recorded:
        if not path.exists():
            missing.append(f"{option[2:]}: the {what} {path} no longer exists (if it has moved: {option} DIR)")
    return tuple(path for path in recorded if path.exists())


def _changed(selected: Selected, request: ExplainRequest, numbers: Numbers, folder: Path | None) -> list[str]:
    """The inputs that are where the selection found them, and have another content now."""
    then = {one["sha256"] for one in selected.manifest["inputs"]}
    named = {str(path) for path in (*request.scores, request.embeddings)}
    now = {name: digest for name, digest in numbers.digests.items() if name not in named}
    if folder is not None and request.embeddings is None:
        read = any(one["role"] == "embeddings" for one in selected.manifest["inputs"])
        now |= {str(folder / VECTORS): file_digest(folder / VECTORS)} if read else {}
    return [f"{name} has changed since the selection was made from it" for name, is_ in now.items() if is_ not in then]


def _embedded(folder: Path) -> str:
    """Such as "prompts under minilm"; what the folder does not record is left out."""
    manifest = read_finished(folder, "embed").manifest
    text = manifest.get("fingerprint", {}).get("embed_text")
    what = {"prompt": "prompts", "response": "responses", "both": "prompts with responses"}.get(text, "texts")
    name = manifest.get("encoder", {}).get("name")
    return f"{what} under {name}" if name else what


def row_cosines(vectors: Vectors, ids: Strings, row: int) -> NDArray[np.float32]:
    """Compute the cosine of a row to every row of the pool.

    Args:
        ids: (n_pool,) ids of the pool.

    Returns:
        (n_pool,) cosines; `NO_COSINE` for itself, and for rows without a vector.

    Raises:
        ArtifactError: If the row has no vector.
    """
    own = vectors.of([ids[row]])
    cosines = next(cosine_rows(own, vectors.matrix))
    rows = ids.rows_of(Strings(vectors.ids))
    present = rows >= 0
    aligned = np.full(len(ids), NO_COSINE, np.float32)
    aligned[rows[present]] = cosines[present]
    aligned[row] = NO_COSINE
    return aligned


def open_pool(selected: Selected, given: Sequence[str], missing: list[str]) -> PoolReader | None:
    """Open the pools of a selection; None, and a line more of what is missing, where their paths are not recorded.

    Args:
        given: Where they are now; empty for where they were.

    Raises:
        ArtifactError: If they no longer exist, or have another content.
        PoolError: If one that is given cannot be read.
    """
    where = selected.input_paths.pools
    if not given and (not where or None in where):
        missing.append(NO_POOL)
        return None
    gone = [path for path in where if not given and path is not None and not path.exists()]
    if gone:
        raise ArtifactError(f"the pool {gone[0]} no longer exists", "if it has moved, give its path: --pool FILE")
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


def read_examples(reader: PoolReader | None, wanted: Collection[str]) -> dict[str, Example]:
    """Read the examples of the wanted ids; one that the pool does not have is absent, all are without a pool."""
    left = set(wanted)
    found: dict[str, Example] = {}
    for example in reader or ():
        if isinstance(example, Example) and example.id in left:
            found[example.id] = example
            left.remove(example.id)
            if not left:
                break
    return found


def read_targets(folder: Path, given: Sequence[str]) -> Targets:
    """Read the examples of the target set that a folder of embeddings was made with.

    Args:
        given: The files, where they are not where `embed` found them.

    Raises:
        DataselectError: If they do not exist, or have another content.
    """
    stage = read_finished(folder, "embed")
    files = tuple(given) or tuple(str(path) for path in stage.options["targets"])
    missing = [file for file in files if not Path(file).exists()]
    if missing or not files:
        fault = f"the target file {missing[0]} does not exist" if missing else f"{folder} records no target file"
        raise DataselectError(fault, "if it has moved, give its path: --target FILE")
    fingerprint = stage.manifest["fingerprint"]
    then = sorted(one["sha256"] for one in fingerprint["targets"])
    readers = target_files(files, ColumnMap(**fingerprint["columns"]))
    if sorted(entry["sha256"] for one in readers for entry in one.reader.inputs) != then:
        hint = "give the files as they were: --target FILE"
        raise DataselectError(f"the target files are not those that {folder} was made with", hint)
    return {
        (one.name, example.id): example for one in readers for example in one.reader if isinstance(example, Example)
    }
