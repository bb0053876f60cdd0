"""The estimate of an experiment on stdout, one fact per line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dataselect.cli.estimate import in_bytes, in_time

if TYPE_CHECKING:
    from dataselect.experiment.estimate import SettingEstimate


def print_experiment_estimate(settings: Sequence[SettingEstimate]) -> None:
    """Print what every setting will take, and all of them together."""
    for one in settings:
        for name, told in _setting(one):
            print(f"{name:<12}{told}")
    if len(settings) > 1:
        print(f"{'in all':<12}{sum(1 + one.trainings for one in settings):,} models, {in_time(_sum(settings))}")


def _sum(settings: Sequence[SettingEstimate]) -> float:
    return sum(one.seconds for one in settings)


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
