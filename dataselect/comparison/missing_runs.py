"""The runs that a comparison lacks for a verdict, and the commands that make them.

A candidate needs random at its own budget, and two seeds on either side. Every sentence names what is missing and how
to make it: for an experiment the key of its configuration, else the commands, with placeholders in capitals for what
only the user knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dataselect.comparison.controls import CONTROL, LENGTH_CONTROL, role
from dataselect.comparison.runs import Run
from dataselect.comparison.verdicts import NO_CONTROL, ONE_SEED, ComparisonRow

_Group = tuple[str, int, str]


def missing_runs(rows: Sequence[ComparisonRow], runs: Sequence[Run], experiment: bool) -> tuple[str, ...]:
    """Name the runs to add, in sentences, each once.

    Args:
        rows: Of all tables.
        runs: All that were compared.
        experiment: True if they are an experiment's, which makes runs from its configuration.
    """
    seeds: dict[_Group, list[int]] = {}
    for run in runs:
        seeds.setdefault((run.strategy, run.budget, run.unit), []).append(run.training_seed)
    return tuple(dict.fromkeys(_sentences(rows, seeds, experiment)))


def _sentences(rows: Sequence[ComparisonRow], seeds: dict[_Group, list[int]], experiment: bool) -> Iterator[str]:
    for row in rows:
        if row.role != "candidate":
            continue
        budget = row.budget, row.unit
        if row.verdict == NO_CONTROL:
            made = _draw(CONTROL, budget, 0, experiment)
            yield f"random at {_amount(budget)}: {made}, and the same with two more seeds"
        sides = [(row.strategy, CONTROL)] if row.verdict == ONE_SEED else []
        sides += [(row.strategy, f"{LENGTH_CONTROL}:{row.strategy}")] if row.lm_verdict == ONE_SEED else []
        for name in (name for pair in sides for name in pair):
            present = seeds[name, *budget]
            if len(present) == 1:
                yield f"a second seed of {name} at {_amount(budget)}: {_more(name, budget, present[0] + 1, experiment)}"


def _amount(budget: tuple[int, str]) -> str:
    return f"{budget[0]:,} {budget[1]}"


def _more(name: str, budget: tuple[int, str], seed: int, experiment: bool) -> str:
    if role(name) == "control":
        return _draw(name, budget, seed, experiment)
    if experiment:
        return "list it under `seeds` in the configuration and run again"
    return f"{_train('SELECTION.jsonl', seed)} (another --seed of select too, where the strategy draws)"


def _draw(name: str, budget: tuple[int, str], seed: int, experiment: bool) -> str:
    if experiment:
        key = "random_seeds" if name == CONTROL else "seeds"
        return f"list it under `{key}` in the configuration and run again"
    amount = f"{budget[0]}{'tok' if budget[1] == 'tokens' else ''}"
    strategy, _, matched = name.partition(":")
    follows = " --param match=SELECTION.jsonl" if matched else ""
    file = f"{strategy}-{seed}.jsonl"
    select = f"dataselect select POOL --scores SCORES --strategy {strategy}{follows} --budget {amount}"
    return f"{select} --seed {seed} --out {file} && {_train(file, seed)}"


def _train(file: str, seed: int) -> str:
    train = f"dataselect train {file} --model MODEL --seed {seed} --out TUNED-{seed}"
    return f"{train} && dataselect evaluate --model TUNED-{seed} --task TASK --out RESULTS-{seed}"
