"""`dataselect validate`: every fault of a configuration at once, before anything long starts."""

from __future__ import annotations

from pathlib import Path

import click

from dataselect.cli.options import say


@click.command("validate")
@click.argument("config", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
def command(config: Path) -> None:
    """Check an experiment's configuration without running it.

    \b
    Example:
      dataselect validate experiment.yaml
    """
    from dataselect.experiment import read_config
    from dataselect.experiment.cells import cells

    settings = read_config(config).settings
    trained = sum(cell.trains for one in settings.values() for cell in cells(one))
    many = f" in {len(settings)} settings" if len(settings) > 1 else ""
    say(f"{config} is valid: {trained} models to train{many}")
