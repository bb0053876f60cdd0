"""What `verify` is asked for, and what it ends with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataselect.errors import UsageError
from dataselect.pool import ColumnMap, RenderOptions
from dataselect.scoring.comparison import Compared
from dataselect.scoring.tolerance import Tolerance


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to verify, on which rows.

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
        if self.rows < 1:
            raise UsageError(f"--rows {self.rows} leaves nothing to verify", "use at least 1")
        if self.tolerance is not None and not 0 <= self.tolerance < math.inf:
            raise UsageError(f"--tolerance {self.tolerance} is no number of nats", "use 1e-4, say")
        if self.scores and (self.batch_tokens or self.engine_args or self.server):
            raise UsageError(
                "--scores with an option of a backend: recorded numbers are checked without running one",
                "leave out --batch-tokens, --engine-arg and --server",
            )

    def options(self) -> dict[str, Any]:
        """All options as plain values, for people; without those that only say where the results go."""
        return {key: value for key, value in asdict(self).items() if key not in ("overwrite", "out", "server")}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Attributes:
        subject: The backend, or the score folder, that was verified.
        dtype: The dtype whose tolerance holds.
        rows: Rows in the sample; `longest` of them are the pool's longest.
        records: Records of the pool.
        compared: Each comparison.
        differences: What is not as it is claimed, whatever the tolerance; only for recorded scores.
        passed_over: Rows of the sample that are recorded without numbers, as `engine_error`.
    """

    subject: str
    dtype: str
    tolerance: Tolerance
    rows: int
    longest: int
    records: int
    compared: tuple[Compared, ...]
    differences: tuple[str, ...] = ()
    passed_over: int = 0

    @property
    def failures(self) -> tuple[str, ...]:
        """Why the verdict is no, one line each; empty if it is yes."""
        over = [f"{one.parity.name}: {miss}" for one in self.compared for miss in self.tolerance.misses(one.parity)]
        nothing = [] if self.compared or self.differences else ["no row of the sample is recorded with numbers"]
        return (*self.differences, *over, *nothing)

    @property
    def passed(self) -> bool:
        """The verdict."""
        return not self.failures

    @property
    def document(self) -> dict[str, Any]:
        """Everything as plain values for a file; what is no number is null."""
        plain: dict[str, Any] = _finite(asdict(self) | {"failures": self.failures, "passed": self.passed})
        return plain


def _finite(value: Any) -> Any:  # noqa: ANN401 - nested plain values
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
