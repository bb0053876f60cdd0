"""A selection as asked for: parsed, and checked against what was given before anything long starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import DataselectError, UsageError
from dataselect.selection.budget import Budget, parse_budget
from dataselect.selection.filters import SOURCE, Filters
from dataselect.selection.length_control import LengthControl, check_controllable, controlled_needs
from dataselect.selection.matching import RESPONSE_TOKENS
from dataselect.selection.quota import Quota, parse_quota
from dataselect.selection.request import SelectRequest
from dataselect.selection.requirements import TOTAL_TOKENS, check_columns, check_given
from dataselect.selection.stages import Stage, named, parse_stages
from dataselect.selection.tables import ScoreTable
from dataselect.selection.where import Where
from dataselect.strategies import Needs, make_strategy
from dataselect.strategies.members import united


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes:
        stages: The strategies, in their order.
        length_control: How length is taken out of the first one's order, which then is one by score.
    """

    stages: tuple[Stage, ...]
    budget: Budget
    seed: int = 0
    length_control: LengthControl | None = None
    filters: Filters = Filters()  # noqa: RUF009 - frozen
    quota: Quota | None = None

    @property
    def stage_needs(self) -> tuple[Needs, ...]:
        """What each strategy needs, and the length where that is to be taken out of the first one's order."""
        first, *others = self.stages
        return (
            controlled_needs(first.strategy.needs, self.length_control),
            *(stage.strategy.needs for stage in others),
        )

    @property
    def ranking_needs(self) -> Needs:
        """What all strategies need."""
        return united(self.stage_needs)

    @property
    def needs(self) -> Needs:
        """What all strategies and filters need."""
        f = self.filters
        columns = tuple(name for names in f.columns.values() for name in names)
        by_filters = Needs(columns=columns, texts=bool(f.texts), vectors=bool(f.vectors), targets=bool(f.targets))
        return united((self.ranking_needs, by_filters))


def make_plan(request: SelectRequest) -> Plan:
    """Parse a request.

    Raises:
        UsageError: If the budget, a strategy, one of its options, a shortlist, a quota or the seed is not valid.
    """
    budget = parse_budget(request.budget)
    strategy = make_strategy(request.strategy, request.params)
    if request.seed < 0:
        raise UsageError(f"a seed is a whole number from 0, got {request.seed}")
    check_controllable(request.strategy, strategy, request.length_control)
    plan = Plan(
        parse_stages(request.strategy, strategy, request.then), budget, request.seed, request.length_control,
        request.filters, parse_quota(request.quota),
    )  # fmt: skip
    try:
        united(plan.stage_needs)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return plan


def check_inputs(plan: Plan, request: SelectRequest) -> None:
    """Refuse to go on without something that is needed, or with something that nothing reads.

    Raises:
        DataselectError: If embeddings, targets, a pool or a score table is missing; the hint says how to get it.
        UsageError: If targets are given that nothing reads.
    """
    for stage in plan.stages:
        needs = stage.strategy.needs
        targets = request.targets if needs.target_texts else ()
        check_given(needs, f"the strategy {stage.name}", request.embeddings, targets)
    filters = plan.filters
    if filters.vectors:
        check_given(Needs(vectors=True, targets=bool(filters.targets)), filters.vectors, request.embeddings, ())
    check_given(plan.ranking_needs, f"the strategy {named(plan.stages)}", request.embeddings, request.targets)
    if not request.pools:
        _check_without_pool(plan, request.scores)


def _check_without_pool(plan: Plan, scores: Sequence[Path]) -> None:
    if not scores:
        raise DataselectError("there is nothing to rank: neither POOL nor --scores", "give POOL, --scores DIR or both")
    texts = [plan.filters.texts, *(f"the strategy {s.name}" for s in plan.stages if s.strategy.needs.texts)]
    for who in filter(None, texts):
        raise DataselectError(f"{who} compares texts, and no POOL is given", "give POOL before the options")


def check_tables(plan: Plan, tables: Sequence[ScoreTable], with_pool: bool) -> None:
    """Refuse to go on without a column that is needed.

    Args:
        with_pool: Whether a pool is read, in which responses and sources can be looked up.

    Raises:
        DataselectError: For the first one that no table has; the hint is the command that makes it.
    """
    for stage, needs in zip(plan.stages, plan.stage_needs, strict=True):
        length = (RESPONSE_TOKENS,) if needs.length and not with_pool else ()
        check_columns((*needs.columns, *length), f"the strategy {stage.name}", tables)
    for option, columns in plan.filters.columns.items():
        check_columns(columns, option, tables)
    if plan.budget.unit == "tokens":
        check_columns((TOTAL_TOKENS,), f"the budget {plan.budget.text}", tables)
    if not with_pool and tables[0].sources is None:
        for option in _by_source(plan):
            raise DataselectError(f"{option} needs the column {SOURCE}, and {tables[0].name} has none", "give POOL")


def _by_source(plan: Plan) -> Iterable[str]:
    """What looks at the source of a row."""
    if plan.filters.where and SOURCE in Where(plan.filters.where).columns:
        yield "--where"
    if plan.quota is not None:
        yield "--quota"
    yield from (f"the strategy {stage.name}" for stage in plan.stages if stage.strategy.needs.sources)
