"""A finished score folder: its claims about itself, the recorded numbers of given rows, and the files of its sidecar.

Nothing is computed or checked here; `verify.recorded_check` compares. Left out: the columns of further models, which
can be verified in a run of their own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.artifacts import canonical_json, digest, read_parquet
from dataselect.pool import RenderOptions
from dataselect.scoring.table import TABLE
from dataselect.scoring.tokens import TOKENS
from dataselect.stage import FinishedStage, read_finished
from dataselect.stage.fingerprints import leaves, short

OF_SERVER = "of the server"
"""The dtype of a folder that a server scored."""

_UNSAID = "template_text"
"""A setting that is compared by its digest."""

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class RecordedScores:
    """A finished folder of `dataselect score`."""

    directory: Path
    _stage: FinishedStage

    @classmethod
    def open(cls, directory: Path) -> RecordedScores:
        """Read the manifest.

        Raises:
            ArtifactError: If it is missing, damaged, or that of another command.
        """
        return cls(directory, read_finished(directory, "score"))

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest."""
        return self._stage.manifest

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Everything that its numbers depend on, as recorded."""
        found: Mapping[str, Any] = self.manifest["fingerprint"]
        return found

    @property
    def dtype(self) -> str:
        """The recorded dtype."""
        return str(self.fingerprint["dtype"])

    @property
    def digest(self) -> str:
        """The sha256 of the manifest, which holds the digests of all files."""
        return digest(self.manifest)

    @property
    def limit(self) -> tuple[int | None, int | None]:
        """The number of records read from each pool, None for all; and the seed that drew them, None for the first."""
        return self.fingerprint["limit"], self.fingerprint["sample_seed"]

    def dated(self, rendering: RenderOptions) -> RenderOptions:
        """Return the options with the folder's date, where they have none."""
        return replace(rendering, date=rendering.date or self.fingerprint["rendering"].get("date"))

    def holds(self, scorer: str) -> bool:
        """Return whether the run was asked for `ifd`, `ranks` or `tokens`."""
        return bool(self.fingerprint["scorers"][scorer])

    def differences(self, asked: Mapping[str, Any]) -> tuple[str, ...]:
        """Describe where the folder's fingerprint differs from what is asked for, one line each.

        Args:
            asked: Parts of a fingerprint.
        """
        claimed = dict(leaves({name: self.fingerprint.get(name) for name in asked}))
        wanted = dict(leaves(json.loads(canonical_json(asked))))
        different = [
            (name, short(claimed.get(name), _SHOWN), short(wanted.get(name), _SHOWN))
            for name in sorted(claimed.keys() | wanted.keys())
            if claimed.get(name) != wanted.get(name) and not name.endswith(_UNSAID)
        ]
        return tuple(f"{name} is {there} in {self.directory}, but {here} here" for name, there, here in different)

    def file(self, name: str) -> Path:
        """Return an output of the run, compared with its digest.

        Raises:
            ArtifactError: If it is missing or damaged.
        """
        return self._stage.file(name)

    def rows(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return rows of the score table by id; unknown ids are left out.

        Raises:
            ArtifactError: If the table cannot be read.
        """
        return _by_id([self.file(TABLE)], ids)

    def tokens(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return rows of the token sidecar by id; unknown ids are left out.

        Raises:
            ArtifactError: If the sidecar cannot be read.
        """
        return _by_id(self.sidecar(), ids)

    def sidecar(self, name: str = "") -> tuple[Path, ...]:
        """Return the files of the token sidecar of one model, in the order of the pool.

        Args:
            name: Of a further model; empty for the first.
        """
        return tuple(self._stage.files(f"{TOKENS}/{name}"))


def _by_id(files: Sequence[Path], ids: Collection[str]) -> dict[str, dict[str, Any]]:
    tables = [read_parquet(file, filters=[("id", "in", set(ids))]) for file in files if ids]
    return {row["id"]: row for table in tables for row in table.to_pylist()}
