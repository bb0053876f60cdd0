"""`dataselect quickstart`: from pools to a recommendation in a few minutes, offline."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from dataselect.cli import options


@click.command("quickstart")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True, metavar="DIR",
    help="Folder for data, trainings and the recommendation.",
)  # fmt: skip
def command(out: Path) -> None:
    """Ask what to train the bundled model on, offline, in a few minutes.

    Writes four pools of composed examples with planted defects and calls `recommend` on them, for a task of word
    problems: audit, clean, score, short trainings of candidates, and a final on items that were kept sealed. The last
    line is the recommendation. Call it again to go on where it was stopped.

    \b
    Example:
      dataselect quickstart --out quickstart
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here needs a hub
    from dataselect.recommendation.quickstart import quickstart

    found = quickstart(out, options.say)
    experiment = shlex.join(["dataselect", "run", str(out / "quickstart.yaml"), "--out", str(out / "experiment")])
    options.say(f"{found.wall_seconds:.0f} s; the report: {found.out / 'report.html'}")
    options.say(f"every strategy on the same rows, with controls, in ten minutes: {experiment}")
    options.emit(found.sentence)
