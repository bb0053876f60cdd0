"""What is asked about a selection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import UsageError


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """Which row of which selection, and where its inputs are if they are not where `select` found them.

    Attributes:
        selection: FILE.jsonl (or FILE.txt) of `dataselect select`; its manifest and ranking stand beside it.
        id: Of any row of the pool, chosen or not.
        scores: Score tables; empty for those of the selection.
        embeddings: Folder of `embed`; None for that of the selection.
        pools: The pools of the selection; empty where they have not moved.
        targets: The files of the embedded target set; empty where they have not moved.
        k: How many neighbours and targets.

    Raises:
        UsageError: If `k` is below 1.
    """

    selection: Path
    id: str
    scores: tuple[Path, ...] = ()
    embeddings: Path | None = None
    pools: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    k: int = 5

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"k should be at least 1, got {self.k}")
