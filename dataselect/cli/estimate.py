"""Estimates on stdout, one fact per line: of a scoring run, of a ranking, and of an experiment."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dataselect.cli.options import emit

if TYPE_CHECKING:
    from dataselect.experiment.estimate import SettingEstimate
    from dataselect.pool_ranking.estimate import RankEstimate
    from dataselect.recommendation.estimate import RecommendEstimate
    from dataselect.scoring.estimate import Duration, ModelEstimate, ScoreEstimate
    from dataselect.scoring.estimate.calibration import Memory


def print_estimate(found: ScoreEstimate) -> None:
    """Print what a scoring run will take."""
    models = (line for one in found.models for line in _model(one, found))
    _print((*_pool(found), *models, *_time(found)))


def _print(facts: Iterable[tuple[str, str]]) -> None:
    for name, fact in facts:
        emit(f"{name:<12}{fact}")


def _pool(found: ScoreEstimate) -> Iterator[tuple[str, str]]:
    """Yield the facts about the pools, each with its name."""
    unreadable = f", and {found.rejects:,} that cannot be read" if found.rejects else ""
    yield "rows", f"{found.examples:,}{unreadable}"
    if found.sampled < found.examples:
        yield "sample", f"{found.sampled:,} rows, from which lengths, tokens and shares are estimated"


def _model(one: ModelEstimate, found: ScoreEstimate) -> Iterator[tuple[str, str]]:
    """Yield the facts about one model of the run."""
    from dataselect.scoring.estimate.run import PERCENTILES

    yield "model", f"{one.name}: {found.backend}, {found.dtype}"
    yield "tokens", f"{one.tokens:,}, {one.tokens / found.examples:.1f} per row"
    at = zip(PERCENTILES, one.percentiles, strict=True)
    yield "row length", ", ".join(f"{'longest' if p == 100 else f'{p} %'}: {tokens:,}" for p, tokens in at)
    others = f"; {one.unscored:,} rows cannot be scored for other reasons" if one.unscored else ""
    yield "too long", f"{one.too_long:,} rows over {one.max_length:,} tokens{others}"
    cached = f"; {one.cached:.0%} of the work is in the score cache" if one.cached else ""
    yield "to compute", f"{one.computed:,} tokens{cached}"
    speed = f"{1 / one.seconds_per_token:,.0f} tokens/s"
    yield "speed", f"{speed}, from {one.calibrated:,} rows; {in_time(one.start)} to load the model"
    yield "memory", _memory(one.memory)
    yield "disk", in_bytes(one.disk)
    for note in one.notes:
        yield "note", note


def _time(found: ScoreEstimate) -> Iterator[tuple[str, str]]:
    if found.workers > 1 and found.shared:
        yield "workers", f"{found.workers} on the same cores: at best {found.workers} times as fast, at worst no faster"
    elif found.workers > 1:
        yield "workers", f"{found.workers} with hardware of their own: the work is divided by {found.workers}"
    yield _total(found.duration)


def _total(took: Duration) -> tuple[str, str]:
    """Return the time of the whole run, with its interval."""
    return "time", f"{in_time(took.expected)} ({in_time(took.low)} to {in_time(took.high)})"


def _memory(peak: Memory) -> str:
    parts = [in_bytes(peak.process), f"engine {in_bytes(peak.engine)}" if peak.engine else ""]
    parts.append("" if peak.gpu is None else f"GPU {in_bytes(peak.gpu)}")
    return ", ".join(part for part in parts if part) + " per worker"


def in_bytes(count: int) -> str:
    """Format a size with three digits."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def in_time(seconds: float) -> str:
    """Format a time in two units at most: 4.2 s, 35 s, 3 min 10 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for size, unit, small, name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(round(seconds / small), size // small)
            return f"{whole} {unit} {rest} {name}"
    raise AssertionError(seconds)


def print_rank_estimate(found: RankEstimate) -> None:
    """Print what scoring and embedding will take, and both together."""
    _print(_ranking(found))


def _ranking(found: RankEstimate) -> Iterator[tuple[str, str]]:
    yield from _pool(found.scoring)
    for one in found.scoring.models:
        yield from _model(one, found.scoring)
    if found.embedding is not None:
        one_text = found.embedding.seconds_per_text
        speed = f"{1 / one_text:,.0f} texts/s" if one_text < 1 else f"{in_time(one_text)} per text"
        load = f"{in_time(found.embedding.start)} to load {found.embedding.encoder}"
        yield "embedding", f"{found.embedding.texts:,} texts, {speed}; {load}: {in_time(found.embedding.seconds)}"
    yield _total(found.duration)


def print_experiment_estimate(settings: Sequence[SettingEstimate]) -> None:
    """Print what every setting will take, and all of them together."""
    for one in settings:
        _print(_setting(one))
    if len(settings) > 1:
        models, seconds = sum(1 + one.trainings for one in settings), sum(one.seconds for one in settings)
        emit(f"{'in all':<12}{models:,} models, {in_time(seconds)}")


def _setting(one: SettingEstimate) -> Iterator[tuple[str, str]]:
    if one.name:
        yield "setting", one.name
    yield "pool", f"{one.examples:,} rows of {one.tokens_per_row:.0f} tokens"
    yield "scoring", in_time(one.scoring.expected)
    speed = f"{one.tokens_per_second:,.0f} tokens/s and {in_time(one.start)} each besides"
    yield "training", f"{one.trainings} models, {one.training_tokens:,} tokens: {in_time(one.training)} ({speed})"
    yield "evaluation", f"{one.trainings + 1} models, {in_time(one.evaluation)} each"
    yield "disk", f"{in_bytes(one.trainings * one.model_bytes)} of models"
    yield "time", f"{in_time(one.seconds)}, one after the other"


def print_recommendation_estimate(found: RecommendEstimate) -> None:
    """Print what a recommendation will take."""
    _print(_recommendation(found))


def _recommendation(found: RecommendEstimate) -> Iterator[tuple[str, str]]:
    from dataselect.recommendation.plan import seconds_of

    plan, speed = found.plan, found.speed
    budgets = ", ".join(f"{budget:,}" for budget in plan.budgets)
    yield "candidates", f"{len(plan.candidates)}" + (f", {len(plan.left_out)} left out" if plan.left_out else "")
    yield "models", f"{plan.trainings}, of {budgets} tokens; {plan.final_trainings} of them final"
    items = f"{in_time(speed.evaluation)} each in the search, {in_time(speed.sealed)} in the final"
    pace = f"measured: {speed.tokens_per_second:,.0f} tokens/s, {in_time(speed.start)} each to load and write"
    yield "training", f"{plan.train_tokens:,} tokens: {in_time(seconds_of(plan, speed))} with evaluation ({pace})"
    yield "evaluation", f"{items} (measured)"
    if found.scored_tokens:
        yield "scoring", f"{found.scored_tokens:,} tokens: {in_time(found.scoring)}"
    free = shutil.disk_usage(tempfile.gettempdir()).free
    kept, model = found.folder_bytes + plan.trainings * 200_000, 2 * speed.model_bytes
    yield "disk", f"{in_bytes(kept)} stay, {in_bytes(model)} at most while a model is trained ({in_bytes(free)} free)"
    yield "time", f"{in_time(found.seconds)}, less if the search is decided early"
