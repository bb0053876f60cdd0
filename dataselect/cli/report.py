"""`dataselect report`."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli import options
from dataselect.errors import UsageError


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="File to write: .html or .md."
)
def command(directory: Path, out: Path) -> None:
    """Render a comparison as HTML or Markdown.

    DIR is a folder of `compare`, or one of `run`, which holds a comparison. The HTML is one file that needs no network.

    \b
    Example:
      dataselect report comparison --out report.html
      dataselect report comparison --out report.md
    """
    from dataselect.reports import find_comparison, write_html, write_markdown

    writers = {".html": write_html, ".md": write_markdown}
    if out.suffix.lower() not in writers:
        raise UsageError(f"a report is .html or .md, not {out.name!r}", "give --out report.html or --out report.md")
    writers[out.suffix.lower()](find_comparison(directory), out)
    options.say(f"wrote {out}")
