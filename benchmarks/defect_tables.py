"""The Markdown tables of `planted_defects.py`, from its JSON document.

python benchmarks/defect_tables.py benchmarks/results/planted_defects.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from defect_judging import ANY

SHORT = {
    "swapped": "swapped", "truncated": "cut", "garbled": "garbled", "wrong_language": "Chinese",
    "boilerplate": "boilerplate", "label_noise": "wrong number", "duplicate": "copy", "near_duplicate": "near-copy",
    "leaked": "leaked", "leaked_edited": "leaked, edited",
}  # fmt: skip


def print_tables(document: dict[str, Any]) -> None:
    """All tables, each with the data set above it."""
    for name, found in document["data_sets"].items():
        kinds = [kind for kind in SHORT if found["rows"].get(kind)]
        print(f"\n**{name}**: AUC by kind of defect\n")
        _table(["strategy", *(SHORT[kind] for kind in kinds)], _by_kind(found["strategies"], kinds, "auc"))
        print(f"\n**{name}**: any spoiled response\n")
        measures = ["auc", "auc_within", *(key for key in _first(found["strategies"])[ANY] if "recall" in key)]
        heads = ["AUC", "AUC within length deciles", *(f"recall at {key[7:]} %" for key in measures[2:])]
        _table(["strategy", *heads], ([one, *(_text(cell[ANY][key]) for key in measures)] for one, cell in
                                      found["strategies"].items()))  # fmt: skip
        print(f"\n**{name}**: share that a filter removes\n")
        shown = ["duplicate", "near_duplicate", "leaked", "leaked_edited", "clean"]
        _table(["filter", *(SHORT.get(kind, kind) for kind in shown)], _by_kind(found["filters"], shown, "removed"))
    if "gold" in document:
        _gold(document["gold"])


def _gold(found: dict[str, Any]) -> None:
    print(f"\n**Published subsets** in {found['rows']:,} rows of Alpaca\n")
    subsets = found["gold"]
    heads = [
        f"{name} ({number}): {what}" for name, number in subsets.items() for what in ("AUC", "within", "precision")
    ]
    rows = []
    for one, judged in found["strategies"].items():
        cells = [one]
        for name in subsets:
            at = judged[name]
            cells += [f"{at['auc']:.2f} ({at['auc_low']:.2f}-{at['auc_high']:.2f})"]
            cells += [f"{at[key]:.2f}" for key in ("auc_within", "precision")]
        rows.append(cells)
    _table(["strategy", *heads], rows)


def _by_kind(judged: dict[str, Any], kinds: list[str], measure: str) -> Iterable[list[str]]:
    shown = _percent if measure == "removed" else _text
    return ([one, *(shown(cell[kind][measure]) for kind in kinds)] for one, cell in judged.items())


def _first(found: dict[str, Any]) -> Any:
    return next(iter(found.values()))


def _text(cell: dict[str, Any]) -> str:
    return f"{cell['mean']:.2f}" + ("" if cell["half"] is None else f" ± {cell['half']:.2f}")


def _percent(cell: dict[str, Any]) -> str:
    return f"{100 * cell['mean']:.1f} %" + (f" ± {100 * cell['half']:.1f}" if cell["half"] else "")


def _table(heads: list[str], rows: Iterable[list[str]]) -> None:
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    print_tables(json.loads(Path(sys.argv[1]).read_text()))
