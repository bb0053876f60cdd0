"""Open a page in the browser and wait until its plots are drawn."""

from __future__ import annotations

import time


def load(browser, path, width=1280, scheme="light"):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(path.as_uri())
    deadline = time.monotonic() + 60
    while browser.execute_script("return document.documentElement.dataset.drawn") != "all":
        assert time.monotonic() < deadline, browser.get_log("browser")
        time.sleep(0.05)
