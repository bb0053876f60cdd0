"""The HTML file as text: self-contained, small enough, safe against every text of a data set."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import lxml.html
import pytest

from dataselect.reports import read_comparison, write_report
from dataselect.reports.html import embedded_json, render_html
from dataselect.reports.report import build_report


@pytest.fixture(scope="module")
def page(comparison):
    return render_html(build_report(read_comparison(comparison)))


@pytest.fixture(scope="module")
def hostile_page(hostile_comparison):
    return render_html(build_report(read_comparison(hostile_comparison)))


def test_sections_in_order(page):
    headings = [h.text for h in lxml.html.fromstring(page).xpath("//main//h2")]
    assert headings == [
        "Verdicts", "Results with intervals", "Budget curves", "Planted defects let through", "The pool", "Score distributions",
        "Perplexity against similarity", "Overlap of selections", "Composition",
        "From the pool to the selections", "Examples from each selection", "Token NLL of examples", "How to reproduce",
    ]  # fmt: skip


def test_no_section_without_data(comparison):
    document = read_comparison(comparison)
    for key in (
        "defects",
        "pool",
        "distributions",
        "similarity",
        "overlaps",
        "compositions",
        "examples",
        "curves",
        "funnels",
        "coloured",
    ):
        del document[key]
    tree = lxml.html.fromstring(render_html(build_report(document)))
    assert [h.text for h in tree.xpath("//h2")] == ["Verdicts", "Results with intervals", "How to reproduce"]


def test_size_and_determinism(page, comparison, tmp_path):
    write_report(comparison.parent, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page
    assert len(page.encode()) < 2_000_000


def test_nothing_is_fetched(page):
    tree = lxml.html.fromstring(page)
    assert tree.xpath("//link|//img|//iframe|//script[@src]|//object|//embed") == []
    assert [a for a in tree.xpath("//@href") if not a.startswith("#")] == []
    policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none';")
    assert "url(" not in tree.xpath("//style")[0].text


def test_the_policy_names_exactly_our_scripts(page):
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert len(digests) == 4
    assert re.findall(r"sha256-([^']+)'", page.split("</title>")[0].replace("&#39;", "'")) == digests


def test_hostile_text_stays_text(hostile_page):
    tree = lxml.html.fromstring(hostile_page)
    assert len(tree.xpath("//script")) == 5
    assert tree.xpath("//img|//body//b|//@onerror") == []
    shown = tree.xpath("//div[@class='turn']/p")
    assert shown
    assert all("</script><script>document.title='owned'</script>" in p.text for p in shown)
    assert "{{ 7*7 }}" in shown[0].text
    assert "\u202e" not in hostile_page
    _, _, tail = hostile_page.partition('id="plot-data">')
    data = tail.split("</script>")[0]
    assert not set("<>&\u2028") & set(data)
    assert "</script><script>document.title" in json.dumps(json.loads(data))


def test_embedded_json_round_trips():
    value = {"</script>": "<!-- & \u2028 \u2029 ]]> 數"}
    text = embedded_json(value)
    assert json.loads(text) == value
    assert text.isascii()


def test_every_table_number_is_in_the_comparison(page, comparison):
    """The report computes nothing: the first table of results is the rows of the comparison, rounded."""
    tree = lxml.html.fromstring(page)
    rows = [r for r in read_comparison(comparison)["rows"] if r["metric"] == "exact_match"]
    table = tree.xpath("//table[@id='results-0']/tbody/tr")
    assert [tr.xpath("./th")[0].text_content().strip() for tr in table] == [r["strategy"] for r in rows]
    assert [float(tr.xpath("./td[3]/@data-sort")[0]) for tr in table] == [r["estimate"] for r in rows]
