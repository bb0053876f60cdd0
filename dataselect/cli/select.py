"""`dataselect select`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.cli.filters import filter_options, filters_of
from dataselect.errors import UsageError

if TYPE_CHECKING:
    from dataselect.selection import SelectionSummary, Then
    from dataselect.selection.length_control import LengthControl


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
    help="Take response length out of the order: rank within length bins, or by what length does not explain.",
)  # fmt: skip
@click.option("--length-bins", type=click.IntRange(min=2), metavar="N", help="How many length bins [default: 10].")
@filter_options
@click.option(
    "--shortlist", "shortlists", multiple=True, metavar="N|P%",
    help="How many of the best rows so far the next --then is given; may be repeated.",
)  # fmt: skip
@click.option(
    "--then", "then", multiple=True, metavar="NAME",
    help='Order the shortlist by another strategy, options in brackets: "kmeans(clusters=50)"; may be repeated.',
)  # fmt: skip
@click.option(
    "--quota", multiple=True, metavar="even|SOURCE=P%",
    help="The share of each pool file; for shares repeat it, the others get the rest.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="For strategies that draw.")
@click.option(
    "--ranking", type=click.Path(path_type=Path), metavar="FILE.ranking.parquet",
    help="Instead of --strategy: cut the ranking of an earlier selection by another budget.",
)  # fmt: skip
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE.jsonl|FILE.txt",
    help="File to write: records, or with .txt their ids only.",
)  # fmt: skip
@click.option(
    "--label", default="", metavar="NAME",
    help="Its name in comparisons, where one strategy is compared in several settings.",
)  # fmt: skip
@options.columns
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Rank a pool by a strategy and write the best within a budget.

    FILE.jsonl holds the records as they came, best first, each with "_dataselect" (id, rank, strategy, score);
    FILE.ranking.parquet beside it what became of every row of the pool; FILE.manifest.json what was selected from what.
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
      dataselect select pool.jsonl --strategy column --param name=rating --scores judge.csv --budget 10% --out top.jsonl
      dataselect select a.jsonl b.jsonl --strategy longest --where "response_tokens > 20 and ppl < 50" --dedup exact
        --dedup ngram --decontaminate test.jsonl --quota even --scores scores --budget 1000 --out clean.jsonl
      dataselect select pool.jsonl --strategy ifd-high --shortlist 20% --then facility-location --scores scores
        --embeddings embeddings --budget 2% --out superfilter-d.jsonl
      dataselect select --strategy ppl-mid --scores scores --budget 10% --out ids.txt
    """
    summary = _reselect(ctx, given) if given["ranking"] else _select(given)
    options.say(summary.line)
    if summary.funnel:
        options.say(summary.funnel)


def _select(given: dict[str, Any]) -> SelectionSummary:
    from dataselect.selection import SelectRequest, select

    if given["strategy"] is None:
        raise UsageError("how to rank is not said", "give --strategy NAME, or --ranking FILE.ranking.parquet")
    return select(
        SelectRequest(
            given["pools"], given["strategy"], given["budget"], given["out"],
            options.pairs("--param", given["params"]), given["scores"], given["embeddings"], given["seed"],
            options.column_map(given),
            given["prefix_ids"], _length_control(given["length_control"], given["length_bins"]), given["targets"],
            filters_of(given), _then(given["shortlists"], given["then"]), given["quota"], given["label"],
        )
    )  # fmt: skip


def _reselect(ctx: click.Context, given: dict[str, Any]) -> SelectionSummary:
    from dataselect.selection import ReselectRequest, reselect

    typed = click.core.ParameterSource.COMMANDLINE
    wanted = {"pools", "ranking", "budget", "out"}
    for option in ctx.command.params:
        if option.name not in wanted and ctx.get_parameter_source(option.name or "") is typed:
            raise UsageError(
                f"{option.opts[0]} cannot be changed with --ranking: rows are ranked already", "select with --strategy"
            )
    return reselect(ReselectRequest(given["pools"], given["ranking"], given["budget"], given["out"]))


def _then(shortlists: tuple[str, ...], then: tuple[str, ...]) -> tuple[Then, ...]:
    from dataselect.selection import Then

    if len(shortlists) != len(then):
        raise UsageError(
            f"each --then orders a --shortlist: got {len(shortlists)} shortlists for {len(then)} strategies",
            "--strategy ifd-high --shortlist 20% --then k-center",
        )
    return tuple(Then(size, name) for size, name in zip(shortlists, then, strict=True))


def _length_control(method: str | None, bins: int | None) -> LengthControl | None:
    from dataselect.selection.length_control import LengthBins, LengthResidual

    if bins is not None and method != "bins":
        raise UsageError("--length-bins goes with --length-control bins", "give both, or neither")
    if method is None:
        return None
    return LengthResidual() if method == "residual" else LengthBins() if bins is None else LengthBins(bins)
