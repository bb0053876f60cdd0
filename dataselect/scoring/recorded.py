"""A finished score folder as evidence: what it says of itself, and the recorded numbers of given rows.

Nothing is believed here and nothing is computed; `recorded_check` compares. Left out: the columns of further models,
which can be verified in a run of their own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import MANIFEST, canonical_json, digest, file_digest, read_json
from dataselect.errors import ArtifactError
from dataselect.scoring.tokens import DIRECTORY as TOKENS

TABLE = "scores.parquet"

OF_SERVER = "of the server"
"""The dtype of a folder that a server scored."""

_UNSAID = "template_text"
"""A setting that is compared by its digest."""

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class RecordedScores:
    """A finished folder of `dataselect score`.

    Attributes:
        fingerprint: What the folder says that its numbers depend on.
    """

    directory: Path
    fingerprint: Mapping[str, Any]

    @classmethod
    def open(cls, directory: Path) -> RecordedScores:
        """Read the manifest.

        Raises:
            ArtifactError: If there is none, or it is that of another command.
        """
        manifest = read_json(directory / MANIFEST)
        if not isinstance(manifest, dict) or manifest.get("stage") != "score" or "fingerprint" not in manifest:
            raise ArtifactError(f"{directory} is no folder of dataselect score", "give the --out folder of a run of it")
        return cls(directory, manifest["fingerprint"])

    @property
    def dtype(self) -> str:
        """The dtype that is claimed."""
        return str(self.fingerprint["dtype"])

    @property
    def digest(self) -> str:
        """sha256 over the manifest, the table and the sidecar."""
        files = [self.directory / MANIFEST, self.directory / TABLE, *self._sidecar]
        return digest([file_digest(file) for file in files if file.exists()])

    @property
    def limit(self) -> int | None:
        """How many records of the pools were read; None for all."""
        limit: int | None = self.fingerprint["limit"]
        return limit

    def holds(self, scorer: str) -> bool:
        """Whether `ifd`, `ranks` or `tokens` were asked for."""
        return bool(self.fingerprint["scorers"][scorer])

    def differences(self, asked: Mapping[str, Any]) -> tuple[str, ...]:
        """Where the folder's claims are others than what is asked for.

        Args:
            asked: Parts of a fingerprint.
        """
        claimed = dict(_leaves({name: self.fingerprint.get(name) for name in asked}))
        wanted = dict(_leaves(json.loads(canonical_json(asked))))
        return tuple(
            f"{name} is {_short(claimed.get(name))} in {self.directory}, but {_short(wanted.get(name))} here"
            for name in sorted(claimed.keys() | wanted.keys())
            if claimed.get(name) != wanted.get(name) and not name.endswith(_UNSAID)
        )

    def rows(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Rows of the score table by id; one that is not there is absent.

        Raises:
            ArtifactError: If the table cannot be read.
        """
        return _by_id([self.directory / TABLE], ids)

    def tokens(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Rows of the token sidecar by id; one that is not there is absent.

        Raises:
            ArtifactError: If the sidecar cannot be read.
        """
        return _by_id(self._sidecar, ids)

    @property
    def _sidecar(self) -> list[Path]:
        return sorted((self.directory / TOKENS).glob("*.parquet"))


def _by_id(files: Sequence[Path], ids: Collection[str]) -> dict[str, dict[str, Any]]:
    import pyarrow.parquet as pq

    try:
        tables = [pq.read_table(file, filters=[("id", "in", set(ids))]) for file in files if ids]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"the scores cannot be read: {' '.join(str(error).split())[:200]}", "score the pool again"
        ) from None
    return {row["id"]: row for table in tables for row in table.to_pylist()}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, inner in items:
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _short(value: object) -> str:
    text = canonical_json(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
