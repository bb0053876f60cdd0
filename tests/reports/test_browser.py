"""The page in a real browser: every plot drawn, nothing fetched, no error, tables sort, no sideways scrolling."""

from __future__ import annotations

import json
import time

import pytest
from loaded_page import load

from dataselect.reports import write_report

pytestmark = pytest.mark.browser


def open_parts(browser):
    """Unfold the sections, as a reader does."""
    for part in browser.find_elements("css selector", "details.part:not([open]) > summary"):
        part.send_keys("\ue007")  # Enter: reachable by keyboard
    assert browser.find_elements("css selector", "details.part:not([open])") == []


def errors(browser):
    return [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def requests(browser):
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("data:", "blob:", "chrome:"))]


@pytest.mark.timeout(180)
def test_the_page(comparison, browser, tmp_path):
    path = tmp_path / "report.html"
    write_report(comparison.parent, path)
    for width, scheme in ((1280, "light"), (400, "dark")):
        load(browser, path, width, scheme)
        empty = (
            "return [...document.querySelectorAll('.canvas')].filter(c => !c.querySelector('.main-svg')).map(c => c.id)"
        )
        assert path.stat().st_size < 2_000_000
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        open_parts(browser)
        assert browser.execute_script(empty) == []
        assert browser.execute_script("return document.querySelectorAll('.canvas').length") == 16
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        wide = "return [...document.querySelectorAll('.canvas .main-svg')].filter(s => s.getBoundingClientRect().right > innerWidth).length"
        assert browser.execute_script(wide) == 0
    shades = "return [...document.querySelectorAll('#surprise .tokens:not(.spaced) span')].map(t => [t.className, getComputedStyle(t).backgroundColor])"
    shown = browser.execute_script(shades)
    assert [name for name, _ in shown] == ["s", "s0", "s1", "s2 strong", "s3 strong", "s4", "s"]
    assert len({colour for _, colour in shown}) == 5  # what is not scored or was expected has none
    ink = "return getComputedStyle(document.querySelector('#results-0-plot .xtick text')).fill"
    dark = browser.execute_script(ink)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    )
    time.sleep(0.5)
    assert browser.execute_script(ink) != dark
    assert requests(browser) == [path.as_uri()]
    assert errors(browser) == []


def printed_on_white(browser):
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    closed = browser.execute_script("return document.querySelectorAll('details:not([open])').length")
    scheme = browser.execute_script("return getComputedStyle(document.documentElement).colorScheme")
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    return closed == 0 and scheme == "light"


@pytest.mark.timeout(180)
def test_tables_sort_budgets_switch_and_print_is_white(comparison, browser, tmp_path):
    path = tmp_path / "report.html"
    write_report(comparison.parent, path)
    load(browser, path, scheme="dark")
    open_parts(browser)
    header = browser.find_element("css selector", "#results-0 thead th:nth-child(4)")
    button = header.find_element("tag name", "button")
    column = "return [...document.querySelectorAll('#results-0 tbody tr')].map(r => Number(r.cells[3].dataset.sort))"
    button.send_keys("\ue007")  # Enter: reachable by keyboard
    ascending = browser.execute_script(column)
    assert (ascending, header.get_attribute("aria-sort")) == (sorted(ascending), "ascending")
    button.send_keys("\ue007")
    assert browser.execute_script(column) == sorted(ascending, reverse=True)
    name = browser.find_element("css selector", "#results-0 thead th button")
    name.send_keys("\ue007")
    names = browser.execute_script(
        "return [...document.querySelectorAll('#results-0 tbody th')].map(c => c.textContent.trim())"
    )
    assert names == sorted(names)
    traces = (
        "return [...document.querySelectorAll('#distribution-ppl-plot [data-hover]')].map(t => t.dataset.hover).join()"
    )
    small = browser.execute_script(traces)
    select = browser.find_element("css selector", "#distributions select")
    select.send_keys("480")
    assert " of 120 rows" in small
    assert " of 480 rows" in browser.execute_script(traces)
    opened = "return document.querySelectorAll('details[open]').length"
    before = browser.execute_script(opened)
    assert printed_on_white(browser)
    assert (
        browser.execute_script(opened)
        == before
        == browser.execute_script("return document.querySelectorAll('details.part').length")
    )
    assert browser.execute_script("return getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert errors(browser) == []


@pytest.mark.timeout(180)
def test_hostile_text_does_nothing(hostile_comparison, browser, tmp_path):
    path = tmp_path / "report.html"
    write_report(hostile_comparison.parent, path)
    load(browser, path, width=400)
    assert browser.title == "Which data to train on · dataselect"
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 400
    assert browser.execute_script("return document.querySelectorAll('img, .canvas a, .canvas svg [href]').length") == 0
    open_parts(browser)
    hover = (
        "const p = document.querySelectorAll('#similarity-plot [data-hover]')[3];"
        "p.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: 50, clientY: 50}));"
        "return document.querySelector('#similarity-plot .tip').textContent"
    )
    assert "<script>document.title" in browser.execute_script(hover).replace("\xa0", " ")
    assert browser.execute_script("return document.querySelectorAll('img, .canvas script, .tip *').length") == 0
    assert requests(browser) == [path.as_uri()]
    assert errors(browser) == []


@pytest.mark.timeout(180)
def test_the_first_screen_needs_no_script_and_a_link_opens_its_part(comparison, browser, tmp_path):
    path = tmp_path / "report.html"
    write_report(comparison.parent, path)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        for width in (1400, 400):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.get(path.as_uri())
            found = browser.find_elements("css selector", ".verdict, .forest, .facts")
            assert len(found) == 4  # a figure for each of two tasks
            assert all(one.is_displayed() for one in found)
            assert browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["width"] <= width
            lines = browser.find_elements("css selector", ".forest-line")
            assert all(one.get_attribute("aria-label") and one.size["width"] > 250 for one in lines)
            assert len(lines) == 2 * (6 + 2)  # candidates, and the untrained model and the full pool for scale
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    load(browser, path)
    assert browser.find_elements("css selector", "details.part[open]") == []
    browser.get(f"{path.as_uri()}#overlap")
    part = "return document.getElementById('overlap').closest('details').open"
    deadline = time.monotonic() + 10
    while not browser.execute_script(part):
        assert time.monotonic() < deadline
        time.sleep(0.05)
