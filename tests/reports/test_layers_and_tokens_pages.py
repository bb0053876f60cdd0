"""The pages of `layers` and `tokens`: whole, safe against hostile names, and drawn in a real browser at any width."""

from __future__ import annotations

import json
import os
from pathlib import Path

import lxml.html
import numpy as np
import pytest
import torch
from loaded_page import load
from safetensors.torch import save_file

from dataselect.cli import run
from dataselect.layers import LayersRequest, layers
from dataselect.reports.html import render_html
from dataselect.reports.tokens_page import tokens_report

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> <b>%{x}</b> {{ 7*7 }}"


def write_model(folder: Path, seed: int, scale: float) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    draw = torch.Generator().manual_seed(0)
    change = torch.Generator().manual_seed(seed)
    tensors = {f"extra {HOSTILE}": torch.ones(3)} if scale else {}
    for layer in range(24):
        for name in ("self_attn.q_proj", "mlp.up_proj"):
            base = torch.randn(16, 12, generator=draw)
            tensors[f"model.layers.{layer}.{name}.weight"] = base + scale * layer * torch.randn(
                16, 12, generator=change
            )
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def layers_page(tmp_path_factory) -> Path:
    """The page of twelve runs with gains, one of a hostile name."""
    folder = tmp_path_factory.mktemp("pages")
    base = write_model(folder / "base", 0, 0.0)
    tuned = [
        (HOSTILE if n == 3 else f"run-{n}", str(write_model(folder / f"m{n}", n + 1, 0.001 * (n + 1))))
        for n in range(12)
    ]
    gains = folder / "gains.csv"
    rng = np.random.default_rng(0)
    gains.write_text("run,accuracy\n" + "".join(f'"{name}",{n + rng.normal()}\n' for n, (name, _) in enumerate(tuned)))
    layers(LayersRequest(base=str(base), tuned=tuple(tuned), out=folder / "out", gains=(gains,)))
    return folder / "out" / "layers.html"


@pytest.fixture(scope="module")
def tokens_page(tmp_path_factory) -> Path:
    """The page of a drawn token view with hostile tokens."""
    folder = tmp_path_factory.mktemp("tokens")
    ratio = {"value": 0.2, "low": 0.1, "high": 0.3}
    shares = {"unshifted": ratio, "marginal": ratio, "shifted": ratio}
    token = {
        "token_id": 1,
        "text": HOSTILE,
        "count": 30,
        "shifted": 6,
        "marginal": 3,
        "share": 0.2,
        "of_all": 0.5,
        "change": -0.25,
    }
    spans = [
        {
            "first": 2**n,
            "last": 2 ** (n + 1) - 1,
            "examples": 9,
            "tokens": 90,
            "base": shares,
            "tuned": shares,
            "change": ratio,
        }
        for n in range(8)
    ]
    document = {
        "kind": "tokens", "base": HOSTILE, "tuned": "tuned", "rows": {"compared": 9, "without_numbers": 2}, "whole": {**spans[0], "last": 300},
        "positions": spans, "transitions": {"categories": list(shares), "counts": [[5, 1, 0]] * 3},
        "tokens": {name: [token] * 5 for name in ("most_often", "most_likely", "gained", "lost")}, "min_count": 20,
        "token_texts": True, "definitions": {"shifted": "the base ranks it below"},
    }  # fmt: skip
    page = render_html(tokens_report(json.loads(json.dumps(document))))
    (folder / "tokens.html").write_text(page, encoding="utf-8")
    return folder / "tokens.html"


@pytest.fixture(params=["layers_page", "tokens_page"])
def page(request) -> Path:
    return request.getfixturevalue(request.param)


def test_the_page_is_whole_and_hostile_text_stays_text(page):
    assert page.stat().st_size < 2_000_000
    tree = lxml.html.fromstring(page.read_text(encoding="utf-8"))
    assert len(tree.xpath("//script")) == 5  # the data, the charts, two sets of plots, the page's own
    assert tree.xpath("//img|//body//b|//@onerror|//link|//script[@src]") == []
    assert HOSTILE in " ".join(tree.xpath("//main//bdi/text()")).replace("\N{NO-BREAK SPACE}", " ")
    assert tree.xpath("//footer//code/text()") == [f"{page.stem}.json"]
    assert all(tree.xpath(f"//section[@id='{href[1:]}']") for href in tree.xpath("//nav//@href"))


@pytest.mark.browser
@pytest.mark.timeout(180)
def test_every_plot_is_drawn_and_nothing_is_wider_than_the_page(page, browser):
    for width, scheme in ((1280, "light"), (390, "dark")):
        load(browser, page, width, scheme)
        missing = (
            "return [...document.querySelectorAll('.canvas')].filter(c => !c.querySelector('.main-svg')).map(c => c.id)"
        )
        assert browser.execute_script(missing) == []
        assert browser.execute_script("return document.querySelectorAll('.canvas').length") >= 2
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        wide = "return [...document.querySelectorAll('.canvas .main-svg')].filter(s => s.getBoundingClientRect().right > innerWidth).length"
        assert browser.execute_script(wide) == 0
        assert "owned" not in browser.title
        if os.environ.get("DATASELECT_SCREENSHOTS"):
            shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
            import base64

            Path(os.environ["DATASELECT_SCREENSHOTS"], f"{page.stem}-{width}.png").write_bytes(
                base64.b64decode(shot["data"])
            )
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_help_of_both_commands_has_an_example(capsys):
    for name in ("layers", "tokens"):
        assert run([name, "--help"]) == 0
        assert f"dataselect {name}" in capsys.readouterr().out
