"""Unit-test execution for code: whether the function that the model writes passes its tests (pass@1, greedy).

The form is that of HumanEval (Chen et al. 2021, arXiv 2107.03374) and of MBPP in its dress: `prompt` is code up to the
end of a docstring, `test` defines `check(candidate)`, and `entry_point` names the function. One metric, `pass@1`,
better when higher: 1 if the program ran to the end of its tests, else 0. How each ended (pass, fail, timeout, error)
and the program itself are kept item by item.

This executes what a model wrote, and therefore happens only where the user said so (`--run-code`); what keeps
accidents small, and what it does not keep out, is in `code_execution`. Left out: several samples per problem, languages
other than Python, and packages outside the standard library.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.errors import DataselectError
from dataselect.evaluation.answers import Answer, write_answers
from dataselect.evaluation.candidate import instruction, program
from dataselect.evaluation.code_execution import Execution, run_programs
from dataselect.evaluation.exact_match import cut_off
from dataselect.evaluation.kinds import UNIT_TESTS, Progress, TaskOutcome
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.records import ItemIds, read_records, unscored
from dataselect.evaluation.results import ItemOutput
from dataselect.evaluation.tasks import Task
from dataselect.pool.prompting import Prompt, render_prompts, render_texts
from dataselect.records import Message


@dataclass(frozen=True, slots=True)
class Problem:
    """One item.

    Attributes:
        prompt: Code up to the end of the function's docstring.
        entry_point: Name of the function.
        test: Code that defines `check(candidate)`.
    """

    id: str
    prompt: str
    entry_point: str
    test: str

    def tested(self, code: str) -> str:
        """The program that runs some code and then the tests, whose own names must not hide the function."""
        return f"{code}\n_candidate = {self.entry_point}\n{self.test}\ncheck(_candidate)\n"


def evaluate_unit_tests(task: Task, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {prompt, entry_point, test}; the user has agreed to the execution.

    Raises:
        DataselectError: If a record is malformed, or no problem can be asked.
    """
    assert task.file is not None
    problems = read_problems(task.file)
    prompts = _prompts(model, problems)
    answers = write_answers(
        model, prompts, task.generation.max_new_tokens, lambda done: progress(task.name, done, len(problems))
    )
    given = [(problem, answer) for problem, answer in zip(problems, answers, strict=True) if answer.given]
    left_out = dict(sorted(Counter(answer.status for answer in answers if not answer.given).items()))
    if not given:
        raise unscored(task.name, left_out)
    codes = [program(problem.prompt, answer.text, problem.entry_point) for problem, answer in given]
    sources = [problem.tested(code) for (problem, _), code in zip(given, codes, strict=True)]
    ends = list(run_programs(sources))
    outputs = tuple(
        _output(problem, answer, code, end) for (problem, answer), code, end in zip(given, codes, ends, strict=True)
    )
    (metric,) = UNIT_TESTS.metrics
    result = metric.result(task.name, tuple(one.item_id for one in outputs), [end.outcome == "pass" for end in ends])
    return TaskOutcome((result,), len(problems), left_out, (*cut_off(outputs), *_notes(ends)), outputs)


def _prompts(model: EvaluatedModel, problems: Sequence[Problem]) -> list[Prompt]:
    """Without a template the model writes on from the code; the break behind it belongs to what it writes."""
    if model.renderer.template_name == "text":
        return render_texts(model.renderer, [problem.prompt.rstrip() for problem in problems])
    return render_prompts(model.renderer, [[Message("user", instruction(problem.prompt))] for problem in problems])


def _output(problem: Problem, answer: Answer, code: str, end: Execution) -> ItemOutput:
    judged = {"program": code, "outcome": end.outcome, "detail": end.detail}
    return ItemOutput(problem.id, answer.text, answer.ended, judged)


def _notes(ends: Sequence[Execution]) -> tuple[str, ...]:
    counts = Counter(end.outcome for end in ends)
    told = ", ".join(f"{counts[name]} {name}" for name in ("pass", "fail", "timeout", "error") if counts[name])
    unguarded = any(end.guarded is False for end in ends)
    warning = ("this machine does not keep programs from starting processes or using the network",) if unguarded else ()
    return (f"programs of the model were executed: {told}", *warning)


def read_problems(file: Path) -> list[Problem]:
    """Read a file of {prompt, entry_point, test}; `task_id` names an item where there is no `id`.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    ids = ItemIds(file)
    return [_problem(file, line, record, ids) for line, record in read_records(file)]


def _problem(file: Path, line: int, record: object, ids: ItemIds) -> Problem:
    where = f"{file} line {line}"
    if not isinstance(record, Mapping):
        raise DataselectError(f"{where}: expected a record with prompt, entry_point and test", "fix the record")
    for name in ("prompt", "entry_point", "test"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise DataselectError(f"{where}: {name} should be text, got {record.get(name)!r}", "fix the record")
    if not record["entry_point"].isidentifier():
        message = f"{where}: entry_point should be a function's name, got {record['entry_point']!r}"
        raise DataselectError(message, "fix the record")
    named = {**record, "id": record.get("id") or record.get("task_id")}
    return Problem(ids.name(line, named), record["prompt"], record["entry_point"], record["test"])
