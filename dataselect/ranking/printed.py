"""A ranking as text for a terminal: one table per order, and what may and may not be read from it in plain sentences.

It computes nothing: every number is in `rank.json` too, with those that have no room here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataselect.ranking.measures import BPB, CENTROID, PPL, PPL_TOKENS, SIMILARITY, Measure, ModelMeasures, PoolMeasures
from dataselect.ranking.ordering import Order
from dataselect.ranking.result import CAUTION, Ranking
from dataselect.ranking.sentences import (
    across_models,
    both_orders,
    defects,
    limited,
    other_order,
    overlap,
    repeated,
    told_apart,
    unscored,
    wrapped,
)
from dataselect.reports.numbers import count, decimals, fixed, half_width

_LEGEND = (
    "Perplexity is exp of the mean over examples; by tokens, long responses weigh more; bits per byte can be compared "
    "across models. In brackets: 95 % intervals over examples. Response tokens: median (5 to 95 % quantile)."
)


def lines(ranking: Ranking) -> Iterator[str]:
    """The lines to print, plain ASCII apart from names."""
    for block in _blocks(ranking):
        for line in block:
            yield line.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-").rstrip()
        yield ""
    yield from wrapped(CAUTION)


def _blocks(ranking: Ranking) -> Iterator[list[str]]:
    if ranking.target is not None:
        yield overlap(ranking)
    for model in ranking.models:
        found = ranking.order(PPL, model)
        if found is not None and model not in ranking.same:
            yield _by_perplexity(ranking, found, model)
    yield [*wrapped(_LEGEND), *limited(ranking)]
    nearest = ranking.order(SIMILARITY, None)
    if nearest is not None:
        yield _by_similarity(ranking, nearest)
    if ranking.same:
        yield repeated(ranking.same)
    if ranking.verdicts:
        yield across_models(ranking)
    yield defects(ranking.pools)


def _by_perplexity(ranking: Ranking, found: Order, model: str) -> list[str]:
    measured = [pool.models[model] for pool in _in_order(ranking, found)]
    columns = [
        ("", *(str(place) for place in range(1, len(measured) + 1))),
        ("pool", *found.pools),
        ("scored", *(count(one.scored) for one in measured)),
        ("perplexity", *_intervals([one.measures[PPL] for one in measured])),
        ("by tokens", *_intervals([one.measures[PPL_TOKENS] for one in measured])),
        ("bits per byte", *_intervals([one.measures[BPB] for one in measured])),
        ("response tokens", *map(_lengths, measured)),
    ]
    notes = [
        *told_apart(found, "lower", " nats per token"),
        *other_order(found, ranking.order(BPB, model)),
        *(note for pool in ranking.pools for note in unscored(pool.pool, pool.models[model])),
    ]
    return [f"By perplexity under {model}, lowest first:", "", *_table(columns), "", *notes]


def _by_similarity(ranking: Ranking, found: Order) -> list[str]:
    assert ranking.target is not None
    target = ranking.target
    near, centroid = ([pool.measure(by, None) for pool in _in_order(ranking, found)] for by in (SIMILARITY, CENTROID))
    columns = [
        ("", *(str(place) for place in range(1, len(near) + 1))),
        ("pool", *found.pools),
        ("embedded", *(count(one.document["n"]) for one in near)),
        (f"to the nearest {target.top_k}", *_intervals(near)),
        ("to the centroid", *_intervals(centroid)),
    ]
    title = (
        f"By similarity (mean cosine, {target.encoder}) to {', '.join(target.files)}, {count(target.examples)} "
        "examples, most similar first:"
    )
    notes = [*told_apart(found, "more similar"), *both_orders(ranking)]
    return [*wrapped(title), "", *_table(columns), "", *notes]


def _in_order(ranking: Ranking, found: Order) -> list[PoolMeasures]:
    pools = {pool.pool: pool for pool in ranking.pools}
    return [pools[name] for name in found.pools]


def _intervals(measures: Sequence[Measure]) -> list[str]:
    """Each value with its interval, all with the decimals that the widest interval supports."""
    plain = [measure.document for measure in measures]
    widths = [width for one in plain if (width := half_width(one["ci_low"], one["ci_high"]))]
    places = decimals(max(widths, default=None), max((abs(one["value"] or 0.0) for one in plain), default=None))
    return [_interval(one, places) for one in plain]


def _interval(plain: Mapping[str, Any], places: int) -> str:
    shown = fixed(plain["value"], places)
    if plain["ci_low"] is None:
        return shown
    return f"{shown} ({fixed(plain['ci_low'], places)} to {fixed(plain['ci_high'], places)})"


def _lengths(measured: ModelMeasures) -> str:
    low, median, high = (measured.lengths.quantiles[q] for q in ("0.05", "0.5", "0.95"))
    return "-" if median is None else f"{fixed(median, 0)} ({fixed(low, 0)} to {fixed(high, 0)})"


def _table(columns: Sequence[Sequence[str]]) -> list[str]:
    padded = [[cell.ljust(max(map(len, column))) for cell in column] for column in columns]
    return ["  ".join(row) for row in zip(*padded, strict=True)]
