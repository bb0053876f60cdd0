"""Association of a property of the data with what training on it gave: per model, pooled, and centred per model.

    one model      over the data sets of one model. Gain and score differ by the model's baseline, the same number for
                   all of them, so the coefficients are those of both: no baseline is needed.
    pooled         gains of all models together. This needs baselines, and mixes two things: which data helps, and which
                   models gain from any data.
    centred        property and score, each minus the model's own mean: only which data helps. No baseline is needed.

Each scope is a question of its own, and Holm's correction is over the tests of that question: all properties, tasks and
methods in it (and, of one model, all models). Each association has Pearson, Spearman and Kendall with a bootstrap
interval over models and data sets, the two partial coefficients given the control (`coefficients`), and one permutation
test, of Spearman, with the data set as the unit (`permutation`). Fewer than five data sets give no number. A test that
no outcome could have taken below the level is reported as such, not as "no relation".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dataselect.comparison.bootstrap import named_generator
from dataselect.comparison.multiple_testing import holm
from dataselect.run_analysis.coefficients import PropertyCoefficient, coefficient_estimates
from dataselect.run_analysis.config import AnalyzeConfig
from dataselect.run_analysis.grid import Grid, centred
from dataselect.run_analysis.permutation import PermutationResult, PermutationTest, p_values
from dataselect.run_analysis.run_table import Floats
from dataselect.run_analysis.uncertainty import MIN_UNITS

Scope = Literal["one model", "pooled", "centred"]
Verdict = Literal["relation", "none shown", "none could be shown", "no number"]
CONSTANT = "one side is the same everywhere"
LEVEL = 0.05
"""A corrected p below it is called shown."""


@dataclass(frozen=True, slots=True)
class Association:
    """One property against one task, in one method and scope.

    Attributes:
        model: The model of scope "one model".
        needs_baseline: Whether the numbers rest on the models' baselines.
        n: Pairs; of `n_models` models and `n_datasets` data sets.
        p: Of the permutation test of Spearman; `p_holm` is corrected over the tests of its scope.
        note: Why there are no numbers, or nothing.
        tests: How many those are.
        p_least: The smallest `p_holm` that any outcome could have had, all other tests of the scope at their best too.
        shown_from: The smallest distance of Spearman from 0 that would have been shown if no other test had been; None
            where there is none, or too few permutations were drawn to estimate it.
        permutations: How many were drawn, or all there are where `exact`.
        verdict: "none could be shown" where `p_least` is not below the level.
        needed_datasets, allowed_tests: With that verdict: from how many data sets on, none equal, this many tests could
            show something, and among how many tests these data sets could. 0 tests: not even alone.
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
    estimates: tuple[PropertyCoefficient, ...]
    p: float | None
    p_holm: float | None
    note: str
    tests: int = 0
    p_least: float | None = None
    shown_from: float | None = None
    permutations: int | None = None
    exact: bool | None = None
    verdict: Verdict = "no number"
    needed_datasets: int | None = None
    allowed_tests: int | None = None

    def get(self, coefficient: str, given: str | None = None) -> PropertyCoefficient | None:
        """Return one of its estimates."""
        return next((e for e in self.estimates if (e.coefficient, e.given) == (coefficient, given)), None)


@dataclass(frozen=True, slots=True, eq=False)
class AssociationSides:
    """The two sides of an association: (n_models, n_datasets) grids that lack the same cells."""

    grid: Grid
    name: str
    task: str
    scope: Scope
    model: str | None
    x: Floats
    y: Floats

    @property
    def note(self) -> str:
        """The reason for no number; empty where there can be one."""
        known = np.isfinite(self.x)
        n_datasets = int(known.any(axis=0).sum())
        if n_datasets < MIN_UNITS:
            return f"{n_datasets} data sets are too few; at least {MIN_UNITS} are needed"
        return CONSTANT if np.ptp(self.x[known]) == 0 or np.ptp(self.y[known]) == 0 else ""

    @property
    def test(self) -> PermutationTest | None:
        """Its permutation test; None where one side is constant."""
        if self.note:
            return None
        sides = (centred(self.x), centred(self.y)) if self.scope == "centred" else (self.x, self.y)
        test = PermutationTest.of(*sides)
        return test if np.isfinite(test.found) else None

    def estimated(self, config: AnalyzeConfig) -> Association:
        """Compute its coefficients, without p."""
        models, datasets = np.nonzero(np.isfinite(self.x))
        found: tuple[PropertyCoefficient, ...] = ()
        if not self.note:
            number = (self.grid.method, self.name, self.task, self.scope, self.model or "")
            rng = named_generator(config.seed, "bootstrap", "\0".join(number))
            control = None
            if config.control is not None and config.control != self.name:
                control = config.control, self.grid.properties[config.control][self._rows]
            found = tuple(
                coefficient_estimates(
                    self.x, self.y, names=(self.grid.models[self._rows], self.grid.datasets),
                    centre=self.scope == "centred", control=control, draws=config.resamples, rng=rng,
                )
            )  # fmt: skip
        return Association(
            property=self.name, task=self.task, method=self.grid.method, scope=self.scope, model=self.model,
            needs_baseline=self.scope == "pooled", n=len(models), n_models=len(np.unique(models)),
            n_datasets=len(np.unique(datasets)), estimates=found, p=None, p_holm=None, note=self.note,
        )  # fmt: skip

    @property
    def _rows(self) -> slice:
        place = self.grid.models.index(self.model) if self.model is not None else 0
        return slice(place, place + 1) if self.model is not None else slice(None)


def association_sides(grid: Grid) -> Iterator[AssociationSides]:
    """Pair every property with every task of one method, in every scope that the grid has."""
    gains = grid.gains
    for name, x in grid.properties.items():
        for row, task in enumerate(grid.tasks):
            scores = grid.scores[row]
            sides: list[tuple[Scope, str | None, Floats, Floats]] = [
                ("one model", model, x[place : place + 1], scores[place : place + 1])
                for place, model in enumerate(grid.models)
            ]
            if len(grid.models) > 1:
                if np.isfinite(grid.baseline[row]).any():
                    sides.append(("pooled", None, x, gains[row]))
                sides.append(("centred", None, x, scores))
            for scope, model, one, other in sides:
                both = np.isfinite(one) & np.isfinite(other)
                holes = np.where(both, one, np.nan), np.where(both, other, np.nan)
                yield AssociationSides(grid, name, task.name, scope, model, *holes)


def associations(grids: Sequence[Grid], config: AnalyzeConfig) -> tuple[Association, ...]:
    """Compute all associations of an analysis, each corrected over the tests of its scope."""
    pairs = [pairing for grid in grids for pairing in association_sides(grid)]
    found = [pairing.estimated(config) for pairing in pairs]
    for scope in dict.fromkeys(pairing.scope for pairing in pairs):
        tests = {place: test for place, one in enumerate(pairs) if one.scope == scope and (test := one.test)}
        for place, answer in zip(tests, corrected_tests(list(tests.values()), config), strict=True):
            found[place] = answer.added_to(found[place])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class CorrectedTest:
    """A test with its p corrected over the tests of its question; fields as in `Association`."""

    tested: PermutationResult
    p_holm: float
    p_least: float
    tests: int
    n_datasets: int

    @property
    def verdict(self) -> Verdict:
        """One of three; the fourth, "no number", needs no test."""
        if below(self.p_holm):
            return "relation"
        return "none shown" if below(self.p_least) else "none could be shown"

    def added_to(self, found: Association) -> Association:
        """Return the association with its p."""
        one, needed, allowed = self.tested, None, None
        if self.verdict == "none could be shown":
            # d data sets without equal ones have d! orders, of which two are farthest: one and its reverse
            needed = next(d for d in range(self.n_datasets, 1000) if below(2 * self.tests / math.factorial(d)))
            allowed = next(m for m in range(self.tests, -1, -1) if below(m * one.least))
        return replace(
            found, p=one.p, p_holm=self.p_holm, tests=self.tests, p_least=self.p_least, shown_from=one.shown_from,
            permutations=one.permutations, exact=one.exact, verdict=self.verdict, needed_datasets=needed,
            allowed_tests=allowed,
        )  # fmt: skip


def corrected_tests(tests: Sequence[PermutationTest], config: AnalyzeConfig) -> list[CorrectedTest]:
    """Test a family, and correct its p values."""
    tested = p_values(tests, LEVEL / max(1, len(tests)), config.permutations, config.seed)
    corrected, least = holm([one.p for one in tested]), holm([one.least for one in tested])
    return [
        CorrectedTest(one, p, best, len(tests), test.size)
        for test, one, p, best in zip(tests, tested, corrected, least, strict=True)
        if p is not None and best is not None
    ]


def below(p: float) -> bool:
    """Return whether a corrected p is below the level by more than rounding."""
    return p < LEVEL - 1e-12


WORDS: dict[Scope, str] = {
    "centred": "Which property predicts which data helps, for any model",
    "one model": "Which property correlates with the score over the data sets of a single model",
    "pooled": "Which property correlates with the gain over all models together",
}


@dataclass(frozen=True, slots=True)
class ResearchQuestion:
    """One family.

    Attributes:
        tests: All properties, tasks and methods of the scope that could be tested (and models, of one model).
        shown: Those that hold after Holm's correction over these tests.
        not_showable: Those that no outcome could have taken below the level.
        without_number: Associations of the scope without a test.
        level: What a corrected p has to be below.
    """

    scope: Scope
    words: str
    tests: int
    shown: int
    not_showable: int
    without_number: int
    level: float


def research_questions(found: Sequence[Association]) -> tuple[ResearchQuestion, ...]:
    """Return the questions that were asked, the most informative first."""
    asked = []
    for scope, words in WORDS.items():
        verdicts = [one.verdict for one in found if one.scope == scope]
        without = verdicts.count("no number")
        if verdicts:
            shown, never = verdicts.count("relation"), verdicts.count("none could be shown")
            asked.append(ResearchQuestion(scope, words, len(verdicts) - without, shown, never, without, LEVEL))
    return tuple(asked)
