"""`dataselect compare`: verdicts over evaluated runs; `run` prints its own in the same way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataselect.cli import options
from dataselect.errors import ArtifactError

if TYPE_CHECKING:
    from dataselect.comparison import Comparison
    from dataselect.comparison.settings import SettingsComparison


@click.command()
@click.argument("directories", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.out_directory
def command(directories: tuple[Path, ...], out: Path, overwrite: bool) -> None:
    """Compare evaluated runs, with intervals and verdicts.

    DIR... are folders of `evaluate`, or one folder of `run`. Runs that differ only in their seed are taken together,
    and every strategy is compared with random at its own budget. A verdict needs at least two seeds on each side. The
    verdicts go to stdout, with the commands that make what is missing; all numbers to comparison.json in --out.
    Without any random control the exit status is 1.

    \b
    Example:
      dataselect compare results/* --out comparison
      dataselect report comparison --out report.html
    """
    from dataselect.reports import compare

    comparison = compare(directories, out, overwrite)
    print_verdicts(comparison)
    if comparison.uncontrolled:
        raise ArtifactError(
            "no strategy has a random control at its own budget, so nothing was compared",
            f"make {'; '.join(line for line in comparison.missing if line.startswith('random at'))}",
        )


def print_verdicts(comparison: Comparison | SettingsComparison) -> None:
    """Print one line per strategy and task, and what is missing for a verdict."""
    from dataselect.reports import verdict_lines

    for line in verdict_lines(comparison.document):
        options.emit(line.replace("\N{MINUS SIGN}", "-"))
