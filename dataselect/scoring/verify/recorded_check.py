"""Compare recorded scores with the reference, row by row.

Status and counts must be equal, and where one side has no number the other must have none. NLL sums, and what is
derived from them, are compared as nats per token: log perplexity is a mean NLL, and so is bits per byte in its own
unit. With a token sidecar each token must be the same, and its log-probability is compared too. A row that differs in
these is reported and excluded from the numbers. Rows recorded as `engine_error` claim nothing and are skipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dataselect.likelihood import LN2
from dataselect.records import UNSCORED, Rendered
from dataselect.scoring.recorded import RecordedScores
from dataselect.scoring.rows import TokenNumbers, scored_row, sequences
from dataselect.scoring.verify.parity import Measured, ParityReport, Worst, compare_tokens, parity

_COUNTS = (
    "status", "total_tokens", "prompt_tokens", "response_tokens", "end_tokens", "seam_tokens", "response_bytes",
    "windows", "final_response_tokens",
)  # fmt: skip
_SUMS = {
    "prompt_nll": "prompt_tokens", "response_nll": "response_tokens", "end_nll": "end_tokens",
    "final_response_nll": "final_response_tokens", "response_alone_nll": "final_response_tokens",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordedCheck:
    """The result of comparing recorded scores with the reference.

    Attributes:
        compared: The table's numbers, then the sidecar's, each compared with the reference's, where they exist.
        differences: Rows and tokens that differ, one line each.
        passed_over: Rows recorded as `engine_error`.
    """

    compared: tuple[ParityReport, ...]
    differences: tuple[str, ...]
    passed_over: int


@dataclass(frozen=True, slots=True)
class _Pair:
    """One recorded row, and the expected one."""

    rendered: Rendered
    recorded: Mapping[str, Any]
    expected: Mapping[str, Any]
    numbers: TokenNumbers


def check_recorded(
    scores: RecordedScores, rows: Sequence[Rendered], reference: Sequence[TokenNumbers], max_length: int
) -> RecordedCheck:
    """Compare a folder's numbers of some rows with the reference's.

    Args:
        rows: Scorable rows, rendered as the folder claims.
        reference: The reference's numbers of them.
        max_length: Most tokens in one sequence.

    Raises:
        ArtifactError: If the folder's tables cannot be read.
    """
    table = scores.rows([one.id for one in rows])
    differences: list[str] = []
    pairs: list[_Pair] = []
    for one, numbers in zip(rows, reference, strict=True):
        recorded = table.get(one.id)
        if recorded is None:
            differences.append(f"row {one.id!r} is in the pool but not in {scores.directory}")
        elif recorded["status"] != "engine_error":
            windows = len(sequences(one, max_length)) - (numbers.alone is not None)
            pair = _Pair(one, recorded, scored_row(one, numbers, windows), numbers)
            wrong = list(_row_differences(pair))
            differences += wrong
            pairs += [] if wrong else [pair]
    compared = [_compare_table(pairs)] if pairs else []
    if scores.holds("tokens"):
        compared += _compare_sidecar(scores, pairs, differences)
    passed_over = sum(row["status"] == "engine_error" for row in table.values())
    return RecordedCheck(tuple(compared), tuple(differences), passed_over)


def _row_differences(pair: _Pair) -> Iterator[str]:
    there, right = pair.recorded, pair.expected
    for name in _COUNTS:
        if there.get(name, 0) != right.get(name, 0):
            yield f"row {pair.rendered.id!r}: {name} is {there.get(name)}, but {right.get(name)} by the reference"
            return
    for name in sorted(_in_nats(there).keys() ^ _in_nats(right).keys()):
        yield f"row {pair.rendered.id!r}: {name} is {there.get(name)}, but {right.get(name)} by the reference"


def _in_nats(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a row as log-probabilities per token."""
    found = {name: -row[name] / row[count] for name, count in _SUMS.items() if row.get(name) is not None}
    found |= {name: -_log(row[name]) for name in ("ppl", "sequence_ppl", "ifd") if row.get(name) is not None}
    if row.get("bits_per_byte") is not None:
        found["bits_per_byte"] = -row["bits_per_byte"] * LN2 * row["response_bytes"] / row["response_tokens"]
    return found | ({"mink_20": row["mink_20"]} if row.get("mink_20") is not None else {})


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def _compare_table(pairs: Sequence[_Pair]) -> ParityReport:
    sides = [[_in_nats(row) for row in side] for side in zip(*((p.recorded, p.expected) for p in pairs), strict=True)]
    ours, right = ([_measured(values) for values in side] for side in sides)
    found = parity("recorded sums", ours, right)
    row, name = found.worst_row, list(sides[1][found.worst_row])[found.worst_at]
    what = f"{name} as a log-probability per token"
    return ParityReport(found, Worst(pairs[row].rendered.id, what, sides[0][row][name], sides[1][row][name]))


def _measured(values: Mapping[str, float]) -> Measured:
    return Measured(np.array(list(values.values())), -values["response_nll"])


def _compare_sidecar(scores: RecordedScores, pairs: Sequence[_Pair], differences: list[str]) -> list[ParityReport]:
    """Compare the sidecar's tokens; rows with other tokens are added to the differences instead."""
    sidecar = scores.tokens([pair.rendered.id for pair in pairs])
    same: list[tuple[_Pair, TokenNumbers]] = []
    for pair in pairs:
        recorded = sidecar.get(pair.rendered.id)
        wrong = _token_difference(pair.rendered, recorded)
        if recorded is None or wrong:
            differences.append(f"row {pair.rendered.id!r}: {wrong}")
        else:
            same.append((pair, _recorded_numbers(pair.numbers, recorded)))
    if not same:
        return []
    rows, ours, reference = zip(*((p.rendered, recorded, p.numbers) for p, recorded in same), strict=True)
    return [compare_tokens("recorded tokens", rows, ours, reference)]


def _token_difference(rendered: Rendered, recorded: Mapping[str, Any] | None) -> str:
    """Describe the first token or part that differs; empty if none does."""
    if recorded is None or recorded["token_id"] is None:
        return "it has no tokens in the sidecar"
    at = np.flatnonzero(rendered.parts != UNSCORED)
    for name, right in (("token_id", rendered.token_ids[at]), ("part", rendered.parts[at])):
        there = np.array(recorded[name])
        if len(there) != len(right):
            return f"the sidecar holds {len(there)} tokens instead of {len(right)}"
        if (there != right).any():
            first = int(np.flatnonzero(there != right)[0])
            return f"{name} of token {at[first]} is {there[first]} in the sidecar, but {right[first]} by the tokenizer"
    return ""


def _recorded_numbers(reference: TokenNumbers, recorded: Mapping[str, Any]) -> TokenNumbers:
    scored = reference.parts != UNSCORED
    logprobs = np.full(len(scored), np.nan, np.float32)
    logprobs[scored] = recorded["logprob"]
    ranks = None
    if reference.ranks is not None:
        ranks = np.zeros(len(scored), np.int32)
        ranks[scored] = recorded["rank"]
    return replace(reference, logprobs=logprobs, ranks=ranks)
