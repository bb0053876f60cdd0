"""The content of `audit.json`.

    kind            "audit"
    pools           one per pool: name, sha256, rows, rejects, columns {name: rows}, values {column: {value: rows}},
                    lengths {measure: {mean, quantiles}}, formats {schemas, turns, traits}, languages {name: rows},
                    openings [{opening, count, share}]
    tasks           one per task: name, sha256, items
    model           null, or {name, template, max_length}
    rows, rejects   readable and unreadable records of all pools
    findings        the most serious first, only those with at least one record:
                    {key, title, severity, meaning, count, of, share, pools {name: count},
                     examples [{where, id, note, prompt, response}],
                     remedy {options, removes, instead}, detail {what: count}}
    not_checked     {key of a finding: why it was not looked for}
    overlaps        one per pair of pools with shared rows: {earlier, later, exact, near, exact_share}, counted in rows
                    of the later pool; near is null where near-duplicates were not compared
    removal         {serious, duplicates, together, left}: rows that removing all serious findings, all repetitions, or
                    both takes away, and what is left; {options} for one `select` command that does it
    languages_by    what identified the languages, with its version

Numbers are counts of records unless they say otherwise. New keys may be added; these keep their meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.recommendation.audit.findings import Evidence, findings, not_checked
from dataselect.recommendation.audit.kinds import BITS, KINDS
from dataselect.recommendation.audit.profile import (
    formats,
    languages,
    lengths,
    mark_other_languages,
    mark_outliers,
    openings,
)
from dataselect.recommendation.audit.reading import PoolCounts, Reading

_VALUES_SHOWN, _COLUMNS_SHOWN = 12, 40
_REPEATS = ("duplicate", "shared_row", "near_duplicate", "shared_near")


def audit_document(
    evidence: Evidence,
    inputs: Sequence[Mapping[str, str]],
    tasks: Sequence[Mapping[str, Any]],
    model: Any | None,  # noqa: ANN401
) -> dict[str, Any]:
    """Put everything together; marks what needs all rows of a pool first."""
    reading = evidence.reading
    mark_outliers(reading.rows)
    if not reading.languages.missing:
        mark_other_languages(reading.languages.names, reading.rows)
    digests = {one["source"]: one["sha256"] for one in inputs}
    pools = [_pool(name, counts, reading, digests[name], model is not None) for name, counts in reading.pools.items()]
    found = findings(evidence)
    return {
        "kind": "audit",
        "pools": pools,
        "tasks": list(tasks),
        "model": model,
        "rows": len(reading.rows),
        "rejects": sum(pool["rejects"] for pool in pools),
        "findings": found,
        "not_checked": not_checked(
            model is not None, bool(tasks), evidence.repeats.missing, reading.languages.missing, reading.rows.pools
        ),
        "overlaps": _overlaps(evidence),
        "removal": _removal(evidence),
        "languages_by": reading.languages.method,
    }


def _pool(name: str, counts: PoolCounts, reading: Reading, sha256: str, tokens: bool) -> dict[str, Any]:
    rows = reading.rows
    of: NDArray[np.bool_] = rows.column("pool") == rows.pools.index(name)
    values = {column: _most(dict(found), _VALUES_SHOWN) for column, found in counts.values.items() if found is not None}
    return {
        "name": name, "sha256": sha256, "rows": int(of.sum()), "rejects": counts.rejects.total(),
        "columns": _most(dict(counts.columns), _COLUMNS_SHOWN), "values": values,
        "lengths": lengths(rows, of, tokens), "formats": formats(rows, of),
        "languages": languages(reading.languages.names, rows, of), "openings": openings(rows, of),
    }  # fmt: skip


def _most(counts: Mapping[str, int], most: int) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most])


def _overlaps(evidence: Evidence) -> list[dict[str, Any]]:
    rows, repeats = evidence.reading.rows, evidence.repeats
    sizes = np.bincount(rows.column("pool"), minlength=len(rows.pools)).tolist()
    return [
        {
            "earlier": rows.pools[earlier], "later": rows.pools[later], "exact": counts["exact"],
            "near": None if repeats.missing else counts["near"], "exact_share": counts["exact"] / sizes[later],
        }
        for (earlier, later), counts in repeats.pairs.items() if counts.total()
    ]  # fmt: skip


def _removal(evidence: Evidence) -> dict[str, Any]:
    """Rows that all removals take away together, and the options of one command."""
    rows = evidence.reading.rows
    serious = [
        kind.key for kind in KINDS if kind.severity == "serious" and kind.remove != "-" and kind.key != "duplicate"
    ]
    shown = {key: rows.has(BITS[key]) for key in (*serious, *_REPEATS)}
    bad = np.logical_or.reduce([shown[key] for key in serious])
    repeated = np.logical_or.reduce([shown[key] for key in _REPEATS])
    together = int((bad | repeated).sum())
    where = [key for key in serious if key not in _REPEATS and shown[key].any()]
    options = []
    if repeated.any():
        near = shown["near_duplicate"].any() or shown["shared_near"].any()
        options.append("--dedup exact --dedup ngram" if near else "--dedup exact")
    if where:
        options.append(f'--scores DIR/rows.parquet --where "{" and ".join(f"{key} == 0" for key in where)}"')
    return {
        "serious": int(bad.sum()), "duplicates": int(repeated.sum()), "together": together,
        "left": len(rows) - together, "options": re.sub(" +", " ", " ".join(options)),
    }  # fmt: skip
