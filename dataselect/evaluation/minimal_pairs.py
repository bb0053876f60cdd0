"""Minimal pairs: whether the model finds the acceptable one of two sentences the more likely.

The sentences are plain text without any template, and the score of a sentence is the sum of the log-probabilities of
all its tokens (BLiMP: Warstadt et al. 2020, arXiv 1912.00582). For that its first token needs something before it: BOS,
or EOS where the tokenizer has no BOS, as in lm-evaluation-harness and whatever `--bos` says; otherwise two sentences
that differ in their first word would be compared without it. One metric, `accuracy`, better when higher; equal
sentences tie and count one half. The paradigm of a pair is its group, by which the manifest breaks the mean down.

Left out: scores of a part of the sentence (one-prefix and two-prefix methods), and any normalisation by length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataselect.backends.generation import TokenIds
from dataselect.errors import DataselectError
from dataselect.evaluation.kinds import ITEMS_AT_ONCE, MINIMAL_PAIRS, Progress, TaskOutcome
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.records import ItemIds, read_records, unscored
from dataselect.evaluation.tasks import Task
from dataselect.pool import Renderer
from dataselect.pool.prompting import render_texts

_GROUPS = ("field", "UID")


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of sentences.

    Attributes:
        group: Its field and paradigm, such as "syntax/adjunct_island"; empty if the record names neither.
    """

    id: str
    good: str
    bad: str
    group: str


def evaluate_minimal_pairs(task: Task, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {sentence_good, sentence_bad}.

    Raises:
        DataselectError: If a record is malformed, no pair can be scored, or the tokenizer has neither BOS nor EOS.
    """
    assert task.file is not None
    pairs = read_pairs(task.file)
    left_out: Counter[str] = Counter()
    scored: list[tuple[Pair, float]] = []
    for begin in range(0, len(pairs), ITEMS_AT_ONCE):
        chunk = pairs[begin : begin + ITEMS_AT_ONCE]
        sentences = list(dict.fromkeys(text for pair in chunk for text in (pair.good, pair.bad)))
        sums = dict(zip(sentences, _sentence_scores(sentences, model), strict=True))
        for pair in chunk:
            good, bad = sums[pair.good], sums[pair.bad]
            if isinstance(good, str) or isinstance(bad, str):
                left_out[good if isinstance(good, str) else str(bad)] += 1
            else:
                scored.append((pair, credit(good, bad)))
        progress(task.name, begin + len(chunk), len(pairs))
    counted = dict(sorted(left_out.items()))
    if not scored:
        raise unscored(task.name, counted)
    groups = tuple(pair.group for pair, _ in scored) if any(pair.group for pair, _ in scored) else ()
    ids, values = tuple(pair.id for pair, _ in scored), [value for _, value in scored]
    (accuracy,) = MINIMAL_PAIRS.metrics
    return TaskOutcome((accuracy.result(task.name, ids, values, groups),), len(pairs), counted)


def credit(good: float, bad: float) -> float:
    """1 if the acceptable sentence is the more likely, 0 if the other is, one half if neither."""
    return 0.5 if good == bad else float(good > bad)


def _sentence_scores(sentences: Sequence[str], model: EvaluatedModel) -> list[float | str]:
    """Log-probability of each sentence, or why it has none."""
    first = _first_token(model.renderer)
    prompts = render_texts(model.renderer, sentences)
    ready = [_begun(prompt.ids, first) for prompt in prompts if prompt.status == "ok"]
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


def _begun(ids: TokenIds, first: int) -> TokenIds:
    return ids if ids[0] == first else np.concatenate(([first], ids)).astype(np.int32)


def read_pairs(file: Path) -> list[Pair]:
    """Read a file of {sentence_good, sentence_bad}; `field` and `UID`, where they are there, name the group.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    ids = ItemIds(file)
    return [_pair(file, line, record, ids) for line, record in read_records(file)]


def _pair(file: Path, line: int, record: object, ids: ItemIds) -> Pair:
    where = f"{file} line {line}"
    if not isinstance(record, Mapping):
        raise DataselectError(f"{where}: expected a record with sentence_good and sentence_bad", "fix the record")
    for name in ("sentence_good", "sentence_bad"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise DataselectError(f"{where}: {name} should be text, got {record.get(name)!r}", "fix the record")
    group = "/".join(str(record[name]) for name in _GROUPS if record.get(name))
    return Pair(ids.name(line, record), record["sentence_good"], record["sentence_bad"], group)
