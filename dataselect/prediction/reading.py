"""From a CSV and its configuration to a `RunTable`; wide tables here, long ones through `long_table`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dataselect.errors import ConfigError
from dataselect.prediction.config import AnalyzeConfig
from dataselect.prediction.delimited import TextTable, read_delimited
from dataselect.prediction.long_table import read_long
from dataselect.prediction.properties import join_properties, own_properties
from dataselect.prediction.table import RunTable, Unreadable, make_task


def read_table(path: Path, config: AnalyzeConfig, folder: Path) -> RunTable:
    """Read a table of runs.

    Args:
        folder: What the configuration's own paths are relative to.

    Raises:
        ArtifactError: If a file cannot be read as a table.
        ConfigError: If columns that the configuration names are not there; all of them are told.
    """
    text = read_delimited(path)
    joined = read_delimited(folder / config.property_table.file) if config.property_table else None
    _require_columns(text, joined, config)
    unreadable: list[Unreadable] = []
    read = _wide if config.columns.task is None else read_long
    return join_properties(read(text, config, unreadable), joined, config)


def _wide(text: TextTable, config: AnalyzeConfig, unreadable: list[Unreadable]) -> RunTable:
    scores = [text.numbers(task.column or name, unreadable) for name, task in config.tasks.items()]
    return RunTable(
        model=config.columns.model,
        data=config.columns.data,
        lines=text.lines,
        labels={name: tuple(text.columns[name]) for name in config.columns.keys},
        tasks=tuple(make_task(name, task) for name, task in config.tasks.items()),
        scores=np.array(scores),
        properties=own_properties(text, config, unreadable),
        unreadable=tuple(unreadable),
    )


def _require_columns(text: TextTable, joined: TextTable | None, config: AnalyzeConfig) -> None:
    named: list[str] = list(config.columns.keys)
    if config.columns.task is None:
        named += [task.column or name for name, task in config.tasks.items()]
    else:
        named += [config.columns.task, config.columns.score or ""]
    properties = [one.column or name for name, one in config.properties.items()]
    if joined is None or config.property_table is None:
        faults = _absent(text, [*named, *properties])
    else:
        own = [config.property_table.data, *filter(None, [config.property_table.model])]
        faults = _absent(text, named) + _absent(joined, [*own, *properties])
    if faults:
        raise ConfigError(f"columns that are not there: {'; '.join(faults)}", "correct the names in the configuration")


def _absent(text: TextTable, named: Iterable[str]) -> list[str]:
    faults = []
    for name in dict.fromkeys(named):
        if name not in text.columns:
            near = difflib.get_close_matches(name, text.columns, n=1)
            faults.append(f"{text.path.name} has no {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    return faults
