"""A ranking as text for a terminal: one table per order, and in plain sentences what may and may not be concluded.

It computes nothing: every number is in `rank.json` too, with those for which the terminal has no space.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataselect.pool_ranking.measures import (
    BPB,
    CENTROID,
    PPL,
    PPL_TOKENS,
    RSR,
    RSR_MEAN,
    SIMILARITY,
    Measure,
    ModelMeasures,
    PoolMeasures,
)
from dataselect.pool_ranking.orders import PairVerdict, PoolOrder, PoolPair
from dataselect.pool_ranking.result import CAUTION, PoolRanking, ReadLimit
from dataselect.records import SCORABLE
from dataselect.reports.numbers import count, decimals, fixed, half_width, percent

_LEGEND = (
    "Perplexity is exp of the mean over examples; by tokens, long responses weigh more; bits per byte can be compared "
    "across models. In brackets: 95 % intervals over examples. Response tokens: median (5 to 95 % quantile)."
)

_VERDICTS = {
    "general": "General, distinguished by every model in the same order",
    "model-specific": "Model-specific, distinguished in opposite orders",
    "undecided": "Undecided, not distinguished by every model",
}
_WIDTH = 110
_MOST_PAIRS = 12
_POOLS_FOR_LENGTH = 3
"""Fewer say nothing about length."""


def lines(ranking: PoolRanking) -> Iterator[str]:
    """Yield the lines to print, plain ASCII apart from names."""
    for block in _blocks(ranking):
        for line in block:
            yield line.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-").rstrip()
        yield ""
    yield from _wrapped(CAUTION)


def _blocks(ranking: PoolRanking) -> Iterator[list[str]]:
    if ranking.target is not None:
        yield _overlap(ranking.pools)
    for model in ranking.models:
        found = ranking.order(PPL, model)
        if found is not None and model not in ranking.same:
            yield _by_perplexity(ranking, found, model)
            yield from _by_rank_surprisal(ranking, model)
    yield [*_wrapped(_LEGEND), *_limit(ranking.read_limit)]
    nearest = ranking.order(SIMILARITY, None)
    if nearest is not None:
        yield _by_similarity(ranking, nearest)
    if ranking.same:
        yield _repeated_models(ranking.same)
    if ranking.verdicts:
        yield _across_models(ranking)
    yield _defects(ranking.pools)


def _by_perplexity(ranking: PoolRanking, found: PoolOrder, model: str) -> list[str]:
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
        *_indistinguishable(found, "lower", " nats per token"),
        *_other_order(found, ranking.order(BPB, model)),
        *_length_agreement(ranking, model),
        *(note for pool in ranking.pools for note in _unscored(pool.pool, pool.models[model])),
    ]
    return [f"By perplexity under {model}, lowest first:", "", *_table(columns), "", *notes]


def _by_rank_surprisal(ranking: PoolRanking, model: str) -> Iterator[list[str]]:
    found = ranking.order(RSR, model)
    if found is None:
        return
    measured = [pool.models[model].measures for pool in _in_order(ranking, found)]
    columns = [
        ("", *(str(place) for place in range(1, len(measured) + 1))),
        ("pool", *found.pools),
        ("ratio of sums", *_intervals([one[RSR] for one in measured])),
        ("mean of ratios", *_intervals([one[RSR_MEAN] for one in measured])),
    ]
    title = f"By ranks over surprisal (RSR, arXiv 2601.14249) under {model}, lowest first:"
    yield [title, "", *_table(columns), "", *_indistinguishable(found, "lower")]


def _by_similarity(ranking: PoolRanking, found: PoolOrder) -> list[str]:
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
    notes = [*_indistinguishable(found, "more similar"), *_similarity_agreement(ranking)]
    return [*_wrapped(title), "", *_table(columns), "", *notes]


def _in_order(ranking: PoolRanking, found: PoolOrder) -> list[PoolMeasures]:
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


def _repeated_models(same: Mapping[str, str]) -> list[str]:
    names = "; ".join(f"{name} is the same model as {first}" for name, first in same.items())
    return _wrapped(f"{names}: listed once, since its agreement with itself is no evidence.")


def _limit(read: ReadLimit) -> list[str]:
    """Say that only a part of the records was read, where there was a limit."""
    if read.limit is None:
        return []
    if read.sample_seed is not None:
        return _wrapped(f"At most {count(read.limit)} records of each pool were read, drawn at random.")
    return _wrapped(
        f"At most the first {count(read.limit)} records of each pool were read: of a sorted file they are not "
        "representative (--sample-seed 0 draws them at random)."
    )


def _overlap(pools: Sequence[PoolMeasures]) -> list[str]:
    found = [pool for pool in pools if pool.removed]
    if not found:
        return _wrapped("No row of any pool shares 13 words in a row, or a whole prompt, with the target.")
    counts = "; ".join(f"{pool.removed:,} of {pool.rows + (pool.removed or 0):,} rows of {pool.pool}" for pool in found)
    return _wrapped(
        f"Removed first, because they share 13 words in a row, or a whole prompt, with the target: {counts}. "
        "They are listed in overlap.jsonl, and every number below is over the other rows."
    )


def _indistinguishable(found: PoolOrder, word: str, unit: str = "") -> list[str]:
    """List the pairs of an order that the data do not distinguish."""
    unsure = [pair for pair in found.pairs if not pair.distinguishable]
    if len(found.pools) < 2:
        return []
    if not unsure:
        return _wrapped(f"Every pool is shown to be {word} than the ones below it ({len(found.pairs)} pairs).")
    pairs = _first([f"{pair.first} and {pair.second}{_range(pair, unit)}" for pair in unsure])
    return _wrapped(
        f"Not distinguishable, {len(unsure)} of {len(found.pairs)} pairs (the interval of their difference holds 0): "
        f"{pairs}. Do not read their order as a finding."
    )


def _range(pair: PoolPair, unit: str) -> str:
    if pair.ci_low is None or pair.ci_high is None:
        return " (a single row)"
    places = decimals(half_width(pair.ci_low, pair.ci_high))
    return f" ({fixed(pair.ci_low, places)} to {fixed(pair.ci_high, places)}{unit})"


def _other_order(found: PoolOrder, other: PoolOrder | None) -> list[str]:
    """Give the order by bits per byte, where it is a different one."""
    if other is None or other.pools == found.pools:
        return []
    return _wrapped(
        f"By bits per byte the order is different: {', '.join(other.pools)}. Perplexity is per token, so it also "
        "depends on how the tokenizer splits each pool (its language, code, numbers)."
    )


def _similarity_agreement(ranking: PoolRanking) -> list[str]:
    tau = next((tau for tau in ranking.taus if tau.second == SIMILARITY), None)
    if tau is None or tau.tau is None:
        return []
    return _wrapped(
        f"Agreement with the order by perplexity under {ranking.models[0]}: Kendall tau {fixed(tau.tau, 2)} over "
        f"{tau.pools} pools (1: the same order, -1: the opposite one)."
    )


def _length_agreement(ranking: PoolRanking, model: str) -> list[str]:
    """Say how far the order is that of the lengths: pools alone have no result that could be held against either."""
    tau = next((tau for tau in ranking.length_taus if tau.first == f"ppl of {model}"), None)
    if tau is None or tau.tau is None or tau.pools < _POOLS_FOR_LENGTH:
        return []
    return _wrapped(
        f"Agreement of this order with that by mean response length, longest first: Kendall tau {fixed(tau.tau, 2)} "
        f"over {tau.pools} pools. The nearer to 1 or -1, the less can a result that follows perplexity be told from "
        "one that follows length; dataselect analyze tells them apart once there are results."
    )


def _across_models(ranking: PoolRanking) -> list[str]:
    """List the pairs that hold for every model, and those that do not."""
    taus = [
        f"{tau.first} and {tau.second}: Kendall tau {fixed(tau.tau, 2)}"
        for tau in ranking.taus
        if tau.second != SIMILARITY
    ]
    found = ["What the models agree on, by perplexity:", *_wrapped("; ".join(taus) + ".")]
    for verdict, meaning in _VERDICTS.items():
        pairs = [_pair_phrase(one) for one in ranking.verdicts if one.verdict == verdict]
        if pairs:
            found += _wrapped(f"{meaning}: {_first(pairs)}.")
    return found


def _pair_phrase(one: PairVerdict) -> str:
    first = next(iter(one.first_by_model.values()))
    second = next(name for name in one.pools if name != first)
    if one.alike:
        return f"{first} before {second}"
    return f"{one.pools[0]} and {one.pools[1]} (first: {', '.join(f'{m}: {p}' for m, p in one.first_by_model.items())})"


def _unscored(pool: str, measured: ModelMeasures) -> list[str]:
    """Say why rows of a pool were not scored."""
    counts = {status: n for status, n in measured.statuses.items() if n and status not in SCORABLE}
    if not counts:
        return []
    reasons = ", ".join(f"{count(n)} {status}" for status, n in counts.items())
    none = ", so it is not ranked" if not measured.scored else ""
    return _wrapped(f"Not scored of {pool}: {reasons}{none}.")


def _defects(pools: Sequence[PoolMeasures]) -> list[str]:
    found = ["Defects that the text shows (signs, not proofs):"]
    for pool in pools:
        counts = [f"{count(one.rows)} {one.defect} ({percent(one.share)})" for one in pool.defects if one.rows]
        if pool.rejects:
            counts.append(f"{count(pool.rejects)} unreadable records")
        found += _wrapped(f"  {pool.pool}, {count(pool.rows)} rows: {', '.join(counts) or 'none found'}")
    return found


def _first(phrases: Sequence[str]) -> str:
    more = f"; and {len(phrases) - _MOST_PAIRS} more" if len(phrases) > _MOST_PAIRS else ""
    return "; ".join(phrases[:_MOST_PAIRS]) + more


def _wrapped(text: str) -> list[str]:
    indent = "  " if text.startswith("  ") else ""
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent * 2, break_long_words=False, break_on_hyphens=False)
