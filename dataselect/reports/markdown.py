"""A comparison as Markdown: the sentences and tables of the HTML report, without its plots.

Every text is escaped, wherever it comes from: punctuation that Markdown gives a meaning is written as a character
reference, which CommonMark never takes for markup, and line ends become spaces. References instead of backslashes,
because a backslash does not stop a pipe from ending a cell in every renderer, nor a bare address from becoming a link.
Configuration and commands are in code fences longer than any run of backticks inside.
"""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dataselect.reports.content import Report

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>&|~#$!@\"']|:(?=//)|(?<=www)\.")
_LINE_START = re.compile(r"^(?:[-+=]|\d+(?=[.)]))")


def render_markdown(report: Report) -> str:
    """The report as Markdown text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"md": escape, "cell": inline, "fence": fence}
    rendered = environment.get_template("report.md.jinja").render(report=report)
    return re.sub(r"\n{3,}", "\n\n", rendered).strip() + "\n"


def escape(text: str) -> str:
    """Text as itself, in one line that may begin a paragraph, whatever Markdown would make of it."""
    return _LINE_START.sub(lambda m: _reference(m) + m.group()[1:], inline(text))


def inline(text: str) -> str:
    """The same for text within a line or a cell, where nothing begins a list."""
    return _SPECIAL.sub(_reference, " ".join(text.split()))


def _reference(match: re.Match[str]) -> str:
    return f"&#{ord(match.group()[0])};"


def fence(text: str) -> str:
    """A code fence that `text` cannot end."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)
