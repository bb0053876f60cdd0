"""What a selection was made from, opened: score tables, embeddings and pools, where they are now.

A folder that the selection names and that is gone is told, with the command that makes it again; one that the request
names has to be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import MANIFEST, file_digest, read_json
from dataselect.embeddings.store import TARGET_VECTORS, VECTORS
from dataselect.explanation.neighbours import row_cosines
from dataselect.explanation.numbers import Numbers, read_numbers
from dataselect.explanation.request import ExplainRequest
from dataselect.explanation.selected import Selected
from dataselect.explanation.texts import open_pool
from dataselect.pool import PoolReader
from dataselect.selection.vectors import Vectors, read_vectors

SCORE = "dataselect score POOL --model M --tokens --out DIR, then --scores DIR"
EMBED = "dataselect embed POOL --encoder minilm --target FILE --out DIR, then --embeddings DIR"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is at hand.

    Attributes:
        scores: Score tables.
        vectors: With those of the targets, where there are any; None where nothing is embedded.
        cosines: (n_pool,) of the row to each row; None where the row has no vector.
        embedded: What was embedded, and by what; empty where nothing is.
        reader: The pool; None where it is not known where it is.
        notes: What to know about these inputs.
        missing: What is not at hand, and what makes it.
    """

    numbers: Numbers
    scores: tuple[Path, ...]
    vectors: Vectors | None
    cosines: NDArray[np.float32] | None
    embedded: str
    reader: PoolReader | None
    notes: tuple[str, ...]
    missing: tuple[str, ...]


def open_inputs(selected: Selected, row: int, request: ExplainRequest) -> Inputs:
    """Open what there is.

    Raises:
        DataselectError: If a pool has moved or changed, or what the request names cannot be read.
    """
    where, missing = selected.whereabouts, list[str]()
    scores = request.scores or _there(where.scores, missing, "score table", "--scores")
    recorded = () if where.embeddings is None else (where.embeddings,)
    folders = (request.embeddings,) if request.embeddings else _there(recorded, missing, "folder", "--embeddings")
    folder = folders[0] if folders else None
    if not scores and not where.scores:
        missing.append(f"scores and the surprise of each token: the selection used no scores ({SCORE})")
    numbers = read_numbers(selected.ids, scores, folder, selected.manifest)
    notes = _changed(selected, request, numbers, folder)
    vectors = cosines = None
    if folder is not None and (folder / VECTORS).exists():
        vectors = read_vectors(folder, (folder / TARGET_VECTORS).exists())
    if vectors is None:
        missing += [] if where.embeddings and not folder else [f"neighbours: there are no embeddings ({EMBED})"]
    elif selected.ids[row] in vectors.ids:
        cosines = row_cosines(vectors, selected.ids, row)
    else:
        missing.append(f"neighbours: {folder} has no vector of this row (it has no text to embed, or came later)")
    reader = open_pool(selected, request.pools)
    if reader is None:
        missing.append("texts: where the pool is was not recorded (say it: --pool FILE)")
    return Inputs(
        numbers, tuple(scores), vectors, cosines, "" if vectors is None else _embedded(vectors.folder), reader,
        tuple(notes), tuple(missing),
    )  # fmt: skip


def _there(recorded: Sequence[Path], missing: list[str], what: str, option: str) -> tuple[Path, ...]:
    """Those that still exist; the others are told."""
    for path in recorded:
        if not path.exists():
            missing.append(f"{option[2:]}: the {what} {path} is not there any more (say where it is: {option} DIR)")
    return tuple(path for path in recorded if path.exists())


def _changed(selected: Selected, request: ExplainRequest, numbers: Numbers, folder: Path | None) -> list[str]:
    """Which inputs are where the selection found them, and are not what it found."""
    then = {one["sha256"] for one in selected.manifest["inputs"]}
    named = {str(path) for path in (*request.scores, request.embeddings)}
    now = {name: digest for name, digest in numbers.digests.items() if name not in named}
    if folder is not None and request.embeddings is None and (folder / VECTORS).exists():
        read = any(one["role"] == "embeddings" for one in selected.manifest["inputs"])
        now |= {str(folder / VECTORS): file_digest(folder / VECTORS)} if read else {}
    return [f"{name} has changed since the selection was made from it" for name, is_ in now.items() if is_ not in then]


def _embedded(folder: Path) -> str:
    """Such as "prompts under minilm"; what the folder does not say is left out."""
    manifest = read_json(folder / MANIFEST) if (folder / MANIFEST).exists() else {}
    text = manifest.get("fingerprint", {}).get("embed_text")
    what = {"prompt": "prompts", "response": "responses", "both": "prompts with responses"}.get(text, "texts")
    name = manifest.get("encoder", {}).get("name")
    return f"{what} under {name}" if name else what
