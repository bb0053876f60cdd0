"""What an arithmetic word problem is, and the worked answers that are written from it.

A problem is a question and the steps of its solution; a step computes its own result, so every number of an
answer comes from the computation. The same steps are worked out in four manners, from bare lines to full
sentences with a check, which gives answers of very different lengths. Every step appears once as `a op b = c`,
and the last line is `Answer: c`.
"""

from __future__ import annotations

from dataclasses import dataclass

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.wording import capital

_INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}


@dataclass(frozen=True)
class Step:
    """One computation: why it is done (a clause), `left op right`, and what the result is (a noun phrase)."""

    why: str
    left: int
    op: str
    right: int
    what: str

    @property
    def result(self) -> int:
        """The result, always a whole number that is not negative."""
        if self.op == "/":
            assert self.left % self.right == 0, f"{self.left} / {self.right} is not whole"
            return self.left // self.right
        result = {"+": self.left + self.right, "-": self.left - self.right, "*": self.left * self.right}[self.op]
        assert result >= 0, f"{self.left} {self.op} {self.right} is negative"
        return result

    @property
    def line(self) -> str:
        """The computation as it is written down: `6 * 7 = 42`."""
        return f"{self.left} {self.op} {self.right} = {self.result}"

    @property
    def check(self) -> str:
        """The same computation backwards: `42 / 7 = 6`."""
        return f"{self.result} {_INVERSE[self.op]} {self.right} = {self.left}"


@dataclass(frozen=True)
class Problem:
    """A word problem: the family it belongs to, its question, the steps, and a clause that says the answer."""

    family: str
    question: str
    steps: tuple[Step, ...]
    closing: str

    @property
    def answer(self) -> int:
        """The result of the last step."""
        return self.steps[-1].result

    @property
    def instance(self) -> str:
        """The family with all of its computations."""
        return f"{self.family}: {'; '.join(step.line for step in self.steps)}"


def _bare(problem: Problem, draw: Draw) -> list[str]:
    return [step.line for step in problem.steps]


def _labelled(problem: Problem, draw: Draw) -> list[str]:
    if draw.chance(50):
        return [f"{capital(step.what)}: {step.line}" for step in problem.steps]
    return [f"{step.line} ({step.what})" for step in problem.steps]


_SENTENCES = (
    "{Why}. From this we get {what}: {line}.",
    "{Why}, so we compute {line} for {what}.",
    "Because {why}, we have {line} for {what}.",
    "To find {what}, note that {why}: {line}.",
    "{What}: {why}, and {line}.",
    "{line} gives {what}, since {why}.",
    "Now for {what}. We know that {why}, hence {line}.",
)


def _sentences(problem: Problem, draw: Draw) -> list[str]:
    said = []
    for step, form in zip(problem.steps, draw.sample(_SENTENCES, len(problem.steps)), strict=True):
        words = {"why": step.why, "what": step.what, "Why": capital(step.why), "What": capital(step.what)}
        said.append(form.format(line=step.line, **words))
    return [" ".join(said)] if draw.chance(50) else said


_OPENINGS = (
    "We go through the story in order.",
    "Let us take this one step at a time.",
    "We start with what is known.",
    "The story has to be turned into sums.",
    "Here is how to work it out.",
    "This can be solved without any algebra.",
)
_CHECKS = ("Check: {check}.", "Working backwards, {check}, which fits.", "To be sure: {check}, as the story says.")


def _full(problem: Problem, draw: Draw) -> list[str]:
    lines = [draw.pick(_OPENINGS), *_sentences(problem, draw), capital(problem.closing) + "."]
    if draw.chance(60):
        lines.append(draw.pick(_CHECKS).format(check=problem.steps[-1].check))
    return lines


def worked(problem: Problem, draw: Draw) -> Example:
    """The example of a problem, its answer worked out in one of four manners."""
    manner = draw.pick((_bare, _labelled, _labelled, _sentences, _sentences, _sentences, _full, _full))
    answer = "\n".join([*manner(problem, draw), f"Answer: {problem.answer}"])
    return single("arithmetic", problem.instance, problem.question, answer)
