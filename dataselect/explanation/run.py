"""`explain`: from a selection and an id to everything that is recorded about that row. No model runs.

The inputs of the selection are read where they were, or where the request says that they are now. What was never made,
or no longer exists, is listed with the command that makes it; a pool that has moved or changed is an error.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dataselect.comparison.excerpts import excerpt
from dataselect.comparison.token_nll import RowNll, read_token_nll
from dataselect.errors import ArtifactError, DataselectError
from dataselect.explanation.blocking_row import BlockingRow, below_cut, duplicate_of, skipped_for
from dataselect.explanation.exclusion import RowContext, rule, sentences
from dataselect.explanation.inputs import NO_COSINE, SCORE, ExplainInputs, open_inputs, read_examples
from dataselect.explanation.neighbours import near_targets, nearest, neighbour
from dataselect.explanation.numbers import Percentile, percentile_of
from dataselect.explanation.request import ExplainRequest, Explanation, Outcome
from dataselect.explanation.selected import DUPLICATES, Selected, open_selection
from dataselect.library_errors import user_errors
from dataselect.records import Example
from dataselect.scoring.tokens import TOKENS
from dataselect.selection.score_tables import RESPONSE_TOKENS
from dataselect.stage import read_finished


@user_errors()
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
    blocking = skipped_for(selected, row, inputs.cosines, inputs.numbers)
    shown = {row, *(one.place for one in close), *_blocking_rows(selected, row, blocking)}
    texts = read_examples(inputs.reader, {selected.ids[one] for one in shown})
    blocking = blocking or duplicate_of(selected, row, inputs.cosines, texts)
    own = texts.get(request.id)
    surprise, without_tokens = _token_nll(inputs, own)
    targets, without_targets = near_targets(inputs, request)
    codes, names = selected.ranked.sources.encoded()
    return Explanation(
        id=request.id,
        source=names[codes[row]],
        line=None if own is None else own.line,
        selection=str(request.selection),
        strategy=selected.manifest["strategy"],
        rule=tuple(map(rule, selected.stages)),
        outcome=_outcome(RowContext(selected, row, inputs.numbers.of(row), inputs.numbers.texts_of(row), blocking)),
        scored_by=_scored_by(selected, row),
        numbers=tuple(_percentiles(selected, row, inputs)),
        length_unit=selected.ranked.length_unit,
        sources=len(names),
        embedded=inputs.embedded,
        neighbours=tuple(neighbour(selected, one.place, one.cosine, texts) for one in close),
        targets=targets,
        other=None if blocking is None else neighbour(selected, blocking.row, _cosine(inputs, blocking.row), texts),
        text=None if own is None else excerpt(own),
        surprise=surprise,
        notes=inputs.notes,
        missing=(*inputs.missing, *without_targets, *without_tokens),
    )


def _scored_by(selected: Selected, row: int) -> str:
    stage = int(selected.ranked.stage[row])
    return str(selected.stages[stage - 1]["strategy"]) if stage else ""


def _blocking_rows(selected: Selected, row: int, blocking: BlockingRow | None) -> set[int]:
    if selected.reason(row) in DUPLICATES:
        return {selected.row(selected.cut.exclusions.because[row])}
    return set() if blocking is None else {blocking.row}


def _cosine(inputs: ExplainInputs, row: int) -> float | None:
    return None if inputs.cosines is None or inputs.cosines[row] == NO_COSINE else float(inputs.cosines[row])


def _outcome(context: RowContext) -> Outcome:
    selected, row = context.selected, context.row
    reason = selected.reason(row)
    because = selected.cut.exclusions.because.get(row)
    if because is None and context.blocking is not None:
        because = selected.ids[context.blocking.row]
    return Outcome(
        kept=not reason,
        reason=reason,
        rank=int(selected.rank[row]) or None,
        ranked=len(selected.ranked.order),
        kept_rows=selected.kept,
        pool_rows=len(selected),
        below_cut=below_cut(selected, row),
        because=because,
        sentences=sentences(context),
    )


def _percentiles(selected: Selected, row: int, inputs: ExplainInputs) -> Iterator[Percentile]:
    """Score and length of the ranking file, then the columns; a score among the rows that the same strategy ranked."""
    ranked, same = selected.ranked, selected.same_source(row)
    scores = np.where(ranked.stage == ranked.stage[row], ranked.score, np.nan)
    yield percentile_of("score", scores, row, same)
    lengths = np.where((ranked.length == 0) & (ranked.length_unit == RESPONSE_TOKENS), np.nan, ranked.length)
    yield percentile_of("length", lengths, row, same)  # rows that were not scored count no tokens
    for name, values in inputs.numbers.columns.items():
        if name != ranked.length_unit:
            yield percentile_of(name, values, row, same)


def _token_nll(inputs: ExplainInputs, example: Example | None) -> tuple[RowNll | None, tuple[str, ...]]:
    """The tokens from the first table that keeps any, and why there are none.

    Raises:
        ArtifactError: If they are damaged.
    """
    kept = [
        folder
        for folder in inputs.scores
        if folder.is_dir() and any(name.startswith(f"{TOKENS}/") for name in read_finished(folder).manifest["outputs"])
    ]
    if example is None or not inputs.scores:
        return None, ()
    if not kept:
        return None, (f"NLL of each token: no score table keeps tokens ({SCORE})",)
    try:
        return read_token_nll(kept[0], example), ()
    except ArtifactError:
        raise
    except DataselectError as error:
        return None, (f"NLL of each token: {error}",)
