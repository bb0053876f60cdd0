"""`explain`: from a selection and an id to everything that is recorded about that row. No model runs.

What a selection was made from is looked for where it was, or where the request says that it is now. What was never
made, or is gone, is told with the command that makes it; a pool that has moved or changed is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from dataselect.analysis.excerpts import excerpt
from dataselect.analysis.surprise import Surprise, read_surprise
from dataselect.errors import DataselectError
from dataselect.explanation.case import Case
from dataselect.explanation.distances import below_cut
from dataselect.explanation.inputs import SCORE, Inputs, open_inputs
from dataselect.explanation.near import near_rows, near_targets, neighbour
from dataselect.explanation.neighbours import nearest
from dataselect.explanation.request import ExplainRequest
from dataselect.explanation.result import Explanation, Outcome
from dataselect.explanation.selected import DUPLICATES, Selected, open_selection
from dataselect.explanation.shadow import Shadow, duplicate_of, skipped_for
from dataselect.explanation.standing import Standing, standing
from dataselect.explanation.texts import read_examples
from dataselect.explanation.wording import rule, sentences
from dataselect.records import Example
from dataselect.scoring.tokens import DIRECTORY as TOKENS
from dataselect.selection.matching import RESPONSE_TOKENS


def explain(request: ExplainRequest) -> Explanation:
    """Explain what became of one row of a pool, and why.

    Raises:
        DataselectError: If the selection is missing or damaged, its pool has no such row, the pool has moved or
            changed, or an input that the request names cannot be read.
    """
    selected = open_selection(request.selection)
    row = selected.row(request.id)
    inputs = open_inputs(selected, row, request)
    close = () if inputs.cosines is None else nearest(inputs.cosines, request.k)
    shadow = skipped_for(selected, row, inputs.cosines, inputs.numbers)
    texts = _texts(selected, inputs, {row, *(one.place for one in close), *_others(selected, row, shadow)})
    shadow = shadow or duplicate_of(selected, row, inputs.cosines, texts)
    own = texts.get(request.id)
    surprise, without_tokens = _surprise(inputs, own)
    targets, without_targets = near_targets(inputs, request)
    codes, names = selected.ranked.sources.encoded()
    return Explanation(
        id=request.id,
        source=names[codes[row]],
        line=None if own is None else own.line,
        selection=str(request.selection),
        strategy=selected.manifest["strategy"],
        rule=tuple(map(rule, selected.stages)),
        outcome=_outcome(Case(selected, row, inputs.numbers.of(row), shadow)),
        scored_by=_scored_by(selected, row),
        numbers=tuple(_standings(selected, row, inputs)),
        length_unit=selected.ranked.length_unit,
        sources=len(names),
        embedded=inputs.embedded,
        neighbours=near_rows(selected, close, texts),
        targets=targets,
        other=None if shadow is None else neighbour(selected, shadow.row, _cosine(inputs, shadow.row), texts),
        text=None if own is None else excerpt(own),
        surprise=surprise,
        notes=inputs.notes,
        missing=(*inputs.missing, *without_targets, *without_tokens),
    )


def _scored_by(selected: Selected, row: int) -> str:
    stage = int(selected.ranked.stage[row])
    return str(selected.stages[stage - 1]["strategy"]) if stage else ""


def _others(selected: Selected, row: int, shadow: Shadow | None) -> set[int]:
    """The row in the way, if there is one."""
    if selected.reason(row) in DUPLICATES:
        return {selected.row(selected.cut.fates.because[row])}
    return set() if shadow is None else {shadow.row}


def _texts(selected: Selected, inputs: Inputs, rows: set[int]) -> Mapping[str, Example]:
    return {} if inputs.reader is None else read_examples(inputs.reader, {selected.ids[row] for row in rows})


def _cosine(inputs: Inputs, row: int) -> float | None:
    return None if inputs.cosines is None or inputs.cosines[row] < -1.5 else float(inputs.cosines[row])


def _outcome(case: Case) -> Outcome:
    selected, row = case.selected, case.row
    reason = selected.reason(row)
    because = selected.cut.fates.because.get(row)
    if because is None and case.shadow is not None:
        because = selected.ids[case.shadow.row]
    return Outcome(
        kept=not reason,
        reason=reason,
        rank=int(selected.rank[row]) or None,
        ranked=len(selected.ranked.order),
        kept_rows=selected.kept,
        pool_rows=len(selected),
        below_cut=below_cut(selected, row),
        because=because,
        sentences=sentences(case),
    )


def _standings(selected: Selected, row: int, inputs: Inputs) -> Iterator[Standing]:
    """Score and length of the ranking file, then the columns; a score among the rows that the same strategy ranked."""
    ranked, same = selected.ranked, selected.same_source(row)
    scores = np.where(ranked.stage == ranked.stage[row], ranked.score, np.nan)
    yield standing("score", scores, row, same)
    lengths = np.where((ranked.length == 0) & (ranked.length_unit == RESPONSE_TOKENS), np.nan, ranked.length)
    yield standing("length", lengths, row, same)  # rows that were not scored count no tokens
    for name, values in inputs.numbers.columns.items():
        if name != ranked.length_unit:
            yield standing(name, values, row, same)


def _surprise(inputs: Inputs, example: Example | None) -> tuple[Surprise | None, tuple[str, ...]]:
    """The tokens from the first table that keeps any, and why there are none."""
    kept = [folder for folder in inputs.scores if (folder / TOKENS).is_dir()]
    if example is None or not inputs.scores:
        return None, ()
    if not kept:
        return None, (f"surprise of each token: no score table keeps tokens ({SCORE})",)
    try:
        return read_surprise(kept[0], example), ()
    except DataselectError as error:
        return None, (f"surprise of each token: {error}",)
