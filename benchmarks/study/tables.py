"""The tables of the write-up, as Markdown, from `answers.json`.

    python benchmarks/study/tables.py --results benchmarks/results/study

Left out: what the write-up says in sentences; its numbers are in the same tables.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from answers import HEADS, SAID

FIRST = {"tokens": 6000, "method": "full", "rate": "first", "seed": 0}
SHOWN = ("ppl", "bits_per_byte", "rsr", "shifted_fraction", "response_tokens", "similarity")
INSIDE_TASKS = ("own-alpaca", "gsm8k-test")


def signed(value: float | None) -> str:
    """Two decimals with a sign; a dash for no number."""
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")


def interval(value: float | None, ends: Sequence[float | None]) -> str:
    """A number with its interval."""
    return f"{signed(value)} ({signed(ends[0])} to {signed(ends[1])})"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def costs(document: dict[str, Any]) -> str:
    """What each model took."""
    rows = [
        (model, str(one["cells"]), f"{one['trained_tokens']:,}", f"{one['minutes']:.0f}")
        for model, one in document["cost"].items()
    ]
    return table(("model", "cells", "trained tokens", "minutes"), rows)


def predictions(document: dict[str, Any]) -> Iterator[str]:
    """Properties against gains: one table of all tasks, one without a pool's own."""
    for elsewhere in (False, True):
        rows = []
        for found in document["predicted"]:
            model = found["setting"]["model"]
            if found["setting"] != {"model": model, **FIRST} or found["elsewhere"] != elsewhere:
                continue
            for name in SHOWN:
                one = found["properties"][name]
                few = one["hangs_on"]
                hangs = f"{signed(few['without'])} without {', '.join(few['pools'])}" if few else "no"
                given = signed(one["given_length"])
                rows.append((model, name.replace("_", " "), interval(one["mean"], one["interval"]), given, hangs))
        title = "Tasks of other pools only" if elsewhere else "All tasks"
        headers = ("model", "property", "Spearman with gain (95 %)", "given length", "hangs on few pools?")
        yield f"{title}:\n\n{table(headers, rows)}"


def heads(document: dict[str, Any]) -> str:
    """Which property predicts better."""
    rows = [
        (found["setting"]["model"], "other pools" if found["elsewhere"] else "all", *(
            interval(found["heads"][f"{a} over {b}"]["difference"], found["heads"][f"{a} over {b}"]["interval"])
            for a, b in HEADS
        ))
        for found in document["predicted"]
        if FIRST.items() <= found["setting"].items()
    ]  # fmt: skip
    return table(("model", "tasks", *(f"{a} over {b}".replace("_", " ") for a, b in HEADS)), rows)


def choosing(document: dict[str, Any]) -> str:
    """What the pool put first by a property gains, of what there is to gain by choosing."""
    rows = [
        (found["setting"]["model"], "other pools" if found["elsewhere"] else "all", *(
            f"{100 * found['choosing'][name]['share']:.0f} %".replace("-", "−") for name in SHOWN
        ))
        for found in document["predicted"]
        if FIRST.items() <= found["setting"].items()
    ]  # fmt: skip
    return table(("model", "tasks", *(name.replace("_", " ") for name in SHOWN)), rows)


def agreements(document: dict[str, Any]) -> str:
    """How alike settings order the pools."""
    rows = []
    for one in document["agreement"]:
        sides = [
            " ".join(str(one[side][name]) for name in ("model", "tokens", "method", "rate", "seed"))
            for side in ("first", "second")
        ]
        rows.append(
            (
                *sides,
                one["differ_in"],
                str(one["pools"]),
                interval(one["spearman"], one["interval"]),
                f"{100 * one['same_order']:.0f} %",
            )
        )
    return table(("one", "other", "differ in", "pools", "Spearman (95 %)", "pairs in the same order"), rows)


def layers(document: dict[str, Any]) -> str:
    """Change of early, middle and late layers against gain."""
    rows = [
        (" ".join(map(str, one["setting"].values())), *(signed(value) for value in one["thirds"]),
         interval(one["middle_over_ends"], one["interval"]))
        for one in document["layers"]
    ]  # fmt: skip
    return table(("setting", "early", "middle", "late", "middle over ends (95 %)"), rows)


def inside(document: dict[str, Any]) -> Iterator[str]:
    """Strategies inside Alpaca against random, by budget."""
    for task in INSIDE_TASKS:
        found = [one for one in document["inside"] if one["task"] == task and one["rate"] == "first"]
        budgets = sorted({one["tokens"] for one in found})
        rows = []
        for model, strategy in dict.fromkeys((one["model"], one["strategy"]) for one in found):
            by_budget = {one["tokens"]: one for one in found if (one["model"], one["strategy"]) == (model, strategy)}
            cells = [
                interval(by_budget[b]["difference"], by_budget[b]["interval"]) if b in by_budget else "–"
                for b in budgets
            ]
            rows.append((model, strategy, *cells))
        if rows:
            yield f"{task}:\n\n{table(('model', 'strategy', *(f'{b:,} tokens' for b in budgets)), rows)}"


def main() -> None:
    """Print all."""
    parser = argparse.ArgumentParser(description="Tables of the study.")
    parser.add_argument("--results", type=Path, required=True, help="folder of the committed answers")
    document = json.loads((parser.parse_args().results / "answers.json").read_text(encoding="utf-8"))
    assert set(SHOWN) <= set(SAID)
    parts = [
        costs(document), *predictions(document), heads(document), choosing(document), agreements(document),
        layers(document), *inside(document),
    ]  # fmt: skip
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
