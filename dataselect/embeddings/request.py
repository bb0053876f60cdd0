"""The request for an embedding run, and its summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dataselect.arguments import checked
from dataselect.embeddings.encoder import Pooling
from dataselect.embeddings.encoding import EmbedCounts
from dataselect.embeddings.index_file import AskedIndex, IndexReport
from dataselect.embeddings.texts import EmbedText
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap
from dataselect.stage import FinishedStage, Overwrite


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """One embedding run.

    Attributes:
        pools: Files, folders or hub ids, embedded in this order.
        encoder: A registered encoder, a folder or a hub id.
        out: The folder for the results.
        targets: Files of the target set, pooled into one set. Read with the same columns, without the limit.
        top_k: Nearest targets that `similarity` averages over; capped at the number of targets.
        embed_text: Which part of an example is embedded.
        pooling: How a causal language model is pooled; None for the mean, or for what the encoder has of its own.
        columns: Which columns hold what.
        prefix_ids: Whether the name of the file goes before each own id.
        limit: Most records read from each pool, the first ones; None for all.
        sample_seed: Draw the records of the limit by chance instead; None for the first ones.
        overwrite: Whether earlier results of this command in `out` are removed.
        dim: Length of a vector for an encoder that lets it be chosen; None for its own.
        index: The kind of index for the pool in index.faiss; similarities are exact with any.

    Raises:
        UsageError: If a field is not what it should be, or `top_k` or `dim` is below 1.
    """

    pools: tuple[str, ...]
    encoder: str
    out: Path
    targets: tuple[str, ...] = ()
    top_k: int = 10
    embed_text: EmbedText = "prompt"
    columns: ColumnMap = ColumnMap()  # noqa: RUF009 - frozen
    prefix_ids: bool = False
    limit: int | None = None
    sample_seed: int | None = None
    overwrite: Overwrite = False
    pooling: Pooling | None = None
    dim: int | None = None
    index: AskedIndex = "auto"

    def __post_init__(self) -> None:
        checked(self)
        if self.top_k < 1:
            raise UsageError(f"top_k should be at least 1, got {self.top_k}")
        if self.dim is not None and self.dim < 1:
            raise UsageError(f"dim should be at least 1, got {self.dim}")


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """The outcome of the records of one target file."""

    source: str
    counts: EmbedCounts


@dataclass(frozen=True, slots=True)
class EmbedSummary:
    """The outcome of an embedding run.

    Attributes:
        out: The folder with the results.
        dim: Length of a vector.
        counts: Of the pools.
        targets: One entry per target file.
        top_k: Nearest targets averaged over; None without targets.
        texts_per_second: Embedded texts, targets included, per second of encoding; loading the model not counted.
        index: The kind of index.faiss, and its recall.
        resumed: Records, targets included, that an earlier run of the same had done.
        already_finished: Whether the results were there and nothing was computed.
        notes: Columns of the pools that were not read, one line each.
        sources: Embedded examples per pool file.
    """

    out: Path
    dim: int
    counts: EmbedCounts
    targets: tuple[TargetCounts, ...]
    top_k: int | None
    texts_per_second: float
    index: IndexReport
    resumed: int
    already_finished: bool
    notes: tuple[str, ...] = ()
    sources: dict[str, int] = field(default_factory=dict)

    @property
    def num_targets(self) -> int:
        """Targets with an embedding, over all files."""
        return sum(target.counts.embedded for target in self.targets)


def summary_of(finished: FinishedStage, already_finished: bool) -> EmbedSummary:
    """The summary of a finished run, from its manifest."""
    manifest = finished.manifest
    return EmbedSummary(
        out=finished.path,
        dim=manifest["encoder"]["dim"],
        counts=EmbedCounts(**manifest["counts"]),
        targets=tuple(TargetCounts(one["source"], EmbedCounts(**one["counts"])) for one in manifest["target_counts"]),
        top_k=manifest["top_k_used"],
        texts_per_second=manifest["texts_per_second"],
        index=IndexReport(**manifest["index"]),
        resumed=manifest["resumed_records"],
        already_finished=already_finished,
        notes=tuple(manifest["notes"]),
        sources=manifest["sources"],
    )
