"""A comparison and its report: `compare` writes `comparison.json`, `write_report` renders it as HTML or Markdown.

The answer comes first, because it is what a reader came for; the sections below are folded, and one without data is
left out. A file that is not a comparison is refused with its name and with the command that makes one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dataselect.arguments import PathLike, as_path
from dataselect.artifacts import read_json_object
from dataselect.comparison import COMPARISON, Comparison, ComparisonRow, compare_runs
from dataselect.comparison.controls import WITHOUT_BUDGET
from dataselect.errors import ArtifactError, UsageError
from dataselect.library_errors import user_errors
from dataselect.pool import PoolReader
from dataselect.reports.content import Report
from dataselect.reports.first_screen import first_screen
from dataselect.reports.html import render_html
from dataselect.reports.markdown import render_markdown
from dataselect.reports.sections import SECTIONS, section_data
from dataselect.reports.sections.results import results_section
from dataselect.reports.sections.settings import settings_section
from dataselect.reports.sections.verdicts import verdict_section
from dataselect.stage import Overwrite, is_stage, read_finished
from dataselect.stage.beside import write_file

_RENDERERS: dict[str, Callable[[Report], str]] = {".html": render_html, ".md": render_markdown}
_NEEDED = (
    "rows", "confidence", "power", "tested", "missing", "runs", "main_metrics", "missing_controls", "failed",
    "reproduction",
)  # fmt: skip
_ROW = {field.name for field in dataclasses.fields(ComparisonRow)}


@user_errors()
def compare(
    directories: PathLike | Iterable[PathLike],
    out: PathLike,
    overwrite: Overwrite = False,
    pool: PoolReader | None = None,
) -> Comparison:
    """Compare evaluated runs and write `comparison.json` into the folder `out`.

    Args:
        directories: Evaluate folders, or one experiment folder, or both; one or many.
        overwrite: Remove an earlier comparison in `out` first.
        pool: The experiment's pool, for the texts and kinds of examples that no selection holds.

    Raises:
        ArtifactError: If an input is unfinished, malformed or given twice, if the runs of a task differ in items, or if
            `out` holds something else.
    """
    return compare_runs(directories, out, section_data, overwrite, pool)


def report_text(directory: Path, suffix: str) -> str:
    """Render the comparison in a folder of `compare` or `run`.

    Args:
        suffix: `.html` or `.md`.

    Raises:
        ArtifactError: If the comparison is missing, unfinished or damaged.
    """
    return _RENDERERS[suffix](build_report(read_comparison(find_comparison(directory))))


@user_errors()
def write_report(directory: PathLike, out: PathLike, overwrite: bool = False) -> None:
    """Render the comparison in a folder of `compare` or `run` into a file.

    Args:
        out: Ends in `.html` or `.md`.
        overwrite: Replace another file of that name.

    Raises:
        UsageError: If `out` ends otherwise.
        ArtifactError: If the comparison cannot be read, or `out` exists or cannot be written.
    """
    directory, out = as_path(directory, "directory"), as_path(out, "out")
    suffix = out.suffix.lower()
    if suffix not in _RENDERERS:
        raise UsageError(f"a report is .html or .md, not {out.name!r}", "give --out report.html or --out report.md")
    write_file(out, report_text(directory, suffix), overwrite)


def find_comparison(directory: Path) -> Path:
    """The comparison in a compare folder, or in the `comparison/` of an experiment folder.

    Raises:
        ArtifactError: If there is none, or it is unfinished or damaged.
    """
    for folder in (directory / "comparison", directory):
        if is_stage(folder) or (folder / COMPARISON).exists():
            return read_finished(folder, "compare").file(COMPARISON)
    raise ArtifactError(f"{directory} holds no {COMPARISON}", f"dataselect compare {directory} --out FOLDER makes one")


def read_comparison(path: Path) -> dict[str, Any]:
    """Read a `comparison.json`.

    Raises:
        ArtifactError: If it cannot be read, or is not a comparison.
    """
    document = read_json_object(path)
    missing = [k for k in _NEEDED if k not in document] if isinstance(document, dict) else list(_NEEDED)
    rows = document["rows"] if not missing else []
    missing += sorted({f"rows: {name}" for row in rows for name in _ROW - set(row)})
    if missing:
        raise ArtifactError(
            f"{path} is not a comparison: it lacks {', '.join(missing)}", "make it again with dataselect compare"
        )
    comparison: dict[str, Any] = document
    return comparison


def build_report(comparison: Mapping[str, Any]) -> Report:
    """Arrange a comparison, as `comparison.json` holds it, into sections."""
    if "settings" in comparison:
        sections = [settings_section(comparison)]
    else:
        sections = [verdict_section(comparison), results_section(comparison)]
    present = [section for section in SECTIONS if comparison.get(section.key)]
    sections += [section.view(comparison[section.key]) for section in present]
    drawings = tuple(dict.fromkeys(name for section in present for name in section.drawings))
    first = None if "settings" in comparison else first_screen(comparison)
    return Report("Which data to train on", _lede(comparison), tuple(sections), COMPARISON, drawings, first)


def _lede(comparison: Mapping[str, Any]) -> str:
    runs = comparison["runs"]
    strategies = len({run["strategy"] for run in runs})
    budgets = len({(run["budget"], run["unit"]) for run in runs if run["strategy"] not in WITHOUT_BUDGET})
    counts = (
        _count(strategies, "strategy", "strategies"),
        _count(budgets, "budget", "budgets"),
        _count(sum(len(run["seeds"]) for run in runs), "run", "runs"),
        _count(len(comparison["main_metrics"]), "task", "tasks"),
    )
    return f"A comparison of {counts[0]} at {counts[1]}, in {counts[2]} on {counts[3]}, each against random selection."


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
