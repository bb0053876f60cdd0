"""From marked rows to findings: counts by pool, examples to read, and the options that remove or fix them."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataselect.pool.rejects import one_line
from dataselect.recommendation.audit.kinds import BITS, KINDS, SEVERITIES, Kind
from dataselect.recommendation.audit.reading import Reading
from dataselect.recommendation.audit.repeats import Repeats
from dataselect.recommendation.audit.signs import opening, special_token
from dataselect.selection.contamination import EvaluationWords

EXAMPLES = 3
_SHOWN = 160
_SAYS = {
    "duplicate": "repeats", "shared_row": "repeats", "near_duplicate": "resembles", "shared_near": "resembles",
    "same_prompt": "the same prompt as", "same_response": "the same response as", "repeated_id": "the id of",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """The inputs of findings.

    Attributes:
        repeats: What repeats what.
        tasks: The words of each task, to say what was shared.
    """

    reading: Reading
    repeats: Repeats
    tasks: dict[str, EvaluationWords]


def findings(evidence: Evidence) -> list[dict[str, Any]]:
    """All kinds that at least one record shows, the most serious first, then as `KINDS` lists them."""
    made = [_finding(kind, evidence) for kind in KINDS]
    found = [one for one in made if one["count"]]
    return sorted(found, key=lambda one: SEVERITIES.index(one["severity"]))


def _finding(kind: Kind, evidence: Evidence) -> dict[str, Any]:
    reading = evidence.reading
    if kind.key == "unreadable":
        by_pool = {name: counts.rejects.total() for name, counts in reading.pools.items()}
        examples, of = _rejected(reading), len(reading.rows) + sum(by_pool.values())
    else:
        shown = np.flatnonzero(reading.rows.has(BITS[kind.key]))
        pool = np.bincount(reading.rows.column("pool")[shown], minlength=len(reading.rows.pools)).tolist()
        by_pool = dict(zip(reading.rows.pools, pool, strict=True))
        examples, of = [_example(kind.key, row, evidence) for row in _drawn(kind.key, shown)], len(reading.rows)
    count = sum(by_pool.values())
    return {
        "key": kind.key, "title": kind.title, "severity": kind.severity, "meaning": kind.meaning, "count": count,
        "of": of, "share": count / of if of else 0.0, "pools": by_pool, "examples": examples,
        "remedy": _remedy(kind, count, evidence), "detail": _detail(kind.key, evidence),
    }  # fmt: skip


def _drawn(key: str, rows: NDArray[np.int64]) -> list[int]:
    """Up to three rows, drawn by chance with a seed of the kind's own."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    return sorted(rng.choice(rows, min(EXAMPLES, len(rows)), replace=False).tolist())


def _example(key: str, row: int, evidence: Evidence) -> dict[str, str]:
    rows = evidence.reading.rows
    text = rows[row]
    return {
        "where": rows.where(row), "id": rows.id(row), "note": _note(key, row, evidence),
        "prompt": _excerpt(text.prompt), "response": _excerpt(text.response, end=key == "truncated_ending"),
    }  # fmt: skip


def _excerpt(text: str, end: bool = False) -> str:
    """The beginning of a text on one line, or its end."""
    if len(text) <= _SHOWN:
        return one_line(" ".join(text.split()))
    if end:
        return f"…{one_line(' '.join(text[-_SHOWN:].split()))}"
    return f"{one_line(' '.join(text[:_SHOWN].split()))}…"


def _note(key: str, row: int, evidence: Evidence) -> str:
    reading = evidence.reading
    rows = reading.rows
    if key in _SAYS:
        return f"{_SAYS[key]} {rows.where(evidence.repeats.of[key][row])}"
    if key in ("leak", "task_wording"):
        shared = (known.overlap(rows[row]) for known in evidence.tasks.values())
        return f"shares with {next(str(one) for one in shared if one is not None)}"
    if key in ("very_long", "very_short"):
        return f"{rows.column('response_characters')[row]:,} characters"
    if key == "too_long":
        tokens = int(rows.column("total_tokens")[row])
        return f"{tokens:,} tokens" if tokens else "too many characters for the limit"
    if key == "special_text":
        return special_token(rows[row])
    if key == "common_opening":
        return f'"{opening(rows[row].response)}"'
    if key == "other_language":
        return reading.languages.names[int(rows.column("language")[row])]
    return reading.template_errors.get(row, "") if key == "template_error" else ""


def _rejected(reading: Reading) -> list[dict[str, str]]:
    """Unreadable records: one of each reason first."""
    by_reason = list(reading.rejected.values())
    turns = [group[turn] for turn in range(EXAMPLES) for group in by_reason if turn < len(group)]
    return [
        {"where": f"{one.file}:{one.line}", "id": "", "note": one.reason, "prompt": "", "response": one.excerpt}
        for one in turns[:EXAMPLES]
    ]


def _remedy(kind: Kind, count: int, evidence: Evidence) -> dict[str, Any]:
    """The options of `select` that remove the rows, and how many it would remove."""
    options = kind.remove
    if not options:
        options = f'--scores DIR/rows.parquet --where "{kind.key} == 0"'
    removes: int | None = count
    if kind.key in ("duplicate", "shared_row"):
        removes = evidence.repeats.exact
    elif kind.key in ("near_duplicate", "shared_near"):
        removes = evidence.repeats.exact + evidence.repeats.near
    if kind.remove == "-":
        options, removes = "", None
    return {"options": options, "removes": removes, "instead": kind.fix}


def _detail(key: str, evidence: Evidence) -> dict[str, int]:
    """A finer count of some kinds."""
    reading = evidence.reading
    if key == "unreadable":
        total: Counter[str] = sum((counts.rejects for counts in reading.pools.values()), Counter())
        return dict(total.most_common())
    if key == "unread_columns":
        return dict(sum((counts.unread for counts in reading.pools.values()), Counter[str]()).most_common())
    if key == "leak":
        return {task: found.total() for task, found in reading.leaks.items()}
    return {}


def not_checked(has_model: bool, has_tasks: bool, near: str, languages: str, pools: Sequence[str]) -> dict[str, str]:
    """Kinds that were not looked for -> why."""
    reasons = {
        "model": "" if has_model else "needs a tokenizer: --model M",
        "task": "" if has_tasks else "needs an evaluation set: --task FILE",
        "dedup": near,
        "audit": languages,
        "pools": "" if len(pools) > 1 else "needs a second pool",
    }
    return {kind.key: why for kind in KINDS for need in kind.needs.split() if (why := reasons[need])}
