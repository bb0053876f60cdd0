"""`dataselect verify`: check a backend or a score folder against a reference before its numbers are used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, emit, engine_arguments, render_options
from dataselect.errors import DataselectError

if TYPE_CHECKING:
    from dataselect.scoring.verify import Verification
    from dataselect.scoring.verify.parity import ParityReport


@click.command("verify")
@options.pools
@options.model
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers, vllm or server.")
@click.option(
    "--scores", type=click.Path(path_type=Path), metavar="DIR",
    help="Check the recorded numbers of this finished folder of score, instead of a backend.",
)  # fmt: skip
@options.template
@click.option(
    "--rows", type=click.IntRange(min=1), default=200, show_default=True, metavar="N",
    help="Rows to verify; a tenth of them are the longest of the pool.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="S", help="Seed of the draw.")
@click.option(
    "--dtype", default="auto", show_default=True, metavar="D",
    help="float32, bfloat16 or float16; with --scores or a server, what they claim.",
)  # fmt: skip
@click.option(
    "--tolerance", type=click.FloatRange(min=0), metavar="X",
    help="Nats per token: at any token in float32 [default: 1e-4], in the median row in 16 bits [default: 5e-3].",
)  # fmt: skip
@click.option("--no-ranks", is_flag=True, help="Compare no ranks; for servers that give none.")
@options.batch_tokens
@options.engine_args
@options.server
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for verify.json.")
@options.overwrite
@options.columns
def command(
    pools: tuple[str, ...], model: str, backend: str, scores: Path | None, rows: int, seed: int, dtype: str,
    tolerance: float | None, no_ranks: bool, batch_tokens: int | None, engine_args: tuple[str, ...],
    server: str | None, served_model: str | None, out: Path | None, overwrite: bool, **shared: Any,
) -> None:  # fmt: skip
    """Verify that a backend, or a score folder, gives the right numbers.

    Scores a sample with the backend and with transformers in float32, one row at a time; then shuffled; then in other
    batches. With --scores, compares the recorded numbers with that reference, and what the folder says of model,
    template and dtype with the options given here. Exits with 1 over the tolerance, which in float32 is 1e-4 nats at
    any token, and in 16 bits 5e-3 nats per token in the median row, Spearman 0.999 and an overlap of the rows of lowest
    perplexity of 99 %.

    \b
    Example:
      dataselect verify pool.jsonl --model builtin
      dataselect verify pool.jsonl --model M --backend vllm --rows 500 --out verified
      dataselect verify pool.jsonl --model M --scores scores
    """
    from dataselect.scoring.verify import VerifyRequest, verify

    request = VerifyRequest(
        pools=pools, model=model, backend=backend, scores=scores, rows=rows, seed=seed,
        rendering=render_options(shared), columns=column_map(shared), prefix_ids=shared["prefix_ids"], dtype=dtype,
        tolerance=tolerance, ranks=not no_ranks, batch_tokens=batch_tokens,
        engine_args=engine_arguments(engine_args), server=server if backend == "server" else None,
        served_model=served_model, out=out, overwrite=overwrite,
    )  # fmt: skip
    found = verify(request)
    print_verification(found)
    if not found.passed:
        raise failure(found)


_SHOWN = 5
"""Most failures that are listed."""

_HEAD = ("", "largest", "median", "row median", "Spearman", "lowest 10 %", "ranks", "not finite")


def print_verification(found: Verification) -> None:
    """Print sample, comparisons, the worst place and the verdict."""
    drawn = f"{found.rows:,} of {found.records:,} records, {found.longest} of them for their length"
    emit(f"{found.subject}, {found.dtype}: {drawn}; reference: transformers, float32, one row at a time")
    if found.compared:
        emit("\n" + "\n".join(_table(found.compared)))
        emit(f"\nnats per token. Largest: {max(found.compared, key=_badness).worst}")
    if found.passed_over:
        emit(f"{found.passed_over:,} rows are recorded as engine_error, without numbers")
    for line in found.failures[:_SHOWN]:
        emit(f"failed: {line}")
    if len(found.failures) > _SHOWN:
        emit(f"and {len(found.failures) - _SHOWN:,} more")
    emit("passed" if found.passed else "failed")


def failure(found: Verification) -> DataselectError:
    """Return the error of a verification that failed."""
    more = f", and {len(found.failures) - 1:,} more" if len(found.failures) > 1 else ""
    hint = "score again, or repeat the options of that run" if found.differences else "dataselect show prints the row"
    return DataselectError(f"{found.subject} is not verified: {found.failures[0]}{more}", hint)


def _badness(one: ParityReport) -> tuple[bool, float]:
    return one.parity.not_finite > 0, one.parity.largest or 0.0


def _table(compared: tuple[ParityReport, ...]) -> Iterator[str]:
    rows = [_HEAD, *(_cells(one) for one in compared)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    for name, *cells in rows:
        yield "  ".join([name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))])


def _cells(one: ParityReport) -> tuple[str, ...]:
    found = one.parity
    return (
        found.name, *(_number(value, ".1e") for value in (found.largest, found.median, found.row_median)),
        _number(found.spearman, ".6f"), _number(found.overlap, ".1%"), _number(found.ranks, ".2%"),
        f"{found.not_finite:,}",
    )  # fmt: skip


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form).replace("%", " %")
