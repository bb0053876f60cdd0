"""What a strategy is: declared needs in, candidates in, ranking out.

A strategy is a frozen dataclass whose fields are its `--param` options. It ranks candidates from numbers that others
made; it reads no file and runs no model. The promises that the contract tests hold every strategy to:

- the same candidates and the same seed give the same ranking, whatever order the pool came in;
- the ranking does not depend on the budget, so that a larger budget only appends (`nests`);
- a candidate whose needed column is NaN is never ranked;
- ties are broken by id, and asking for the whole pool works.

Candidates are sorted by id, so that an index order is an id order and a stable sort breaks ties as promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking

LENGTH = "length"
"""The column that `Needs.length` asks for."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a strategy has to be given.

    Attributes:
        columns: Columns of score tables.
        length: Whether it wants the column `length`: response tokens where a score table has them, else UTF-8 bytes
            of the response in the pool.
        selection: A selection file whose response-token lengths, in its rank order, become `match_lengths`.
    """

    columns: tuple[str, ...] = ()
    length: bool = False
    selection: Path | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The rows that may be ranked, sorted by id.

    Attributes:
        ids: (n,) distinct ids, ascending.
        columns: name -> (n,) float64, NaN where there is no value.
        match_lengths: (m,) response tokens of the matched selection in its rank order; empty where none is matched.
    """

    ids: Sequence[str]
    columns: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    match_lengths: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        assert all(a < b for a, b in pairwise(self.ids)), "candidates must be sorted by distinct ids"
        assert all(len(values) == len(self.ids) for values in self.columns.values()), "one value per candidate"

    def __len__(self) -> int:
        return len(self.ids)


class Strategy(Protocol):
    """Orders a pool. `summary` is one line for listings, `paper` where the rule comes from."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    summary: ClassVar[str]
    paper: ClassVar[str]
    nests: ClassVar[bool]

    @property
    def needs(self) -> Needs:
        """What `rank` has to be given."""
        ...

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order the candidates, best first; those that cannot be ranked are absent."""
        ...
