"""The contract of a strategy: declared needs and candidates in, ranking out.

A strategy is a frozen dataclass whose fields are its `--param` options. It ranks candidates from numbers that others
made; it reads no file and runs no model. The promises that the contract tests hold every strategy to:

- the same candidates and the same seed give the same ranking, whatever order the pool came in;
- the ranking does not depend on the budget, so that a larger budget only appends (`nests`);
- a candidate whose needed column is NaN, or whose needed text is empty, is never ranked;
- ties are broken by id, and asking for the whole pool works.

Candidates are sorted by id, so that an index order is an id order and a stable sort breaks ties as promised. What a
strategy did not ask for is empty. A row without a vector is no candidate of a strategy that needs vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.strings import Strings

LENGTH = "length"
"""The column that `Needs.length` asks for."""
REJECTED_TOKENS = "rejected_response_tokens"
"""The column with the length of the rejected reply of a pair."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of an example, without white space around it.

    Attributes:
        prompt: All turns but the assistant's, joined by blank lines; empty for plain text.
        response: All assistant turns, tool calls as JSON, joined by blank lines; plain text as a whole.
    """

    prompt: str
    response: str


@dataclass(frozen=True, slots=True)
class Needs:
    """The inputs that a strategy needs.

    Attributes:
        columns: Columns of score tables.
        length: Whether it wants the column `length`: response tokens where a score table has them, else UTF-8 bytes
            of the response in the pool.
        selection: A selection file whose response-token lengths, in its rank order, become `match_lengths`, and its
            ids `match_ids`.
        vectors: Whether it wants the embeddings of the candidates.
        targets: Whether it wants the embeddings of the target set.
        texts: Whether it wants the prompt and response of each candidate.
        target_texts: Whether it wants those of the target set.
        sources: Whether it wants the name of the pool file that each candidate came from.
    """

    columns: tuple[str, ...] = ()
    length: bool = False
    selection: Path | None = None
    vectors: bool = False
    targets: bool = False
    texts: bool = False
    target_texts: bool = False
    sources: bool = False

    @property
    def match_rejected(self) -> bool:
        """Whether it wants the lengths of the rejected replies of the matched selection."""
        return self.selection is not None and REJECTED_TOKENS in self.columns


@dataclass(frozen=True, slots=True)
class Candidates:
    """The rows that may be ranked, sorted by id.

    Attributes:
        ids: (n,) distinct ids, ascending.
        columns: name -> (n,) float64, NaN where there is no value.
        match_lengths: (l,) response tokens of the matched selection in its rank order; empty where none is matched.
        match_ids: (l,) their ids.
        match_rejected_lengths: (l,) response tokens of their rejected replies, where `rejected_response_tokens` is
            needed; else empty.
        vectors: (n, d) float32 of length 1, perhaps a memory map; None where not needed.
        target_vectors: (m, d) float32 of length 1, in the order of the target files.
        target_tasks: (m,) the target file that each target vector came from.
        texts: (n,) prompt and response of each candidate.
        target_texts: (t,) prompt and response of each target, in the order of the target files.
        target_text_tasks: (t,) the target file that each target text came from.
        sources: (n,) the pool file that each candidate came from.
        limit: Most places that will be read; None for all. A strategy whose every place costs may stop at it and report
            that (`Ranking.complete`); the places that it gives are those that it would give without a limit.
    """

    ids: Sequence[str]
    columns: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    match_lengths: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    match_ids: Sequence[str] = ()
    match_rejected_lengths: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    vectors: NDArray[np.float32] | None = None
    target_vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    target_tasks: Sequence[str] = ()
    texts: Sequence[Text] = ()
    target_texts: Sequence[Text] = ()
    target_text_tasks: Sequence[str] = ()
    sources: Sequence[str] = ()
    limit: int | None = None

    def __post_init__(self) -> None:
        assert _ascending(self.ids), "candidates must be sorted by distinct ids"
        aligned = (*self.columns.values(), self.vectors, self.texts or None, self.sources or None)
        assert all(len(one) == len(self.ids) for one in aligned if one is not None), "one value per candidate"
        assert len(self.target_vectors) == len(self.target_tasks), "one task per target vector"
        assert len(self.target_texts) == len(self.target_text_tasks), "one task per target text"

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def places(self) -> int:
        """Most places that a ranking can have."""
        return len(self) if self.limit is None else min(self.limit, len(self))


class Strategy(Protocol):
    """The order of a pool by one rule. `summary` is one line for listings, `paper` where the rule comes from.

    `by_score` says whether a row's place follows from its own score alone, so that length can be taken out of it
    (`--length-control`); it does not where rows are drawn, or weighed against those already chosen.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    summary: ClassVar[str]
    paper: ClassVar[str]
    nests: ClassVar[bool]

    @property
    def by_score(self) -> bool:
        """True where places follow from scores alone."""
        ...

    @property
    def needs(self) -> Needs:
        """Inputs of `rank`."""
        ...

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order the candidates, best first; those that cannot be ranked are absent."""
        ...


def combine_needs(needs: Iterable[Needs]) -> Needs:
    """Return what several strategies need together.

    Raises:
        ValueError: If two follow different selections.
    """
    every = tuple(needs)
    selections = sorted({need.selection for need in every if need.selection is not None})
    if len(selections) > 1:
        raise ValueError(f"expected one selection to match, got {selections[0]} and {selections[1]}")
    return Needs(
        columns=tuple(dict.fromkeys(name for need in every for name in need.columns)),
        length=any(need.length for need in every),
        selection=selections[0] if selections else None,
        vectors=any(need.vectors for need in every),
        targets=any(need.targets for need in every),
        texts=any(need.texts for need in every),
        target_texts=any(need.target_texts for need in every),
        sources=any(need.sources for need in every),
    )


def restrict(candidates: Candidates, needs: Needs) -> Candidates:
    """Return the candidates with only what these `needs` name, and without a limit."""
    columns = {name: candidates.columns[name] for name in (*needs.columns, *((LENGTH,) if needs.length else ()))}
    nothing = Candidates(())
    return replace(
        candidates,
        columns=columns,
        match_lengths=candidates.match_lengths if needs.selection is not None else nothing.match_lengths,
        match_rejected_lengths=(
            candidates.match_rejected_lengths if needs.match_rejected else nothing.match_rejected_lengths
        ),
        match_ids=candidates.match_ids if needs.selection is not None else (),
        vectors=candidates.vectors if needs.vectors else None,
        target_vectors=candidates.target_vectors if needs.targets else nothing.target_vectors,
        target_tasks=candidates.target_tasks if needs.targets else (),
        texts=candidates.texts if needs.texts else (),
        target_texts=candidates.target_texts if needs.target_texts else (),
        target_text_tasks=candidates.target_text_tasks if needs.target_texts else (),
        sources=candidates.sources if needs.sources else (),
        limit=None,
    )


def _ascending(ids: Sequence[str]) -> bool:
    return ids.ascending if isinstance(ids, Strings) else all(a < b for a, b in pairwise(ids))
