"""From what `--task` says to what is evaluated: a file, recognised by its first record, or an lm-eval name.

A task is called by its file's stem or its lm-eval name; `NAME=FILE` calls it otherwise. A word that looks like a file
and is none is an error, so that a misspelt path is not looked up as a benchmark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.kinds import HELD_OUT, LM_EVAL, MULTIPLE_CHOICE
from dataselect.evaluation.records import read_records
from dataselect.pool.sources import format_of


@dataclass(frozen=True, slots=True)
class Task:
    """One task to evaluate.

    Attributes:
        name: What results call it.
        kind: Name of its kind.
        file: Its file; None for an lm-eval task.
        folder: For an lm-eval task, the folder of the user's own task files; None for none.
    """

    name: str
    kind: str
    file: Path | None
    folder: Path | None = None


def find_tasks(given: Sequence[str], folder: Path | None = None) -> tuple[Task, ...]:
    """Tell what each `--task` is.

    Args:
        folder: Folder of lm-evaluation-harness task files of the user.

    Raises:
        UsageError: If none is given, or two have one name.
        DataselectError: If a file is missing or holds no record.
    """
    if not given:
        raise UsageError("no task was given", "--task FILE, or --task with the name of an lm-evaluation-harness task")
    tasks = tuple(_find(one, folder) for one in given)
    repeated = [name for name, number in Counter(task.name for task in tasks).items() if number > 1]
    if repeated:
        raise UsageError(f"two tasks are called {repeated[0]}", "rename one: --task NAME=FILE")
    return tasks


def _find(given: str, folder: Path | None) -> Task:
    name, equals, path = given.partition("=")
    if equals and name and not Path(given).exists():
        return _of_file(name, Path(path))
    if Path(given).exists() or format_of(Path(given)) is not None or "/" in given:
        return _of_file(_stem(Path(given)), Path(given))
    return Task(given, LM_EVAL, None, folder)


def _stem(path: Path) -> str:
    while path.suffix and format_of(path) is not None:
        path = path.with_suffix("")
    return path.name


def _of_file(name: str, file: Path) -> Task:
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise DataselectError(f"the task file {file} {what}", "give a file of records, or the name of an lm-eval task")
    first = next((value for _, value in read_records(file) if isinstance(value, Mapping)), None)
    if first is None:
        raise DataselectError(f"the task file {file} holds no readable record", "check its format")
    return Task(name, MULTIPLE_CHOICE if "choices" in first else HELD_OUT, file)
