"""One comparison of several settings: the same strategies on other models, pools or recipes.

In each setting every strategy was compared with random of that setting. Here, for each candidate, budget, task and
metric, the settings in which it was better or worse than random are counted. With three settings or more the mean of
the differences gets Student's interval over settings: it takes them for a sample of settings *like these*, and
estimates whether the strategy would help in another one.

Budgets in per cent are other numbers of examples in other pools, so that the n-th budgets of all settings are put
together. Left out: averages over tasks or metrics, whose units differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dataselect.artifacts import file_digest, read_json
from dataselect.comparison.controls import CONTROL, role
from dataselect.comparison.experiment_folder import Failure
from dataselect.comparison.intervals import CONFIDENCE
from dataselect.comparison.run_comparison import COMPARISON
from dataselect.comparison.verdicts import BETTER, WORSE
from dataselect.records import Direction
from dataselect.stage import IF_DIFFERENT, FinishedStage, StageDirectory, read_finished, run_stage
from dataselect.stage.provenance import versions

_LEAST = 3
"""Settings that an interval needs."""


@dataclass(frozen=True, slots=True)
class Across:
    """One strategy at one budget on one task in one metric, over the settings that have it.

    Attributes:
        budgets: In examples or tokens, one per setting; 0 for what no budget limits.
        better, worse: Settings with that verdict.
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
        lost: Settings without one, and why.
    """
    return run_stage(SettingsStage(folders, lost), out, IF_DIFFERENT)


class SettingsStage:
    """The last stage of `dataselect run` with several settings, which writes what `dataselect compare` does."""

    name = "compare"
    options: Mapping[str, Any] = {}

    def __init__(self, folders: Mapping[str, Path], lost: Sequence[Failure]) -> None:
        self._files = {
            name: read_finished(folder / "comparison", "compare").file(COMPARISON) for name, folder in folders.items()
        }
        self._documents = {name: read_json(file) for name, file in self._files.items()}
        self._failed = [dataclasses.asdict(failure) for failure in lost] + [
            {"cell": f"{name}/{failure['cell']}", "reason": failure["reason"]}
            for name, document in self._documents.items()
            for failure in document["failed"]
        ]

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Digests of the comparisons, and what has none."""
        return {
            "files": {name: file_digest(file) for name, file in self._files.items()},
            "failed": self._failed,
            "dataselect": versions().get("dataselect"),
        }

    @cached_property
    def comparison(self) -> SettingsComparison:
        """The comparisons put together."""
        documents = self._documents
        rows = [{**row, "setting": name} for name, document in documents.items() for row in document["rows"]]
        across = tuple(_across(rows))
        first = next(iter(documents.values()))
        document = {
            "rows": rows,
            "across": [dataclasses.asdict(one) for one in across],
            "settings": [{"name": name, "report": f"settings/{name}/report.html"} for name in documents],
            "confidence": CONFIDENCE,
            "tested": sum(one["tested"] for one in documents.values()),
            "runs": [{**run, "setting": name} for name, one in documents.items() for run in one["runs"]],
            "main_metrics": first["main_metrics"],
            "power": first["power"],
            "missing": list(dict.fromkeys(line for one in documents.values() for line in one["missing"])),
            "missing_controls": list(dict.fromkeys(c for one in documents.values() for c in one["missing_controls"])),
            "failed": self._failed,
            "curves": [],
            "reproduction": first["reproduction"],
        }
        return SettingsComparison(tuple(rows), across, document)

    def run(self, directory: StageDirectory) -> dict[str, Any]:
        """Write `comparison.json`."""
        directory.write_json(COMPARISON, self.comparison.document)
        return {"counts": {"settings": len(self._documents), "rows": len(self.comparison.rows)}}

    def result(self, finished: FinishedStage, fresh: bool) -> SettingsComparison:
        """Return the comparison."""
        return self.comparison


def _across(rows: Sequence[Mapping[str, Any]]) -> list[Across]:
    budgets: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        if row["strategy"] == CONTROL:
            budgets.setdefault((row["setting"], row["unit"]), set()).add(row["budget"])
    places = {(*key, budget): n for key, found in budgets.items() for n, budget in enumerate(sorted(found))}
    groups: dict[tuple[str, str, str, str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        if role(row["strategy"]) == "candidate" and row["diff_to_random"] is not None:
            place = places.get((row["setting"], row["unit"], row["budget"]), -1)
            groups.setdefault((row["task"], row["metric"], row["strategy"], row["unit"], place), []).append(row)
    return [_over_settings(group) for group in groups.values()]


def _over_settings(rows: Sequence[Mapping[str, Any]]) -> Across:
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
