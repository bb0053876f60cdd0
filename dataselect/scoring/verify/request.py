"""A request to verify, the tolerance of each dtype, and the verdict.

In float32 the arithmetic is the same up to the order of sums, so no token may be further off than 1e-4 nats, and ranks
stay in their class. In 16 bits a logit of 10 is itself a multiple of 1/16 (bfloat16), so single tokens differ by
hundredths without any fault, and their median says nothing. There, rows are judged: the median over rows of the
difference per token (5e-3 nats), their order (Spearman 0.999), and the tenth of lowest perplexity (overlap 0.99: one
row in a hundred may be another, and one where there are fewer, since the border always lies between two rows). Below
`ORDER_ROWS` rows two neighbours that change places already cost more than that; there the order is shown, not judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.scoring.verify.parity import Parity, ParityReport


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A request to verify a backend or recorded scores on a sample of rows.

    Attributes:
        pools: Pool files, folders, hub ids, or "-".
        model: `builtin`, a model folder or a hub id.
        scores: A finished folder of `score` whose recorded numbers are checked; None to check a backend.
        rows: Size of the sample.
        seed: Seed of sample and shuffle.
        dtype: `auto` or a dtype's name. Of recorded scores, and of a server, it is a claim: `auto` believes the folder,
            and takes a server for one that runs in bfloat16.
        tolerance: Nats per token instead of the dtype's own; see `Tolerance.of`.
        ranks: Whether ranks are compared too.
        batch_tokens: Most tokens computed at once by the backend; None for its default.
        out: Folder for `verify.json`; None to write nothing.
    """

    pools: tuple[str, ...]
    model: str
    backend: str = "auto"
    scores: Path | None = None
    rows: int = 200
    seed: int = 0
    rendering: RenderOptions = field(default_factory=RenderOptions)
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    dtype: str = "auto"
    tolerance: float | None = None
    ranks: bool = True
    batch_tokens: int | None = None
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    server: str | None = None
    served_model: str | None = None
    out: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        checked(self)
        if self.rows < 1:
            raise UsageError(f"--rows must be at least 1, got {self.rows}")
        if self.tolerance is not None and not 0 <= self.tolerance < math.inf:
            fault = f"--tolerance must be a finite number of nats, at least 0, got {self.tolerance}"
            raise UsageError(fault, "such as 1e-4")
        if self.scores and (self.batch_tokens or self.engine_args or self.server):
            raise UsageError(
                "--scores runs no backend, so it cannot be combined with the options of one",
                "leave out --batch-tokens, --engine-arg and --server",
            )


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a verification.

    Attributes:
        subject: The backend, or the score folder, that was verified.
        dtype: The dtype whose tolerance holds.
        rows: Rows in the sample; `longest` of them are the pool's longest.
        records: Records of the pool.
        compared: Each comparison.
        differences: Claims that do not hold, whatever the tolerance; only for recorded scores.
        passed_over: Rows of the sample that are recorded without numbers, as `engine_error`.
    """

    subject: str
    dtype: str
    tolerance: Tolerance
    rows: int
    longest: int
    records: int
    compared: tuple[ParityReport, ...]
    differences: tuple[str, ...] = ()
    passed_over: int = 0

    @property
    def failures(self) -> tuple[str, ...]:
        """The reasons for failing, one line each; empty if it passed."""
        over = [f"{one.parity.name}: {miss}" for one in self.compared for miss in self.tolerance.misses(one.parity)]
        nothing = [] if self.compared or self.differences else ["no row of the sample is recorded with numbers"]
        return (*self.differences, *over, *nothing)

    @property
    def passed(self) -> bool:
        """Whether everything is within the tolerance."""
        return not self.failures

    @property
    def document(self) -> dict[str, Any]:
        """Everything as plain values for a file; NaN and infinity become null."""
        plain: dict[str, Any] = _finite(asdict(self) | {"failures": self.failures, "passed": self.passed})
        return plain


def _finite(value: Any) -> Any:  # noqa: ANN401 - nested plain values
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


ORDER_ROWS = 30
"""Fewest rows whose order is judged."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Limits on a `Parity`; the defaults limit nothing.

    Attributes:
        largest: Most nats at any token.
        row_median: Most nats per token in the median row.
        spearman: Least correlation; `overlap` and `ranks` are least shares.
    """

    largest: float = math.inf
    row_median: float = math.inf
    spearman: float = -1.0
    overlap: float = 0.0
    ranks: float = 0.0

    @classmethod
    def of(cls, dtype: str, given: float | None = None) -> Tolerance:
        """Return the tolerance of a dtype.

        Args:
            given: Nats per token instead of the default: at any token for float32, in the median row for 16 bits.
        """
        if dtype == "float32":
            return cls(largest=1e-4 if given is None else given, ranks=0.99)
        return cls(row_median=5e-3 if given is None else given, spearman=0.999, overlap=0.99)

    def misses(self, found: Parity) -> tuple[str, ...]:
        """Describe where a comparison exceeds the tolerance, one line each."""
        exceeded = [f"{found.not_finite:,} tokens without a finite log-probability"] if found.not_finite else []
        for kind, value, most in (
            ("largest difference", found.largest, self.largest),
            ("difference of the median row", found.row_median, self.row_median),
        ):
            if value is not None and value > most:
                exceeded.append(f"{kind} {value:.2g} nats per token, over {most:g}")
        ordered = found.rows >= ORDER_ROWS
        for kind, share, least in (
            ("Spearman", found.spearman if ordered else None, self.spearman),
            ("overlap of the lowest tenth", found.overlap if ordered else None, self._least_overlap(found.lowest)),
            ("rank agreement", found.ranks, self.ranks),
        ):
            if share is not None and share < least:
                exceeded.append(f"{kind} {share:.4f}, under {least:g}")
        return tuple(exceeded)

    def _least_overlap(self, lowest: int) -> float:
        """Return the least overlap of so many rows, rounded to whole rows."""
        others = math.ceil(round((1.0 - self.overlap) * lowest, 6))
        return 1.0 - others / lowest
