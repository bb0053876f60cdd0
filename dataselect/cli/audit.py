"""`dataselect audit`: the first thing to do with an unknown pool."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from dataselect.cli import options


@click.command("audit")
@options.pools
@click.option(
    "--task", "tasks", multiple=True, metavar="FILE",
    help="Examples that a model will be tested on: rows that share text with them are found; may be repeated.",
)  # fmt: skip
@click.option(
    "--model", metavar="M",
    help="builtin, a model folder, or a hub id: also count tokens, and find rows without a trained token, too long "
    "ones and missing end marks. Only its tokenizer is loaded.",
)  # fmt: skip
@options.template
@options.limit()
@options.columns
@click.option("--overwrite", is_flag=True, help="Remove this command's own files in DIR first.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR",
    help="Also write DIR/audit.html (a page), audit.json (all numbers) and rows.parquet (what each row shows).",
)  # fmt: skip
def command(
    pools: tuple[str, ...],
    tasks: tuple[str, ...],
    model: str | None,
    out: Path | None,
    limit: int | None,
    sample_seed: int | None,
    overwrite: bool,
    **shared: Any,
) -> None:
    """Report what is wrong with pools before anything is scored.

    Finds unreadable records, empty, repeated, cut and refused responses, special tokens in the text, duplicates inside
    and between pools, text of the tasks, lengths, formats, languages and boilerplate; each with its count, examples,
    and the options of `select` that remove it or how to fix it. Nothing is removed. "!!" marks what spoils training or
    a test, "?" what is worth a look.

    \b
    Example:
      dataselect audit pool.jsonl
      dataselect audit alpaca.json dolly.jsonl --task gsm8k_test.jsonl --model M --out audit
    """
    from dataselect.recommendation.audit import AuditRequest, audit
    from dataselect.recommendation.audit.printed import lines

    report = audit(
        AuditRequest(
            pools=pools, tasks=tasks, out=out, model=model, render=options.render_options(shared),
            columns=options.column_map(shared), prefix_ids=shared["prefix_ids"], limit=limit, sample_seed=sample_seed,
            overwrite=overwrite,
        ),
        options.say,
    )  # fmt: skip
    for line in lines(report.document, shlex.join(pools), "DIR" if out is None else shlex.quote(str(out))):
        options.emit(line)
    if out is not None:
        options.say(f"the page: {out / 'audit.html'}; all numbers: {out / 'audit.json'}; rows: {out / 'rows.parquet'}")
