"""Reports of comparisons as HTML or Markdown, one file per section, and the pages of `layers`, `tokens` and `audit`."""

from dataselect.reports.report import compare, find_comparison, read_comparison, report_text, write_report
from dataselect.reports.sections.verdicts import verdict_lines

__all__ = ["compare", "find_comparison", "read_comparison", "report_text", "verdict_lines", "write_report"]
