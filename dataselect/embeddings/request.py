"""What an embedding run is asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from dataselect.artifacts import MANIFEST, read_json
from dataselect.embeddings.chunks import Counts
from dataselect.embeddings.encoder import Pooling
from dataselect.embeddings.index_choice import AskedIndex
from dataselect.embeddings.stored_index import IndexReport
from dataselect.embeddings.texts import EmbedText
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap


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
        limit: Only the first so many records of the pools.
        overwrite: Whether earlier results of this command in `out` are removed.
        dim: Length of a vector for an encoder that lets it be chosen; None for its own.
        index: The kind of index for the pool in index.faiss; similarities are exact with any.

    Raises:
        UsageError: If `top_k` or `dim` is below 1, or `embed_text`, `pooling` or `index` is unknown.
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
    overwrite: bool = False
    pooling: Pooling | None = None
    dim: int | None = None
    index: AskedIndex = "auto"

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise UsageError(f"top_k should be at least 1, got {self.top_k}")
        if self.dim is not None and self.dim < 1:
            raise UsageError(f"dim should be at least 1, got {self.dim}")
        if self.index not in get_args(AskedIndex):
            raise UsageError(f"index should be auto, exact, ivf or hnsw, got {self.index!r}")
        if self.embed_text not in get_args(EmbedText):
            raise UsageError(f"embed_text should be prompt, response or both, got {self.embed_text!r}")
        if self.pooling not in (None, *get_args(Pooling)):
            raise UsageError(f"pooling should be mean, weighted-mean or last, got {self.pooling!r}")


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """What became of the records of one target file."""

    source: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class EmbedSummary:
    """What an embedding run did.

    Attributes:
        out: The folder with the results.
        dim: Length of a vector.
        counts: Of the pools.
        targets: One entry per target file.
        top_k: Nearest targets averaged over; None without targets.
        texts_per_second: Embedded texts, targets included, per second of encoding; loading the model not counted.
        index: What index.faiss is, and how much it finds.
        resumed: Records, targets included, that an earlier run of the same had done.
        already_finished: Whether the results were there and nothing was computed.
    """

    out: Path
    dim: int
    counts: Counts
    targets: tuple[TargetCounts, ...]
    top_k: int | None
    texts_per_second: float
    index: IndexReport
    resumed: int
    already_finished: bool

    @property
    def num_targets(self) -> int:
        """Targets with an embedding, over all files."""
        return sum(target.counts.embedded for target in self.targets)


def read_summary(out: Path, already_finished: bool) -> EmbedSummary:
    """The summary of a finished run, from its manifest.

    Raises:
        ArtifactError: If there is no manifest.
    """
    manifest = read_json(out / MANIFEST)
    return EmbedSummary(
        out=out,
        dim=manifest["encoder"]["dim"],
        counts=Counts(**manifest["counts"]),
        targets=tuple(TargetCounts(one["source"], Counts(**one["counts"])) for one in manifest["target_counts"]),
        top_k=manifest["top_k_used"],
        texts_per_second=manifest["texts_per_second"],
        index=IndexReport(**manifest["index"]),
        resumed=manifest["resumed_records"],
        already_finished=already_finished,
    )
