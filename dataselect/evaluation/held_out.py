"""Held-out likelihood: how well the model predicts responses that it was not trained on.

Per item two metrics, both better when lower: `nll`, the mean negative log-likelihood of the response tokens in nats per
token, given the prompt; and `bits_per_byte`, the sum in bits over the UTF-8 bytes of the response, which is the one to
compare across tokenizers. A task's mean is over items, so a long item counts as much as a short one; end-of-turn tokens
are not counted. The most sensitive of the kinds of tasks, and the least one to say what a model can do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from dataselect.errors import DataselectError
from dataselect.evaluation.kinds import HELD_OUT, ITEMS_AT_ONCE, Progress, TaskOutcome
from dataselect.evaluation.model import EvaluatedModel, ResponseScore
from dataselect.evaluation.tasks import Task
from dataselect.likelihood import bits_per_byte
from dataselect.pool import PoolReader
from dataselect.records import SCORABLE, Example, Reject, TaskResult


def evaluate_held_out(task: Task, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of SFT records.

    Raises:
        DataselectError: If the file cannot be read, or none of its items can be scored.
    """
    assert task.file is not None
    records = list(PoolReader([str(task.file)]))
    statuses = Counter(record.reason for record in records if isinstance(record, Reject))
    examples = [record for record in records if isinstance(record, Example)]
    ids: list[str] = []
    values: list[tuple[float, float]] = []
    for begin in range(0, len(examples), ITEMS_AT_ONCE):
        chunk = examples[begin : begin + ITEMS_AT_ONCE]
        for example, score in zip(chunk, model.respond(chunk), strict=True):
            statuses[score.status] += 1
            metrics = _metrics(score)
            if metrics is not None:
                ids.append(example.id)
                values.append(metrics)
        progress(task.name, begin + len(chunk), len(examples))
    cut = statuses["truncated"]
    notes = (f"{cut} items were cut to {model.renderer.max_length} tokens",) if cut else ()
    left_out = {name: n for name, n in sorted(statuses.items()) if name not in SCORABLE and n}
    return TaskOutcome(_results(task, ids, values, left_out), len(records), left_out, notes)


def _metrics(score: ResponseScore) -> tuple[float, float] | None:
    """NLL per token in nats and bits per byte; None if the response has no numbers."""
    bits = bits_per_byte(score.nll, score.num_bytes)
    if score.nll is None or bits is None:
        return None
    return score.nll / score.tokens, bits


def _results(
    task: Task, ids: Sequence[str], values: Sequence[tuple[float, float]], left_out: Mapping[str, int]
) -> tuple[TaskResult, ...]:
    if not ids:
        told = ", ".join(f"{number} {reason}" for reason, number in left_out.items())
        raise DataselectError(f"no item of the task {task.name} can be scored: {told}", "dataselect show prints why")
    columns = np.array(values, np.float64).T
    metrics = zip(HELD_OUT.metrics, columns, strict=True)
    return tuple(metric.result(task.name, tuple(ids), column) for metric, column in metrics)
