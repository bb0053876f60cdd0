"""The request of a selecting run, parsed into a plan, and checked before anything long starts.

A missing input is reported with the command that makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.errors import DataselectError, UsageError
from dataselect.pool.columns import ColumnMap
from dataselect.selection.budget import Budget, parse_budget
from dataselect.selection.filters import SOURCE, Filters
from dataselect.selection.length_control import LengthControl, check_controllable, controlled_needs
from dataselect.selection.quota import Quota, parse_quota
from dataselect.selection.score_tables import RESPONSE_TOKENS, TOTAL_TOKENS, ScoreTable
from dataselect.selection.stages import Stage, Then, named, parse_stages
from dataselect.selection.where import Where
from dataselect.selection.within_source import Within, check_within, needs_within
from dataselect.strategies import Needs, make_strategy
from dataselect.strategies.contract import combine_needs

_RESERVED_LABELS = ("untrained", "full", "random", "longest", "length-matched-random")


@dataclass(frozen=True, slots=True)
class SelectRequest:
    """Request of `select`: the inputs, the rule, the budget, and the file to write.

    Attributes:
        pools: Pool files or folders, as `PoolReader` takes them. None where `out` takes ids: the first score table then
            stands for its pool.
        strategy: Name of a strategy.
        budget: `N`, `P%` or `Ntok`.
        out: The file to write: `.jsonl` for records, `.txt` or `.ids` for their ids.
        params: The strategy's options, as text or typed values.
        scores: Score tables: folders of `score`, or files with an id and numbers (`.parquet`, `.csv`, `.jsonl`).
        embeddings: Folder of `embed`; only rows in it are ranked, and its similarities are joined like a score table.
        columns: Column map of the pools.
        prefix_ids: Whether ids carry the name of their file, as in the run that scored them.
        length_control: How length is taken out of the strategy's order.
        within: `source`: rows compete only with those of their own pool file.
        targets: Files of the target set, for strategies that compare texts; read with the same columns.
        filters: What else is left out.
        then: Strategies that order shortlists, one after the other.
        label: Its name in comparisons, where the strategy's name is not distinct; empty for none.
        quota: `even`, or `SOURCE=P%` for one or more sources.
        overwrite: Replace another file `out`.
    """

    pools: tuple[str, ...]
    strategy: str
    budget: str
    out: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    scores: tuple[Path, ...] = ()
    embeddings: Path | None = None
    seed: int = 0
    columns: ColumnMap = field(default_factory=ColumnMap)
    prefix_ids: bool = False
    length_control: LengthControl | None = None
    within: Within | None = None
    targets: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    then: tuple[Then, ...] = ()
    quota: tuple[str, ...] = ()
    label: str = ""
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Refuse a label that comparisons would take for a control."""
        checked(self)
        if self.label in _RESERVED_LABELS or ":" in self.label:
            raise UsageError(f"--label {self.label!r} is the name of a control", "choose another --label")


@dataclass(frozen=True, slots=True)
class Plan:
    """A parsed request.

    Attributes:
        stages: The strategies, in their order.
        length_control: How length is taken out of the first one's order, which then is one by score.
        within: The group that rows compete in, in the first one's order; None for the whole pool.
    """

    stages: tuple[Stage, ...]
    budget: Budget
    seed: int = 0
    length_control: LengthControl | None = None
    filters: Filters = Filters()  # noqa: RUF009 - frozen
    quota: Quota | None = None
    within: Within | None = None

    @property
    def stage_needs(self) -> tuple[Needs, ...]:
        """Needs of each strategy; of the first one also the length, where that is taken out of its order."""
        first, *others = self.stages
        return (
            needs_within(controlled_needs(first.strategy.needs, self.length_control), self.within),
            *(stage.strategy.needs for stage in others),
        )

    @property
    def ranking_needs(self) -> Needs:
        """Needs of all strategies together."""
        return combine_needs(self.stage_needs)

    @property
    def needs(self) -> Needs:
        """Needs of all strategies and filters together."""
        f = self.filters
        columns = tuple(name for names in f.columns.values() for name in names)
        by_filters = Needs(columns=columns, texts=bool(f.texts), vectors=bool(f.vectors), targets=bool(f.targets))
        return combine_needs((self.ranking_needs, by_filters))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """Columns that may hold texts: those that only --where reads."""
        numbers = {*self.ranking_needs.columns, RESPONSE_TOKENS, TOTAL_TOKENS}
        return tuple(name for name in self.filters.columns.get("--where", ()) if name not in numbers)


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
    check_within(request.strategy, strategy, request.within)
    plan = Plan(
        stages=parse_stages(request.strategy, strategy, request.then),
        budget=budget,
        seed=request.seed,
        length_control=request.length_control,
        within=request.within,
        filters=request.filters,
        quota=parse_quota(request.quota),
    )
    try:
        combine_needs(plan.stage_needs)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return plan


def check_inputs(plan: Plan, request: SelectRequest) -> None:
    """Refuse a request that lacks a needed input, or gives one that nothing reads.

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
        raise DataselectError(
            "neither POOL nor --scores is given: there is nothing to rank", "give POOL, --scores DIR or both"
        )
    texts = [plan.filters.texts, *(f"the strategy {s.name}" for s in plan.stages if s.strategy.needs.texts)]
    for who in filter(None, texts):
        raise DataselectError(f"{who} compares texts, and no POOL is given", "give POOL before the options")


def check_tables(plan: Plan, tables: Sequence[ScoreTable], with_pool: bool) -> None:
    """Refuse score tables that lack a needed column.

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
    """Yield what reads the source of a row."""
    if plan.filters.where and SOURCE in Where(plan.filters.where).columns:
        yield "--where"
    if plan.quota is not None:
        yield "--quota"
    if plan.within is not None:
        yield "--within source"
    yield from (f"the strategy {stage.name}" for stage in plan.stages if stage.strategy.needs.sources)


_SCORE = "dataselect score POOL --model M --out DIR, then --scores DIR"
_NEWER = (
    "dataselect score POOL --model M --out DIR, without --no-ranks, then --scores DIR; a folder that an older version "
    "made has to be scored again with --overwrite"
)
_IFD = "dataselect score POOL --model M --ifd --out DIR, then --scores DIR"
_RATING = "dataselect score POOL --model M --rating complexity --rating quality --out DIR, then --scores DIR"
_CONTRAST = "dataselect score POOL --model M --model NAME=REFERENCE --out DIR, then --scores DIR"
_PAIRS = "dataselect score POOL --pairs --model M --out DIR, then --scores DIR"
_PAIRS_CONTRAST = "dataselect score POOL --pairs --model REFERENCE --model NAME=TUNED --out DIR, then --scores DIR"
_VECTORS = "dataselect embed POOL --encoder E --out DIR, then --embeddings DIR"
_TARGETS = "dataselect embed POOL --encoder E --target FILE --out DIR, then --embeddings DIR"
_SCORED = (
    "ppl", "sequence_ppl", "bits_per_byte", "mink_20", "shifted_fraction", "response_nll", RESPONSE_TOKENS,
    TOTAL_TOKENS,
)  # fmt: skip
_OTHER = "give --scores DIR or FILE that has it; those of `dataselect score` are listed by `dataselect ls scorers`"
_MAKERS = {
    **dict.fromkeys(_SCORED, _SCORE),
    **dict.fromkeys(("rsr", "response_rank_sum", "step_nll", "step_tokens"), _NEWER),
    "ifd": _IFD,
    "ifd_loss": _IFD,
    **dict.fromkeys(("complexity", "quality", "complexity_quality"), _RATING),
    "excess_loss": _CONTRAST,
    "aligned_likelihood": _CONTRAST,
    "nll_difference": _CONTRAST,
    "rejected_nll_difference": _PAIRS_CONTRAST,
    **dict.fromkeys(("rating_margin", "rejected_response_nll", "rejected_response_tokens"), _PAIRS),
    "similarity": _TARGETS,
    "centroid_similarity": _TARGETS,
}


def check_given(needs: Needs, who: str, embeddings: Path | None, targets: Sequence[str]) -> None:
    """Refuse missing embeddings and target texts, and target texts that nothing reads.

    Args:
        who: What needs them, for the message.

    Raises:
        DataselectError: If something is missing; the hint is the command that makes it.
        UsageError: If targets are given that nothing reads.
    """
    if (needs.vectors or needs.targets) and embeddings is None:
        what = "the embeddings of a target set" if needs.targets else "embeddings"
        raise DataselectError(f"{who} needs {what}", _TARGETS if needs.targets else _VECTORS)
    if needs.target_texts and not targets:
        raise DataselectError(f"{who} needs a target set", "give --target FILE: examples of what to become good at")
    if targets and not needs.target_texts:
        raise UsageError(f"{who} reads no --target", "leave it out; for embeddings, give it to `dataselect embed`")


def check_columns(needed: Sequence[str], who: str, tables: Sequence[ScoreTable]) -> None:
    """Refuse score tables that lack one of the columns.

    Args:
        who: What needs it, for the message.

    Raises:
        DataselectError: For the first column that no table has; the hint is the command that makes it.
    """
    present = {name for table in tables for name in (*table.columns, *table.texts)}
    for name in needed:
        if name not in present:
            maker = _MAKERS.get(name, _MAKERS.get(name.partition(".")[0], _OTHER))  # excess_loss.NAME as excess_loss
            raise DataselectError(f"{who} needs the column {name}", maker)
