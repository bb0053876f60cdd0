"""Properties of the data: from columns of the table itself, or joined from a second table.

A second table has a row per data set, or per data set and model where a property depends on the model, as perplexity
does. Its rows must be distinct, and a data set that it does not name has no property, which the checks report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dataselect.errors import ArtifactError, ConfigError
from dataselect.prediction.config import AnalyzeConfig, PropertyTable
from dataselect.prediction.delimited import TextTable
from dataselect.prediction.table import Floats, RunTable, Unreadable


def own_properties(text: TextTable, config: AnalyzeConfig, unreadable: list[Unreadable]) -> dict[str, Floats]:
    """Properties that stand in the table itself, as (n,) numbers as they are; none where a second table has them."""
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
    table: RunTable, joined: TextTable, config: AnalyzeConfig, by: PropertyTable, unreadable: list[Unreadable]
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
            f"properties.{name}: log is asked for, but the lowest value is {known.min():g}", "remove log, or correct it"
        )
    return np.log(values)
