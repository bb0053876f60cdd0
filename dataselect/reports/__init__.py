"""Formats a comparison as HTML or Markdown. Computes nothing."""

from dataselect.reports.document import find_comparison, read_comparison
from dataselect.reports.html import write_html
from dataselect.reports.markdown import write_markdown
from dataselect.reports.sentences import verdict_lines

__all__ = ["find_comparison", "read_comparison", "verdict_lines", "write_html", "write_markdown"]
