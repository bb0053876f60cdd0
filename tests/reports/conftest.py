"""A realistic experiment folder made up of drawn numbers, a hostile one, and a headless browser.

The numbers mean nothing; the shapes are those of a small real experiment: three sources, six kinds, planted defects,
nine strategies at two budgets, three seeds of random, two tasks of opposite directions.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

HOSTILE = (
    "</script><script>document.title='owned'</script><!-- <img src=x onerror=\"document.title='owned'\"> | `code` "
    "[link](javascript:alert(1)) https://example.invalid/x.png ![i](http://example.invalid/y.png) # *bold* "
    "\u2028 \u202e right to left {{ 7*7 }} {% raw %} <b>%{x}</b> &lt;script&gt;"
)
KINDS = {
    "arithmetic": ("A train covers {a} miles in {b} hours. How far does it go in one hour?", "{a} / {b} = {c}, so it covers {c} miles in one hour."),
    "story": ("Tell me a short story about a lighthouse and {a} gulls.", "Once, on a grey rock far from any harbour, {a} gulls kept an old lighthouse awake. " * 3),
    "prices": ("A pen costs {a} cents. What do {b} pens cost?", "{b} pens cost {b} times {a} cents, which is {d} cents."),
    "rewrite": ("Rewrite this sentence politely: give me {a} chairs.", "Could you please bring {a} chairs when you have a moment?"),
    "summary": ("Summarise the minutes of meeting {a} in one line.", "Meeting {a} agreed on the budget and moved the next date by {b} days."),
    "code": ("Write a Python function that adds {a} to its argument.", "def add(x):\n    return x + {a}\n"),
}  # fmt: skip
DEFECTS = ("wrong answer", "noise", "cut short", "near duplicate")
BUDGETS = (120, 480)
EFFECTS = {
    "random": 0.0, "ppl-low": -0.03, "ppl-mid": 0.022, "ppl-high": -0.09, "ifd-high": 0.004, "longest": 0.035,
    "similarity": 0.05, "length-matched-random:longest": 0.03, "length-matched-random:ppl-low": -0.02,
}  # fmt: skip


def make_experiment(folder: Path, seal, seal_selection, rows: int = 2400, hostile: bool = False) -> Path:
    """Write a finished experiment into `folder`."""
    rng = np.random.default_rng(7)
    pool = _pool(rows, hostile, rng)
    _write_scores(folder, pool, seal)
    _write_lines(
        folder / "known_defects.jsonl",
        [{"id": p["id"], "defect": p["defect"], "of": None} for p in pool if p["defect"]],
    )
    (folder / "config.yaml").write_text(
        "pool: pool.jsonl\nmodel: builtin\nbudgets: [120, 480]\nseeds: 3\n"
        + ("# ``` " + HOSTILE.replace("\u2028", "") if hostile else ""),
        encoding="utf-8",
    )
    for strategy in EFFECTS:
        for budget in BUDGETS:
            for seed in range(3 if strategy.split(":")[0].endswith("random") else 1):
                chosen = _ranked(pool, strategy, seed)[:budget]
                seal_selection(*_write_selection(folder, strategy, budget, seed, chosen))
    _write_results(folder, rng, seal)
    return folder


def _pool(rows, hostile, rng):
    pool = []
    for n in range(rows):
        kind = list(KINDS)[int(rng.choice(6, p=[0.3, 0.2, 0.15, 0.15, 0.12, 0.08]))]
        a, b = int(rng.integers(2, 90)), int(rng.integers(2, 12))
        prompt, response = (t.format(a=a, b=b, c=round(a / b, 1), d=a * b) for t in KINDS[kind])
        level = {"arithmetic": 0.9, "story": 1.7, "prices": 0.8, "rewrite": 1.3, "summary": 1.6, "code": 1.1}[kind]
        defect = str(rng.choice(DEFECTS)) if rng.random() < 0.08 else ""
        pool.append({
            "id": f"{kind}-{n:04d}", "kind": kind, "source": ("bundled.jsonl", "forum.jsonl", "notes.jsonl")[n % 3 if n % 7 else 0],
            "prompt": HOSTILE if hostile else prompt, "response": HOSTILE * 3 if hostile else response * int(rng.integers(1, 4)),
            "mean_nll": float(rng.normal(level + (0.7 if defect == "noise" else 0), 0.35)), "defect": defect, "scorable": n % 60 != 0,
            "similarity": float(np.clip(rng.normal(0.62 if kind in ("arithmetic", "prices") else 0.35, 0.1), -1, 1)),
        })  # fmt: skip
        if hostile:
            pool[-1] |= {"kind": HOSTILE, "id": HOSTILE.replace("\u2028", "").replace("\u202e", "") + str(n)}
    return pool


def _write_scores(folder, pool, seal):
    tokens = [max(3, len(p["response"]) // 4) for p in pool]
    ok = [p["scorable"] for p in pool]
    nll = [max(0.05, p["mean_nll"]) * t if fine else None for p, t, fine in zip(pool, tokens, ok, strict=True)]
    table = {
        "id": [p["id"] for p in pool], "source": [p["source"] for p in pool],
        "status": ["ok" if fine else "too_long" for fine in ok], "response_tokens": tokens, "response_nll": nll,
        "ppl": [None if x is None else float(np.exp(x / t)) for x, t in zip(nll, tokens, strict=True)],
        "bits_per_byte": [None if x is None else x / (np.log(2) * 4 * t) for x, t in zip(nll, tokens, strict=True)],
        "ifd": [None if x is None else float(np.clip(0.4 + 0.15 * x / t, 0, 1.3)) for x, t in zip(nll, tokens, strict=True)],
    }  # fmt: skip
    _parquet(folder / "scores" / "scores.parquet", table)
    manifest = {"inputs": [{"source": "pool.jsonl", "sha256": "ab" * 32}], "counts": {"rows": len(pool)}}
    seal(folder / "scores", "score", manifest, {"scorers": {"tokens": False}})
    similar = {
        "id": table["id"],
        "similarity": [p["similarity"] for p in pool],
        "centroid_similarity": [0.1] * len(pool),
    }
    _parquet(folder / "embeddings" / "scores.parquet", similar)
    seal(folder / "embeddings", "embed", {})


def _ranked(pool, strategy, seed):
    pool = [p for p in pool if p["scorable"]]
    if strategy.split(":")[0].endswith("random"):
        return [pool[i] for i in np.random.default_rng([seed, *map(ord, strategy)]).permutation(len(pool))]
    keys = {
        "ppl-low": lambda p: p["mean_nll"], "ppl-high": lambda p: -p["mean_nll"], "ppl-mid": lambda p: abs(p["mean_nll"] - 1.2),
        "ifd-high": lambda p: -p["mean_nll"] + 0.3 * p["similarity"], "longest": lambda p: -len(p["response"]), "similarity": lambda p: -p["similarity"],
    }  # fmt: skip
    return sorted(pool, key=lambda p: (keys[strategy](p), p["id"]))


def _write_selection(folder, strategy, budget, seed, chosen):
    name, _, match = strategy.partition(":")
    cell = f"{strategy.replace(':', '-')}-{budget}-{seed}"
    lines = [
        {"instruction": p["prompt"], "output": p["response"], "kind": p["kind"], "id": p["id"],
         "_dataselect": {"id": p["id"], "rank": rank, "strategy": name, "score": None if "random" in name else round(p["mean_nll"], 4)}}
        for rank, p in enumerate(chosen, start=1)
    ]  # fmt: skip
    _write_lines(folder / "selections" / f"{cell}.jsonl", lines)
    manifest = {
        "strategy": name,
        "params": {"match": match} if match else {},
        "budget": budget,
        "unit": "examples",
        "seed": seed,
        "columns": {},
        "funnel": {
            "rows_in": 900,
            "left_out": {"too_long": 15, "duplicate": 7, "over_budget": 878 - budget},
            "rows_out": budget,
        },
    }
    return folder / "selections" / f"{cell}.jsonl", manifest


def _write_results(folder, rng, seal):
    ease = {"arithmetic held out": rng.uniform(0.25, 0.8, 300), "stories held out": rng.normal(1.1, 0.25, 200)}
    runs = [(s, b, seed) for s in EFFECTS for b in BUDGETS for seed in range(3)] + [("untrained", 0, 0)]
    runs += [("full", 2400, seed) for seed in range(3)]
    for strategy, budget, seed in runs:
        effect = (
            {"untrained": -0.2, "full": 0.06}.get(strategy, EFFECTS.get(strategy, 0))
            + 0.03 * (budget > 200)
            + rng.normal(0, 0.006)
        )
        rows = []
        for task, items in ease.items():
            for n, level in enumerate(items):
                if task.startswith("arith"):
                    rows.append(
                        (
                            task,
                            "exact_match",
                            "higher",
                            f"item-{n}",
                            float(rng.random() < np.clip(level + effect * 1.5, 0, 1)),
                        )
                    )
                else:
                    value = level - effect * 0.6 + rng.normal(0, 0.04)
                    rows += [
                        (task, "bits_per_byte", "lower", f"item-{n}", value),
                        (task, "token_accuracy", "higher", f"item-{n}", 1 / (1 + value)),
                    ]
        cell = folder / "results" / f"{strategy.replace(':', '-')}-{budget}-{seed}"
        _parquet(
            cell / "results.parquet",
            dict(
                zip(
                    ("task", "metric", "direction", "item_id", "value"), map(list, zip(*rows, strict=True)), strict=True
                )
            ),
        )
        environment = {
            "versions": {"python": "3.11.9", "dataselect": "0.1.0", "torch": "2.6.0"},
            "hardware": {"processor": "a processor", "cores": 2, "memory_gib": 23.4},
        }
        run = {"strategy": strategy, "budget": budget, "unit": "examples", "seed": seed}
        seal(cell, "evaluate", {"run": run, "environment": environment})


def _parquet(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def _write_lines(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")


@pytest.fixture(scope="session")
def comparison(tmp_path_factory, seal, seal_selection) -> Path:
    """`comparison.json` of the realistic experiment."""
    folder = make_experiment(tmp_path_factory.mktemp("experiment"), seal, seal_selection, rows=900)
    return _compared(folder, "Count to three.", seal)


@pytest.fixture(scope="session")
def hostile_comparison(tmp_path_factory, seal, seal_selection) -> Path:
    """`comparison.json` of an experiment whose every text is hostile."""
    folder = make_experiment(tmp_path_factory.mktemp("hostile"), seal, seal_selection, rows=600, hostile=True)
    return _compared(folder, HOSTILE, seal)


def _compared(folder: Path, text: str, seal) -> Path:
    """Its comparison, with one coloured example of every step: a score table that is made up has no tokens."""
    from dataselect.comparison.excerpts import printable_values
    from dataselect.reports import compare

    compare([folder], folder / "comparison")
    path = folder / "comparison" / "comparison.json"
    nats = [None, 0.1, 1.0, 3.0, 5.0, 9.0]
    coloured = {
        "id": text, "place": "median", "ppl": 3.2, "tokens": [text] * len(nats), "nats": nats,
        "parts": ["unscored", "prompt", "prompt", "response", "response", "end"], "cut": True,
    }  # fmt: skip
    manifest = json.loads((path.parent / "manifest.json").read_text())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"coloured": printable_values([coloured])}))
    seal(path.parent, "compare", manifest, manifest["fingerprint"])
    return path


@pytest.fixture
def selected(tmp_path, seal_selection):
    """A function that writes one selection with its manifest into tmp_path/selections: `records` is [(id, record)]."""

    def make(strategy, records, budget=3, seed=0, params=None, scores=None) -> Path:
        folder = tmp_path / "selections"
        folder.mkdir(exist_ok=True)
        path = folder / f"{strategy}-{(params or {}).get('match', '')[:4]}{budget}-{seed}.jsonl"
        marks = [
            {"id": name, "rank": rank, "strategy": strategy, "score": scores[rank - 1] if scores else None}
            for rank, (name, _) in enumerate(records, start=1)
        ]
        lines = [json.dumps(r | {"_dataselect": m}) for (_, r), m in zip(records, marks, strict=True)]
        path.write_text("".join(line + "\n" for line in lines))
        manifest = {
            "strategy": strategy,
            "params": params or {},
            "budget": budget,
            "unit": "examples",
            "seed": seed,
            "columns": {},
        }
        return seal_selection(path, manifest)

    return make


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Headless Chromium with a fresh profile; skips where there is none, unless DATASELECT_REQUIRE_BROWSER=1."""
    binary, driver = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
    if not (binary and driver):
        if os.environ.get("DATASELECT_REQUIRE_BROWSER") == "1":
            pytest.fail("DATASELECT_REQUIRE_BROWSER=1, but chromium and chromedriver are not both on the PATH")
        pytest.skip("chromium and chromedriver are not both on the PATH")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
        "--hide-scrollbars", f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    yield chromium
    chromium.quit()
