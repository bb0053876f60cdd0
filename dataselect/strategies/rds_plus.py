"""RDS+: every target example in turn takes the candidate most similar to it.

Rule: the cosine of each candidate to each target example, by the embeddings that were given. With targets of one file
the examples take turns, in file order: in round r each names the r-th of its nearest candidates. With targets of
several files (tasks) a candidate's similarity to a task is its largest to any example of it, and the tasks take turns.
Paper: Ivison et al. 2025 (arXiv 2503.01807), after its authors' code. Direction: high. Nesting: yes. The score is the
similarity to the example or task that took the row, so it does not fall steadily along the ranking.

`duplicates=waste`, as published: if the candidate that a turn names is taken already, the turn is lost; examples whose
neighbours nobody else wants then get more rows. `duplicates=skip`: the turn goes to the next one that is not taken, so
that all get equally many. Either way a budget below the number of examples serves only the first of the file.

The paper's embeddings are the last hidden states of the base model over the whole dialogue, token i weighted by i:
`dataselect embed --encoder MODEL --pooling weighted-mean --embed-text both --target FILE`. Here no template is around
the text, and BOS is not weighed. Any other embeddings with targets will do, but are not the paper's.

Cost: n * m cosines of d dimensions, and a sort of n numbers per target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dataselect.records import Ranking
from dataselect.strategies.contract import Candidates, Needs
from dataselect.strategies.cosine import cosine_rows
from dataselect.strategies.round_robin import share_skipping, share_wasting


@dataclass(frozen=True, slots=True)
class RdsPlus:
    """Round-robin over target examples, or over tasks where there are several.

    Attributes:
        duplicates: What becomes of a turn whose candidate is taken already: lost (`waste`), or the next best (`skip`).
    """

    summary: ClassVar[str] = "each target example in turn takes its most similar row; with several files, each file"
    paper: ClassVar[str] = "arXiv 2503.01807"
    nests: ClassVar[bool] = True
    by_score: ClassVar[bool] = False
    needs: ClassVar[Needs] = Needs(vectors=True, targets=True)

    duplicates: Literal["waste", "skip"] = "waste"

    def rank(self, candidates: Candidates, rng: np.random.Generator) -> Ranking:
        """Order by turn; the score is the similarity to who took the row."""
        number, queries = len(candidates), _number_of_queries(candidates)
        if self.duplicates == "waste":
            shares = share_wasting(_preferences(candidates), number, queries)
        else:
            limit = number if candidates.limit is None else candidates.limit
            shares = share_skipping(lambda rows: _preferences(candidates, rows), number, queries, limit)
        complete = len(shares.order) == number
        return Ranking(shares.order, shares.similarity.astype(np.float64), complete)


def _tasks(candidates: Candidates) -> list[str]:
    return list(dict.fromkeys(candidates.target_tasks))


def _number_of_queries(candidates: Candidates) -> int:
    tasks = len(_tasks(candidates))
    return tasks if tasks > 1 else len(candidates.target_vectors)


def _preferences(candidates: Candidates, rows: NDArray[np.int64] | None = None) -> Iterator[NDArray[np.float32]]:
    """For each query its similarity to each candidate, or to each of `rows`."""
    assert candidates.vectors is not None, "asked for in `needs`"
    tasks = _tasks(candidates)
    if len(tasks) == 1:
        yield from cosine_rows(candidates.target_vectors, candidates.vectors, rows)
        return
    owners = np.array([tasks.index(task) for task in candidates.target_tasks])
    for task in range(len(tasks)):
        best = np.full(len(candidates) if rows is None else len(rows), -np.inf, np.float32)
        for row in cosine_rows(candidates.target_vectors[owners == task], candidates.vectors, rows):
            np.maximum(best, row, out=best)
        yield best
