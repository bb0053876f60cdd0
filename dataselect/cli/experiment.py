"""`dataselect run`: a whole experiment from one file."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli import options
from dataselect.cli.options import say
from dataselect.errors import DataselectError


@click.command("run")
@click.argument("config", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Runs trained side by side, each in a process: one per GPU, or on a CPU one per group of cores.",
)  # fmt: skip
@click.option("--estimate", "only_estimate", is_flag=True, help="Only print an estimate, from a short calibration.")
@options.out_directory
def command(config: Path, workers: int, only_estimate: bool, out: Path, overwrite: bool) -> None:
    """Run a whole experiment from one configuration; run again to resume.

    Scores the pool, selects by every strategy and control, trains and evaluates a model on each selection, compares
    them, and writes DIR/report.html and DIR/report.md. Paths in the configuration are relative to it. A run that fails
    is reported at the end and the others go on; the same command tries it again.

    \b
    Example:
      dataselect run experiment.yaml --out runs/first
      dataselect run experiment.yaml --out runs/first --estimate
    """
    from dataselect.cli.compare import print_verdicts
    from dataselect.experiment import read_config, run_experiment

    made = read_config(config)
    if only_estimate:
        from dataselect.cli.estimate import print_experiment_estimate
        from dataselect.experiment.estimate import estimate_experiment

        print_experiment_estimate(estimate_experiment(made, say))
        return
    summary = run_experiment(made, config, out, say=say, overwrite=overwrite, workers=workers)
    print_verdicts(summary.comparison)
    say(f"{summary.wall_seconds:.0f} s; report: {summary.report}")
    if summary.failed:
        first = summary.failed[0]
        raise DataselectError(
            f"{len(summary.failed)} of the runs failed; the first, {first.cell}: {first.reason}",
            "the report holds the others; the same command tries these again",
        )
