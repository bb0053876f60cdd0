"""`dataselect embed`: options in, one embedding run, one line about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataselect.cli import options

if TYPE_CHECKING:
    from dataselect.embeddings import EmbedSummary
    from dataselect.embeddings.encoder import Pooling
    from dataselect.embeddings.index_choice import AskedIndex
    from dataselect.embeddings.stored_index import IndexReport
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
    help="What of an example is embedded: all turns but the assistant's, only the assistant's, or all. "
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
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N records of the pools.")
@options.columns
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
    prefix_ids: bool,
    out: Path,
    overwrite: bool,
    **columns: str | None,
) -> None:
    """Embed every example of the pools, and its similarity to a target set.

    Writes embeddings.npy, ids.txt and index.faiss; with --target also scores.parquet: similarity is the mean cosine to
    the K nearest targets, centroid_similarity the cosine to their middle; and targets.npy with targets.jsonl, the
    vectors of the targets, each file a task. The column options describe the pools and the targets. A run that was
    stopped goes on where it was with the same command.

    \b
    Example:
      dataselect embed pool.jsonl --encoder minilm --target dev.jsonl --out embeddings
      dataselect embed pool.jsonl --encoder MODEL --pooling weighted-mean --embed-text both --target dev.jsonl
        --out rds
    """
    from tqdm import tqdm

    from dataselect.embeddings import EmbedRequest, embed
    from dataselect.pool import ColumnMap

    if top_k is not None and not targets:
        raise click.UsageError("--top-k needs --target: without targets there is nothing to be near to")
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
        columns=ColumnMap(**{name.removesuffix("_column"): column for name, column in columns.items()}),
        prefix_ids=prefix_ids,
        limit=limit,
        overwrite=overwrite,
    )
    with tqdm(desc="embedding", unit=" records", file=sys.stderr) as bar:
        summary = embed(request, bar.update)
    options.say(_told(summary, top_k or 10))
    if summary.index.kind != "exact" and not summary.already_finished:
        options.say(_index_told(summary.index))


def _told(summary: EmbedSummary, top_k: int) -> str:
    counts = summary.counts
    if summary.already_finished:
        return f"{summary.out} is finished: {counts.embedded} embeddings of {summary.dim} dimensions, nothing to do"
    parts = [f"{counts.embedded} of {counts.examples} examples embedded in {summary.dim} dimensions"]
    if counts.without_text:
        parts.append(f"{counts.without_text} without text have no embedding (see rejects.jsonl)")
    if counts.truncated:
        parts.append(f"{counts.truncated} truncated to the encoder's limit")
    if counts.rejects:
        parts.append(f"{counts.rejects} unreadable records (see rejects.jsonl)")
    if summary.resumed:
        parts.append(f"{summary.resumed} records were done by an earlier run")
    if summary.top_k is not None:
        parts.append(_targets_told(summary, top_k))
    return f"{', '.join(parts)} ({summary.texts_per_second:.0f} texts per second) -> {summary.out}"


def _targets_told(summary: EmbedSummary, asked: int) -> str:
    assert summary.top_k is not None
    files = "1 file" if len(summary.targets) == 1 else f"{len(summary.targets)} files"
    capped = f" instead of {asked}, as there are no more" if summary.top_k < asked else ""
    left = sum(t.counts.without_text + t.counts.rejects for t in summary.targets)
    missing = f" ({left} records of them unreadable or without text)" if left else ""
    return f"similarity to the {summary.top_k} nearest{capped} of {summary.num_targets} targets in {files}{missing}"


def _index_told(index: IndexReport) -> str:
    from dataselect.embeddings.recall import WANTED

    found = "recall unknown" if index.recall is None else f"recall@{index.k} {index.recall:.3f}"
    width = {"ivf": "lists", "hnsw": "candidates"}[index.kind]
    line = (
        f"index.faiss is approximate ({index.kind}, {index.breadth} {width} per search): {found} against exact search, "
        f"on {index.queries} of {index.rows} rows"
    )
    low = index.recall is not None and index.recall < WANTED
    return f"{line}; for true neighbours: --index exact --overwrite" if low else line
