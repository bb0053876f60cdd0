"""The Markdown file, read back by a CommonMark parser with tables."""

from __future__ import annotations

import pytest

from dataselect.reports import read_comparison, verdict_lines, write_report
from dataselect.reports.markdown import escape, fence

HOSTILE = [
    "a | b", "`code`", "<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](y)", "*b* _i_ ~~s~~", "# heading", "- item", "1. item",
    "> quote", "line\n\n# other", "&lt;b&gt;", "\\| back", "https://example.invalid/x", "www.example.invalid", "+ plus", "===", "$x$", "| a |\n|---|",
]  # fmt: skip


@pytest.fixture(scope="module")
def parser():
    markdown_it = pytest.importorskip("markdown_it")
    return markdown_it.MarkdownIt("gfm-like", {"linkify": False, "html": True})


@pytest.mark.parametrize("text", HOSTILE)
def test_text_means_itself(text, parser):
    """In a cell and as a paragraph, a hostile text is one piece of text."""
    plain = " ".join(text.split())
    for source, kinds in (
        (f"x\n\n{escape(text)}", {"paragraph_open"}),
        (f"| h | i |\n| - | - |\n| {escape(text)} | z |", {"td_open"}),
    ):
        tokens = parser.parse(source)
        inline = [t for t in tokens if t.type == "inline"]
        children = inline[-1].children if "paragraph_open" in kinds else inline[-2].children
        assert {c.type for c in children} <= {"text", "text_special"}
        assert "".join(c.content for c in children) == plain
    assert sum(t.type == "td_open" for t in tokens) == 2


def test_addresses_do_not_become_links():
    assert "://" not in escape("see https://example.invalid/x")
    assert "www." not in escape("see www.example.invalid")


def test_a_fence_outgrows_its_text():
    assert (fence("plain"), fence("a ``` b"), fence("`````")) == ("```", "````", "``````")


def test_same_sentences_and_tables(comparison, tmp_path, parser):
    write_report(comparison.parent, tmp_path / "report.md")
    tokens = parser.parse((tmp_path / "report.md").read_text(encoding="utf-8"))
    shown = " ".join("".join(c.content for c in t.children) for t in tokens if t.type == "inline")
    for line in verdict_lines(read_comparison(comparison)):
        assert line.split("): ", 1)[1] in shown
    assert "Planted defects let through" in shown
    assert sum(t.type == "table_open" for t in tokens) > 10


def test_hostile_report(hostile_comparison, tmp_path, parser):
    write_report(hostile_comparison.parent, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    tokens = parser.parse(text)
    kinds = {t.type for t in tokens} | {c.type for t in tokens for c in t.children or []}
    assert not kinds & {"html_block", "html_inline", "image", "link_open", "code_inline", "em_open", "s_open"}
    widths = []
    for token in tokens:
        if token.type == "tr_open":
            widths.append(0)
        elif token.type in ("td_open", "th_open"):
            widths[-1] += 1
    assert min(widths) > 1
    outside = "".join(c.content for t in tokens for c in t.children or [])
    assert "<script>document.title='owned'</script>" in outside
