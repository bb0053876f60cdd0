"""The search: `race` decides what to train, this does it and reads what was done before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dataselect.errors import DataselectError
from dataselect.recommendation.choosing import Chooser
from dataselect.recommendation.measuring import TrialConditions, measure_selection, measure_untrained
from dataselect.recommendation.objective import Objective
from dataselect.recommendation.plan import SearchPlan
from dataselect.recommendation.race import Measurement, RaceArm, RaceOutcome, race
from dataselect.recommendation.sentence import SEVERAL
from dataselect.records import TaskResult
from dataselect.reports.audit import many

SEEDS_APART = 10_000
"""Between the seeds of two `--seed` values."""


@dataclass
class SearchedTrainings:
    """Measures arms for a race, and counts what that took.

    Attributes:
        failures: Of the control, in order.
        moved: Tasks of which any training changed the outcome of an item.
        seconds: Of all measurements, also of those made by an earlier run.
    """

    chooser: Chooser
    conditions: TrialConditions
    objective: Objective
    failures: list[str] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
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
        self.moved |= self.objective.moved(found.results)
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
        unmoved: The untrained model's outcomes of tasks on which no training changed any: they steered nothing.
    """

    race: RaceOutcome
    seconds: float
    unmoved: tuple[TaskResult, ...]


def search(chooser: Chooser, plan: SearchPlan, say: Callable[[str], None]) -> SearchOutcome:
    """Search for the candidate to put to the final.

    Raises:
        DataselectError: If no training of the control worked.
    """
    conditions = chooser.prepared.conditions(sealed=False)
    say("evaluate the untrained model")
    untrained = measure_untrained(conditions, chooser.stage.path / "untrained", chooser.stage)
    objective = Objective.of(untrained)
    trainings = SearchedTrainings(chooser, conditions, objective)
    for line in _before(objective):
        say(line)
    arms = [RaceArm(name, one.cost, one.family) for name, one in chooser.candidates.items()]
    found = race(arms, chooser.control.name, plan.budgets, plan.search_tokens, trainings.measure, say)
    if not trainings.worked:
        reason = trainings.failures[0] if trainings.failures else found.stopped_because
        raise DataselectError(
            f"nothing is recommended, because random rows could not be trained on: {reason}",
            "lower learning_rate in --config, or give more training tokens",
        )
    say(f"search ended after {found.trainings} trainings, {found.spent:,} tokens: {found.stopped_because}")
    unmoved = tuple(one for one in objective.untrained if one.task not in trainings.moved)
    return SearchOutcome(found, trainings.seconds, unmoved)


def _before(objective: Objective) -> Iterator[str]:
    """What to know of the gains that are told, before the first one."""
    if len(objective.untrained) > 1:
        yield f"gains are means over {len(objective.untrained)} tasks, in {SEVERAL} of the untrained model"
    for one in objective.untrained:
        if one.direction == "higher" and not one.values.any():
            items = many(len(one.item_ids), "steering item")
            yield f"warning: the untrained model answers none of {items} of {one.task}"
