"""`dataselect compare`."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli import options


@click.command()
@click.argument("directories", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.out_directory
def command(directories: tuple[Path, ...], out: Path, overwrite: bool) -> None:
    """Compare evaluated runs, with intervals and verdicts.

    DIR... are folders of `evaluate`, or one folder of `run`. Runs that differ only in their seed are taken together,
    and every strategy is compared with random at its own budget. The verdicts go to stdout, all numbers to
    comparison.json in the folder --out.

    \b
    Example:
      dataselect compare results/* --out comparison
      dataselect report comparison --out report.html
    """
    from dataselect.analysis import compare
    from dataselect.cli.verdicts import print_verdicts

    print_verdicts(compare(directories, out, overwrite))
