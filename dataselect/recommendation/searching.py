"""The search: `race` decides what to train, this does it and reads what was done before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dataselect.errors import DataselectError
from dataselect.recommendation.choosing import Chooser
from dataselect.recommendation.measuring import TrialConditions, measure_selection, measure_untrained
from dataselect.recommendation.objective import Objective
from dataselect.recommendation.plan import SearchPlan
from dataselect.recommendation.race import Measurement, RaceArm, RaceOutcome, race

SEEDS_APART = 10_000
"""Between the seeds of two `--seed` values."""


@dataclass
class SearchedTrainings:
    """Measures arms for a race, and counts what that took.

    Attributes:
        failures: Of the control, in order.
        seconds: Of all measurements, also of those made by an earlier run.
    """

    chooser: Chooser
    conditions: TrialConditions
    objective: Objective
    failures: list[str] = field(default_factory=list)
    worked: int = 0
    seconds: float = 0.0

    def measure(self, arm: str, budget: int, seed: int) -> Measurement:
        """Train an arm on at most so many tokens of the sample, and evaluate it on the steering items."""
        candidate = self.chooser.candidates[arm]
        seed += SEEDS_APART * self.chooser.prepared.request.seed
        label = f"{arm}@{budget}-{seed}"
        try:
            file = self.chooser.choose(candidate, self.chooser.sample, budget, seed, label)
        except DataselectError as error:
            return self._failed(arm, 0, error.message)
        found = measure_selection(self.conditions, file, seed, label, self.chooser.stage)
        self.seconds += found.seconds
        if found.failure:
            return self._failed(arm, min(budget, found.tokens), found.failure)
        self.worked += arm == self.chooser.control.name
        return Measurement(self.objective.gains(found.results), min(budget, found.tokens))

    def _failed(self, arm: str, tokens: int, reason: str) -> Measurement:
        if arm == self.chooser.control.name:
            self.failures.append(reason)
        return Measurement(None, tokens, reason)


@dataclass(frozen=True, slots=True)
class SearchOutcome:
    """What the search found.

    Attributes:
        race: Its decisions.
        seconds: Of its measurements.
    """

    race: RaceOutcome
    seconds: float


def search(chooser: Chooser, plan: SearchPlan, say: Callable[[str], None]) -> SearchOutcome:
    """Search for the candidate to put to the final.

    Raises:
        DataselectError: If no training of the control worked.
    """
    conditions = chooser.prepared.conditions(sealed=False)
    say("evaluate the untrained model")
    untrained = measure_untrained(conditions, chooser.stage.path / "untrained", chooser.stage)
    trainings = SearchedTrainings(chooser, conditions, Objective.of(untrained))
    arms = [RaceArm(name, one.cost, one.family) for name, one in chooser.candidates.items()]
    found = race(arms, chooser.control.name, plan.budgets, plan.search_tokens, trainings.measure, say)
    if not trainings.worked:
        reason = trainings.failures[0] if trainings.failures else found.stopped_because
        raise DataselectError(
            f"nothing is recommended, because random rows could not be trained on: {reason}",
            "lower learning_rate in --config, or give more training tokens",
        )
    say(f"search ended after {found.trainings} trainings, {found.spent:,} tokens: {found.stopped_because}")
    return SearchOutcome(found, trainings.seconds)
