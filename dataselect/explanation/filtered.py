"""Why a row was never ranked: filters, evaluation sets, missing values, and the statuses of score tables."""

from __future__ import annotations

from collections.abc import Iterator

from dataselect.explanation.case import Case
from dataselect.selection.filters import SOURCE
from dataselect.selection.where import Where

_STATUS = {
    "without_scores": "a score table of the selection does not have it, so that it was not ranked",
    "empty_response": "its response is empty, so that there was nothing to score",
    "too_short": "it has no token that could be scored",
    "engine_error": "the model gave no numbers for it when it was scored",
    "without_embedding": "the folder of embeddings does not have it: it has no text to embed, or came later",
}


def where(case: Case) -> Iterator[str]:
    """--where: the expression, and the row's own values."""
    expression = case.manifest["filters"]["where"]
    yield f"the filter --where {expression!r} does not hold for it."
    names = Where(expression).columns
    unknown = [name for name in names if name not in case.numbers and name != SOURCE]
    yield case.values(names)
    if SOURCE in names:
        yield f"Its source is {case.selected.ranked.sources[case.row]}."
    if unknown:
        yield f"It has no known {', '.join(unknown)}: a comparison with a missing value does not hold."


def tokens(case: Case) -> Iterator[str]:
    """--min-tokens and --max-tokens."""
    reason = case.selected.reason(case.row)
    bound, least = case.manifest["filters"][reason], reason == "min_tokens"
    yield f"its response is {'shorter' if least else 'longer'} than --{reason.replace('_', '-')} {bound} allows."
    yield case.values(("response_tokens",))


def contaminated(case: Case) -> Iterator[str]:
    """What it shares with an evaluation set, and with which item."""
    because = case.selected.cut.fates.because.get(case.row, "")
    near = case.manifest["filters"].get("decontaminate_cosine")
    asked = case.manifest["filters"].get("decontaminate")
    if "at cosine" in because and near is not None:
        yield f"it is nearly an item of the target set (--decontaminate-cosine {near}): {because}."
    else:
        ngram = "" if asked is None else f" of {asked['ngram']} words, or of a whole short prompt"
        yield f"it shares text with an evaluation set (--decontaminate), a run{ngram}: {because}."


def null_score(case: Case) -> Iterator[str]:
    """Which value it lacks."""
    missing = [name for name in case.manifest["ranked_by"] if name not in case.numbers]
    yield f"it has no value of {', '.join(missing) or 'what the strategy ranks by'}, and nothing is ranked without one."


def unscored(case: Case) -> Iterator[str]:
    """Statuses of score tables, and rows that no table has."""
    reason = case.selected.reason(case.row)
    if reason == "too_long":
        limit = (case.manifest.get("rendering") or {}).get("max_length")
        than = f" of {limit:,} tokens" if limit else ""
        yield f"it is longer than the limit{than}, and was not scored (score --truncate would score its beginning)."
        yield case.values(("total_tokens",))
    else:
        yield f"{_STATUS.get(reason, f'its status in the score table is {reason!r}')}."
