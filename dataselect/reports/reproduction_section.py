"""The section on how to make the comparison again: commands, configuration, versions and digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dataselect.reports.content import Block, Section, Table, text


def reproduction_section(reproduction: Mapping[str, Any]) -> Section:
    """Commands, configuration, environments and input digests; what is not recorded is left out."""
    blocks = [_commands(reproduction["config"] is not None)]
    if reproduction["config"] is not None:
        blocks.append(Block(title="Configuration", code=reproduction["config"]))
    tables = [_environment(n, e) for n, e in enumerate(reproduction["environments"])]
    tables += [_digests("pool-digests", "Sources of the pool", "source", reproduction["pool"])]
    tables += [_digests("file-digests", "Files compared", "file", reproduction["files"])]
    blocks.append(Block(title="Versions and inputs", tables=tuple(t for t in tables if t.rows)))
    return Section("reproduce", "How to reproduce", tuple(blocks))


def _commands(experiment: bool) -> Block:
    if experiment:
        code = "dataselect run config.yaml --out EXPERIMENT"
    else:
        code = "dataselect compare RUN... --out COMPARISON\ndataselect report COMPARISON --out report.html"
    return Block(code=code)


def _environment(n: int, environment: Mapping[str, Any]) -> Table:
    flat = {name: value for part in ("versions", "hardware") for name, value in environment.get(part, {}).items()}
    rows = tuple((text(k), text(v if isinstance(v, str) else json.dumps(v))) for k, v in flat.items())
    return Table(f"environment-{n}", "Versions and hardware of the runs", ("Part", "Value"), rows)


def _digests(key: str, caption: str, name: str, files: list[Mapping[str, Any]]) -> Table:
    rows = tuple((text(f.get(name, "")), text(f.get("sha256", ""))) for f in files if isinstance(f, dict))
    return Table(key, caption, (name.capitalize(), "sha256"), rows, folded=True)
