"""The page of `analyze` in a real browser: every plot drawn in both schemes and widths, nothing fetched, no error."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from loaded_page import load

from dataselect.run_analysis import analyze

pytestmark = pytest.mark.browser


@pytest.fixture
def page(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["model,data,how,epoch,a,b,ppl"]
    for m in range(4):
        for how in ("lora", "full"):
            for d in range(6):
                for epoch in (1, 2):
                    a, b = rng.normal(size=2) + d + epoch
                    lines.append(f"a-rather-long-model-name-{m},a_rather_long_data_set_{d},{how},{epoch},{a},{b},{d}")
    (tmp_path / "runs.csv").write_text("\n".join(lines) + "\n")
    config = {
        "columns": {"model": "model", "data": "data", "conditions": ["how", "epoch"]},
        "tasks": {"a": {}, "b": {}}, "where": {"epoch": 2}, "methods": {"LoRA": {"how": "lora"}, "full": {"how": "full"}},
        "properties": {"ppl": {}}, "comparisons": {"L": {"column": "how", "first": "full", "second": "lora"}},
        "curves": {"L": {"x": "epoch", "where": {"how": "lora"}}}, "resamples": 100, "permutations": 100,
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    analyze(tmp_path / "runs.csv", tmp_path / "config.yaml", tmp_path / "out")
    return tmp_path / "out" / "analyze.html"


@pytest.mark.timeout(180)
def test_every_plot_is_drawn_within_the_page(page, browser):
    for width, scheme in ((1280, "light"), (400, "dark")):
        load(browser, page, width, scheme)
        drawn = "return [...document.querySelectorAll('.canvas')].map(c => Boolean(c.querySelector('.main-svg')))"
        assert browser.execute_script(drawn) == [True] * (2 + 2 + 2 + 1 + 1 + 2)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        wide = "return [...document.querySelectorAll('.canvas .main-svg')].filter(s => s.getBoundingClientRect().right > innerWidth).length"
        assert browser.execute_script(wide) == 0
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


@pytest.mark.timeout(180)
def test_a_task_is_chosen_from_a_list(page, browser):
    load(browser, page, width=1280)  # a narrow page shows no numbers
    label = "return document.querySelector('#heat-map-0-plot').previousElementSibling.innerText"
    assert browser.execute_script(label).startswith("Task")
    shown = "return [...document.querySelectorAll('#heat-map-0-plot text')].map(t => t.textContent).join('|')"
    before = browser.execute_script(shown)
    browser.execute_script(
        "const s = document.querySelector('#heat-map-0-plot').previousElementSibling.querySelector('select');"
        "s.value = 'b'; s.dispatchEvent(new Event('change'));"
    )
    deadline = time.monotonic() + 10
    while browser.execute_script(shown) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
