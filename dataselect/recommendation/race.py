"""Which candidate to train on: a race of real short trainings from small budgets to large ones, with seeds as pulls.

Every arm is trained with one seed at the smallest budget, the control with two. The better half goes to the next
budget, and with it the best arm of each family (low, middle, high difficulty, ...), because the best direction moves
with the budget. It goes up as long as the arms measured at both budgets gain more over the untrained model at the
larger one, the best of them or all on average. At the last budget that helped, the arms left get one more seed a round,
and so does the control, which is always ahead; after each round arms that are decided worse than it or than the
leader leave, and the lower half while there are more than two. It ends when the leader is decided against the control
and no rival is undecided against the leader, when every arm is worse or equivalent, at `MOST_SEEDS`, or when the tokens
are spent. The finalist is put to the final at the smallest budget at which it gains as much within the margin.

What is said of an arm, and with which error, is in `decisions`; arms are compared with the control at the same budget
only. That rivals are dropped is a heuristic: no error rate is promised for it.

What to ask next depends on the measurements and never on the tokens left; the first training that does not fit ends the
race. So the same measurements give the same requests, and with more tokens the sequence goes on where it stopped.

An arm whose training fails is out, with the reason. A control that fails gets other seeds, `CONTROL_FAILURES` at most;
then its budget is not used, and without any budget there is no finalist.

Nothing here is an answer for a user: the arm that came first among many is estimated too well by its own race. Left
out: files, trainings, sealed items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from dataselect.comparison.intervals import VarianceEstimate
from dataselect.recommendation.decisions import (
    ALPHA,
    BETTER,
    EQUIVALENT,
    FAILED,
    LEAST_DOF,
    UNDECIDED,
    WORSE,
    ArmDecision,
    Floats,
    GapInterval,
    alpha_of_look,
    equivalence_margin,
    gap_interval,
    pooled_seed_noise,
)

MOST_SEEDS = 8
CONTROL_FAILURES = 2


@dataclass(frozen=True, slots=True)
class RaceArm:
    """A candidate in a race.

    Attributes:
        name: Unique among the arms.
        cost: How much the selection takes to make; among equivalent arms the lowest wins.
        family: Direction; the best of each family that is not decided worse goes to the next budget.
    """

    name: str
    cost: int = 0
    family: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What came of one training.

    Attributes:
        gains: (n_items,) improvement over the untrained model on each steering item, higher is better; None if the
            training failed.
        tokens: Tokens trained on; at most those asked for.
        failure: Why there are no gains.
    """

    gains: Floats | None
    tokens: int
    failure: str = ""


@dataclass(frozen=True, slots=True)
class RaceLook:
    """One look at an arm: the level that it spent and what it saw.

    Attributes:
        look: Its number for this arm, over all budgets; `alpha` follows from it.
        seeds, control_seeds, dof: Trainings of both sides, and degrees of freedom of the pooled noise of seeds.
    """

    arm: str
    budget: int
    look: int
    alpha: float
    seeds: int
    control_seeds: int
    dof: int
    estimate: float
    low: float | None
    high: float | None
    decision: str


@dataclass(frozen=True, slots=True)
class RaceOutcome:
    """What a race found.

    Attributes:
        finalist: The arm to put to the final; None where no arm is ahead of the control, or everything failed.
        budget: At which to put it, in tokens; without a finalist where the control gains most.
        decisions: One for each arm and budget that was measured, budgets ascending, best first.
        looks: Every look in order, with the level it spent.
        spent, trainings: Tokens and number of trainings, failed ones included.
        stopped_because: One sentence.
    """

    finalist: str | None
    budget: int
    decisions: tuple[ArmDecision, ...]
    looks: tuple[RaceLook, ...]
    spent: int
    trainings: int
    stopped_because: str


Measure = Callable[[str, int, int], Measurement]
Say = Callable[[str], None]


def race(
    arms: Sequence[RaceArm],
    control: str,
    budgets: Sequence[int],
    tokens: int,
    measure: Measure,
    on_event: Say = lambda event: None,
    *,
    most_seeds: int = MOST_SEEDS,
) -> RaceOutcome:
    """Search for the arm to put to the final.

    Args:
        arms: The candidates; the control may be among them.
        control: Name of the control, which `measure` knows.
        budgets: Tokens of one training, ascending, no duplicates.
        tokens: Tokens that all trainings together may take.
        measure: Trains an arm on at most so many tokens with a seed (0, 1, ...) and evaluates it.
        on_event: Gets a sentence after each training.
        most_seeds: Of an arm; undecided with so many, it stays undecided. The control gets one more.
    """
    assert len(budgets) > 0, "there is a budget"
    assert list(budgets) == sorted(set(budgets)), "budgets ascend"
    candidates = [arm for arm in arms if arm.name != control]
    assert len({arm.name for arm in candidates}) == len(candidates), "names are unique"
    book = _Book(control, tuple(budgets), tokens, measure, on_event, most_seeds)
    try:
        stopped = _search(book, candidates)
    except _Spent as spent:
        stopped = str(spent)
    return _outcome(book, candidates, stopped)


class _Spent(Exception):
    """The next training does not fit into the tokens."""


@dataclass
class _Book:
    """Everything that was measured; the only state of a race."""

    control: str
    budgets: tuple[int, ...]
    tokens: int
    measure: Measure
    say: Say
    most_seeds: int
    spent: int = 0
    trainings: int = 0
    gains: dict[tuple[str, int], Floats] = field(default_factory=dict)
    means: dict[tuple[str, int], float] = field(default_factory=dict)
    trained: dict[tuple[str, int], int] = field(default_factory=dict)
    asked: dict[tuple[str, int], int] = field(default_factory=dict)
    failures: dict[tuple[str, int], str] = field(default_factory=dict)
    looks: list[RaceLook] = field(default_factory=list)
    alive: dict[int, list[RaceArm]] = field(default_factory=dict)

    def train(self, arm: str, budget: int) -> bool:
        """Measure an arm with its next seed; whether it worked."""
        if self.spent + budget > self.tokens:
            raise _Spent(f"the next training of {budget:,} tokens does not fit: {self.spent:,} of {self.tokens:,} used")
        cell = (arm, budget)
        seed = self.asked.get(cell, 0)
        found = self.measure(arm, budget, seed)
        self.asked[cell] = seed + 1
        self.spent += found.tokens
        self.trainings += 1
        self.trained[cell] = self.trained.get(cell, 0) + found.tokens
        if found.gains is None:
            self.failures[cell] = found.failure or "the training failed"
            self.say(f"{arm}, {budget:,} tokens, seed {seed}: {self.failures[cell]}")
            return False
        row = np.asarray(found.gains, dtype=np.float64)[None]
        self.gains[cell] = np.concatenate([self.gains[cell], row]) if cell in self.gains else row
        self.means[cell] = float(self.gains[cell].mean())
        self.say(f"{arm}, {budget:,} tokens, seed {seed}: gain {float(row.mean()):+.4g}")
        return True

    def seeds(self, arm: str, budget: int) -> int:
        return len(self.gains.get((arm, budget), ()))

    def values(self, arm: str, budget: int) -> Floats:
        """Gains as (seeds, n_items)."""
        return self.gains[arm, budget]

    def mean(self, arm: str, budget: int) -> float:
        return self.means[arm, budget]

    def noise(self, budget: int) -> VarianceEstimate | None:
        return pooled_seed_noise([self.values(*cell) for cell in self.gains if cell[1] == budget])

    def last_look(self, arm: str, budget: int) -> RaceLook | None:
        return next((look for look in reversed(self.looks) if (look.arm, look.budget) == (arm, budget)), None)

    def failed(self, arm: str) -> bool:
        """A failed arm is not trained again, at any budget."""
        return any(name == arm for name, _ in self.failures)

    def ranked(self, arms: Sequence[RaceArm], budget: int) -> list[RaceArm]:
        """Those measured at the budget that have not failed, best first."""
        measured = [arm for arm in arms if self.seeds(arm.name, budget) and not self.failed(arm.name)]
        return sorted(measured, key=lambda arm: (-self.mean(arm.name, budget), arm.cost, arm.name))


def _search(book: _Book, arms: list[RaceArm]) -> str:
    """Trains until it is decided; the reason why it ended."""
    if not _climb(book, arms):
        return f"the control could not be trained: {next(iter(book.failures.values()))}"
    home = _home(book)
    book.alive[home] = _narrowed(book, book.alive.get(home, ()), home)
    while not (reason := _finished(book, home)):
        rivals = book.ranked(book.alive[home], home)
        if not _control(book, home, 2 + max(book.seeds(arm.name, home) for arm in rivals)):
            return f"the control could not be trained again: {book.failures[book.control, home]}"
        for arm in rivals:
            book.train(arm.name, home)
        _look(book, rivals, home)
        book.alive[home] = _narrowed(book, rivals, home)
    return reason


def _climb(book: _Book, arms: list[RaceArm]) -> bool:
    """Goes up the budgets while that helps; False if the control failed at the first."""
    for budget in book.budgets:
        if not _control(book, budget, 2):
            return budget != book.budgets[0]
        for arm in arms:
            book.train(arm.name, budget)
            book.alive.setdefault(budget, []).append(arm)
        ranked = book.ranked(arms, budget)
        _look(book, ranked, budget)
        arms = _promoted(book, ranked, budget)
        if not arms or _home(book) != budget:
            break
    return True


def _home(book: _Book) -> int:
    """The largest budget up to which going up helped, by the arms that were measured on both sides of each step."""
    home = book.budgets[0]
    for budget in book.budgets[1:]:
        both = [arm.name for arm in book.ranked(book.alive.get(budget, ()), budget)]
        if not both:
            break
        names = [book.control, *both]
        below, above = ([book.mean(name, at) for name in names] for at in (home, budget))
        if max(above) <= max(below) and sum(above) <= sum(below):
            break
        home = budget
    return home


def _control(book: _Book, budget: int, seeds: int) -> bool:
    """Trains the control up to so many seeds that worked."""
    cell = (book.control, budget)
    while book.seeds(*cell) < seeds:
        if book.asked.get(cell, 0) - book.seeds(*cell) > CONTROL_FAILURES:
            return False
        book.train(*cell)
    return True


def _look(book: _Book, arms: Sequence[RaceArm], budget: int) -> None:
    """Decides on each arm and writes down what that spent."""
    noise = book.noise(budget)
    if noise is None or noise.dof < LEAST_DOF:
        return
    control = book.values(book.control, budget)
    for arm in book.ranked(arms, budget):
        values = book.values(arm.name, budget)
        number = 1 + sum(look.arm == arm.name for look in book.looks)
        found = gap_interval(values, control, noise, alpha_of_look(number))
        decision = found.decision(equivalence_margin(control))
        seen = (found.estimate, found.low, found.high, decision)
        counts = (number, alpha_of_look(number), len(values), len(control), noise.dof)
        book.looks.append(RaceLook(arm.name, budget, *counts, *seen))


def _decision(book: _Book, arm: RaceArm, budget: int) -> str:
    look = book.last_look(arm.name, budget)
    return look.decision if look else UNDECIDED


def _promoted(book: _Book, ranked: list[RaceArm], budget: int) -> list[RaceArm]:
    """The better half, and the best of each family."""
    kept = [arm for arm in ranked if _decision(book, arm, budget) != WORSE]
    half = kept[: max(2, (len(kept) + 1) // 2)]
    families = {arm.family for arm in half}
    for arm in kept[len(half) :]:
        if arm.family not in families:
            half.append(arm)
            families.add(arm.family)
    return half


def _narrowed(book: _Book, arms: Sequence[RaceArm], budget: int) -> list[RaceArm]:
    """Those still in the contest for first place: not worse than the control, not worse than the leader, upper half."""
    ranked = [arm for arm in book.ranked(arms, budget) if _decision(book, arm, budget) != WORSE]
    rivals = [arm for arm in ranked[1:] if _against(book, arm, ranked[0], budget).decision(0.0) != WORSE]
    kept = [*ranked[:1], *rivals]
    return kept[: max(2, (len(ranked) + 1) // 2)]


def _against(book: _Book, arm: RaceArm, leader: RaceArm, budget: int) -> GapInterval:
    """Arm minus leader; a heuristic, at the level of a first look."""
    sides = book.values(arm.name, budget), book.values(leader.name, budget)
    return gap_interval(*sides, book.noise(budget), ALPHA)


def _finished(book: _Book, budget: int) -> str:
    """Why there is nothing left to decide at the budget; empty if there is."""
    rivals = book.ranked(book.alive[budget], budget)
    open_arms = [arm for arm in rivals if _decision(book, arm, budget) not in (WORSE, EQUIVALENT)]
    if not open_arms:
        return "every arm that is left is worse than the control or equivalent to it"
    leader, *others = open_arms
    margin = equivalence_margin(book.values(book.control, budget))
    undecided = [arm for arm in others if _against(book, arm, leader, budget).decision(margin) == UNDECIDED]
    if _decision(book, leader, budget) == BETTER and not undecided:
        return f"{leader.name} is better than the control, and no rival is undecided"
    if book.seeds(leader.name, budget) >= book.most_seeds:
        return f"{book.most_seeds} seeds did not decide it: more task items would"
    return ""


def _outcome(book: _Book, arms: Sequence[RaceArm], stopped: str) -> RaceOutcome:
    finalist, budget, why = _choice(book)
    decisions = tuple(_decided(book, arm, at) for at in book.budgets for arm in _measured(book, arms, at))
    counts = (decisions, tuple(book.looks), book.spent, book.trainings)
    sentence = "; ".join(part for part in (stopped, why) if part)
    return RaceOutcome(finalist, budget, *counts, sentence)


def _choice(book: _Book) -> tuple[str | None, int, str]:
    """The finalist, its budget, and why there is none."""
    home = _home(book)
    if not book.seeds(book.control, home):
        return None, home, "" if book.trainings else "nothing was trained"
    ranked = book.ranked(book.alive.get(home, ()), home)
    if not ranked:
        return None, home, "no arm is left beside the control"
    leader = ranked[0]
    same = [arm for arm in ranked if arm is leader or _equivalent(book, arm, leader, home)]
    chosen = min(same, key=lambda arm: arm.cost)
    if _decision(book, chosen, home) in (WORSE, EQUIVALENT):
        return None, _smallest(book, book.control, home), "random is as good within the margin, and simpler"
    if book.mean(chosen.name, home) <= book.mean(book.control, home):
        return None, _smallest(book, book.control, home), "no arm is ahead of the control"
    return chosen.name, _smallest(book, chosen.name, home), ""


def _equivalent(book: _Book, arm: RaceArm, leader: RaceArm, budget: int) -> bool:
    return _against(book, arm, leader, budget).decision(_margin(book, budget)) == EQUIVALENT


def _smallest(book: _Book, name: str, home: int) -> int:
    """The smallest budget at which an arm gains as much as at home within the margin, and is not behind the control."""
    enough = book.mean(name, home) - _margin(book, home)
    for budget in book.budgets:
        if budget == home or not book.seeds(name, budget):
            continue
        if budget < home and book.mean(name, budget) >= max(enough, book.mean(book.control, budget)):
            return budget
    return home


def _margin(book: _Book, budget: int) -> float:
    return equivalence_margin(book.values(book.control, budget))


def _measured(book: _Book, arms: Sequence[RaceArm], budget: int) -> list[RaceArm]:
    failed = [arm for arm in arms if (arm.name, budget) in book.failures]
    seen = [arm for arm in arms if arm not in failed and book.seeds(arm.name, budget)]
    return [*sorted(seen, key=lambda arm: -book.mean(arm.name, budget)), *failed]


def _decided(book: _Book, arm: RaceArm, budget: int) -> ArmDecision:
    cell, look = (arm.name, budget), book.last_look(arm.name, budget)
    seeds, tokens = book.seeds(*cell), book.trained[cell]
    estimate = book.mean(*cell) - book.mean(book.control, budget) if seeds else None
    if cell in book.failures:
        return ArmDecision(*cell, FAILED, estimate, None, None, seeds, tokens, book.failures[cell])
    if look is None:
        reason = "too few seeds to know their noise"
        return ArmDecision(*cell, UNDECIDED, estimate, None, None, seeds, tokens, reason)
    reason = f"look {look.look} at level {look.alpha:.2g}, {look.seeds} and {look.control_seeds} seeds"
    return ArmDecision(*cell, look.decision, look.estimate, look.low, look.high, seeds, tokens, reason)
