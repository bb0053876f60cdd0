"""The section of a comparison that shows where training changed the models, and what goes with the gain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataselect.reports.change_maps import ABOUT, run_map, run_table
from dataselect.reports.content import Block, Section
from dataselect.reports.gain_section import gain_section


def layers_section(layers: Mapping[str, Any]) -> Section:
    """The map of runs by layer, their table, and the correlation of change and gain by depth."""
    plots = () if layers["map"] is None else (run_map(layers["map"]),)
    blocks = [Block(paragraphs=(ABOUT,), plots=plots, tables=(run_table(layers["runs"]),))]
    if layers["correlations"]:
        blocks += gain_section(layers).blocks
    return Section("layers", "Where training changed the models", tuple(blocks))
