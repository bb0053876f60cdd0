"""`dataselect embed`: embed pools, and compare them with a target set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataselect.cli import options
from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.embeddings import EmbedSummary
    from dataselect.embeddings.encoder import Pooling
    from dataselect.embeddings.index_file import AskedIndex, IndexReport
    from dataselect.embeddings.texts import EmbedText


@click.command()
@options.pools
@click.option(
    "--encoder",
    required=True,
    metavar="E",
    help="minilm, builtin, tfidf (no model, fitted on the pools), a folder (sentence-transformers, causal language "
    "model, or an earlier tfidf run), or a hub id (owner/name).",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="FILE",
    help="Examples of what the model should become good at; may be repeated, all files make one set.",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    metavar="K",
    help="Nearest targets that `similarity` averages over, at most as many as there are.  [default: 10]",
)
@click.option(
    "--embed-text",
    type=click.Choice(["prompt", "response", "both"]),
    default="prompt",
    show_default=True,
    help="Which part of an example is embedded: all turns but the assistant's, only the assistant's, or all. "
    "Plain text is embedded as it is.",
)
@click.option(
    "--pooling",
    type=click.Choice(["mean", "weighted-mean", "last"]),
    help="How a causal language model becomes a vector: the mean over tokens, weighted by position (RDS+), or the "
    "last token.  [default: mean; a sentence-transformers model has its own]",
)
@click.option(
    "--dim", type=click.IntRange(min=1), metavar="N", help="Length of a vector, for --encoder tfidf.  [default: 256]"
)
@click.option(
    "--index",
    type=click.Choice(["auto", "exact", "ivf", "hnsw"]),
    default="auto",
    show_default=True,
    help="What index.faiss is; auto: exact up to 100,000 rows, then hnsw or ivf by size and memory, with the recall "
    "measured. Similarities and strategies compare exactly with any.",
)
@options.limit()
@options.columns
@options.preference_pairs
@options.out_directory
def command(
    pools: tuple[str, ...],
    encoder: str,
    targets: tuple[str, ...],
    top_k: int | None,
    embed_text: EmbedText,
    pooling: Pooling | None,
    dim: int | None,
    index: AskedIndex,
    limit: int | None,
    sample_seed: int | None,
    prefix_ids: bool,
    out: Path,
    overwrite: bool,
    pairs: bool,
    **columns: str | None,
) -> None:
    """Embed every example of the pools, and compute its similarity to a target set.

    Writes embeddings.npy, ids.txt and index.faiss; with --target also scores.parquet: similarity is the mean cosine to
    the K nearest targets, centroid_similarity the cosine to their mean; and targets.npy with targets.jsonl, the vectors
    of the targets, where each target file counts as one task. The column options describe the pools and the targets. A
    run that was stopped resumes with the same command.

    \b
    Example:
      dataselect embed pool.jsonl --encoder minilm --target dev.jsonl --out embeddings
      dataselect embed pool.jsonl --encoder MODEL --pooling weighted-mean --embed-text both --target dev.jsonl
        --out rds
    """
    from dataselect.embeddings import EmbedRequest, embed
    from dataselect.pool import ColumnMap
    from dataselect.pool.rejects import notes_of_file

    if top_k is not None and not targets:
        raise UsageError("--top-k requires --target", "add --target FILE, or leave it out")
    request = EmbedRequest(
        pools=pools,
        encoder=encoder,
        out=out,
        targets=targets,
        top_k=top_k or 10,
        embed_text=embed_text,
        pooling=pooling,
        dim=dim,
        index=index,
        columns=ColumnMap(**{name.removesuffix("_column"): column for name, column in columns.items()}, pairs=pairs),
        prefix_ids=prefix_ids,
        limit=limit,
        sample_seed=sample_seed,
        overwrite=overwrite,
    )
    summary = embed(request)
    for note in (*summary.notes, *notes_of_file(summary.out / "rejects.jsonl")):
        options.say(f"note: {note}")
    options.say(_line(summary, top_k or 10))
    if summary.index.kind != "exact" and not summary.already_finished:
        options.say(_recall(summary.index))


def _line(summary: EmbedSummary, top_k: int) -> str:
    from dataselect.pool.sources import by_source

    counts = summary.counts
    if summary.already_finished:
        return f"{summary.out} is finished: {counts.embedded} embeddings of {summary.dim} dimensions, nothing to do"
    sources = by_source({name: f"{rows:,}" for name, rows in summary.sources.items()})
    each = f" ({sources})" if sources else ""
    parts = [f"{counts.embedded} of {counts.examples} examples embedded{each} in {summary.dim} dimensions"]
    if counts.without_text:
        parts.append(f"{counts.without_text} without text have no embedding (see rejects.jsonl)")
    if counts.truncated:
        parts.append(f"{counts.truncated} truncated to the encoder's limit")
    if counts.rejects:
        parts.append(f"{counts.rejects} unreadable records (see rejects.jsonl)")
    if summary.resumed:
        parts.append(f"{summary.resumed} records were done by an earlier run")
    if summary.top_k is not None:
        parts.append(_similarities(summary, top_k))
    return f"{', '.join(parts)} ({summary.texts_per_second:.0f} texts per second) -> {summary.out}"


def _similarities(summary: EmbedSummary, asked: int) -> str:
    assert summary.top_k is not None
    files = "1 file" if len(summary.targets) == 1 else f"{len(summary.targets)} files"
    capped = f" instead of {asked}, as there are no more" if summary.top_k < asked else ""
    left = sum(t.counts.without_text + t.counts.rejects for t in summary.targets)
    missing = f" ({left} records of them unreadable or without text)" if left else ""
    return f"similarity to the {summary.top_k} nearest{capped} of {summary.num_targets} targets in {files}{missing}"


def _recall(index: IndexReport) -> str:
    from dataselect.embeddings.index_file import WANTED

    found = "recall unknown" if index.recall is None else f"recall@{index.k} {index.recall:.3f}"
    width = {"ivf": "lists", "hnsw": "candidates"}[index.kind]
    line = (
        f"index.faiss is approximate ({index.kind}, {index.breadth} {width} per search): {found} against exact search, "
        f"on {index.queries} of {index.rows} rows"
    )
    low = index.recall is not None and index.recall < WANTED
    return f"{line}; for true neighbours: --index exact --overwrite" if low else line
