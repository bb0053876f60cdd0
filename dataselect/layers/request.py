"""What a comparison of weights is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataselect.pool import ColumnMap, RenderOptions

TEXTS = 1000
"""Examples that representations are taken of, by default."""


@dataclass(frozen=True, slots=True)
class LayersRequest:
    """Which models to compare with which base.

    Attributes:
        base: `builtin`, a model folder or a hub id.
        tuned: (name, folder) of each model folder or LoRA adapter folder.
        out: The stage directory.
        spectra: Whether to compute the singular values of the changes.
        gains: A CSV of run and gain, or folders of evaluated runs.
        joined: Folders of earlier comparisons, with other bases too, whose runs join the maps and the correlation.
        pool: Pools whose texts the representations are taken of; none without.
        limit: Most records read of them.
        seed: Of all resampling.
        overwrite: Remove this stage's own files first.
    """

    base: str
    tuned: tuple[tuple[str, str], ...]
    out: Path
    spectra: bool = True
    gains: tuple[Path, ...] = ()
    joined: tuple[Path, ...] = ()
    pool: tuple[str, ...] = ()
    limit: int = TEXTS
    prefix_ids: bool = False
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    seed: int = 0
    overwrite: bool = False

    def options(self) -> dict[str, Any]:
        """All options as plain values, for run.json."""
        return {name: value for name, value in asdict(self).items() if name not in ("out", "overwrite")}


@dataclass(frozen=True, slots=True)
class LayersSummary:
    """What a comparison ended with.

    Attributes:
        document: The content of `layers.json`.
        fresh: False if the directory was finished already and nothing was done.
    """

    out: Path
    document: Mapping[str, Any]
    fresh: bool
