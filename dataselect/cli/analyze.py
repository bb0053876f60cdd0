"""`dataselect analyze`: which data helped over a table of runs, and whether a property of the data predicts it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

from dataselect.cli import options


@click.command("analyze")
@click.argument("source", metavar="TABLE.csv|EXPERIMENT", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="YAML",
    help="What the columns of TABLE.csv mean; configs/analyze.yaml is a template. An experiment needs none.",
)  # fmt: skip
@options.out_directory
def command(source: Path, config: Path | None, out: Path, overwrite: bool) -> None:
    """Analyze a table of runs: which data helps, and whether a property of the data predicts it.

    TABLE.csv has a row per run, or per run and task; or give the folder of `dataselect run`. The table is checked first
    and the findings are printed: copies, empty columns, mixed scales, missing cells, baselines not to trust. Then, with
    intervals: correlations of properties and gains, prediction of a model left out, agreement between models, best and
    worst data sets, paired comparisons and curves. All numbers are in DIR/analyze.json, the page is DIR/analyze.html,
    the same as text DIR/analyze.md.

    \b
    Example:
      dataselect analyze runs.csv --config analyze.yaml --out analysis
      dataselect analyze runs/first --out analysis
    """
    from dataselect.run_analysis import analyze
    from dataselect.run_analysis.page import summary

    found = analyze(source, config, out, overwrite)
    document = found.document
    for finding in document["findings"]:
        _print(f"{finding['severity']}: {finding['text']}.")
    options.emit("")
    for sentence in summary(document):
        _print(sentence)
    options.say(f"the page: {out / 'analyze.html'}; all numbers: {out / 'analyze.json'}")


def _print(sentence: str) -> None:
    text = sentence.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    options.emit(textwrap.fill(text, 110, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))
