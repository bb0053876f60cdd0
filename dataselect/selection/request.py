"""The request of a selecting run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.errors import UsageError
from dataselect.pool.columns import ColumnMap
from dataselect.selection.filters import Filters
from dataselect.selection.length_control import LengthControl
from dataselect.selection.stages import Then

_TAKEN = ("untrained", "full", "random", "longest", "length-matched-random")


@dataclass(frozen=True, slots=True)
class SelectRequest:
    """What to select, from what, into what.

    Attributes:
        pools: Pool files or folders, as `PoolReader` takes them. None where `out` takes ids: the first score table then
            stands for its pool.
        strategy: Name of a strategy.
        budget: `N`, `P%` or `Ntok`.
        out: The file to write: `.jsonl` for records, `.txt` or `.ids` for their ids.
        params: The strategy's options, as text or typed values.
        scores: Score tables: folders of `score`, or files with an id and numbers (`.parquet`, `.csv`, `.jsonl`).
        embeddings: Folder of `embed`; only rows in it are ranked, and its similarities are joined like a score table.
        columns: Column map of the pools.
        prefix_ids: Whether ids carry the name of their file, as in the run that scored them.
        length_control: How length is taken out of the strategy's order.
        targets: Files of the target set, for strategies that compare texts; read with the same columns.
        filters: What else is left out.
        then: Strategies that order shortlists, one after the other.
        label: Its name in comparisons, where that of the strategy does not tell it from others; empty for none.
        quota: `even`, or `SOURCE=P%` for one or more sources.
    """

    pools: tuple[str, ...]
    strategy: str
    budget: str
    out: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Path, ...] = ()
    embeddings: Path | None = None
    seed: int = 0
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    length_control: LengthControl | None = None
    targets: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    then: tuple[Then, ...] = ()
    quota: tuple[str, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        """A label that is a control's name, or looks like a length control's, would pass for one."""
        if self.label in _TAKEN or ":" in self.label:
            raise UsageError(f"{self.label!r} is no label: comparisons give it to a control", "choose another --label")
