"""The kinds of tasks, and the task that `--task` names: a file, recognised by its first record, or an lm-eval name.

`[NAME=][KIND:]FILE`, or the name of an lm-eval task, or its YAML file. A task is called by its file's stem or its
lm-eval name, followed by its kind where two would have one name; `NAME=` gives another name. `KIND:` is needed where a
record does not show the kind: a question with an answer can be held-out text or a question to be answered
(`exact-match:gsm8k.jsonl`). A word that looks like a file but does not exist is an error, so that a misspelt path is
not looked up as a benchmark.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataselect.artifacts import ordinary_file, read_text
from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.items import read_values
from dataselect.evaluation.request import DEFAULTS, GenerationOptions
from dataselect.pool.sources import format_of
from dataselect.records import Direction
from dataselect.registry import unknown


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a kind of task, and which way it improves."""

    name: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class TaskKind:
    """One kind of task.

    Attributes:
        given_by: The value of `--task` by which the kind is recognised, unless it is named.
        metrics: Its metrics; none where each task has its own.
        columns: Columns by which a file's first record shows that it is of this kind; none where it does not show.
        generates: Whether the model writes answers.
    """

    name: str
    given_by: str
    metrics: tuple[Metric, ...]
    columns: tuple[str, ...] = ()
    generates: bool = False


HELD_OUT = TaskKind(
    "held-out",
    "a file of SFT records",
    (Metric("nll", "lower"), Metric("bits_per_byte", "lower")),
)
MULTIPLE_CHOICE = TaskKind(
    "multiple-choice",
    "a file of {question, choices, answer}",
    (Metric("accuracy", "higher"), Metric("accuracy_norm", "higher")),
    columns=("choices",),
)
MINIMAL_PAIRS = TaskKind(
    "minimal-pairs",
    "a file of {sentence_good, sentence_bad}",
    (Metric("accuracy", "higher"),),
    columns=("sentence_good", "sentence_bad"),
)
EXACT_MATCH = TaskKind(
    "exact-match",
    "exact-match:FILE of {question, answer}",
    (Metric("exact_match_strict", "higher"), Metric("exact_match_flexible", "higher")),
    generates=True,
)
UNIT_TESTS = TaskKind(
    "unit-tests",
    "a file of {prompt, entry_point, test}, with --run-code",
    (Metric("pass@1", "higher"),),
    columns=("prompt", "entry_point", "test"),
    generates=True,
)
LM_EVAL = TaskKind(
    "lm-eval",
    "the name of an lm-evaluation-harness task, or its YAML file",
    (),
)

KINDS = (HELD_OUT, MULTIPLE_CHOICE, MINIMAL_PAIRS, EXACT_MATCH, UNIT_TESTS, LM_EVAL)
"""Every kind, in the order in which `dataselect ls tasks` prints them."""

_HARNESS_NAMES = tuple(re.compile(rf"^{key}:[ \t]*['\"]?([^'\"#\s]+)", re.MULTILINE) for key in ("group", "task"))
_KINDS_OF_FILES = tuple(kind.name for kind in KINDS if kind is not LM_EVAL)


@dataclass(frozen=True, slots=True)
class EvaluationTask:
    """One task to evaluate.

    Attributes:
        name: Its name in the results.
        kind: The name of its kind.
        file: Its file; None for an lm-eval task.
        folder: For an lm-eval task, the folder of the user's own task files; None for none.
        generation: How answers are written, where the model writes them.
    """

    name: str
    kind: str
    file: Path | None
    folder: Path | None = None
    generation: GenerationOptions = DEFAULTS


@dataclass(frozen=True, slots=True)
class _Words:
    """The parts of a `--task` value; empty where it does not have them."""

    name: str
    kind: str
    rest: str


def find_tasks(
    given: Sequence[str], folder: Path | None = None, generation: GenerationOptions = DEFAULTS
) -> tuple[EvaluationTask, ...]:
    """Find the task that each `--task` names.

    Args:
        folder: Folder of lm-evaluation-harness task files of the user.
        generation: How answers are written, in tasks in which the model writes them.

    Raises:
        UsageError: If none is given, two have one name, or a kind is not known.
        DataselectError: If a file is missing or holds no record.
    """
    if not given:
        raise UsageError("no task was given", "--task FILE, or --task with the name of an lm-evaluation-harness task")
    tasks = _distinct([_words(one) for one in given], folder, generation)
    repeated = [name for name, number in Counter(task.name for task in tasks).items() if number > 1]
    if repeated:
        raise UsageError(f"two tasks are called {repeated[0]}", "rename one: --task NAME=FILE")
    return tasks


def _distinct(
    words: Sequence[_Words], folder: Path | None, generation: GenerationOptions
) -> tuple[EvaluationTask, ...]:
    """The tasks; where several have one name, those that were not named by `NAME=` get their kind appended."""
    tasks = [replace(_find(one, folder), generation=generation) for one in words]
    number = Counter(task.name for task in tasks)
    return tuple(
        replace(task, name=f"{task.name}-{task.kind}") if number[task.name] > 1 and task.file and not one.name else task
        for one, task in zip(words, tasks, strict=True)
    )


def anchored_task(given: str, folder: Path) -> str:
    """Return a `--task` value with its path taken relative to a folder, if such a file exists there; else as it is."""
    if (folder / given).exists():
        return str(folder / given)
    words = _words(given)
    file = folder / words.rest
    return given.removesuffix(words.rest) + str(file) if file.exists() else given


def _words(given: str) -> _Words:
    if Path(given).exists():
        return _Words("", "", given)
    name, equals, rest = given.partition("=")
    if not equals or not name:
        name, rest = "", given
    kind, colon, file = rest.partition(":")
    if Path(rest).exists() or not colon:
        return _Words(name, "", rest)
    if kind in _KINDS_OF_FILES:
        return _Words(name, kind, file)
    if Path(file).exists() and re.fullmatch(r"[\w-]+", kind):
        raise unknown("kind of task", kind, _KINDS_OF_FILES)
    return _Words(name, "", rest)


def _find(words: _Words, folder: Path | None) -> EvaluationTask:
    file = Path(words.rest)
    if file.suffix in (".yaml", ".yml") and not words.kind and not words.name:
        return _of_harness_file(file)
    if words.name or words.kind or _like_a_file(words.rest):
        return _of_file(words.name or _stem(file), words.kind, file)
    return EvaluationTask(words.rest, LM_EVAL.name, None, folder)


def _like_a_file(word: str) -> bool:
    path = Path(word)
    return path.exists() or path.suffix in (".yaml", ".yml") or format_of(path) is not None or "/" in word


def _stem(path: Path) -> str:
    while path.suffix and format_of(path) is not None:
        path = path.with_suffix("")
    return path.name


def _of_file(name: str, kind: str, file: Path) -> EvaluationTask:
    if not ordinary_file(file).exists():
        raise DataselectError(
            f"the task file {file} does not exist", "give a file of records, or the name of an lm-eval task"
        )
    first = next((value for _, value in read_values(file) if isinstance(value, Mapping)), None)
    if first is None:
        raise DataselectError(f"the task file {file} holds no readable record", "check its format")
    shown = (kind.name for kind in KINDS if kind.columns and set(kind.columns) <= first.keys())
    return EvaluationTask(name, kind or next(shown, HELD_OUT.name), file)


def _of_harness_file(file: Path) -> EvaluationTask:
    """A task file of the harness is identified by the name in it, among all files of its folder."""
    text = read_text(file, "the task file")
    names = [found[1] for pattern in _HARNESS_NAMES if (found := pattern.search(text))]
    if not names:
        raise DataselectError(f"the task file {file} names no task", "an lm-eval task file has a line  task: NAME")
    return EvaluationTask(names[0], LM_EVAL.name, None, file.parent)
