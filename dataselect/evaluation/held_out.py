"""Held-out likelihood: how well the model predicts responses that it was not trained on.

Per item two metrics, both better when lower: `nll`, the mean negative log-likelihood of the response tokens in nats per
token, given the prompt; and `bits_per_byte`, the sum in bits over the UTF-8 bytes of the response, which is the one to
compare across tokenizers. A task's mean is over items, so a long item counts as much as a short one; end-of-turn tokens
are not counted. Of all kinds of tasks it is the most sensitive, and says the least about what a model can do.
"""

from __future__ import annotations

from collections import Counter

from dataselect.evaluation.items import Progress, chunks
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.results import ItemValues, TaskOutcome
from dataselect.evaluation.tasks import HELD_OUT, EvaluationTask
from dataselect.likelihood import bits_per_byte
from dataselect.pool import PoolReader
from dataselect.records import SCORABLE, Example, Reject


def evaluate_held_out(task: EvaluationTask, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of SFT records.

    Raises:
        DataselectError: If the file cannot be read, or none of its items can be scored.
    """
    assert task.file is not None
    records = list(PoolReader([str(task.file)]))
    statuses = Counter(record.reason for record in records if isinstance(record, Reject))
    examples = [record for record in records if isinstance(record, Example)]
    found = ItemValues()
    for chunk in chunks(task.name, examples, progress):
        for example, score in zip(chunk, model.respond(chunk), strict=True):
            statuses[score.status] += 1
            bits = bits_per_byte(score.nll, score.num_bytes)
            if score.nll is not None and bits is not None:
                found.add(example.id, score.nll / score.tokens, bits)
    found.left_out = Counter({name: n for name, n in statuses.items() if name not in SCORABLE})
    cut = statuses["truncated"]
    notes = (f"{cut} items were cut to {model.renderer.max_length} tokens",) if cut else ()
    return found.outcome(task, HELD_OUT.metrics, len(records), notes=notes)
