"""`dataselect quickstart`: the whole flow in about ten minutes, offline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dataselect.cli.options import say


@click.command("quickstart")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True, metavar="DIR",
    help="Folder for data, models, results and report.",
)  # fmt: skip
def command(out: Path) -> None:
    """Run the whole flow offline on the bundled model and pool.

    Makes a pool of 1,040 examples with planted defects, scores it, selects 10 % by each strategy and control, trains
    and evaluates a small model on each selection, and writes DIR/experiment/report.html. Trains 25
    models in about ten minutes on two cores. Call it again to resume.

    \b
    Example:
      dataselect quickstart --out quickstart
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here needs a hub
    from dataselect.cli.compare import print_verdicts
    from dataselect.experiment.quickstart import quickstart

    summary = quickstart(out, say)
    print_verdicts(summary.comparison)
    say(f"{summary.wall_seconds:.0f} s; report: {summary.report}")
