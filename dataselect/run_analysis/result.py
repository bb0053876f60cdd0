"""A finished analysis, and the same as plain values for `analyze.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dataselect.comparison.excerpts import printable_values
from dataselect.comparison.intervals import CONFIDENCE
from dataselect.run_analysis.agreement import Agreement
from dataselect.run_analysis.alibi import Alibi
from dataselect.run_analysis.association import Association, research_questions
from dataselect.run_analysis.baselines import SuspiciousBaseline
from dataselect.run_analysis.curves import Curve
from dataselect.run_analysis.extremes import Extremes
from dataselect.run_analysis.findings import Finding
from dataselect.run_analysis.forecast import Forecast
from dataselect.run_analysis.heat_maps import HeatMap, PropertyMap
from dataselect.run_analysis.leave_one_out import Prediction
from dataselect.run_analysis.paired_comparisons import PairedComparison


@dataclass(frozen=True, slots=True)
class AnalyzedTable:
    """The table that was analysed.

    Attributes:
        name: File or folder, without its path.
        sha256: Of every file read, by name.
        config: The configuration's text; empty for an experiment.
        rows, models, datasets, tasks: How many; `excluded` rows were only checked.
    """

    name: str
    sha256: dict[str, str]
    config: str
    rows: int
    excluded: int
    models: int
    datasets: int
    tasks: int
    properties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodRuns:
    """One training method: its name and how much there is of it."""

    method: str
    runs: int
    models: int
    datasets: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that was found; each part explains itself in its own module."""

    source: AnalyzedTable
    findings: tuple[Finding, ...]
    suspicious_baselines: tuple[SuspiciousBaseline, ...]
    methods: tuple[MethodRuns, ...]
    associations: tuple[Association, ...]
    alibis: tuple[Alibi, ...]
    predictions: tuple[Prediction, ...]
    forecasts: tuple[Forecast, ...]
    extremes: tuple[Extremes, ...]
    agreements: tuple[Agreement, ...]
    comparisons: tuple[PairedComparison, ...]
    curves: tuple[Curve, ...]
    heat_maps: tuple[HeatMap, ...]
    property_maps: tuple[PropertyMap, ...]
    seed: int
    resamples: int
    permutations: int

    @property
    def tests(self) -> dict[str, int]:
        """Number of hypotheses tested, by part."""
        effects = [effect for one in self.extremes for effect in one.effects]
        return {
            "associations": sum(one.p is not None for one in self.associations),
            "data sets": sum(one.effect.p is not None for one in effects),
            "agreement": sum(one.p is not None for one in self.agreements),
            "comparisons": sum(one.p is not None for one in self.comparisons),
        }

    @property
    def document(self) -> dict[str, Any]:
        """All of it as plain values for JSON, without the single runs of forecasts, which have a table."""
        asked = [asdict(one) for one in research_questions(self.associations)]
        plain = {"kind": "analyze", **asdict(self), "tests": self.tests, "questions": asked, "confidence": CONFIDENCE}
        for one in plain["forecasts"]:
            del one["runs"]
        document: dict[str, Any] = printable_values(plain)
        return document
