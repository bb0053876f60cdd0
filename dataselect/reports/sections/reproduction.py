"""Reproduction of the comparison: commands, configuration, versions, hardware and the digests of its inputs.

Paths are given relative to the folder they came from: nothing here names a machine. Versions and hardware are those of
the runs' manifests, not those of the comparison, since the runs are what another version would change.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataselect.comparison.experiment_folder import FileDigest
from dataselect.comparison.section_inputs import SectionInputs
from dataselect.reports.content import Block, ReportSection, Section, Table, text
from dataselect.stage import read_finished


@dataclass(frozen=True, slots=True)
class Reproduction:
    """`environments` are the distinct ones of the runs, `pool` the sources that were scored."""

    config: str | None
    environments: tuple[dict[str, Any], ...]
    pool: tuple[dict[str, Any], ...]
    files: tuple[FileDigest, ...]


def reproduction(inputs: SectionInputs) -> Reproduction:
    """Collect configuration, environments and digests."""
    folder = inputs.experiment
    config = folder.config if folder else None
    pool = read_finished(folder.scores.parent, "score").manifest["inputs"] if folder and folder.scores else []
    environments: list[dict[str, Any]] = []
    for run in inputs.inputs.runs:
        environment = read_finished(run, "evaluate").manifest.get("environment")
        if isinstance(environment, dict) and environment not in environments:
            environments.append(environment)
    return Reproduction(
        config=config.read_text(encoding="utf-8", errors="replace") if config else None,
        environments=tuple(environments),
        pool=tuple(pool),
        files=inputs.files,
    )


def reproduction_section(reproduction: Mapping[str, Any]) -> Section:
    """Commands, configuration, environments and input digests; what is not recorded is left out."""
    if reproduction["config"] is not None:
        blocks = [
            Block(code="dataselect run config.yaml --out EXPERIMENT"),
            Block(title="Configuration", code=reproduction["config"]),
        ]
    else:
        code = "dataselect compare RUN... --out COMPARISON\ndataselect report COMPARISON --out report.html"
        blocks = [Block(code=code)]
    tables = []
    for n, environment in enumerate(reproduction["environments"]):
        flat = {name: value for part in ("versions", "hardware") for name, value in environment.get(part, {}).items()}
        rows = tuple((text(k), text(v if isinstance(v, str) else json.dumps(v))) for k, v in flat.items())
        tables.append(Table(f"environment-{n}", "Versions and hardware of the runs", ("Part", "Value"), rows))
    tables.append(_digests("pool-digests", "Sources of the pool", "source", reproduction["pool"]))
    tables.append(_digests("file-digests", "Files compared", "file", reproduction["files"]))
    blocks.append(Block(title="Versions and inputs", tables=tuple(t for t in tables if t.rows)))
    return Section("reproduce", "How to reproduce", tuple(blocks))


def _digests(key: str, caption: str, name: str, files: list[Mapping[str, Any]]) -> Table:
    rows = tuple((text(f.get(name, "")), text(f.get("sha256", ""))) for f in files if isinstance(f, dict))
    return Table(key, caption, (name.capitalize(), "sha256"), rows, folded=True)


SECTION = ReportSection("reproduction", data=reproduction, view=reproduction_section)
