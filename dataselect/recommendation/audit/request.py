"""The request and the report of an audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.stage import Overwrite


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The pools to audit, and against what.

    Attributes:
        pools: Pool files or folders, as `PoolReader` takes them.
        tasks: Evaluation sets whose text should not be in a pool.
        out: The stage directory; None to write nothing.
        model: Model whose tokenizer and template count tokens; None for no such findings.
        render: How rows are rendered, with a model.
        columns: Column map of the pools.
        prefix_ids: Whether ids carry the name of their file.
        limit: Most records of each pool.
        sample_seed: Draw the records of the limit by chance.
        overwrite: Remove this stage's own files first.
    """

    pools: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    out: Path | None = None
    model: str | None = None
    render: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    limit: int | None = None
    sample_seed: int | None = None
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        checked(self)
        if "-" in self.tasks:
            raise UsageError("a task cannot be read from standard input", "give the path of a file")
        if self.overwrite and self.out is None:
            raise UsageError("there is no folder to overwrite", "--overwrite requires --out DIR")


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit.

    Attributes:
        document: The content of `audit.json`; its keys are described in `document`.
        out: The stage directory; None where nothing was written.
        fresh: False if the directory was finished already and nothing was read.
    """

    document: Mapping[str, Any]
    out: Path | None = None
    fresh: bool = True

    @property
    def findings(self) -> Sequence[Mapping[str, Any]]:
        """The findings with at least one row, the most serious first."""
        found: Sequence[Mapping[str, Any]] = self.document["findings"]
        return found

    def finding(self, key: str) -> Mapping[str, Any] | None:
        """One finding; None where no row shows it."""
        return next((one for one in self.findings if one["key"] == key), None)
