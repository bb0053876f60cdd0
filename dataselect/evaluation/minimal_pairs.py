"""Minimal pairs: whether the model gives the acceptable one of two sentences the higher probability.

The sentences are plain text without any template, and the score of a sentence is the sum of the log-probabilities of
all its tokens (BLiMP: Warstadt et al. 2020, arXiv 1912.00582). For that its first token needs something before it: BOS,
or EOS where the tokenizer has no BOS, as in lm-evaluation-harness and whatever `--bos` says; otherwise two sentences
that differ in their first word would be compared without it. One metric, `accuracy`, better when higher; equal
sentences tie and count one half. The paradigm of a pair is its group, by which the manifest breaks the mean down.

Left out: scores of a part of the sentence (one-prefix and two-prefix methods), and any normalisation by length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataselect.errors import DataselectError
from dataselect.evaluation.items import ItemRecord, Progress, chunks, read_records
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.results import ItemValues, TaskOutcome
from dataselect.evaluation.tasks import MINIMAL_PAIRS, EvaluationTask
from dataselect.pool import Renderer
from dataselect.pool.prompting import render_texts

_GROUPS = ("field", "UID")


@dataclass(frozen=True, slots=True)
class SentencePair:
    """One pair of sentences.

    Attributes:
        group: Its field and paradigm, such as "syntax/adjunct_island"; empty if the record names neither.
    """

    id: str
    good: str
    bad: str
    group: str


def evaluate_minimal_pairs(task: EvaluationTask, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {sentence_good, sentence_bad}.

    Raises:
        DataselectError: If a record is malformed, no pair can be scored, or the tokenizer has neither BOS nor EOS.
    """
    assert task.file is not None
    pairs = read_pairs(task.file)
    found, groups = ItemValues(), list[str]()
    for chunk in chunks(task.name, pairs, progress):
        sentences = list(dict.fromkeys(text for pair in chunk for text in (pair.good, pair.bad)))
        sums = dict(zip(sentences, _sentence_scores(sentences, model), strict=True))
        for pair in chunk:
            good, bad = sums[pair.good], sums[pair.bad]
            if isinstance(good, str) or isinstance(bad, str):
                found.left_out[good if isinstance(good, str) else str(bad)] += 1
            else:
                found.add(pair.id, credit(good, bad))
                groups.append(pair.group)
    return found.outcome(task, MINIMAL_PAIRS.metrics, len(pairs), groups=tuple(groups) if any(groups) else ())


def credit(good: float, bad: float) -> float:
    """1 if the acceptable sentence is the more likely, 0 if the other is, one half if neither."""
    return 0.5 if good == bad else float(good > bad)


def _sentence_scores(sentences: Sequence[str], model: EvaluatedModel) -> list[float | str]:
    """The log-probability of each sentence, or the status of one without."""
    first = _first_token(model.renderer)
    prompts = render_texts(model.renderer, sentences)
    ready = [
        prompt.ids if prompt.ids[0] == first else np.concatenate(([first], prompt.ids)).astype(np.int32)
        for prompt in prompts
        if prompt.status == "ok"
    ]
    fitting = [ids for ids in ready if len(ids) <= model.renderer.max_length]
    sums = iter(model.log_probabilities(fitting))
    lengths = iter([len(ids) for ids in ready])
    found: list[float | str] = []
    for prompt in prompts:
        if prompt.status != "ok":
            found.append(prompt.status)
        elif next(lengths) > model.renderer.max_length:
            found.append("too_long")
        else:
            total = next(sums)
            found.append(total if math.isfinite(total) else "engine_error")
    return found


def _first_token(renderer: Renderer) -> int:
    tokenizer = renderer.tokenizer
    first = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    if first is None:
        raise DataselectError(
            "this tokenizer has neither BOS nor EOS, so the first token of a sentence has no probability",
            "minimal pairs need a tokenizer with one of them",
        )
    return int(first)


def read_pairs(file: Path) -> list[SentencePair]:
    """Read a file of {sentence_good, sentence_bad}; `field` and `UID`, if present, name the group.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    return [_pair(record) for record in read_records(file, "sentence_good and sentence_bad")]


def _pair(record: ItemRecord) -> SentencePair:
    good, bad = record.text("sentence_good"), record.text("sentence_bad")
    group = "/".join(str(record.fields[name]) for name in _GROUPS if record.fields.get(name))
    return SentencePair(record.item_id(), good, bad, group)
