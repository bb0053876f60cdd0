"""`dataselect run`: a whole experiment from one file."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli import options
from dataselect.cli.options import say


@click.command("run")
@click.argument("config", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
@options.out_directory
def command(config: Path, out: Path, overwrite: bool) -> None:
    """Run a whole experiment from one configuration; run again to resume.

    Scores the pool, selects by every strategy and control, trains and evaluates a model on each selection, compares
    them, and writes DIR/report.html and DIR/report.md. Paths in the configuration are relative to it.

    \b
    Example:
      dataselect run experiment.yaml --out runs/first
    """
    from dataselect.cli.verdicts import print_verdicts
    from dataselect.experiment import read_config, run_experiment

    summary = run_experiment(read_config(config), config, out, say, overwrite)
    print_verdicts(summary.comparison)
    say(f"{summary.wall_seconds:.0f} s; report: {summary.report}")
