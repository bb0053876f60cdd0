"""From what `--task` says to what is evaluated: a file, recognised by its first record, or an lm-eval name.

`[NAME=][KIND:]FILE`, or the name of an lm-eval task, or its YAML file. A task is called by its file's stem or its
lm-eval name; `NAME=` calls it otherwise. `KIND:` says what a record does not show: a question with an answer can be
held-out text or a question to be answered (`exact-match:gsm8k.jsonl`). A word that looks like a file and is none is an
error, so that a misspelt path is not looked up as a benchmark.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.generation import DEFAULTS, GenerationOptions
from dataselect.evaluation.kinds import HELD_OUT, KINDS, LM_EVAL
from dataselect.evaluation.records import read_records
from dataselect.pool.sources import format_of
from dataselect.registry import unknown

_HARNESS_NAMES = tuple(re.compile(rf"^{key}:[ \t]*['\"]?([^'\"#\s]+)", re.MULTILINE) for key in ("group", "task"))
_KINDS_OF_FILES = tuple(kind.name for kind in KINDS if kind is not LM_EVAL)


@dataclass(frozen=True, slots=True)
class Task:
    """One task to evaluate.

    Attributes:
        name: What results call it.
        kind: Name of its kind.
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
    """The parts of what was given; empty where they were not."""

    name: str
    kind: str
    rest: str


def find_tasks(
    given: Sequence[str], folder: Path | None = None, generation: GenerationOptions = DEFAULTS
) -> tuple[Task, ...]:
    """Tell what each `--task` is.

    Args:
        folder: Folder of lm-evaluation-harness task files of the user.
        generation: How answers are written, in tasks in which the model writes them.

    Raises:
        UsageError: If none is given, two have one name, or a kind is not known.
        DataselectError: If a file is missing or holds no record.
    """
    if not given:
        raise UsageError("no task was given", "--task FILE, or --task with the name of an lm-evaluation-harness task")
    tasks = tuple(replace(_find(_words(one), folder), generation=generation) for one in given)
    repeated = [name for name, number in Counter(task.name for task in tasks).items() if number > 1]
    if repeated:
        raise UsageError(f"two tasks are called {repeated[0]}", "rename one: --task NAME=FILE")
    return tasks


def task_file(given: str) -> Path | None:
    """The file that a task's words name; None for the name of an lm-eval task. The file need not be there."""
    words = _words(given)
    return Path(words.rest) if words.name or words.kind or _like_a_file(words.rest) else None


def anchored_task(given: str, folder: Path) -> str:
    """A task's words with its path taken relative to a folder, where there is such a file; else as they came."""
    if (folder / given).exists():
        return str(folder / given)
    words = _words(given)
    there = folder / words.rest
    return given.removesuffix(words.rest) + str(there) if there.exists() else given


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


def _find(words: _Words, folder: Path | None) -> Task:
    file = Path(words.rest)
    if file.suffix in (".yaml", ".yml") and not words.kind and not words.name:
        return _of_harness_file(file)
    if words.name or words.kind or _like_a_file(words.rest):
        return _of_file(words.name or _stem(file), words.kind, file)
    return Task(words.rest, LM_EVAL.name, None, folder)


def _like_a_file(word: str) -> bool:
    path = Path(word)
    return path.exists() or path.suffix in (".yaml", ".yml") or format_of(path) is not None or "/" in word


def _stem(path: Path) -> str:
    while path.suffix and format_of(path) is not None:
        path = path.with_suffix("")
    return path.name


def _of_file(name: str, kind: str, file: Path) -> Task:
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise DataselectError(f"the task file {file} {what}", "give a file of records, or the name of an lm-eval task")
    first = next((value for _, value in read_records(file) if isinstance(value, Mapping)), None)
    if first is None:
        raise DataselectError(f"the task file {file} holds no readable record", "check its format")
    return Task(name, kind or _shown_kind(first), file)


def _shown_kind(record: Mapping[str, object]) -> str:
    shown = (kind.name for kind in KINDS if kind.columns and set(kind.columns) <= record.keys())
    return next(shown, HELD_OUT.name)


def _of_harness_file(file: Path) -> Task:
    """A task file of the harness is known by the name in it, among all files of its folder."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataselectError(f"the task file {file} cannot be read: {error}", "check the path") from None
    names = [found[1] for pattern in _HARNESS_NAMES if (found := pattern.search(text))]
    if not names:
        raise DataselectError(f"the task file {file} names no task", "an lm-eval task file has a line  task: NAME")
    return Task(names[0], LM_EVAL.name, None, file.parent)
