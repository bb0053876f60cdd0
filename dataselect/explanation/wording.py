"""Why a row is kept or not, in sentences that need no other page.

One sentence with the outcome, then those that say what it hangs on: the rule and the row's own value, the row in the
way, or the distance to the cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from dataselect.explanation import filtered, outranked
from dataselect.explanation.case import Case
from dataselect.explanation.selected import DUPLICATES
from dataselect.strategies import STRATEGIES

_REASONS: dict[str, Callable[[Case], Iterator[str]]] = {
    "": outranked.kept,
    "where": filtered.where,
    "min_tokens": filtered.tokens,
    "max_tokens": filtered.tokens,
    "contaminated": filtered.contaminated,
    "null_score": filtered.null_score,
    "dropped_by_rule": outranked.dropped,
    **dict.fromkeys(DUPLICATES, outranked.duplicate),
    "not_shortlisted": outranked.not_shortlisted,
    "not_reached": outranked.not_reached,
    "quota": outranked.quota,
    "over_budget": outranked.over_budget,
}
"""How each reason is told; what is not here is a status of a score table, or the lack of one."""


def rule(stage: Mapping[str, Any]) -> str:
    """What a strategy does, with those of its options that are not the default.

    Args:
        stage: A strategy as the manifest describes it.
    """
    kind = STRATEGIES.load(stage["strategy"])
    defaults = {field.name: field.default for field in fields(kind)}
    options = [f"{name}={value}" for name, value in stage["params"].items() if value != defaults.get(name)]
    here = f"; here with {', '.join(options)}" if options else ""
    return f"{stage['strategy']}: {kind.summary}{here}"


def sentences(case: Case) -> tuple[str, ...]:
    """What became of the row, and why."""
    reason = case.selected.reason(case.row)
    told = [one for one in _REASONS.get(reason, filtered.unscored)(case) if one]
    return (f"Not kept: {told[0]}" if reason else f"Kept: {told[0]}", *told[1:])
