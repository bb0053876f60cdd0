"""A comparison as one HTML file that needs nothing else: styles, scripts, plots and data are all inside.

All text goes through Jinja's autoescape; plot data is JSON in a script element that no browser runs, with `<`, `>` and
`&` written as escapes, so that no text can end the element. A content security policy lists the digests of the
scripts of our own: even text that escaped escaping could neither run nor fetch anything, and the page works offline.

Left out: any number that the comparison does not hold.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dataselect.artifacts import write_text
from dataselect.registry import require
from dataselect.reports.document import read_comparison
from dataselect.reports.report import Report, build_report

_HERE = Path(__file__).parent


def write_html(comparison_path: Path, out: Path) -> None:
    """Render a comparison as a self-contained HTML file.

    Args:
        comparison_path: A `comparison.json`.
        out: The file to write; replaced if it is there.

    Raises:
        ArtifactError: If the comparison cannot be read or `out` cannot be written.
        MissingExtraError: If plotly is not installed.
    """
    write_text(out, render_html(build_report(read_comparison(comparison_path))))


def check_html() -> None:
    """Say at once, not after hours of work, where no page could be made.

    Raises:
        MissingExtraError: If plotly is not installed.
    """
    require("plotly.offline", extra="report")


def render_html(report: Report) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    scripts = [_plotly(), *map(_read, ("plots.js", *report.drawings, "report.js"))]
    policy = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return environment.get_template("report.html.jinja").render(
        report=report,
        style=Markup(_read("report.css")),
        scripts=[Markup(script) for script in scripts],
        policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {policy}",
        data=embedded_json({plot.key: {"kind": plot.kind, **plot.data} for plot in report.plots}),
    )


def embedded_json(value: Any) -> Markup:  # noqa: ANN401 - JSON
    """JSON that can stand in a script element: ASCII only, and without `<`, `>` and `&`."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _plotly() -> str:
    script: str = require("plotly.offline", extra="report").get_plotlyjs()
    return script.replace("\r\n", "\n")  # a browser hashes what it parsed, with line feeds


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
