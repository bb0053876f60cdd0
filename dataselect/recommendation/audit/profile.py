"""The profile of each pool: lengths, languages, schemas, format traits and openings; marks rows that stand out.

Lengths are skewed, so outliers are judged on the scale of log(1 + characters): beyond three interquartile ranges from
the quartiles (Tukey's outer fences). A pool of fewer than 20 rows, or whose quartiles are equal, has none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.recommendation.audit.kinds import BITS
from dataselect.recommendation.audit.languages import UNKNOWN
from dataselect.recommendation.audit.rows import Rows
from dataselect.recommendation.audit.signs import SCHEMAS, TRAITS, opening, trait_bit

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_FEWEST, _FENCE = 20, 3.0
_MEASURES = ("prompt_characters", "response_characters", "response_bytes")
_TOKENS = ("response_tokens", "total_tokens")

COMMON_SHARE, COMMON_ROWS = 0.02, 20
MOST = 0.8
"""Share of the rows with a known language that the main one of a pool has at least; else the pool is mixed."""

_LISTED = 10


def lengths(rows: Rows, of: NDArray[np.bool_], tokens: bool) -> dict[str, Any]:
    """Mean and quantiles of each length of the rows of one pool.

    Args:
        of: (n,) which rows.
        tokens: Whether tokens were counted.
    """
    return {name: _described(rows.column(name)[of]) for name in (*_MEASURES, *(_TOKENS if tokens else ()))}


def _described(values: NDArray[Any]) -> dict[str, Any]:
    if not len(values):
        return {"mean": None, "quantiles": {f"{q:g}": None for q in QUANTILES}}
    found = np.quantile(values, QUANTILES).tolist()
    return {"mean": float(values.mean()), "quantiles": {f"{q:g}": v for q, v in zip(QUANTILES, found, strict=True)}}


def mark_outliers(rows: Rows) -> None:
    """Mark responses that are far longer, or shorter, than the rest of their pool; empty ones are another kind."""
    pool, characters = rows.column("pool"), rows.column("response_characters")
    for one in range(len(rows.pools)):
        own = np.flatnonzero((pool == one) & (characters > 0))
        if len(own) < _FEWEST:
            continue
        scale = np.log1p(characters[own].astype(np.float64))
        low, high = np.quantile(scale, (0.25, 0.75))
        reach = _FENCE * (high - low)
        if reach > 0:
            rows.mark(own[scale > high + reach], BITS["very_long"])
            rows.mark(own[scale < low - reach], BITS["very_short"])


def languages(names: list[str], rows: Rows, of: NDArray[np.bool_]) -> dict[str, int]:
    """Rows of each language, the most first."""
    counts = np.bincount(rows.column("language")[of], minlength=len(names)).tolist()
    found = {name: count for name, count in zip(names, counts, strict=True) if count}
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def mark_other_languages(names: list[str], rows: Rows) -> None:
    """Mark rows of another language than the main one, in pools that have a main one."""
    pool, language = rows.column("pool"), rows.column("language")
    unknown = names.index(UNKNOWN)
    for one in range(len(rows.pools)):
        known = np.flatnonzero((pool == one) & (language != unknown))
        counts = np.bincount(language[known], minlength=len(names))
        if len(known) and counts.max() >= MOST * len(known):
            rows.mark(known[language[known] != counts.argmax()], BITS["other_language"])


def formats(rows: Rows, of: NDArray[np.bool_]) -> dict[str, Any]:
    """Schemas, turns and traits of the rows of one pool, in rows."""
    schemas = np.bincount(rows.column("schema")[of], minlength=len(SCHEMAS)).tolist()
    bits, turns = rows.column("traits")[of], rows.column("turns")[of]
    return {
        "schemas": {name: count for name, count in zip(SCHEMAS, schemas, strict=True) if count},
        "turns": {"median": float(np.median(turns)), "most": int(turns.max())} if len(turns) else None,
        "traits": {name: int(((bits & trait_bit(name)) != 0).sum()) for name in TRAITS},
    }


def openings(rows: Rows, of: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """The first four words that most responses of a pool begin with, and mark those that too many begin with."""
    hashes = rows.column("opening")
    own = np.flatnonzero(of & (hashes != 0))
    values, first, counts = np.unique(hashes[own], return_index=True, return_counts=True)
    found = []
    for place in np.argsort(-counts, kind="stable")[:_LISTED].tolist():
        count = int(counts[place])
        if count < 2:
            break
        if count >= max(COMMON_ROWS, COMMON_SHARE * int(of.sum())):
            rows.mark(own[hashes[own] == values[place]], BITS["common_opening"])
        shown = opening(rows[int(own[first[place]])].response)
        found.append({"opening": shown, "count": count, "share": count / int(of.sum())})
    return found
