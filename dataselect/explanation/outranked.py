"""Why a row that could be ranked is kept or not: its rank, the row in its way, or the strategy's rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataselect.explanation.case import Case, budget, fate_of, many, number
from dataselect.explanation.distances import below_cut, below_shortlist, cut_score, shortlist_size, unplaced_by
from dataselect.explanation.numbers import used_columns
from dataselect.explanation.selected import Selected
from dataselect.explanation.shadow import Shadow
from dataselect.strategies import STRATEGIES

_METHOD = {"duplicate": "exact", "near_duplicate": "ngram", "semantic_duplicate": "semantic"}
_SAME = {
    "duplicate": "its text is the same as that of a row that ranks higher",
    "near_duplicate": "it repeats most of a row that ranks higher",
    "semantic_duplicate": "its embedding is nearly that of a row that ranks higher",
}


def kept(case: Case) -> Iterator[str]:
    """Its rank."""
    s = case.selected
    yield f"rank {s.rank[case.row]:,} of {s.kept:,} kept rows. The pool has {len(s):,}; the budget is {budget(s)}."


def over_budget(case: Case) -> Iterator[str]:
    """How far it is below the cut."""
    s, by = case.selected, below_cut(case.selected, case.row)
    yield (
        f"it ranks below the budget. Its rank is {s.rank[case.row]:,}, and the budget ({budget(s)}) keeps {s.kept:,} "
        f"rows: it is {many(by or 0, 'place')} below the cut."
    )
    last, own = cut_score(s), float(s.ranked.score[case.row])
    if last is not None and own == own:
        yield f"Its score is {number(own)}; that of the last row kept is {number(last)}."


def quota(case: Case) -> Iterator[str]:
    """Its source had no room left."""
    s = case.selected
    yield (
        f"it ranks high enough for the budget ({budget(s)}), at place {s.ranked.place[case.row]:,}, but the share of "
        f"its source {s.ranked.sources[case.row]} was full."
    )
    yield f"With quotas its rank is {s.rank[case.row]:,}, and {s.kept:,} rows are kept."


def dropped(case: Case) -> Iterator[str]:
    """The strategy's rule leaves it out."""
    stage = case.selected.stages[unplaced_by(case.selected, case.row) or 0]
    if case.shadow is not None:
        yield from _skipped(case, stage, case.shadow)
        return
    rule = STRATEGIES.load(stage["strategy"]).summary
    yield f"the strategy {stage['strategy']} does not rank it. Its rule: {rule}."
    yield case.values(used_columns(case.manifest))


def _skipped(case: Case, stage: Mapping[str, Any], shadow: Shadow) -> Iterator[str]:
    s = case.selected
    yield (
        f"{stage['strategy']} skips rows over cosine {stage['params']['threshold']:g} to one that it has taken, and "
        f"{s.ids[shadow.row]!r}, which scores better, is at cosine {shadow.likeness:.3f}."
    )
    yield f"That row is {fate_of(s, shadow.row)}."


def duplicate(case: Case) -> Iterator[str]:
    """Which row it repeats."""
    s, shadow = case.selected, case.shadow
    assert shadow is not None, "a duplicate is one of some row"
    reason = s.reason(case.row)
    method = _METHOD[reason]
    threshold = case.manifest["filters"]["dedup"][method]
    limit = {"ngram": f", Jaccard at least {threshold}", "semantic": f", cosine over {threshold}"}.get(method, "")
    yield f"{_SAME[reason]}, {s.ids[shadow.row]!r} (--dedup {method}{limit})."
    if shadow.likeness is not None:
        yield f"The {shadow.measure} of the two is {shadow.likeness:.3f}."
    yield f"That row is {fate_of(s, shadow.row)}."


def not_shortlisted(case: Case) -> Iterator[str]:
    """How far it is below the shortlist."""
    s, below = case.selected, below_shortlist(case.selected, case.row)
    if below is None:
        yield from not_reached(case)
        return
    by = s.stages[int(s.ranked.stage[case.row]) - 1]["strategy"]
    yield (
        f"{by} ranks it below the shortlist of {below.size:,} rows that {below.then} orders, by "
        f"{many(below.by, 'place')}."
    )


def not_reached(case: Case) -> Iterator[str]:
    """The strategy stopped before it."""
    number_ = unplaced_by(case.selected, case.row)
    stage = case.selected.stages[number_ or 0]
    if case.shadow is not None:
        yield from _skipped(case, stage, case.shadow)
        return
    yield (
        f"{stage['strategy']} chooses row after row, and had filled the {_room(case.selected, number_ or 0)} before it "
        "came to this one, so that its rank is not known."
    )
    yield case.values(used_columns(case.manifest))
    last = cut_score(case.selected)
    if last is not None and number_ == len(case.selected.stages) - 1:
        yield f"The last row that was taken has score {number(last)}."


def _room(selected: Selected, stage: int) -> str:
    """What a strategy had filled when it stopped."""
    if stage == len(selected.stages) - 1:
        return f"budget ({budget(selected)})"
    size = shortlist_size(selected, stage + 1)
    return f"shortlist of {many(size, 'row')}"
