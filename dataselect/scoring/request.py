"""What a scoring run is asked for, and what it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.scoring.ratings import RATINGS

EngineName = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What to score, with what, and where to.

    Attributes:
        pools: Pool files, folders, hub ids, or "-".
        model: `builtin`, a model folder or a hub id: the model that the pool is chosen for.
        references: Further models as (name, model). Their columns have the suffix `.name`, and the contrasts between
            them and `model` are columns too.
        out: The stage directory.
        ifd: Whether to score the final response without its prompt too.
        tokens: Whether to keep every token's id, log-probability, rank and part.
        ranks: Whether to count ranks.
        ratings: What the model rates by the digit that it expects: "complexity", "quality" (`ratings`).
        dtype: `auto` (float32 on CPU, bfloat16 on GPU) or a dtype's name; on a server always `auto`, its own.
        batch_tokens: Most tokens computed at once; None for the backend's default.
        engine_args: Further arguments of the vLLM engine, by its own names; of a server, `concurrency` and `timeout`.
        server: Address of an OpenAI-compatible server, for `backend="server"`.
        served_model: Name of the model on that server; None for the only one.
        limit: Most records read from the pools; None for all.
        engine: Where workers run: on this machine, or on a Ray cluster.
        workers: Processes that score shards side by side.
        cache: Whether rows that were scored before are taken from the cache, and new ones kept in it.
    """

    pools: tuple[str, ...]
    model: str
    out: Path
    references: tuple[tuple[str, str], ...] = ()
    backend: str = "auto"
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    ifd: bool = False
    tokens: bool = False
    ranks: bool = True
    ratings: tuple[str, ...] = ()
    dtype: str = "auto"
    batch_tokens: int | None = None
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    server: str | None = None
    served_model: str | None = None
    limit: int | None = None
    engine: EngineName = "local"
    workers: int = 1
    cache: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        names = [name for name, _ in self.references]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"two models are called {twice[0]}", "name them: --model NAME=MODEL")
        for rating in self.ratings:
            if rating not in RATINGS or self.ratings.count(rating) > 1:
                raise UsageError(f"--rating expects {' and '.join(RATINGS)}, each once, got {rating!r}")
        if self.references and self.backend == "server":
            raise UsageError("--backend server scores with one model", "score once per server, into two folders")
        if self.server and self.backend != "server":
            raise UsageError(f"--server with --backend {self.backend}", "add --backend server")
        if self.engine_args and self.backend == "transformers":
            raise UsageError("--engine-arg with --backend transformers", "engine arguments are vLLM's or the server's")

    def options(self) -> dict[str, Any]:
        """All options as plain values, for people; without those that only say where the results go."""
        return {key: value for key, value in asdict(self).items() if key not in ("overwrite", "out", "server")}


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """What a scoring run ended with.

    Attributes:
        counts: Rows per status, and `rejects`.
        tokens_per_second: Tokens that the model computed over the time it was busy; None if it was not asked.
        fresh: False if the directory was finished already and nothing was done.
        cached: Rows that came from the cache.
        notes: What did not go as planned and was mended, one line each.
    """

    counts: dict[str, int]
    tokens_per_second: float | None
    fresh: bool
    cached: int = 0
    notes: tuple[str, ...] = ()

    @property
    def rejects(self) -> int:
        """Records that could not be read or rendered."""
        return self.counts.get("rejects", 0)
