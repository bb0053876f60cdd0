"""`dataselect select`: pools and score tables in, the best rows within a budget out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.selection import Filters, SelectionSummary, Then
    from dataselect.selection.length_control import LengthControl

_FILTERS = (
    click.option(
        "--where", default="", metavar="EXPR",
        help="Only rows for which it is true: columns of --scores, numbers or texts, and source. "
        "'response_tokens > 20 and ppl < 50 and lang == \"en\"'",
    ),
    click.option("--min-tokens", type=click.IntRange(min=1), metavar="N", help="Minimum response tokens."),
    click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Maximum response tokens."),
    click.option(
        "--dedup", multiple=True, type=click.Choice(["exact", "ngram", "semantic"]),
        help="Drop rows that repeat a higher one: the same text, most of its word 5-grams (MinHash), or nearly the "
        "same embedding; may be repeated.",
    ),
    click.option(
        "--dedup-threshold", type=float, metavar="X",
        help="Jaccard similarity from which rows repeat each other, for --dedup ngram [default: 0.8].",
    ),
    click.option(
        "--dedup-cosine", type=float, metavar="X",
        help="Cosine over which rows repeat each other, for --dedup semantic [default: 0.95].",
    ),
    click.option(
        "--decontaminate", multiple=True, metavar="FILE",
        help="An evaluation set: rows that share text with it are left out; may be repeated.",
    ),
    click.option(
        "--decontaminate-ngram", type=click.IntRange(min=1), metavar="N",
        help="How many words in a row are shared text [default: 13].",
    ),
    click.option(
        "--decontaminate-cosine", type=float, metavar="X",
        help="Also leave out rows with a larger cosine than this to a target of --embeddings.",
    ),
)  # fmt: skip


def filter_options(command: options.Decorated) -> options.Decorated:
    """Add the options that leave rows out, in the order in which they are listed."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.command()
@click.argument("pools", metavar="[POOL]...", nargs=-1)
@click.option("--strategy", metavar="NAME", help="How to rank; see `dataselect ls strategies`.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="An option of the strategy; may be repeated.")
@click.option("--budget", required=True, metavar="N|P%|Ntok", help="How many examples, per cent of rows, or tokens.")
@click.option(
    "--scores", multiple=True, type=click.Path(path_type=Path), metavar="DIR|FILE",
    help="Folder of `score`, or a .parquet, .csv or .jsonl file with an id and numbers; may be repeated. Only rows in "
    "all of them are ranked.",
)  # fmt: skip
@click.option(
    "--embeddings", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder of `embed`, with --target where the strategy looks at targets. Only rows in it are ranked.",
)  # fmt: skip
@click.option(
    "--target", "targets", multiple=True, metavar="FILE",
    help="Examples of what the model should become good at, for strategies that compare texts; may be repeated.",
)  # fmt: skip
@click.option(
    "--length-control", type=click.Choice(["bins", "residual"]),
    help="Remove the effect of response length: rank within length bins, or by the residual after length.",
)  # fmt: skip
@click.option(
    "--within", type=click.Choice(["source"]),
    help="Rank each row only among those of its own pool file, and take from all files alike.",
)  # fmt: skip
@click.option("--length-bins", type=click.IntRange(min=2), metavar="N", help="How many length bins [default: 10].")
@filter_options
@click.option(
    "--shortlist", "shortlists", multiple=True, metavar="N|P%",
    help="How many of the best rows so far the next --then orders; may be repeated.",
)  # fmt: skip
@click.option(
    "--then", "then", multiple=True, metavar="NAME",
    help='Order the shortlist by another strategy, options in brackets: "kmeans(clusters=50)"; may be repeated.',
)  # fmt: skip
@click.option(
    "--quota", multiple=True, metavar="even|SOURCE=P%",
    help="even, or SOURCE=P% once per file; files without a share divide the rest.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of strategies that draw at random."
)
@click.option(
    "--ranking", type=click.Path(path_type=Path), metavar="FILE.ranking.parquet",
    help="Instead of --strategy: cut the ranking of an earlier selection by another budget.",
)  # fmt: skip
@options.out_file("FILE.jsonl|FILE.txt", "File to write: records, or with .txt their ids only.")
@click.option(
    "--label", default="", metavar="NAME",
    help="Name in comparisons, to distinguish several settings of one strategy.",
)  # fmt: skip
@options.columns
@options.preference_pairs
def command(**given: Any) -> None:
    """Rank a pool by a strategy and write the best within a budget.

    FILE.jsonl holds the records as they came, best first, each with "_dataselect" (id, rank, strategy, score);
    FILE.ranking.parquet beside it why each row of the pool was kept or not; FILE.manifest.json the inputs and settings.
    For a list of ids (FILE.txt) POOL may be left out: the rows of the first --scores are then the pool.

    Rows are filtered (--where, --min-tokens, --max-tokens, --decontaminate), ranked, freed of duplicates (--dedup: the
    highest of each group stays), cut to a --shortlist and ranked again by --then, and interleaved by --quota.

    \b
    Example:
      dataselect select pool.jsonl --strategy ppl-low --scores scores --budget 10% --out low.jsonl
      dataselect select pool.jsonl --ranking low.ranking.parquet --budget 20% --out more.jsonl
      dataselect select pool.jsonl --strategy random --scores scores --budget 50000tok --seed 1 --out random.jsonl
      dataselect select pool.jsonl --strategy length-matched-random --param match=low.jsonl --scores scores
        --budget 10% --out control.jsonl
      dataselect select pool.jsonl --strategy rds-plus --embeddings embeddings --budget 10% --out rds.jsonl
      dataselect select pool.jsonl --strategy dsir --target dev.jsonl --budget 10% --out dsir.jsonl
      dataselect select preferences.jsonl --pairs --strategy length-gap --scores scores --budget 10% --out even.jsonl
      dataselect select pool.jsonl --strategy column --param name=rating --scores judge.csv --budget 10% --out top.jsonl
      dataselect select a.jsonl b.jsonl --strategy longest --where "response_tokens > 20 and ppl < 50" --dedup exact
        --dedup ngram --decontaminate test.jsonl --quota even --scores scores --budget 1000 --out clean.jsonl
      dataselect select pool.jsonl --strategy ifd-high --shortlist 20% --then facility-location --scores scores
        --embeddings embeddings --budget 2% --out diverse.jsonl
      dataselect select --strategy ppl-mid --scores scores --budget 10% --out ids.txt
    """
    summary = _reselect(given) if given["ranking"] else _select(given)
    options.say(summary.line)
    if summary.funnel:
        options.say(summary.funnel)


def _select(given: dict[str, Any]) -> SelectionSummary:
    from dataselect.selection import SelectRequest, select

    if given["strategy"] is None:
        raise UsageError("--strategy is required", "give --strategy NAME, or --ranking FILE.ranking.parquet")
    return select(
        SelectRequest(
            pools=given["pools"],
            strategy=given["strategy"],
            budget=given["budget"],
            out=given["out"],
            params=options.pairs("--param", given["params"]),
            scores=given["scores"],
            embeddings=given["embeddings"],
            seed=given["seed"],
            columns=options.column_map(given),
            prefix_ids=given["prefix_ids"],
            length_control=_length_control(given["length_control"], given["length_bins"]),
            within=given["within"],
            targets=given["targets"],
            filters=_filters(given),
            then=_then(given["shortlists"], given["then"]),
            quota=given["quota"],
            label=given["label"],
            overwrite=given["overwrite"],
        )
    )


def _reselect(given: dict[str, Any]) -> SelectionSummary:
    from dataselect.selection import ReselectRequest, reselect

    wanted = {"pools", "ranking", "budget", "out", "overwrite"}
    for option in click.get_current_context().command.params:
        if option.name and option.name not in wanted and options.typed(option.name):
            raise UsageError(
                f"{option.opts[0]} has no effect with --ranking: its rows are ranked",
                "select with --strategy",
            )
    return reselect(ReselectRequest(**{name: given[name] for name in wanted}))


def _then(shortlists: tuple[str, ...], then: tuple[str, ...]) -> tuple[Then, ...]:
    from dataselect.selection import Then

    if len(shortlists) != len(then):
        raise UsageError(
            f"each --then orders a --shortlist: got {len(shortlists)} shortlists for {len(then)} strategies",
            "--strategy ifd-high --shortlist 20% --then k-center",
        )
    return tuple(Then(shortlist=size, strategy=name) for size, name in zip(shortlists, then, strict=True))


def _length_control(method: str | None, bins: int | None) -> LengthControl | None:
    from dataselect.selection.length_control import LengthBins, LengthResidual

    if bins is not None and method != "bins":
        raise UsageError("--length-bins requires --length-control bins", "give both, or neither")
    if method is None:
        return None
    return LengthResidual() if method == "residual" else LengthBins() if bins is None else LengthBins(bins)


def _filters(given: Mapping[str, Any]) -> Filters:
    """Return the `Filters` that the options ask for.

    Raises:
        UsageError: If a value is out of range, or a threshold is given to nothing.
    """
    from dataselect.selection import Filters

    for option, needs, there in (
        ("dedup_threshold", "--dedup ngram", "ngram" in given["dedup"]),
        ("dedup_cosine", "--dedup semantic", "semantic" in given["dedup"]),
        ("decontaminate_ngram", "--decontaminate FILE", bool(given["decontaminate"])),
    ):
        if given[option] is not None and not there:
            raise UsageError(f"--{option.replace('_', '-')} requires {needs}", "give both, or neither")
    names = (
        "where", "min_tokens", "max_tokens", "dedup", "dedup_threshold", "dedup_cosine", "decontaminate",
        "decontaminate_ngram", "decontaminate_cosine",
    )  # fmt: skip
    return Filters(**{name: given[name] for name in names if given[name] is not None})
