"""What may and may not be read from a ranking, in plain sentences: doubt, overlap, models, defects.

Each function returns lines, none where there is nothing to tell. It computes nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from dataselect.ranking.agreement import PairVerdict
from dataselect.ranking.measures import SIMILARITY, ModelMeasures, PoolMeasures
from dataselect.ranking.ordering import Order, Pair
from dataselect.ranking.result import Ranking
from dataselect.records import SCORABLE
from dataselect.reports.numbers import count, decimals, fixed, half_width, percent

_WIDTH = 110
_MOST_PAIRS = 12


def repeated(same: Mapping[str, str]) -> list[str]:
    """Which names stand for one model."""
    told = "; ".join(f"{name} is the same model as {first}" for name, first in same.items())
    return wrapped(f"{told}: told once, since its agreement with itself is no evidence.")


def limited(ranking: Ranking) -> list[str]:
    """That only the first records were read, where there was a limit."""
    if ranking.limit is None:
        return []
    return wrapped(
        f"At most the first {count(ranking.limit)} records of each pool were read: where a file is sorted they do not "
        "stand for all of it."
    )


def overlap(ranking: Ranking) -> list[str]:
    """Which rows were removed."""
    assert ranking.target is not None
    found = [pool for pool in ranking.pools if pool.removed]
    if not found:
        return wrapped("No row of any pool shares 13 words in a row, or a whole prompt, with the target.")
    told = "; ".join(f"{pool.removed:,} of {pool.rows + (pool.removed or 0):,} rows of {pool.pool}" for pool in found)
    return wrapped(
        f"Removed first, because they share 13 words in a row, or a whole prompt, with the target: {told}. "
        "They are listed in overlap.jsonl, and every number below is over the other rows."
    )


def told_apart(found: Order, word: str, unit: str = "") -> list[str]:
    """Which pairs of an order cannot be told apart."""
    unsure = [pair for pair in found.pairs if not pair.distinguishable]
    if len(found.pools) < 2:
        return []
    if not unsure:
        return wrapped(f"Every pool is shown to be {word} than the ones below it ({len(found.pairs)} pairs).")
    told = "; ".join(f"{pair.first} and {pair.second}{_range(pair, unit)}" for pair in unsure[:_MOST_PAIRS])
    more = f"; and {len(unsure) - _MOST_PAIRS} more" if len(unsure) > _MOST_PAIRS else ""
    return wrapped(
        f"Not distinguishable, {len(unsure)} of {len(found.pairs)} pairs (the interval of their difference holds 0): "
        f"{told}{more}. Do not read their order as a finding."
    )


def _range(pair: Pair, unit: str) -> str:
    if pair.ci_low is None or pair.ci_high is None:
        return " (a single row)"
    places = decimals(half_width(pair.ci_low, pair.ci_high))
    return f" ({fixed(pair.ci_low, places)} to {fixed(pair.ci_high, places)}{unit})"


def other_order(found: Order, other: Order | None) -> list[str]:
    """That bits per byte order the pools otherwise, where they do."""
    if other is None or other.pools == found.pools:
        return []
    return wrapped(
        f"By bits per byte the order is another: {', '.join(other.pools)}. Perplexity is per token, so it also "
        "depends on how the tokenizer splits each pool (its language, code, numbers)."
    )


def both_orders(ranking: Ranking) -> list[str]:
    """How alike the orders by perplexity and by similarity are."""
    tau = next((tau for tau in ranking.taus if tau.second == SIMILARITY), None)
    if tau is None or tau.tau is None:
        return []
    return wrapped(
        f"Agreement with the order by perplexity under {ranking.models[0]}: Kendall tau {fixed(tau.tau, 2)} over "
        f"{tau.pools} pools (1: the same order, -1: the opposite one)."
    )


def across_models(ranking: Ranking) -> list[str]:
    """Which pairs hold for every model."""
    told = [
        f"{tau.first} and {tau.second}: Kendall tau {fixed(tau.tau, 2)}"
        for tau in ranking.taus
        if tau.second != SIMILARITY
    ]
    kinds = {
        "general": "General, told apart by every model in the same order",
        "model-specific": "Model-specific, told apart in opposite orders",
        "undecided": "Undecided, not told apart by every model",
    }
    notes = [line for kind, meaning in kinds.items() for line in _verdicts(ranking.verdicts, kind, meaning)]
    return ["What the models agree on, by perplexity:", *wrapped("; ".join(told) + "."), *notes]


def _verdicts(verdicts: Sequence[PairVerdict], kind: str, meaning: str) -> list[str]:
    found = [one for one in verdicts if one.verdict == kind]
    if not found:
        return []
    told = "; ".join(_pair_told(one) for one in found[:_MOST_PAIRS])
    more = f"; and {len(found) - _MOST_PAIRS} more" if len(found) > _MOST_PAIRS else ""
    return wrapped(f"{meaning}: {told}{more}.")


def _pair_told(one: PairVerdict) -> str:
    first = next(iter(one.first_by_model.values()))
    second = next(name for name in one.pools if name != first)
    if one.alike:
        return f"{first} before {second}"
    return f"{one.pools[0]} and {one.pools[1]} (first: {', '.join(f'{m}: {p}' for m, p in one.first_by_model.items())})"


def unscored(pool: str, measured: ModelMeasures) -> list[str]:
    """Why rows of a pool were not scored."""
    counts = {status: n for status, n in measured.statuses.items() if n and status not in SCORABLE}
    if not counts:
        return []
    told = ", ".join(f"{count(n)} {status}" for status, n in counts.items())
    none = ", so it has no place" if not measured.scored else ""
    return wrapped(f"Not scored of {pool}: {told}{none}.")


def defects(pools: Sequence[PoolMeasures]) -> list[str]:
    """Defects of each pool."""
    told = ["Defects that the text shows (signs, not proofs):"]
    for pool in pools:
        found = [f"{count(one.rows)} {one.defect} ({percent(one.share)})" for one in pool.defects if one.rows]
        if pool.rejects:
            found.append(f"{count(pool.rejects)} unreadable records")
        told += wrapped(f"  {pool.pool}, {count(pool.rows)} rows: {', '.join(found) or 'none found'}")
    return told


def wrapped(text: str) -> list[str]:
    """Lines of at most 110 characters."""
    indent = "  " if text.startswith("  ") else ""
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent * 2, break_long_words=False, break_on_hyphens=False)
