"""The race: what it asks for, in which order, and what it says, on measures with known truth."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.recommendation.decisions import ALPHA, BETTER, FAILED, WORSE
from dataselect.recommendation.race import MOST_SEEDS, Measurement, RaceArm, RaceOutcome, race

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
ITEMS = 60
BUDGETS = (1000, 2000, 4000)


class Table:
    """A measure with known gains: effect of the arm and budget, noise of items, of seeds and of both, by one seed."""

    def __init__(self, effects: Mapping[str, float], seed: int = 0, noise: float = 0.02, short: int = 0):
        self.effects, self.seed, self.noise, self.short = effects, seed, noise, short
        self.asked: list[tuple[str, int, int]] = []
        self.broken: dict[tuple[str, int], str] = {}

    def __call__(self, arm: str, budget: int, seed: int) -> Measurement:
        self.asked.append((arm, budget, seed))
        if reason := self.broken.get((arm, budget)) or self.broken.get((arm, 0)):
            return Measurement(None, budget // 2, reason)
        rng = np.random.default_rng([self.seed, *arm.encode(), budget, seed])
        items = np.random.default_rng(self.seed).normal(1, 0.3, ITEMS)
        effect = self.effects[arm] * budget / BUDGETS[-1]
        gains = items * (budget / BUDGETS[-1]) ** 0.5 + effect + rng.normal(0, self.noise) + rng.normal(0, 0.05, ITEMS)
        return Measurement(gains, budget - self.short)


def arms(names: Mapping[str, float], family: str = "") -> list[RaceArm]:
    return [RaceArm(name, 0, family or name) for name in names]


def run(table: Table, tokens: int = 10**9, budgets: tuple[int, ...] = BUDGETS) -> RaceOutcome:
    return race(arms({name: 0 for name in table.effects}), "random", budgets, tokens, table)


EFFECTS = {"random": 0.0, "good": 0.5, "fair": 0.2, "bad": -0.5, "poor": -0.2, "none": 0.0}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    effects=st.lists(st.sampled_from((-0.3, 0.0, 0.05, 0.3)), min_size=1, max_size=9),
    tokens=st.integers(0, 120_000),
    more=st.integers(0, 120_000),
    short=st.integers(0, 100),
)
def test_more_tokens_only_continue_the_sequence_and_are_never_exceeded(seed, effects, tokens, more, short):
    table = {"random": 0.0, **{f"arm{n}": effect for n, effect in enumerate(effects)}}
    first, again, longer = (Table(table, seed, short=short) for _ in range(3))
    outcome, same, extended = run(first, tokens), run(again, tokens), run(longer, tokens + more)
    assert (outcome, first.asked) == (same, again.asked)
    assert longer.asked[: len(first.asked)] == first.asked
    assert len(set(longer.asked)) == len(longer.asked), "no training is asked for twice"
    assert extended.looks[: len(outcome.looks)] == outcome.looks
    for made, limit in ((outcome, tokens), (extended, tokens + more)):
        assert made.spent <= limit
        assert made.spent == sum(budget - short for _, budget, _ in (first, longer)[made is extended].asked)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), noise=st.sampled_from((0.0, 0.02, 0.2)))
def test_the_control_is_ahead_in_seeds_and_no_arm_spends_more_error_than_it_may(seed, noise):
    table = Table({**EFFECTS, **{f"more{n}": 0.01 * n for n in range(5)}}, seed, noise)
    outcome = run(table)
    for look in outcome.looks:
        assert look.control_seeds > look.seeds
        assert look.alpha == ALPHA / (look.look * (look.look + 1))
    for arm in table.effects:
        assert sum(look.alpha for look in outcome.looks if look.arm == arm) < ALPHA
    assert max(seed for _, _, seed in table.asked) <= MOST_SEEDS + 1


def test_a_clear_winner_is_found_early_and_said_to_be_better():
    table = Table(EFFECTS)
    outcome = run(table)
    assert (outcome.finalist, outcome.budget) == ("good", 4000)
    assert "good is better than the control" in outcome.stopped_because
    best = next(found for found in outcome.decisions if (found.arm, found.budget) == ("good", 4000))
    assert best.decision == BETTER
    assert best.low < 0.5 < best.high
    assert outcome.trainings == len(table.asked) < 30


def test_an_arm_that_harms_is_called_worse_where_seeds_allow_it():
    outcome = run(Table({"random": 0.0, "good": 0.5, "bad": -0.5}, noise=0.01), budgets=(4000,))
    said = {found.arm: found.decision for found in outcome.decisions}
    assert said == {"good": BETTER, "bad": WORSE}


def test_the_best_of_each_family_goes_to_the_next_budget():
    table = Table({"random": 0.0, **{f"low{n}": 0.3 for n in range(6)}, "high": -0.2})
    families = [RaceArm(name, 0, name[:3]) for name in table.effects]
    race(families, "random", BUDGETS, 10**9, table)
    assert ("high", 4000, 0) in table.asked


@pytest.mark.parametrize("tokens", [0, 999])
def test_without_tokens_nothing_is_trained_and_nothing_is_said(tokens):
    outcome = run(Table(EFFECTS), tokens)
    assert (outcome.finalist, outcome.trainings, outcome.spent) == (None, 0, 0)
    assert "does not fit" in outcome.stopped_because


def test_an_arm_that_fails_is_out_with_its_reason_and_the_search_goes_on():
    table = Table(EFFECTS)
    table.broken = {("good", 2000): "the loss is not finite"}
    outcome = run(table)
    assert outcome.finalist == "fair"
    failed = [found for found in outcome.decisions if found.decision == FAILED]
    assert [(one.arm, one.budget, one.reason) for one in failed] == [("good", 2000, "the loss is not finite")]
    assert failed[0].tokens == 1000, "half of the training was done"
    assert not [asked for asked in table.asked if asked[0] == "good" and asked[1] == 4000]


def test_a_control_that_always_fails_leaves_no_finalist():
    table = Table(EFFECTS)
    table.broken = {("random", 0): "no token is trained"}
    outcome = run(table)
    assert outcome.finalist is None
    assert "the control could not be trained: no token is trained" in outcome.stopped_because
    assert {arm for arm, _, _ in table.asked} == {"random"}


def test_a_budget_at_which_the_control_fails_is_not_used():
    table = Table(EFFECTS)
    table.broken = {("random", 4000): "the loss is not finite"}
    outcome = run(table)
    assert (outcome.finalist, outcome.budget) == ("good", 2000)


def test_every_arm_failing_leaves_no_finalist():
    table = Table(EFFECTS)
    table.broken = {(name, 0): "nothing to select" for name in EFFECTS if name != "random"}
    outcome = run(table)
    assert outcome.finalist is None
    assert {found.decision for found in outcome.decisions} == {FAILED}


def test_only_the_control_leaves_no_finalist():
    assert run(Table({"random": 0.0})).finalist is None


def test_more_training_that_harms_is_not_climbed_to():
    class Falling(Table):
        def __call__(self, arm: str, budget: int, seed: int) -> Measurement:
            found = super().__call__(arm, BUDGETS[-1], seed)
            self.asked[-1] = (arm, budget, seed)
            return Measurement(found.gains * 1000 / budget, budget)

    outcome = run(Falling(EFFECTS))
    assert (outcome.finalist, outcome.budget) == ("good", 1000)


def test_among_equivalent_arms_the_cheapest_is_put_to_the_final():
    table = Table({"random": 0.0, "dear": 0.5, "cheap": 0.499}, noise=0.002)
    arms = [RaceArm("random"), RaceArm("dear", 5, "a"), RaceArm("cheap", 1, "b")]
    assert race(arms, "random", BUDGETS, 10**9, table).finalist == "cheap"


def test_random_wins_where_nothing_is_ahead():
    outcome = run(Table({"random": 0.0, "bad": -0.5, "poor": -0.3}))
    assert outcome.finalist is None
    assert "worse" in outcome.stopped_because


def test_the_control_and_the_arms_get_as_many_seeds_as_the_caller_allows():
    table = Table({"random": 0.0, "one": 0.01, "two": 0.012}, noise=0.2)
    outcome = race(arms(table.effects), "random", BUDGETS, 10**9, table, most_seeds=3)
    assert "3 seeds did not decide it" in outcome.stopped_because
    seeds = {name: {seed for arm, _, seed in table.asked if arm == name} for name in table.effects}
    assert seeds == {"random": {0, 1, 2, 3}, "one": {0, 1, 2}, "two": {0, 1, 2}}


def test_with_a_quarter_of_the_tokens_of_a_real_grid_a_choice_near_the_best_is_made():
    """84 cells of real trainings (benchmarks/recommend/grid.py); ten orders of seeds, and another half of the items."""
    stored = json.loads((RESULTS / "recommend_grid.json").read_text())
    cells = {(cell["arm"], cell["budget"]): cell for cell in stored["cells"]}
    gains = {key: np.array(stored["untrained"]) - np.array(cell["nll"]) for key, cell in cells.items()}
    value = {key: float(one.mean()) for key, one in gains.items()}
    quarter = sum(sum(cell["tokens"][:3]) for cell in cells.values()) // 4
    candidates = [RaceArm(name) for name in dict.fromkeys(name for name, _ in cells)]
    budgets = sorted({budget for _, budget in cells})
    regrets = []
    for replay in range(10):
        rng = np.random.default_rng(replay)
        items, order = rng.permutation(60)[:30], {key: rng.permutation(len(one)) for key, one in gains.items()}

        def measure(arm: str, budget: int, seed: int, items=items, order=order) -> Measurement:
            place = order[arm, budget][seed]
            return Measurement(gains[arm, budget][place][items], cells[arm, budget]["tokens"][place])

        found = race(candidates, "all.random", budgets, quarter, measure, most_seeds=3)
        regrets.append(max(value.values()) - value[found.finalist, found.budget])
    assert np.mean(regrets) < 0.05  # nats per token; the best cell gains 1.3, random rows at its budget 0.7
    assert sum(regret == 0 for regret in regrets) >= 6
