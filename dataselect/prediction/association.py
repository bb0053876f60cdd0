"""Whether a property of the data goes with what training on it gave: per model, pooled, and centred per model.

    one model      over the data sets of one model. Gain and score differ by the model's baseline, the same number for
                   all of them, so the coefficients are those of both: no baseline is needed.
    pooled         gains of all models together. This needs baselines, and mixes two things: which data helps, and which
                   models gain from any data.
    centred        property and score, each minus the model's own mean: only which data helps. No baseline is needed.

Each has Pearson, Spearman and Kendall with a bootstrap interval over models and data sets (`resampling`), the two
partial coefficients given the control, and one permutation test, of Spearman, with the data set as the unit. Fewer than
five data sets give no number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dataselect.prediction.coefficients import coefficients, correlation, ranks
from dataselect.prediction.config import AnalyzeConfig
from dataselect.prediction.grid import Grid, centred
from dataselect.prediction.partial import partial
from dataselect.prediction.permutation import permutation_p
from dataselect.prediction.resampling import MIN_UNITS, central, crossed_counts, generator
from dataselect.prediction.table import Floats

Scope = Literal["one model", "pooled", "centred"]
CONSTANT = "one side is the same everywhere"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One coefficient with its 95 % interval; None where the data support none."""

    coefficient: str
    given: str | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class Association:
    """One property against one task, in one method and scope.

    Attributes:
        model: The model of scope "one model".
        needs_baseline: Whether the numbers rest on the models' baselines.
        n: Pairs; of `n_models` models and `n_datasets` data sets.
        p: Of the permutation test of Spearman; `p_holm` is corrected over all associations of the analysis.
        note: Why there are no numbers, or nothing.
    """

    property: str
    task: str
    method: str
    scope: Scope
    model: str | None
    needs_baseline: bool
    n: int
    n_models: int
    n_datasets: int
    estimates: tuple[Estimate, ...]
    p: float | None
    p_holm: float | None
    note: str

    def get(self, coefficient: str, given: str | None = None) -> Estimate | None:
        """One of its estimates."""
        return next((e for e in self.estimates if (e.coefficient, e.given) == (coefficient, given)), None)


def associations(grid: Grid, config: AnalyzeConfig) -> Iterator[Association]:
    """All of one method: every property with every task, in every scope that the grid has."""
    gains = grid.gains
    for name, x in grid.properties.items():
        for row, task in enumerate(grid.tasks):
            pair = _Pair(grid, config, name, task.name)
            for place, model in enumerate(grid.models):
                one = slice(place, place + 1)
                controls = {key: values[one] for key, values in grid.properties.items()}
                yield pair.measure("one model", model, x[one], grid.scores[row][one], controls)
            if len(grid.models) > 1:
                if np.isfinite(grid.baseline[row]).any():
                    yield pair.measure("pooled", None, x, gains[row], grid.properties)
                yield pair.measure("centred", None, x, grid.scores[row], grid.properties)


@dataclass(frozen=True, slots=True)
class _Pair:
    grid: Grid
    config: AnalyzeConfig
    property: str
    task: str

    def measure(
        self, scope: Scope, model: str | None, x: Floats, y: Floats, properties: Mapping[str, Floats]
    ) -> Association:
        """One association of (n_models, n_datasets) grids."""
        both = np.isfinite(x) & np.isfinite(y)
        models, datasets = np.nonzero(both)
        n_datasets = len(np.unique(datasets))
        note = _why_not(x[both], y[both], n_datasets)
        estimates: tuple[Estimate, ...] = ()
        p = None
        if not note:
            x, y = np.where(both, x, np.nan), np.where(both, y, np.nan)
            control = properties.get(self.config.control or "")
            given = None if control is None or self.config.control == self.property else control
            estimates = tuple(self._estimates(scope, model, x, y, given))
            rng = generator(self.config.seed, "permutation", self._stream(scope, model))
            sides = (centred(x), centred(y)) if scope == "centred" else (x, y)
            p = permutation_p(*sides, self.config.permutations, rng)
        return Association(
            self.property, self.task, self.grid.method, scope, model, scope == "pooled", int(both.sum()),
            len(np.unique(models)), n_datasets, estimates, p, None, note,
        )  # fmt: skip

    def _stream(self, scope: str, model: str | None) -> str:
        return "\0".join((self.grid.method, self.property, self.task, scope, model or ""))

    def _estimates(
        self, scope: Scope, model: str | None, x: Floats, y: Floats, given: Floats | None
    ) -> Iterator[Estimate]:
        rng = generator(self.config.seed, "bootstrap", self._stream(scope, model))
        points = _Points.of(x, y, scope == "centred")
        held = points.counts(self.config.resamples, rng)
        sides = points.sides(held)
        found = coefficients(sides[0], sides[1], held).named
        yield from (_estimate(name, None, values) for name, values in found.items())
        if given is None:
            return
        points = _Points.of(x, y, scope == "centred", given)
        held = points.counts(self.config.resamples, rng)
        sides = points.sides(held)
        for name, (a, b, c) in (("Pearson", sides), ("Spearman", [ranks(one, held) for one in sides])):
            remains = partial(correlation(a, b, held), correlation(a, c, held), correlation(b, c, held))
            yield _estimate(name, self.config.control, remains)


def _why_not(x: Floats, y: Floats, n_datasets: int) -> str:
    if n_datasets < MIN_UNITS:
        return f"{n_datasets} data sets are too few; at least {MIN_UNITS} are needed"
    return CONSTANT if np.ptp(x) == 0 or np.ptp(y) == 0 else ""


def _estimate(name: str, given: str | None, values: Floats) -> Estimate:
    """From a number and its draws: the first is over the runs as they are."""
    if not np.isfinite(values[0]):
        return Estimate(name, given, None, None, None)
    interval = central(values[1:])
    ends = (None, None) if interval is None else (interval.low, interval.high)
    return Estimate(name, given, float(values[0]), *ends)


@dataclass(frozen=True, slots=True)
class _Points:
    """The known cells of two or three grids as points."""

    x: Floats
    y: Floats
    z: Floats
    models: np.ndarray
    datasets: np.ndarray
    centre: bool

    @classmethod
    def of(cls, x: Floats, y: Floats, centre: bool, z: Floats | None = None) -> _Points:
        z = np.zeros(x.shape) if z is None else z
        known = np.isfinite(x) & np.isfinite(y) & np.isfinite(z)
        models, datasets = np.nonzero(known)
        return cls(x[known], y[known], z[known], models, datasets, centre)

    def counts(self, draws: int, rng: np.random.Generator) -> Floats:
        """(1 + draws, n): once each, then the resamples."""
        return np.concatenate([np.ones((1, len(self.x))), crossed_counts(self.models, self.datasets, draws, rng)])

    def sides(self, held: Floats) -> list[Floats]:
        """x, y and z, centred anew in every draw where that is asked for."""
        return [self._centred(one, held) if self.centre else one for one in (self.x, self.y, self.z)]

    def _centred(self, values: Floats, held: Floats) -> Floats:
        belongs = np.eye(int(self.models.max(initial=-1)) + 1)[self.models]
        totals = held @ belongs
        means = np.divide((held * values) @ belongs, totals, out=np.zeros(totals.shape), where=totals > 0)
        moved = values - means[:, self.models]
        scale = max(float(np.abs(values).max(initial=0.0)), 1e-300)
        rounded: Floats = np.round(moved / scale, 12)  # so that equal numbers stay equal
        return rounded
