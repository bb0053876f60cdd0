"""What is done before anything is trained: audit, split, clean, count, and the list of candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataselect.artifacts import file_digest
from dataselect.errors import DataselectError
from dataselect.evaluation.tasks import find_tasks
from dataselect.recommendation.audit import AuditReport, AuditRequest, audit
from dataselect.recommendation.candidates import Candidate, expand
from dataselect.recommendation.cleaning import CleanPools, clean
from dataselect.recommendation.grammar import default_grammar, read_grammar, with_strategies
from dataselect.recommendation.items import thin
from dataselect.recommendation.lengths import PoolLengths, count_tokens
from dataselect.recommendation.measuring import TrialConditions
from dataselect.recommendation.request import RecommendRequest
from dataselect.recommendation.split import SplitTask, split_tasks
from dataselect.reports.audit import many
from dataselect.selection.budget import parse_budget
from dataselect.stage import IF_DIFFERENT, StageDirectory

AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Pools and tasks, ready for a search.

    Attributes:
        pools: All clean rows.
        lengths: Their tokens.
        halves: The tasks, in two halves each.
        tasks: The same with the items that models are evaluated on.
        candidates: All that could be tried, the control first.
        asked: Tokens of each budget that the user named, ascending.
    """

    request: RecommendRequest
    audited: AuditReport
    pools: CleanPools
    lengths: PoolLengths
    halves: tuple[SplitTask, ...]
    tasks: tuple[SplitTask, ...]
    candidates: tuple[Candidate, ...]
    asked: tuple[int, ...]

    @staticmethod
    def task_digests(request: RecommendRequest) -> list[dict[str, Any]]:
        """Name, kind and content of each task."""
        found = find_tasks(request.tasks)
        return [
            {"name": one.name, "kind": one.kind, "sha256": file_digest(one.file) if one.file else None} for one in found
        ]

    def conditions(self, sealed: bool) -> TrialConditions:
        """How trainings are measured: on the steering items, or on the sealed ones."""
        request = self.request
        return TrialConditions(
            model=request.model, recipe=request.recipe, rendering=request.given_rendering,
            tasks=tuple(one.sealed_task if sealed else one.steering_task for one in self.tasks),
            folder=request.out / ("final" if sealed else "search"), run_code=request.run_code,
        )  # fmt: skip


def prepare(request: RecommendRequest, stage: StageDirectory, say: Callable[[str], None]) -> Prepared:
    """Read the pools and tasks; what an earlier run did of it is not done again.

    Raises:
        DataselectError: If a pool, task or the grammar cannot be used.
    """
    halves = split_tasks(request.tasks, stage, request.seed, request.columns)
    stage.inner(AUDIT)
    say("audit the pools")
    files = tuple(str(task.file) for task in find_tasks(request.tasks) if task.file is not None)
    audited = audit(
        AuditRequest(
            pools=request.pools, tasks=files, out=stage.path / AUDIT, model=request.model,
            render=request.rendering, columns=request.columns, prefix_ids=request.prefix_ids,
            overwrite=IF_DIFFERENT,
        ),
        say,
    )  # fmt: skip
    pools = clean(
        request.pools, request.columns, request.prefix_ids, stage.path / AUDIT, request.tasks, stage, request.seed
    )
    say(f"{many(pools.read, 'record')}, {many(sum(pools.rows.values()), 'clean row')}" + _removed(pools))
    lengths = count_tokens(pools, request.model, request.rendering, stage)
    if not any(lengths.rows.values()):
        raise DataselectError("no clean row of any pool can be trained on", "see audit/audit.html for why")
    tasks = tuple(thin(one, stage) for one in halves)
    candidates = _candidates(request, pools)
    return Prepared(request, audited, pools, lengths, halves, tasks, candidates, _asked(request, lengths))


def _removed(pools: CleanPools) -> str:
    return f" after removing {pools.removed_in_words}" if pools.removed_in_words else ""


def _candidates(request: RecommendRequest, pools: CleanPools) -> tuple[Candidate, ...]:
    grammar = default_grammar(len(pools.files))
    if request.candidates is not None:
        grammar = read_grammar(request.candidates, grammar)
    elif request.strategies:
        grammar = with_strategies(grammar, request.strategies)
    return expand(grammar, list(pools.files))


def _asked(request: RecommendRequest, lengths: PoolLengths) -> tuple[int, ...]:
    """Budgets in tokens.

    Raises:
        DataselectError: If one is over all pools together.
    """
    rows, tokens = sum(lengths.rows.values()), sum(lengths.tokens.values())
    found = set()
    for text in request.fixed_budgets:
        budget = parse_budget(text)
        amount = budget.resolve(rows, tokens)
        found.add(amount if budget.unit == "tokens" else round(amount * lengths.per_row))
    return tuple(sorted(found))
