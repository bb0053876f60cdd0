"""Unit-test execution for code: whether the function that the model writes passes its tests (pass@1, greedy).

The form is that of HumanEval (Chen et al. 2021, arXiv 2107.03374), and of MBPP in the same form: `prompt` is code up to
the end of a docstring, `test` defines `check(candidate)`, and `entry_point` names the function. One metric, `pass@1`,
better when higher: 1 if the program ran to the end of its tests, else 0. Each program is kept with how it ended (pass,
fail, timeout, error).

Under the template `text` the model continues the problem's own code, as HumanEval was made for; under every other
template it is asked, in a user's turn, for the whole function in a code block. A code block that defines the function
is taken whole, below the part of the problem above its function (imports, helpers); anything else is taken as the rest
of the function's body and ends before the first line at the margin, as is usual.

This executes what a model wrote, and therefore happens only with `--run-code`; `code_execution` describes what it
protects against. Left out: several samples per problem, languages other than Python, packages outside the standard
library, and helpers below the function without a code block around both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataselect.evaluation.answers import answer_items, cut_off
from dataselect.evaluation.code_execution import Execution, run_programs
from dataselect.evaluation.items import ItemRecord, Progress, read_records
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.results import ItemOutput, ItemValues, TaskOutcome
from dataselect.evaluation.tasks import UNIT_TESTS, EvaluationTask
from dataselect.pool.prompting import Prompt, render_prompts, render_texts
from dataselect.records import Message

_INSTRUCTION = (
    "Complete the following Python function. Answer with the whole function in one code block.\n\n"
    "```python\n{prompt}\n```"
)
_BLOCK = re.compile(r"```[A-Za-z0-9+]*[ \t]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_IN_BODY = re.compile(r"[\s)\]}]")


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


def evaluate_unit_tests(task: EvaluationTask, model: EvaluatedModel, progress: Progress) -> TaskOutcome:
    """Evaluate one file of {prompt, entry_point, test}; the user has agreed to the execution.

    Raises:
        DataselectError: If a record is malformed, or no problem can be asked.
    """
    assert task.file is not None
    problems = read_problems(task.file)
    found = ItemValues()
    answers = answer_items(task, model, problems, _prompts(model, problems), progress, found)
    codes = [program(problem.prompt, answer.text, problem.entry_point) for problem, answer in answers]
    sources = [problem.tested(code) for (problem, _), code in zip(answers, codes, strict=True)]
    ends = list(run_programs(sources))
    outputs = []
    for (problem, answer), code, end in zip(answers, codes, ends, strict=True):
        judged = {"program": code, "outcome": end.outcome, "detail": end.detail}
        outputs.append(ItemOutput(problem.id, answer.text, answer.ended, judged))
        found.add(problem.id, float(end.outcome == "pass"))
    notes = (*cut_off(outputs), *_notes(ends))
    return found.outcome(task, UNIT_TESTS.metrics, len(problems), notes=notes, outputs=tuple(outputs))


def read_problems(file: Path) -> list[Problem]:
    """Read a file of {prompt, entry_point, test}; `task_id` names an item where there is no `id`.

    Raises:
        DataselectError: If a record is malformed, naming its line.
    """
    return [_problem(record) for record in read_records(file, "prompt, entry_point and test")]


def _problem(record: ItemRecord) -> Problem:
    prompt, entry_point, test = (record.text(name) for name in ("prompt", "entry_point", "test"))
    if not entry_point.isidentifier():
        raise record.fault(f"entry_point should be a function's name, got {entry_point!r}")
    named = {**record.fields, "id": record.fields.get("id") or record.fields.get("task_id")}
    return Problem(record.item_id(named), prompt, entry_point, test)


def _prompts(model: EvaluatedModel, problems: Sequence[Problem]) -> list[Prompt]:
    """Without a template the model continues the code; the line break after it belongs to what it writes."""
    if model.renderer.template_name == "text":
        return render_texts(model.renderer, [problem.prompt.rstrip() for problem in problems])
    return render_prompts(model.renderer, [[Message("user", instruction(problem.prompt))] for problem in problems])


def _notes(ends: Sequence[Execution]) -> tuple[str, ...]:
    counts = Counter(end.outcome for end in ends)
    outcomes = ", ".join(f"{counts[name]} {name}" for name in ("pass", "fail", "timeout", "error") if counts[name])
    unguarded = any(end.guarded is False for end in ends)
    warning = ("this machine does not keep programs from starting processes or using the network",) if unguarded else ()
    return (f"programs of the model were executed: {outcomes}", *warning)


def instruction(prompt: str) -> str:
    """Return the user's turn that asks for a function.

    Args:
        prompt: The problem: code up to the end of the docstring.
    """
    return _INSTRUCTION.format(prompt=prompt.strip("\n"))


def program(prompt: str, output: str, entry_point: str) -> str:
    """Return the module made of the problem and what the model wrote.

    Args:
        output: The model's text, with or without code blocks around the code.
        entry_point: Name of the function.
    """
    blocks: list[str] = _BLOCK.findall(output)
    defines = re.compile(rf"^(?:async )?def {re.escape(entry_point)}\b", re.MULTILINE)
    whole = next((block for block in blocks if defines.search(block)), None)
    if whole is None and not blocks and defines.search(output):
        whole = output
    if whole is not None:
        begin = defines.search(prompt)
        return f"{prompt[: begin.start()] if begin else ''}\n{whole}\n"
    body = blocks[0] if blocks else output
    return f"{prompt.rstrip()}\n{_rest_of_body(body)}\n"


def _rest_of_body(text: str) -> str:
    """The lines before the first at the margin, where another function, a test or an explanation begins."""
    lines = text.lstrip("\r\n").split("\n")
    end = next((n for n, line in enumerate(lines) if line and not _IN_BODY.match(line)), len(lines))
    return "\n".join(lines[:end])
