"""The plan: which budgets are trained, on how large a sample, and how many training tokens each part may take.

    T                 tokens of all trainings: given, or what fits into the time
    search            60 % of T; the final gets the rest, and with it the figures that are reported
    first budget b    half of the search / (candidates + 1), so that every candidate is trained once; at least two
                      optimiser steps, and with a time limit, where it is long enough, as long as a training costs
                      besides its tokens
    further budgets   2b, 4b, ... while their rounds fit into the search, and six trainings of one into the final
    candidates        the first so many that can be trained at b, the simplest first

The first budget and the sample are kept for all later runs in a folder: a longer search adds budgets above and
trainings beside those that are there, and repeats none.

With a time limit the speed is measured by one short training; T is the most for which

    trainings x (start + evaluation) + epochs x T / speed  <=  time left

where the final's trainings, and the untrained model once, are evaluated on the sealed items.

Left out: memory, and trainings side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any

from dataselect.errors import UsageError
from dataselect.recommendation.candidates import CONTROL, Candidate

SEARCH_SHARE = 0.6
FINAL_SEEDS, MOST_FINAL_SEEDS = 3, 6
LEAST_STEPS = 2
LEAST_ROWS = 300
_FIRST_ROUND = 0.5
_ROUNDS = 0.9
_LARGEST_SHARE = 0.5
_OF_SAMPLE = 6
_ROOM = 1.1
"""More time than is needed, since the speed that is measured next will differ a little."""


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """What a training costs on this machine.

    Attributes:
        tokens_per_second: Of training, each pass over a token counted.
        start: Seconds of a training besides its tokens: loading, writing, reading.
        evaluation: Seconds of one evaluation on the steering items.
        sealed: Seconds of one on the sealed items.
        model_bytes: Disk of one trained model, while it is evaluated.
        epochs: Passes over a selection.
    """

    tokens_per_second: float
    start: float
    evaluation: float
    sealed: float
    model_bytes: int
    epochs: float = 1.0

    @property
    def selected_per_second(self) -> float:
        """Tokens of a selection that are trained on, all passes, in a second."""
        return self.tokens_per_second / self.epochs

    @property
    def overhead(self) -> float:
        """Seconds of a measurement besides its tokens."""
        return self.start + self.evaluation


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What will be trained.

    Attributes:
        train_tokens: Most tokens of all trainings together.
        search_tokens: Those of the search; the rest is the final's.
        budgets: Tokens of one training, ascending.
        sample_rows: Most rows of each pool that the search works on.
        candidates: Names of those that are tried, the control first.
        left_out: Names of those for which the tokens do not suffice.
        trainings: Expected number, final included.
        asked: Tokens of the largest budget that the user named; None for `auto`.
    """

    train_tokens: int
    search_tokens: int
    budgets: tuple[int, ...]
    sample_rows: int
    candidates: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    trainings: int = 0
    asked: int | None = None

    @property
    def final_tokens(self) -> int:
        """Tokens of the final."""
        return self.train_tokens - self.search_tokens

    def final_seeds(self, budget: int) -> int:
        """Seeds of each side of the final at a budget, so that as many of a length-matched control fit beside them."""
        return max(FINAL_SEEDS, min(MOST_FINAL_SEEDS, self.final_tokens // (3 * budget)))

    @property
    def final_trainings(self) -> int:
        """Trainings of the final at the largest budget: both sides, and a length-matched control where it fits."""
        budget = self.budgets[-1]
        sides = 2 * self.final_seeds(budget)
        return sides + (FINAL_SEEDS if (sides + FINAL_SEEDS) * budget <= self.final_tokens else 0)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for `plan.json`."""
        return asdict(self)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> SearchPlan:
        """Read from `plan.json`."""
        names = ("budgets", "candidates", "left_out")
        return cls(**{**values, **{name: tuple(values[name]) for name in names}})


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What a plan is made from.

    Attributes:
        candidates: All, the control first.
        row_tokens: Mean tokens of a row.
        pool_tokens: Of all clean rows.
        batch_rows: Rows of an optimiser step.
        epochs: Passes over a selection; a training of a budget takes so many times its tokens.
        asked: Budgets that the user named, in tokens; none for `auto`.
        first_budget, sample_rows: Those of an earlier run in the folder; 0 for none.
    """

    candidates: Sequence[Candidate]
    row_tokens: float
    pool_tokens: int
    batch_rows: int
    asked: tuple[int, ...] = ()
    first_budget: int = 0
    sample_rows: int = 0

    def least(self, waiting: float = 0.0) -> int:
        """Tokens of the smallest training that says something, or of one that takes as long as it waits.

        Args:
            waiting: Tokens that could be trained while a training is not.
        """
        steps = LEAST_STEPS * self.batch_rows * self.row_tokens
        least = self.first_budget or ceil(min(max(steps, waiting), max(1.0, self.pool_tokens * _LARGEST_SHARE)))
        return min(least, self.asked[0]) if self.asked else least


def plan_for_tokens(inputs: PlanInputs, tokens: int, least: int = 0) -> SearchPlan:
    """The plan for so many training tokens.

    Args:
        least: Tokens of the smallest training; by default those of `PlanInputs.least`.

    Raises:
        UsageError: If they do not suffice for one candidate, the control, and the final.
    """
    search, final = round(tokens * SEARCH_SHARE), tokens - round(tokens * SEARCH_SHARE)
    least = least or inputs.least()
    needed = _needed(least)
    if tokens < needed:
        raise UsageError(
            f"{tokens:,} training tokens are too few: two trainings of random, one of a candidate and a final of "
            f"{2 * FINAL_SEEDS}, of {least:,} tokens each, take {needed:,}",
            f"--train-tokens {needed} or more, or a larger --time",
        )
    largest = min(final // (2 * FINAL_SEEDS), int(inputs.pool_tokens * _LARGEST_SHARE) or 1)
    ordered = sorted(inputs.candidates, key=simplest_first)
    most = max(2, int(_FIRST_ROUND * search / least) - 1)
    kept = ordered[:most]
    first = inputs.first_budget or min(largest, max(least, int(_FIRST_ROUND * search / (len(kept) + 1))))
    budgets = _asked(inputs.asked, largest) or _ladder(first, largest, search, len(kept))
    rows = max(LEAST_ROWS, inputs.sample_rows or ceil(_OF_SAMPLE * largest / inputs.row_tokens))
    plan = SearchPlan(
        tokens, search, budgets, rows, tuple(one.name for one in kept), tuple(one.name for one in ordered[most:]),
        asked=inputs.asked[-1] if inputs.asked else None,
    )  # fmt: skip
    return replace(plan, trainings=expected_trainings(plan))


def plan_for_seconds(
    inputs: PlanInputs, seconds: float, speed: TrainingSpeed, asked_for: Callable[[float], float] = lambda left: left
) -> SearchPlan:
    """The plan for so many seconds of training and evaluation.

    Args:
        asked_for: What to ask for to have so many seconds left for trainings.

    Raises:
        UsageError: If they do not suffice for a search and a final.
    """
    smallest, least = inputs.least(), inputs.least(speed.overhead * speed.selected_per_second)
    while True:
        low = _needed(least)
        first = plan_for_tokens(inputs, low, least)
        if (taken := seconds_of(first, speed)) <= seconds:
            break
        if least == smallest:
            raise UsageError(
                f"the time is too short: {max(0.0, seconds):.0f} s are left for trainings, and the fewest that give "
                f"an answer, {first.trainings} of {least:,} tokens, take about {taken:.0f} s",
                f"--time {ceil(asked_for(taken * _ROOM) / 60)}m or more",
            )
        least = max(smallest, least // 2)
    best, high = first, max(low + 1, int(seconds * speed.selected_per_second))
    while high - low > 1:
        middle = (low + high) // 2
        plan = plan_for_tokens(inputs, middle, least)
        if seconds_of(plan, speed) <= seconds:
            best, low = plan, middle
        else:
            high = middle
    return best


def _needed(least: int) -> int:
    """Tokens of the fewest trainings that give an answer: of random two, of a candidate one, and the final."""
    return ceil(max(3 * least / SEARCH_SHARE, 2 * FINAL_SEEDS * least / (1 - SEARCH_SHARE)))


def seconds_of(plan: SearchPlan, speed: TrainingSpeed) -> float:
    """Expected seconds of all trainings and their evaluations."""
    sealed = plan.final_trainings * (speed.sealed - speed.evaluation) + speed.sealed
    return plan.trainings * speed.overhead + sealed + plan.train_tokens / speed.selected_per_second


def expected_trainings(plan: SearchPlan) -> int:
    """Trainings of a search that spends all its tokens, and of the final."""
    left, arms, total = plan.search_tokens, len(plan.candidates), 0
    for budget in plan.budgets:
        round_ = min(arms + 1, left // budget)
        total, left, arms = total + round_, left - round_ * budget, max(2, ceil(arms / 2))
    last = plan.budgets[-1]
    return total + left // last + plan.final_trainings


def simplest_first(candidate: Candidate) -> tuple[int, int]:
    """The order in which candidates are kept: random draws, then rules on all pools, on one, and mixtures last."""
    alone = len(candidate.pools) == 1 and not candidate.name.startswith("all.")
    if candidate.name == CONTROL:
        return (0, 0)
    if candidate.strategy == "random" and not candidate.quota and not candidate.where:
        return (1, 0)
    return (4 if candidate.where else 3 if candidate.quota else 2 if alone else 1, candidate.cost)


def _ladder(first: int, largest: int, search: int, arms: int) -> tuple[int, ...]:
    """The first budget and its doublings, while their rounds fit."""
    budgets, spent = [first], (arms + 1) * first
    while (following := 2 * budgets[-1]) <= largest:
        arms = max(2, ceil(arms / 2))
        spent += (arms + 1) * following
        if spent > _ROUNDS * search:
            break
        budgets.append(following)
    return tuple(budgets)


def _asked(asked: Sequence[int], largest: int) -> tuple[int, ...]:
    """The budgets that the user named, those that are too large for the final cut to the largest that is not."""
    return tuple(sorted({min(one, largest) for one in asked}))
