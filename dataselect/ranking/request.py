"""What a ranking of pools is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataselect.embeddings.texts import EmbedText
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, RenderOptions


@dataclass(frozen=True, slots=True)
class RankRequest:
    """Which pools to rank, by which models, and towards what.

    Attributes:
        pools: Pool files, folders or hub ids, each a pool of its own.
        models: (name, model) of each model; the order by the first one is told first.
        out: The stage directory.
        targets: Files of the target set, pooled into one set.
        encoder: The encoder for similarity to the target; needed with targets.
        top_k: Nearest targets that a row's similarity averages over.
        embed_text: Which part of an example is embedded.
        limit: Most records read from each pool; None for all.
        seed: Of the bootstrap.
        cache: Whether rows that were scored before are taken from the score cache.
    """

    pools: tuple[str, ...]
    models: tuple[tuple[str, str], ...]
    out: Path
    targets: tuple[str, ...] = ()
    encoder: str = "minilm"
    top_k: int = 10
    embed_text: EmbedText = "prompt"
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    backend: str = "auto"
    dtype: str = "auto"
    batch_tokens: int | None = None
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    seed: int = 0
    cache: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        names = [name for name, _ in self.models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names:
            raise UsageError("no model was given", "add --model M")
        if twice:
            raise UsageError(f"two models are called {twice[0]}", "name them: --model NAME=MODEL")
        if "-" in (*self.pools, *self.targets):
            raise UsageError("rank reads every pool more than once, which - does not allow", "write it to a file first")
        if self.backend == "server":
            raise UsageError("rank scores with transformers or vllm, not with a server", "leave --backend out")
        if self.seed < 0:
            raise UsageError(f"a seed is a whole number from 0, got {self.seed}")

    def options(self) -> dict[str, Any]:
        """All options as plain values, for people; without those that only say where the results go."""
        return {key: value for key, value in asdict(self).items() if key not in ("overwrite", "out")}
