"""The plan of a run on disk: made once, kept in `plan.json`, and continued when more time or tokens are given.

One short training on random rows is timed first, and the untrained model is evaluated, which the search needs anyhow.
With a time limit the plan follows from that; with training tokens the plan does not, and only its minutes are stated.
What was measured is kept, so that a run that is resumed follows the same plan.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from dataselect.artifacts import digest, read_json
from dataselect.errors import DataselectError
from dataselect.recommendation.candidates import CONTROL, select_request
from dataselect.recommendation.measuring import measure_selection, measure_untrained
from dataselect.recommendation.plan import (
    PlanInputs,
    SearchPlan,
    TrainingSpeed,
    plan_for_seconds,
    plan_for_tokens,
    seconds_of,
)
from dataselect.recommendation.preparing import Prepared
from dataselect.recommendation.sentence import duration_words
from dataselect.reports.audit import many
from dataselect.selection import select
from dataselect.stage import StageDirectory
from dataselect.training.loop import load_libraries

PLAN = "plan.json"
_ROWS = 32
"""Rows of the training that is timed."""
_SPARE = 0.9
"""Share of the time that is planned for: what is not timed beforehand takes the rest."""
_SCORING = 0.2
"""Share of the time that scoring and embedding are expected to take."""


def make_plan_of(
    prepared: Prepared, stage: StageDirectory, say: Callable[[str], None], began: float
) -> tuple[SearchPlan, TrainingSpeed]:
    """The plan of this command: that of an earlier run of the same command, or a new one.

    Args:
        began: `time.perf_counter()` when the command began.

    Raises:
        UsageError: If time or tokens do not suffice.
    """
    request = prepared.request
    kept = read_json(stage.path / PLAN) if stage.intact(PLAN) else {}
    key = digest([
        request.allowed_seconds, request.train_tokens, prepared.asked, [asdict(one) for one in prepared.candidates],
        dict(prepared.lengths.tokens),
    ])  # fmt: skip
    earlier = kept.get("plans", {}).get(key)

    def measured() -> TrainingSpeed:
        return TrainingSpeed(**kept["speed"]) if kept.get("speed") else measure_speed(prepared, stage, say)

    if earlier is not None:
        return SearchPlan.read(earlier), measured()
    plan, speed = plan_of(prepared, inputs_of(prepared, kept), measured, began)
    plans = {**kept.get("plans", {}), key: plan.as_dict()}
    first = {"first_budget": kept.get("first_budget") or plan.budgets[0], "sample_rows": plan.sample_rows}
    stage.write_json(PLAN, {"plans": plans, **first, "speed": asdict(speed)})
    say(in_words(plan, speed))
    return plan, speed


def inputs_of(prepared: Prepared, kept: dict[str, Any]) -> PlanInputs:
    """What the plan is made from.

    Args:
        kept: `plan.json` of an earlier run; empty for none.
    """
    lengths, recipe = prepared.lengths, prepared.request.recipe
    return PlanInputs(
        candidates=prepared.candidates, row_tokens=lengths.per_row, pool_tokens=sum(lengths.tokens.values()),
        batch_rows=recipe.batch_size, asked=prepared.asked,
        first_budget=0 if prepared.asked else kept.get("first_budget", 0),
        sample_rows=kept.get("sample_rows", 0),
    )  # fmt: skip


def plan_of(
    prepared: Prepared, inputs: PlanInputs, measured: Callable[[], TrainingSpeed], began: float
) -> tuple[SearchPlan, TrainingSpeed]:
    """The plan for the tokens or the time of a request, and the speed that its minutes follow from.

    Args:
        measured: Measures the speed; not called where too few tokens are given.
        began: `time.perf_counter()` when the work began; what has passed since is taken off the time.

    Raises:
        UsageError: If time or tokens do not suffice.
    """
    request = prepared.request
    if request.allowed_seconds is None:
        assert request.train_tokens is not None
        plan = plan_for_tokens(inputs, int(request.train_tokens / request.recipe.epochs))
        return plan, measured()
    speed, share = measured(), _SPARE - _SCORING
    passed = time.perf_counter() - began
    left = request.allowed_seconds * share - passed
    return plan_for_seconds(inputs, left, speed, lambda seconds: (seconds + passed) / share), speed


def measure_speed(prepared: Prepared, stage: StageDirectory, say: Callable[[str], None]) -> TrainingSpeed:
    """Time one training on random rows, and its evaluation.

    Raises:
        DataselectError: If it fails: then none would work.
    """
    say("time one short training")
    load_libraries()  # importing is not what is timed

    control = next(one for one in prepared.candidates if one.name == CONTROL)
    folder = stage.path / "calibration"
    names = [f"calibration/rows{suffix}" for suffix in (".jsonl", ".ranking.parquet", ".manifest.json")]
    stage.claim(*names)
    folder.mkdir(exist_ok=True)
    request = select_request(control, prepared.pools, prepared.lengths.table, None, 1, 0, folder / "rows.jsonl")
    tokens = round(min(_ROWS * prepared.lengths.per_row, sum(prepared.lengths.tokens.values())))
    select(replace(request, budget=f"{tokens}tok"), stage.scratch)
    conditions = replace(prepared.conditions(sealed=False), folder=folder)
    measure_untrained(conditions, stage.path / "untrained", stage)
    found = measure_selection(conditions, folder / "rows.jsonl", 0, "timed", stage)
    if found.failure:
        raise DataselectError(f"nothing is recommended: {found.failure}", "lower learning_rate in --config")
    return TrainingSpeed(
        tokens_per_second=max(1.0, found.tokens * prepared.request.recipe.epochs / max(found.training, 1e-3)),
        start=max(0.0, found.seconds - found.training - found.evaluation), evaluation=found.evaluation,
        sealed=found.evaluation * _sealed_items(prepared),
        model_bytes=found.model_bytes, epochs=prepared.request.recipe.epochs,
    )  # fmt: skip


def _sealed_items(prepared: Prepared) -> float:
    """Sealed items for each steering one."""
    return sum(one.sealed_items for one in prepared.tasks) / sum(one.steering_items for one in prepared.tasks)


def in_words(plan: SearchPlan, speed: TrainingSpeed) -> str:
    """The plan in one line, with the time that it will take at the speed that was measured."""
    budgets = ", ".join(f"{budget:,}" for budget in plan.budgets)
    left = f"; {many(len(plan.left_out), 'further candidate')} would take more" if plan.left_out else ""
    what = f"plan: {many(len(plan.candidates), 'candidate')}, trainings of {budgets} tokens, about {plan.trainings}"
    took = duration_words(seconds_of(plan, speed) / 60)
    pace = f"{speed.tokens_per_second:,.0f} tokens/s, and {speed.overhead:.1f} s each to load, evaluate and write"
    return f"{what} in all, {plan.train_tokens:,} tokens, {took} (measured: {pace}){left}"
