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

    made = list(cells(read_config(config)))
    say(f"{config} is valid: {len(made)} models to train, and the untrained one")
