"""Reading of a table of runs: a CSV, wide or long, with its configuration, to a `RunTable`.

A wide table has one row per run and one column per task. A long one has one row per run and task; its rows belong to
one run where model, data set and all conditions are the same. Two scores of one run on one task are refused, since
keeping one of them would be arbitrary: a column that distinguishes the two belongs into `columns.conditions`.

Properties of the data are columns of the table itself, or joined from a second table. That has a row per data set, or
per data set and model where a property depends on the model, as perplexity does. Its rows must be distinct; a data set
that it does not name has no property, which the checks report.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataselect.errors import ArtifactError, ConfigError
from dataselect.library_errors import refused
from dataselect.pool.streams import open_bytes
from dataselect.run_analysis.config import AnalyzeConfig, PropertyTable, TaskConfig
from dataselect.run_analysis.run_table import Floats, RunTable, UnreadableCell, task_column


def read_table(path: Path, config: AnalyzeConfig, folder: Path) -> RunTable:
    """Read a table of runs.

    Args:
        folder: What the configuration's own paths are relative to.

    Raises:
        ArtifactError: If a file cannot be read as a table.
        ConfigError: If columns that the configuration names are missing; the message lists all of them.
    """
    text = read_delimited(path)
    joined = read_delimited(folder / config.property_table.file) if config.property_table else None
    _require_columns(text, joined, config)
    unreadable: list[UnreadableCell] = []
    read = _wide if config.columns.task is None else read_long
    return join_properties(read(text, config, unreadable), joined, config)


def _wide(text: TextTable, config: AnalyzeConfig, unreadable: list[UnreadableCell]) -> RunTable:
    scores = [text.numbers(task.column or name, unreadable) for name, task in config.tasks.items()]
    return RunTable(
        model=config.columns.model,
        data=config.columns.data,
        lines=text.lines,
        labels={name: tuple(text.columns[name]) for name in config.columns.keys},
        tasks=tuple(task_column(name, task) for name, task in config.tasks.items()),
        scores=np.array(scores),
        properties=own_properties(text, config, unreadable),
        unreadable=tuple(unreadable),
        groups={name: tuple(text.columns[name]) for name in _own_groups(config)},
    )


def _own_groups(config: AnalyzeConfig) -> list[str]:
    """Return the columns of groups that do not name a run; those that forecasts leave out are among them."""
    named = dict.fromkeys((*config.group, *(one.leave_out for one in config.forecast.values())))
    return [name for name in named if name not in config.columns.keys]


def _require_columns(text: TextTable, joined: TextTable | None, config: AnalyzeConfig) -> None:
    named: list[str] = [*config.columns.keys, *_own_groups(config)]
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
        raise ConfigError(f"missing columns: {'; '.join(faults)}", "correct the names in the configuration")


def _absent(text: TextTable, named: Iterable[str]) -> list[str]:
    faults = []
    for name in dict.fromkeys(named):
        if name not in text.columns:
            near = difflib.get_close_matches(name, text.columns, n=1)
            faults.append(f"{text.path.name} has no {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    return faults


def read_long(text: TextTable, config: AnalyzeConfig, unreadable: list[UnreadableCell]) -> RunTable:
    """Gather the rows of each run; its line is that of its first row.

    Raises:
        ArtifactError: If a run has two scores on a task, or two values of one property.
    """
    columns = config.columns
    task_cells, score = text.columns[columns.task or ""], text.numbers(columns.score or "", unreadable)
    keys = list(zip(*(text.columns[name] for name in columns.keys), strict=True))
    runs = {key: row for row, key in enumerate(dict.fromkeys(keys))}
    named = config.tasks or {name: TaskConfig() for name in dict.fromkeys(task_cells)}
    places = {one.column or name: row for row, (name, one) in enumerate(named.items())}
    scores = np.full((len(named), len(runs)), np.nan)
    seen: dict[tuple[int, int], int] = {}
    for row, (key, task) in enumerate(zip(keys, task_cells, strict=True)):
        if task not in places:
            continue
        cell = places[task], runs[key]
        if cell in seen:
            raise ArtifactError(
                f"{text.path}: lines {text.lines[seen[cell]]} and {text.lines[row]} are both {', '.join((*key, task))}",
                "name the column that distinguishes them in columns.conditions",
            )
        seen[cell] = row
        scores[cell] = score[row]
    owners = np.array([runs[key] for key in keys])
    first = [int(np.flatnonzero(owners == run)[0]) for run in range(len(runs))]
    properties = own_properties(text, config, unreadable)
    return RunTable(
        model=columns.model, data=columns.data, lines=tuple(text.lines[row] for row in first),
        labels={name: tuple(text.columns[name][row] for row in first) for name in columns.keys},
        tasks=tuple(task_column(name, one) for name, one in named.items()), scores=scores,
        properties={name: _one_each(text, name, values, owners, first) for name, values in properties.items()},
        unreadable=tuple(unreadable),
        groups={name: _one_group(text, name, owners, first) for name in _own_groups(config)},
    )  # fmt: skip


def _one_group(text: TextTable, name: str, owners: np.ndarray, first: list[int]) -> tuple[str, ...]:
    """Return the group of each run, which all of its rows must share."""
    cells = text.columns[name]
    for row, owner in enumerate(owners):
        if cells[row] != cells[first[owner]]:
            raise ArtifactError(
                f"{text.path}, line {text.lines[row]}: {name} differs within one run", "a group belongs to a run"
            )
    return tuple(cells[row] for row in first)


def _one_each(text: TextTable, name: str, values: Floats, owners: np.ndarray, first: list[int]) -> Floats:
    """Return the property of each run, which all of its rows must share."""
    wanted = values[first][owners]
    differ = np.flatnonzero(~((values == wanted) | (np.isnan(values) & np.isnan(wanted))))
    if len(differ):
        line = text.lines[int(differ[0])]
        raise ArtifactError(f"{text.path}, line {line}: {name} differs within one run", "a property belongs to a run")
    return values[first]


def own_properties(text: TextTable, config: AnalyzeConfig, unreadable: list[UnreadableCell]) -> dict[str, Floats]:
    """Read the properties that are in the table itself, as (n,) numbers; none where a second table has them."""
    if config.property_table is not None:
        return {}
    return {name: text.numbers(one.column or name, unreadable) for name, one in config.properties.items()}


def join_properties(table: RunTable, joined: TextTable | None, config: AnalyzeConfig) -> RunTable:
    """Add the properties of a second table, if there is one, and take the logarithms that are asked for.

    Raises:
        ArtifactError: If the second table names a data set (and model) twice.
        ConfigError: If the logarithm of a number that is not above 0 is asked for.
    """
    properties, unreadable = dict(table.properties), list(table.unreadable)
    if joined is not None and config.property_table is not None:
        properties = _joined(table, joined, config, config.property_table, unreadable)
    for name, one in config.properties.items():
        if one.log:
            properties[name] = _logarithm(name, properties[name])
    return replace(table, properties=properties, unreadable=tuple(unreadable))


def _joined(
    table: RunTable, joined: TextTable, config: AnalyzeConfig, by: PropertyTable, unreadable: list[UnreadableCell]
) -> dict[str, Floats]:
    keys = _keys(joined.columns, by)
    place = {key: row for row, key in enumerate(keys)}
    if len(place) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ArtifactError(f"{joined.path} has two rows for {', '.join(twice)}", "keep one row for each")
    own = zip(table.datasets, table.models, strict=True) if by.model else ((one,) for one in table.datasets)
    rows = [place.get(tuple(cell.strip() for cell in key)) for key in own]
    found = {}
    for name, one in config.properties.items():
        values = joined.numbers(one.column or name, unreadable)
        found[name] = np.array([np.nan if row is None else values[row] for row in rows])
    return found


def _keys(columns: Mapping[str, list[str]], by: PropertyTable) -> list[tuple[str, ...]]:
    named = [columns[name] for name in (by.data, by.model) if name]
    return [tuple(cell.strip() for cell in key) for key in zip(*named, strict=True)]


def _logarithm(name: str, values: Floats) -> Floats:
    known = values[np.isfinite(values)]
    if (known <= 0).any():
        raise ConfigError(
            f"properties.{name}: log needs values above 0, but the lowest value is {known.min():g}",
            "remove log, or correct it",
        )
    return np.log(values)


ABSENT = frozenset({"", "na", "n/a", "nan", "none", "null", "-"})
"""Cells that say that there is no number, whatever their case."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """Columns of text, aligned with the lines that rows begin on."""

    path: Path
    columns: dict[str, list[str]]
    lines: tuple[int, ...]

    def numbers(self, column: str, unreadable: list[UnreadableCell]) -> Floats:
        """Read one column as (n,) float64; cells that are no finite number become NaN and are added to `unreadable`."""
        values = np.full(len(self.lines), np.nan)
        for row, cell in enumerate(self.columns[column]):
            text = cell.strip()
            if text.lower() in ABSENT:
                continue
            try:
                value = float(text)
            except ValueError:
                value = np.nan
            if np.isfinite(value):
                values[row] = value
            else:
                unreadable.append(UnreadableCell(self.lines[row], column, text))
        return values


def read_delimited(path: Path) -> TextTable:
    """Read a CSV (also .gz or .zst) with one line of names.

    Raises:
        ArtifactError: If it cannot be read, has no rows, repeats a column's name, or has a row of another length.
    """
    try:
        with open_bytes(path) as file:
            text = file.read().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        return _columns(path, reader)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        doing = f"cannot read the table {path}"
        raise refused(error, doing) or ArtifactError(f"{doing}: {error}", "give a CSV in UTF-8") from None


def _columns(path: Path, reader: csv._reader) -> TextTable:  # type: ignore[name-defined]
    names = [name.strip() for name in next(reader, [])]
    repeated = sorted({name for name in names if names.count(name) > 1 and name})
    if repeated:
        raise ArtifactError(f"{path} has two columns named {', '.join(repeated)}", "rename one of them")
    rows, lines = [], []
    line = reader.line_num + 1
    for row in reader:
        if row:
            if len(row) != len(names):
                raise ArtifactError(
                    f"{path}, line {line}: expected {len(names)} cells, got {len(row)}", "quote cells that hold a comma"
                )
            rows.append(row)
            lines.append(line)
        line = reader.line_num + 1
    if not rows:
        raise ArtifactError(f"{path} has no rows", "a table needs a line of names and a line per run")
    return TextTable(
        path, {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}, tuple(lines)
    )
