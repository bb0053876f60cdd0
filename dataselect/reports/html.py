"""A comparison as one HTML file that needs nothing else: styles, scripts, plots and data are all inside.

All text goes through Jinja's autoescape; plot data is JSON in a script element that no browser runs, with `<`, `>` and
`&` written as escapes, so that no text can end the element. A content security policy lists the digests of the
scripts: even text that was not escaped could neither run nor fetch anything, and the page works offline.

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

from dataselect.reports.content import Report

_HERE = Path(__file__).parent


def render_html(report: Report) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    scripts = [_read(name) for name in ("chart.js", "plots.js", *report.drawings, "report.js")]
    digests = (base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") for script in scripts)
    policy = " ".join(f"'sha256-{digest}'" for digest in digests)
    return environment.get_template("report.html.jinja").render(
        report=report,
        style=Markup(_read("report.css")),
        scripts=[Markup(script) for script in scripts],
        policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {policy}",
        data=embedded_json({plot.key: {"kind": plot.kind, **plot.data} for plot in report.plots}),
    )


def embedded_json(value: Any) -> Markup:  # noqa: ANN401 - JSON
    """JSON for a script element: ASCII only, and without `<`, `>` and `&`."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
