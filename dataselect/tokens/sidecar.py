"""The response tokens of stored token sidecars, row by row, and two sidecars aligned.

Two sidecars are aligned by id, and a row is compared only if both hold the same response tokens at the same positions;
rows that another tokenizer, template or limit split differently are counted and left out. The second sidecar is held in
memory, 13 bytes per token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.artifacts import digest, file_digest, unreadable
from dataselect.errors import ArtifactError, UsageError
from dataselect.records import RESPONSE
from dataselect.scoring.recorded import RecordedScores

_COLUMNS = ("id", "token_id", "logprob", "rank", "part")


@dataclass(frozen=True, slots=True)
class ResponseTokens:
    """The scored response tokens of one example under one model: (n,) each."""

    id: str
    token_id: NDArray[np.int32]
    logprob: NDArray[np.float32]
    rank: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class AlignedRow:
    """One example under the base and, with a second sidecar, under the tuned model."""

    base: ResponseTokens
    tuned: ResponseTokens | None


@dataclass(slots=True)
class RowCounts:
    """Numbers of rows; those that are `compared` are described, the others are left out for the named reason."""

    compared: int = 0
    without_numbers: int = 0
    only_in_base: int = 0
    only_in_tuned: int = 0
    different_tokens: int = 0


@dataclass(frozen=True)
class Sidecar:
    """The sidecar of one model in a score folder.

    Attributes:
        directory: The score folder.
        model: The model, as the user called it.
        tokenizer: Digest of its tokenizer.
        files: Parquet files, in the order of the pool.
    """

    directory: Path
    model: str
    tokenizer: str
    files: tuple[Path, ...] = field(repr=False)

    @classmethod
    def open(cls, directory: Path, reference: str | None = None) -> Sidecar:
        """Open the sidecar of a finished scoring run.

        Args:
            reference: Name of a further model of the run; None for its first.

        Raises:
            ArtifactError: If the folder is no finished scoring run, or has no token ranks.
            UsageError: If the run had no such further model.
        """
        recorded = RecordedScores.open(directory)
        manifest = recorded.manifest
        further: Mapping[str, str] = dict(manifest.get("references") or {})
        if reference is not None and reference not in further:
            known = ", ".join(further) or "none"
            raise UsageError(f"{directory} has no further model {reference!r}", f"its further models: {known}")
        if not recorded.holds("tokens"):
            raise ArtifactError(f"{directory} holds no kept tokens", "score again with --tokens")
        if not recorded.holds("ranks"):
            raise ArtifactError(f"the token sidecar in {directory} has no ranks", "score again without --no-ranks")
        files = recorded.sidecar(reference or "")
        if not files:
            raise ArtifactError(f"{directory} holds no kept tokens", "score again with --tokens")
        rendering = recorded.fingerprint["rendering"]
        if reference is not None:
            rendering = recorded.fingerprint["references"][reference]["rendering"]
        called = manifest["model"] if reference is None else further[reference]
        return cls(directory, str(called), str(rendering["tokenizer_sha256"]), files)

    @property
    def name(self) -> str:
        """The model for people: of a folder its last part."""
        return Path(self.model).name if Path(self.model).is_dir() else self.model

    @property
    def content(self) -> str:
        """sha256 over its files."""
        return digest([file_digest(file) for file in self.files])

    def rows(self) -> Iterator[tuple[str, ResponseTokens | None]]:
        """Id and response tokens of every row, None without numbers.

        Raises:
            ArtifactError: If a file cannot be read.
        """
        import pyarrow
        import pyarrow.parquet as pq

        for file in self.files:
            try:
                for batch in pq.ParquetFile(file, page_checksum_verification=True).iter_batches(columns=list(_COLUMNS)):
                    yield from _rows(batch)
            except (pyarrow.ArrowException, OSError, KeyError) as error:
                raise unreadable(file, error) from None


def aligned(base: Sidecar, tuned: Sidecar | None, counts: RowCounts) -> Iterator[AlignedRow]:
    """The rows that can be compared, in the order of the base's sidecar; the others are counted.

    Raises:
        ArtifactError: If a file cannot be read.
    """
    others = None if tuned is None else dict(tuned.rows())
    for id_, tokens in base.rows():
        in_both = others is None or id_ in others
        other = others.pop(id_, None) if others is not None else None
        if not in_both:
            counts.only_in_base += 1
        elif tokens is None or (others is not None and other is None):
            counts.without_numbers += 1
        elif other is not None and not np.array_equal(tokens.token_id, other.token_id):
            counts.different_tokens += 1
        else:
            counts.compared += 1
            yield AlignedRow(tokens, other)
    counts.only_in_tuned = len(others) if others is not None else 0


def _rows(batch: Any) -> Iterator[tuple[str, ResponseTokens | None]]:  # noqa: ANN401 - an Arrow record batch
    lists = {name: batch.column(name) for name in _COLUMNS[1:]}
    offsets = {name: column.offsets.to_numpy() for name, column in lists.items()}
    flat = {name: column.values.to_numpy(zero_copy_only=False) for name, column in lists.items()}
    absent = lists["logprob"].is_null().to_numpy(zero_copy_only=False)
    for row, id_ in enumerate(batch.column("id").to_pylist()):
        if absent[row]:
            yield id_, None
            continue
        of_row = {name: flat[name][offsets[name][row] : offsets[name][row + 1]] for name in lists}
        response = of_row["part"] == RESPONSE
        found = ResponseTokens(id_, *(of_row[name][response] for name in ("token_id", "logprob", "rank")))
        yield id_, found if len(found.token_id) else None
