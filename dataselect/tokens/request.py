"""What a token view is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MIN_COUNT, TOP = 20, 20


@dataclass(frozen=True, slots=True)
class TokensRequest:
    """Whose tokens to look at.

    Attributes:
        base: Folder of `dataselect score --tokens` under the base model.
        out: The stage directory.
        tuned: The same pool under a tuned model; None for the base alone.
        reference: Instead of `tuned`: name of a further model of the scoring run `base`.
        min_count: Fewest occurrences of a token in the lists by share and by change.
        top: Tokens in each list.
        overwrite: Remove this stage's own files first.
    """

    base: Path
    out: Path
    tuned: Path | None = None
    reference: str | None = None
    min_count: int = MIN_COUNT
    top: int = TOP
    overwrite: bool = False

    def options(self) -> dict[str, Any]:
        """All options as plain values, for run.json."""
        return {name: value for name, value in asdict(self).items() if name not in ("out", "overwrite")}


@dataclass(frozen=True, slots=True)
class TokensSummary:
    """What a token view ended with.

    Attributes:
        document: The content of `tokens.json`.
        fresh: False if the directory was finished already and nothing was done.
    """

    out: Path
    document: Mapping[str, Any]
    fresh: bool
