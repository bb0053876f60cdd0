"""The plan: the arithmetic of tokens, and that a longer search only adds to a shorter one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dataselect.errors import UsageError
from dataselect.recommendation.candidates import CONTROL, Candidate
from dataselect.recommendation.plan import (
    PlanInputs,
    SearchPlan,
    TrainingSpeed,
    expected_trainings,
    plan_for_seconds,
    plan_for_tokens,
    seconds_of,
    simplest_first,
)
from dataselect.recommendation.planning import in_words

CANDIDATES = (
    Candidate(CONTROL, ("a", "b"), "random"),
    Candidate("a.random", ("a",), "random", cost=1),
    Candidate("b.random", ("b",), "random", cost=1),
    Candidate("a+b.random", ("a", "b"), "random", quota=("a=50%", "b=50%"), family="mixture", cost=1),
    Candidate("all.ppl-mid", ("a", "b"), "ppl-mid", family="mid", cost=4),
    Candidate("a.ppl-mid", ("a",), "ppl-mid", family="mid", cost=4),
)
INPUTS = PlanInputs(CANDIDATES, row_tokens=100.0, pool_tokens=1_000_000, batch_rows=10)
"""Two steps of ten rows of 100 tokens: the smallest training has 2,000 tokens."""
SPEED = TrainingSpeed(tokens_per_second=1000.0, start=2.0, evaluation=1.0, sealed=2.0, model_bytes=0)


def test_the_tokens_are_divided() -> None:
    """Of 100,000: 60,000 search; half of that over 6 candidates and one more control is 4,285 each; 40,000 final."""
    plan = plan_for_tokens(INPUTS, 100_000)
    assert (plan.search_tokens, plan.final_tokens) == (60_000, 40_000)
    assert plan.budgets == (4285,)  # twice that is over a sixth of the final, 6,666
    assert len(plan.candidates) == 6
    assert plan.left_out == ()
    assert plan.final_seeds(4285) == 3  # 40,000 // (3 * 4,285): a length-matched control has a third of the final


def test_few_candidates_leave_room_for_larger_budgets() -> None:
    """Of 4 candidates the first round takes half, 30,000, of 6,000; a second of 12,000 does not fit into the final."""
    plan = plan_for_tokens(replace(INPUTS, candidates=CANDIDATES[:2], batch_rows=1), 300_000)
    # search 180,000; half over 3 = 30,000, but six trainings of the final's 120,000 are 20,000 at most
    assert plan.budgets == (20_000,)
    larger = plan_for_tokens(replace(INPUTS, candidates=CANDIDATES[:2], batch_rows=1, first_budget=5_000), 300_000)
    assert larger.budgets == (5_000, 10_000, 20_000)


def test_too_few_tokens_say_how_many_are_needed() -> None:
    """Six trainings of the final, 2,000 tokens each, are 40 % of 30,000."""
    with pytest.raises(UsageError, match=r"10,000 training tokens are too few.* take 30,000"):
        plan_for_tokens(INPUTS, 10_000)
    assert plan_for_tokens(INPUTS, 30_000).budgets == (2_000,)


def test_candidates_that_do_not_fit_are_named_simplest_first() -> None:
    """30,000: half of 18,000 holds four trainings of 2,000, so three candidates and the control's second."""
    plan = plan_for_tokens(INPUTS, 30_000)
    assert plan.candidates == (CONTROL, "a.random", "b.random")
    assert plan.left_out == ("all.ppl-mid", "a.ppl-mid", "a+b.random")
    assert simplest_first(CANDIDATES[3]) > simplest_first(CANDIDATES[5])


def test_a_longer_search_keeps_the_first_budget_and_the_sample() -> None:
    """With the first plan's budget and sample, more tokens add budgets above and candidates behind."""
    short = plan_for_tokens(INPUTS, 60_000)
    kept = replace(INPUTS, first_budget=short.budgets[0], sample_rows=short.sample_rows)
    longer = plan_for_tokens(kept, 600_000)
    assert longer.budgets[: len(short.budgets)] == short.budgets
    assert len(longer.budgets) > len(short.budgets)
    assert longer.sample_rows == short.sample_rows
    assert longer.candidates[: len(short.candidates)] == short.candidates


def test_budgets_of_the_user_are_cut_to_what_the_final_affords() -> None:
    """Six trainings of 40,000 are 240,000: with 100,000 tokens the final takes a sixth of 40,000."""
    plan = plan_for_tokens(replace(INPUTS, asked=(3_000, 40_000)), 100_000)
    assert plan.budgets == (3_000, 6_666)
    assert plan.asked == 40_000


def test_time_is_filled_and_not_exceeded() -> None:
    """The most tokens whose trainings and evaluations fit: a few more would not."""
    plan = plan_for_seconds(INPUTS, 600.0, SPEED)
    assert seconds_of(plan, SPEED) <= 600.0
    assert seconds_of(plan, SPEED) > 400.0
    assert plan.budgets[0] >= SPEED.overhead * SPEED.tokens_per_second


def test_less_time_makes_trainings_shorter_than_their_wait() -> None:
    """Fifteen of 3,000 tokens, 6 s each, are 90 s and the sealed items 6: in 85 s they have 2,000 tokens, the least."""
    assert plan_for_seconds(INPUTS, 130.0, SPEED).budgets[0] >= 3_000
    plan = plan_for_seconds(INPUTS, 85.0, SPEED)
    assert 2_000 <= plan.budgets[0] < 3_000
    assert seconds_of(plan, SPEED) <= 85.0


def test_a_time_too_short_for_trainings_is_refused_with_the_time_that_does() -> None:
    """30,000 tokens are 30 s; 15 trainings wait 3 s each; six of them 1 s more for sealed items, the untrained 2 s: 83.

    With a tenth for measuring the speed again that is 91.3 s; of the time asked for 70 % are for trainings, after 15 s.
    """
    message = "the time is too short: 10 s are left for trainings, and the fewest .* 15 of 2,000 tokens, .* about 83 s"
    with pytest.raises(UsageError, match=message) as raised:
        plan_for_seconds(INPUTS, 10.0, SPEED)
    assert raised.value.hint == "--time 2m or more"
    with pytest.raises(UsageError) as raised:
        plan_for_seconds(INPUTS, 10.0, SPEED, lambda seconds: (seconds + 15) / 0.7)
    assert raised.value.hint == "--time 3m or more"  # (91.3 + 15) / 0.7 = 151.9 s
    assert plan_for_seconds(INPUTS, 180.0 * 0.7 - 15, SPEED).trainings >= 15


def test_the_seconds_of_a_plan_hold_every_evaluation_and_every_pass() -> None:
    """Search 3 + 1 trainings, final six and a length-matched control three times; two passes over each selection."""
    plan = SearchPlan(18_000, 8_000, (1_000,), 300, (CONTROL, "a.random"), trainings=0)
    assert plan.final_seeds(1_000) == 3  # 10,000 // 3,000
    assert plan.final_trainings == 9
    plan = replace(plan, trainings=expected_trainings(plan))
    assert plan.trainings == 8 + 9
    speed = replace(SPEED, evaluation=10.0, sealed=25.0, epochs=2.0)
    # tokens 2 * 18 s; 17 trainings start in 2 s and are evaluated, 8 on 10 s of items and 9 on 25 s, as the untrained is
    assert seconds_of(plan, speed) == pytest.approx(36 + 17 * 2 + 8 * 10 + 9 * 25 + 25)


def test_without_tokens_for_a_length_matched_control_it_is_not_planned() -> None:
    assert SearchPlan(18_000, 12_000, (1_000,), 300, (CONTROL,)).final_trainings == 6


def test_the_plan_in_words_says_minutes_and_that_they_were_measured() -> None:
    told = in_words(replace(plan_for_tokens(INPUTS, 600_000), left_out=("a",)), SPEED)
    assert re.search(r"600,000 tokens, 1\d minutes \(measured: 1,000 tokens/s, and 3.0 s each", told), told
    assert told.endswith("1 further candidate would take more")
