"""`dataselect report`: render a comparison as HTML or Markdown."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli import options


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@options.out_file("FILE", "File to write: .html or .md.")
def command(directory: Path, out: Path, overwrite: bool) -> None:
    """Render a comparison as HTML or Markdown.

    DIR is a folder of `compare`, or one of `run`, which holds a comparison. The HTML is one file that needs no network.

    \b
    Example:
      dataselect report comparison --out report.html
      dataselect report comparison --out report.md
    """
    from dataselect.reports import write_report

    write_report(directory, out, overwrite)
    options.say(f"wrote {out}")
