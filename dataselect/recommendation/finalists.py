"""The trainings of the final, and which rows it is about (what it says is in `final`).

Besides random at the same tokens there are two further controls, as far as tokens are left when the final is done:
random rows with the response lengths of the finalist's, and all clean rows. They decide nothing and stand beside the
answer; one that does not fit is named with what it would take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataselect.artifacts import digest, read_json
from dataselect.errors import DataselectError
from dataselect.recommendation.candidates import Candidate
from dataselect.recommendation.choosing import SCORES, Chooser, RowTables
from dataselect.recommendation.final import ControlGap, FinalVerdict, control_gaps, judge
from dataselect.recommendation.measuring import (
    TrialConditions,
    TrialOutcome,
    measure_selection,
    measure_untrained,
    rows_digest,
    tokens_of,
)
from dataselect.recommendation.objective import Objective
from dataselect.recommendation.plan import FINAL_SEEDS, SearchPlan
from dataselect.recommendation.searching import SEEDS_APART, SearchOutcome
from dataselect.records import TaskResult
from dataselect.reports.audit import many

LOOKS = "looks.json"
FIRST_SEED = 1000
"""Of the final: no seed of the search."""
_SPARE_SEEDS = 2
_SCORED_TIMES = 4
"""Tokens that are scored for the winner, as a multiple of all training tokens; scoring a token costs about a third."""


@dataclass(frozen=True, slots=True)
class FinalControl:
    """A further control of the final.

    Attributes:
        name: In words, as a note says it.
        tokens: Of one training; it was trained with three seeds.
        gaps: The finalist minus it, by task; none where the tokens did not suffice or its trainings failed.
        failure: Why its trainings failed; empty if they did not.
    """

    name: str
    tokens: int
    gaps: tuple[ControlGap, ...]
    failure: str = ""


@dataclass(frozen=True, slots=True)
class FinalOutcome:
    """The final and the rows that are recommended.

    Attributes:
        verdict: What it says.
        finalist: What the race named; None for none.
        chosen: What is recommended: the finalist if it is better than random, else random rows of all pools.
        file: `recommended.jsonl`.
        budget: Tokens of each training of the final.
        trainings, tokens: Of the final.
        seconds: Of its measurements.
        part: Most rows of each pool that the finalist's rule could choose from; None for all.
        controls: Further controls, trained or not; none without a finalist.
        notes: What a reader should know.
    """

    verdict: FinalVerdict
    finalist: Candidate | None
    chosen: Candidate
    file: Path
    budget: int
    trainings: int
    tokens: int
    seconds: float
    part: int | None
    controls: tuple[FinalControl, ...]
    notes: tuple[str, ...]


def run_final(chooser: Chooser, plan: SearchPlan, searched: SearchOutcome, say: Callable[[str], None]) -> FinalOutcome:
    """Train both sides and judge them, then write the recommended rows.

    Raises:
        DataselectError: If fewer than three trainings of random worked.
    """
    outcome = searched.race
    conditions, base = chooser.prepared.conditions(sealed=True), SEEDS_APART * chooser.prepared.request.seed
    finalist = chooser.candidates[outcome.finalist] if outcome.finalist else None
    budget, wanted = outcome.budget, max(plan.asked or 0, outcome.budget)
    random = chooser.whole(chooser.control, say)
    side = _Side(chooser, conditions, plan.final_seeds(budget), base + FIRST_SEED, say)
    objective = Objective.of(measure_untrained(conditions, chooser.stage.path / "sealed-untrained", chooser.stage))
    tables, ours, tokens = random, Trainings(()), budget
    if finalist is not None:
        part = scored_part(chooser, finalist, plan)
        tables = chooser.whole(finalist, say, part) if finalist != chooser.control else random
        file = chooser.choose(finalist, tables, budget, base, f"final-{finalist.name}@{budget}")
        tokens = tokens_of(file)
        ours = side.train(lambda seed: file, finalist.name, tokens)
        if len(ours.worked) < FINAL_SEEDS:
            finalist = None
    control = side.train_draws("random", chooser.control, random, tokens)
    if len(control.worked) < FINAL_SEEDS:
        raise DataselectError(
            f"nothing is recommended: {len(control.worked)} of {len(control.all)} trainings of the final worked, the "
            f"first failure: {control.failures[0]}", "lower learning_rate in --config",
        )  # fmt: skip
    seeds = min(len(ours.worked), len(control.worked)) if finalist else len(control.worked)
    sides = (ours.worked[:seeds] if finalist else [], control.worked[:seeds])
    key = digest(
        [finalist and finalist.name, budget, *([len(one) for one in sides]), rows_digest(file) if finalist else ""]
    )
    verdict = judge(objective, *sides, _look(chooser, key))
    chosen, among = (finalist, tables) if finalist and verdict.decision == "better" else (chooser.control, random)
    written = chooser.recommend(chosen, among, wanted, base)
    every, controls = [*ours.all, *control.all], []
    if finalist is not None:
        for candidate, most in _further(chooser, random, file, tokens):
            spent = outcome.spent + sum(one.tokens for one in every)
            fits = spent + FINAL_SEEDS * most <= plan.train_tokens
            made = (
                replace(side, seeds=FINAL_SEEDS).train_draws(candidate.name, candidate, random, most) if fits else None
            )
            controls.append(_judged(candidate, most, made, objective, sides[0][:FINAL_SEEDS], verdict.level))
            every += made.all if made else ()
    return FinalOutcome(
        verdict, finalist, chosen, written, tokens, len(every), sum(one.tokens for one in every),
        sum(one.seconds for one in every), tables.part if finalist else None, tuple(controls), tuple(ours.notes),
    )  # fmt: skip


def _further(chooser: Chooser, tables: RowTables, file: Path, tokens: int) -> tuple[tuple[Candidate, int], ...]:
    """Further controls with the tokens of one training of each, those that cost least first."""
    everything = tables.tokens_of(chooser.control)
    matched = Candidate(
        "random rows of the same lengths", chooser.control.pools, "length-matched-random", {"match": str(file)}
    )
    return ((matched, tokens), (replace(chooser.control, name="all clean rows"), everything))


def _judged(
    candidate: Candidate, tokens: int, made: Trainings | None, objective: Objective,
    finalist: list[tuple[TaskResult, ...]], level: float,
) -> FinalControl:  # fmt: skip
    if made is None:
        return FinalControl(candidate.name, tokens, ())
    if len(made.worked) < FINAL_SEEDS:
        return FinalControl(candidate.name, tokens, (), made.failures[0])
    return FinalControl(candidate.name, tokens, control_gaps(objective, finalist, made.worked, level))


@dataclass(frozen=True, slots=True)
class Trainings:
    """The trainings of one side."""

    all: tuple[TrialOutcome, ...]

    @property
    def worked(self) -> list[tuple[TaskResult, ...]]:
        """Results of those that did not fail."""
        return [one.results for one in self.all if not one.failure]

    @property
    def failures(self) -> list[str]:
        """Why others did."""
        return [one.failure for one in self.all if one.failure]

    @property
    def notes(self) -> list[str]:
        """What to say about failures."""
        failed = many(len(self.failures), "training")
        return [f"{failed} of the final failed: {self.failures[0]}"] if self.failures else []


@dataclass(frozen=True, slots=True)
class _Side:
    """Trains one side with as many seeds as planned; a few that fail are replaced."""

    chooser: Chooser
    conditions: TrialConditions
    seeds: int
    first: int
    say: Callable[[str], None]

    def train(self, rows: Callable[[int], Path], name: str, tokens: int) -> Trainings:
        made: list[TrialOutcome] = []
        for seed in range(self.first, self.first + self.seeds + _SPARE_SEEDS):
            label = f"{name}@{tokens}-{seed}"
            made.append(measure_selection(self.conditions, rows(seed), seed, label, self.chooser.stage))
            worked = sum(not one.failure for one in made)
            self.say(f"final: {name}, {tokens:,} tokens, {worked} of {self.seeds} trained")
            if worked == self.seeds:
                break
        return Trainings(tuple(made))

    def train_draws(self, name: str, candidate: Candidate, tables: RowTables, tokens: int) -> Trainings:
        """Train on rows that a candidate draws anew for each seed."""
        file = f"final-{name.replace(' ', '-')}@{tokens}"

        def draw(seed: int) -> Path:
            return self.chooser.choose(candidate, tables, tokens, seed, f"{file}-{seed}")

        return self.train(draw, name, tokens)


def scored_part(chooser: Chooser, finalist: Candidate, plan: SearchPlan) -> int | None:
    """Most rows of each pool that are scored for the winner; None for all."""
    if finalist.cost < SCORES:
        return None
    lengths = chooser.prepared.lengths
    rows = int(_SCORED_TIMES * plan.train_tokens / lengths.per_row / len(finalist.pools))
    rows = max(rows, plan.sample_rows)
    return rows if any(lengths.rows[name] > rows for name in finalist.pools) else None


def _look(chooser: Chooser, key: str) -> int:
    """Which look at the sealed items a final is; it is written down before it is judged."""
    stage = chooser.stage
    looks: list[Any] = read_json(stage.path / LOOKS) if stage.intact(LOOKS) else []
    if key not in looks:
        looks.append(key)
        stage.write_json(LOOKS, looks)
    return looks.index(key) + 1
