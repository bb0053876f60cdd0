"""The reason why a row is kept or not, in sentences that can be read alone.

The first sentence is the outcome; the others give what it depends on: the rule and the row's own values, the blocking
row, or the distance to the cut. `_SENTENCES` names the function for each reason of the ranking file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from dataselect.explanation.blocking_row import (
    BlockingRow,
    below_cut,
    below_shortlist,
    cut_score,
    shortlist_size,
    unplaced_by,
)
from dataselect.explanation.numbers import used_columns
from dataselect.explanation.selected import DUPLICATES, Selected
from dataselect.selection.exclusions import REASON_WORDS
from dataselect.selection.filters import SOURCE
from dataselect.selection.where import Where
from dataselect.strategies import STRATEGIES

_METHOD = {"duplicate": "exact", "near_duplicate": "ngram", "semantic_duplicate": "semantic"}
_SAME = {
    "duplicate": "its text is the same as that of a row that ranks higher",
    "near_duplicate": "it repeats most of a row that ranks higher",
    "semantic_duplicate": "its embedding is nearly that of a row that ranks higher",
}
_STATUS = {
    "without_scores": "it is missing from a score table of the selection, so it was not ranked",
    "empty_response": "its response is empty, so there was nothing to score",
    "too_short": "it has no token that could be scored",
    "engine_error": "the model gave no numbers for it when it was scored",
    "without_embedding": "it is missing from the folder of embeddings: it has no text to embed, or was added later",
}


@dataclass(frozen=True, slots=True)
class RowContext:
    """The row, the selection and the numbers that the sentences are made from.

    Attributes:
        numbers: The known numbers of the row.
        texts: The known texts of the row, of columns that the selection filtered by.
        blocking: The row that blocks it.
    """

    selected: Selected
    row: int
    numbers: Mapping[str, float]
    texts: Mapping[str, str]
    blocking: BlockingRow | None

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Of the selection."""
        return self.selected.manifest

    def values(self, names: tuple[str, ...]) -> str:
        """The row's values of some columns, as a sentence; empty where none is known."""
        known = {name: number(value) for name, value in self.numbers.items()}
        known |= {name: repr(value) for name, value in self.texts.items()}
        parts = [f"{name} is {known[name]}" for name in dict.fromkeys(names) if name in known]
        return f"Its {', its '.join(parts)}." if parts else ""


def sentences(context: RowContext) -> tuple[str, ...]:
    """Say what became of the row, and why."""
    reason = context.selected.reason(context.row)
    found = [one for one in _SENTENCES.get(reason, _unscored)(context) if one]
    return (f"Not kept: {found[0]}" if reason else f"Kept: {found[0]}", *found[1:])


def rule(stage: Mapping[str, Any]) -> str:
    """Describe a strategy, with those of its options that are not the default.

    Args:
        stage: A strategy as the manifest describes it.
    """
    kind = STRATEGIES.load(stage["strategy"])
    defaults = {field.name: field.default for field in fields(kind)}
    options = [f"{name}={value}" for name, value in stage["params"].items() if value != defaults.get(name)]
    here = f"; here with {', '.join(options)}" if options else ""
    return f"{stage['strategy']}: {kind.summary}{here}"


def outcome(reason: str, rank: int | None) -> str:
    """Say in a few words what became of another row."""
    return f"not kept: {in_words(reason)}" if reason else f"kept at rank {rank:,}"


def in_words(reason: str) -> str:
    """A reason as it is written after a number of rows."""
    return REASON_WORDS.get(reason, reason.replace("_", " "))


def number(value: float) -> str:
    """A number with four digits, or as a whole number."""
    if value == int(value) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.1f}"


def _budget(selected: Selected) -> str:
    """The budget as typed, and in rows or tokens where that is not the same."""
    text, amount, unit = (selected.manifest[name] for name in ("budget_text", "budget", "unit"))
    return f"{amount:,} {unit}" if text.strip() in (str(amount), f"{amount}tok") else f"{text}, {amount:,} {unit}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _kept(context: RowContext) -> Iterator[str]:
    s = context.selected
    yield f"rank {s.rank[context.row]:,} of {s.kept:,} kept rows. The pool has {len(s):,}; the budget is {_budget(s)}."


def _over_budget(context: RowContext) -> Iterator[str]:
    s, by = context.selected, below_cut(context.selected, context.row)
    yield (
        f"it ranks below the budget. Its rank is {s.rank[context.row]:,}, and the budget ({_budget(s)}) keeps "
        f"{s.kept:,} rows: it is {_count(by or 0, 'place')} below the cut."
    )
    last, own = cut_score(s), float(s.ranked.score[context.row])
    if last is not None and own == own:
        yield f"Its score is {number(own)}; that of the last row kept is {number(last)}."


def _quota(context: RowContext) -> Iterator[str]:
    s = context.selected
    yield (
        f"it ranks high enough for the budget ({_budget(s)}), at place {s.ranked.place[context.row]:,}, but the share "
        f"of its source {s.ranked.sources[context.row]} was full."
    )
    yield f"With quotas its rank is {s.rank[context.row]:,}, and {s.kept:,} rows are kept."


def _duplicate(context: RowContext) -> Iterator[str]:
    s, blocking = context.selected, context.blocking
    assert blocking is not None, "a duplicate is one of some row"
    reason = s.reason(context.row)
    method = _METHOD[reason]
    threshold = context.manifest["filters"]["dedup"][method]
    limit = {"ngram": f", Jaccard at least {threshold}", "semantic": f", cosine over {threshold}"}.get(method, "")
    yield f"{_SAME[reason]}, {s.ids[blocking.row]!r} (--dedup {method}{limit})."
    if blocking.similarity is not None:
        yield f"The {blocking.measure} of the two is {blocking.similarity:.3f}."
    yield _blocking_outcome(s, blocking)


def _dropped_by_rule(context: RowContext) -> Iterator[str]:
    stage = context.selected.stages[unplaced_by(context.selected, context.row) or 0]
    if context.blocking is not None:
        yield from _skipped(context.selected, stage, context.blocking)
        return
    summary = STRATEGIES.load(stage["strategy"]).summary
    yield f"the strategy {stage['strategy']} does not rank it. Its rule: {summary}."
    yield context.values(used_columns(context.manifest))


def _skipped(selected: Selected, stage: Mapping[str, Any], blocking: BlockingRow) -> Iterator[str]:
    yield (
        f"{stage['strategy']} skips rows over cosine {stage['params']['threshold']:g} to one that it has taken, and "
        f"{selected.ids[blocking.row]!r}, which scores better, is at cosine {blocking.similarity:.3f}."
    )
    yield _blocking_outcome(selected, blocking)


def _blocking_outcome(selected: Selected, blocking: BlockingRow) -> str:
    return f"That row is {outcome(selected.reason(blocking.row), int(selected.rank[blocking.row]))}."


def _not_shortlisted(context: RowContext) -> Iterator[str]:
    s, below = context.selected, below_shortlist(context.selected, context.row)
    if below is None:
        yield from _not_reached(context)
        return
    strategy = s.stages[int(s.ranked.stage[context.row]) - 1]["strategy"]
    yield (
        f"{strategy} ranks it below the shortlist of {below.size:,} rows that {below.then} orders, by "
        f"{_count(below.by, 'place')}."
    )


def _not_reached(context: RowContext) -> Iterator[str]:
    at = unplaced_by(context.selected, context.row)
    stage = context.selected.stages[at or 0]
    if context.blocking is not None:
        yield from _skipped(context.selected, stage, context.blocking)
        return
    yield (
        f"{stage['strategy']} chooses row after row, and had filled the {_room(context.selected, at or 0)} before it "
        "came to this one, so that its rank is not known."
    )
    yield context.values(used_columns(context.manifest))
    last = cut_score(context.selected)
    if last is not None and at == len(context.selected.stages) - 1:
        yield f"The last row that was taken has score {number(last)}."


def _room(selected: Selected, stage: int) -> str:
    """The budget or shortlist that a strategy had filled when it stopped."""
    if stage == len(selected.stages) - 1:
        return f"budget ({_budget(selected)})"
    return f"shortlist of {_count(shortlist_size(selected, stage + 1), 'row')}"


def _where(context: RowContext) -> Iterator[str]:
    expression = context.manifest["filters"]["where"]
    yield f"the filter --where {expression!r} does not hold for it."
    names = Where(expression).columns
    unknown = [name for name in names if name not in {**context.numbers, **context.texts} and name != SOURCE]
    yield context.values(names)
    if SOURCE in names:
        yield f"Its source is {context.selected.ranked.sources[context.row]}."
    if unknown:
        yield f"It has no known {', '.join(unknown)}: a comparison with a missing value does not hold."


def _response_length(context: RowContext) -> Iterator[str]:
    reason = context.selected.reason(context.row)
    bound, least = context.manifest["filters"][reason], reason == "min_tokens"
    yield f"its response is {'shorter' if least else 'longer'} than --{reason.replace('_', '-')} {bound} allows."
    yield context.values(("response_tokens",))


def _contaminated(context: RowContext) -> Iterator[str]:
    because = context.selected.cut.exclusions.because.get(context.row, "")
    near = context.manifest["filters"].get("decontaminate_cosine")
    shared = context.manifest["filters"].get("decontaminate")
    if "at cosine" in because and near is not None:
        yield f"it is nearly an item of the target set (--decontaminate-cosine {near}): {because}."
    else:
        ngram = "" if shared is None else f" of {shared['ngram']} words, or of a whole short prompt"
        yield f"it shares text with an evaluation set (--decontaminate), a run{ngram}: {because}."


def _null_score(context: RowContext) -> Iterator[str]:
    missing = [name for name in context.manifest["ranked_by"] if name not in context.numbers]
    yield f"it has no value of {', '.join(missing) or 'what the strategy ranks by'}, and nothing is ranked without one."


def _unscored(context: RowContext) -> Iterator[str]:
    """Statuses of score tables, and rows that no table has."""
    reason = context.selected.reason(context.row)
    if reason == "too_long":
        limit = (context.manifest.get("rendering") or {}).get("max_length")
        than = f" of {limit:,} tokens" if limit else ""
        yield f"it is longer than the limit{than}, and was not scored (score --truncate would score its beginning)."
        yield context.values(("total_tokens",))
    else:
        yield f"{_STATUS.get(reason, f'its status in the score table is {reason!r}')}."


_SENTENCES: dict[str, Callable[[RowContext], Iterator[str]]] = {
    "": _kept,
    "where": _where,
    "min_tokens": _response_length,
    "max_tokens": _response_length,
    "contaminated": _contaminated,
    "null_score": _null_score,
    "dropped_by_rule": _dropped_by_rule,
    **dict.fromkeys(DUPLICATES, _duplicate),
    "not_shortlisted": _not_shortlisted,
    "not_reached": _not_reached,
    "quota": _quota,
    "over_budget": _over_budget,
}
"""Reason -> the sentences about it; any other reason is a status of a score table, or the lack of one."""
