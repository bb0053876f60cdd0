"""One comparison of several settings: the same strategies on other models, pools or recipes.

Each setting was compared by itself, every strategy with random of its own setting. Here their rows stand together, and
for each strategy, budget, task and metric it is counted in how many settings it was better or worse than random. With
three settings or more the mean of the differences gets Student's interval over settings: it says whether the strategy
would help in another setting *like these*, as far as so few can say it, and takes them for a sample of such settings.

Budgets in per cent are other numbers of examples in other pools; the first budget of each setting belongs to the first
of all others. Left out: averages over tasks or metrics, whose units differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.analysis.compare import COMPARISON
from dataselect.analysis.controls import CONTROL, is_random
from dataselect.analysis.experiment_folder import Failure
from dataselect.analysis.intervals import CONFIDENCE
from dataselect.analysis.judgement import BETTER, WORSE
from dataselect.artifacts import MANIFEST, StageDirectory, file_digest, read_json, write_json
from dataselect.provenance import environment, versions
from dataselect.records import Direction

_LEAST = 3
"""Settings that an interval needs."""

_Key = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Across:
    """One strategy at one budget on one task in one metric, over the settings that have it.

    Attributes:
        budgets: In examples or tokens, one per setting; 0 for what no budget limits.
        better, worse: Settings in which it was told as that.
        differences: Strategy minus random in each setting, in units of the metric.
        mean: Their mean; its 95 % interval over settings is None for fewer than three.
    """

    strategy: str
    task: str
    metric: str
    direction: Direction
    unit: str
    settings: tuple[str, ...]
    budgets: tuple[int, ...]
    better: int
    worse: int
    differences: tuple[float, ...]
    mean: float
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class SettingsComparison:
    """The comparisons of several settings.

    Attributes:
        rows: Rows of all of them as plain values, with the name of their setting.
        document: All of it as plain values for JSON.
    """

    rows: tuple[dict[str, Any], ...]
    across: tuple[Across, ...]
    document: dict[str, Any]


def compare_settings(folders: Mapping[str, Path], out: Path, lost: Sequence[Failure] = ()) -> SettingsComparison:
    """Put the comparisons of settings together and write `comparison.json` into the folder `out`.

    Args:
        folders: The folder of each setting by its name; each holds a finished comparison.
        lost: Settings that have none, and why.
    """
    files = {name: folder / "comparison" / COMPARISON for name, folder in folders.items()}
    documents = {name: read_json(file) for name, file in files.items()}
    rows = [{**row, "setting": name} for name, document in documents.items() for row in document["rows"]]
    across = tuple(_across(rows))
    first = next(iter(documents.values()))
    document = {
        "rows": rows,
        "across": [dataclasses.asdict(one) for one in across],
        "settings": [{"name": name, "report": f"settings/{name}/report.html"} for name in folders],
        "confidence": CONFIDENCE,
        "tested": sum(one["tested"] for one in documents.values()),
        "runs": [{**run, "setting": name} for name, one in documents.items() for run in one["runs"]],
        "main_metrics": first["main_metrics"],
        "missing_controls": list(dict.fromkeys(c for one in documents.values() for c in one["missing_controls"])),
        "failed": [dataclasses.asdict(failure) for failure in (*lost, *_failures(documents))],
        "curves": [],
        "reproduction": first["reproduction"],
    }
    fingerprint = {
        "files": {name: file_digest(file) for name, file in files.items()},
        "failed": document["failed"],
        "dataselect": versions().get("dataselect"),
    }
    with StageDirectory(out, fingerprint, {}, (COMPARISON,), overwrite=_changed(out, fingerprint)) as stage:
        if not stage.finished:
            write_json(out / COMPARISON, document)
            stage.finish({"counts": {"settings": len(folders), "rows": len(rows)}, "environment": environment()})
    return SettingsComparison(tuple(rows), across, document)


def _changed(out: Path, fingerprint: Mapping[str, Any]) -> bool:
    manifest = out / MANIFEST
    return manifest.exists() and read_json(manifest)["fingerprint"] != fingerprint


def _failures(documents: Mapping[str, Mapping[str, Any]]) -> list[Failure]:
    return [
        Failure(f"{name}/{failure['cell']}", failure["reason"])
        for name, document in documents.items()
        for failure in document["failed"]
    ]


def _across(rows: Sequence[Mapping[str, Any]]) -> list[Across]:
    places = _places(rows)
    groups: dict[_Key, list[Mapping[str, Any]]] = {}
    for row in rows:
        if not is_random(row["strategy"]) and row["diff_to_random"] is not None:
            place = places.get((row["setting"], row["unit"], row["budget"]), -1)
            groups.setdefault((row["task"], row["metric"], row["strategy"], row["unit"], place), []).append(row)
    return [_one(group) for group in groups.values()]


def _places(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str, int], int]:
    """Which of the budgets of its setting each is, the smallest first."""
    budgets: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        if row["strategy"] == CONTROL:
            budgets.setdefault((row["setting"], row["unit"]), set()).add(row["budget"])
    return {(*key, budget): n for key, found in budgets.items() for n, budget in enumerate(sorted(found))}


def _one(rows: Sequence[Mapping[str, Any]]) -> Across:
    differences = tuple(float(row["diff_to_random"]) for row in rows)
    low, high = _interval(differences)
    first = rows[0]
    return Across(
        strategy=first["strategy"], task=first["task"], metric=first["metric"], direction=first["direction"],
        unit=first["unit"], settings=tuple(row["setting"] for row in rows), budgets=tuple(r["budget"] for r in rows),
        better=sum(row["verdict"] == BETTER for row in rows), worse=sum(row["verdict"] == WORSE for row in rows),
        differences=differences, mean=sum(differences) / len(differences), ci_low=low, ci_high=high,
    )  # fmt: skip


def _interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """mean -+ t(n - 1) * s / sqrt(n)."""
    from scipy.special import stdtrit

    n = len(values)
    if n < _LEAST:
        return None, None
    mean = sum(values) / n
    error = (sum((value - mean) ** 2 for value in values) / (n - 1) / n) ** 0.5
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * error
    return mean - half, mean + half
