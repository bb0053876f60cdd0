"""One composed example of the quickstart pool and the record form that its kind is written in.

The four kinds are written in four forms on purpose, because real pools are mixed: `question`/`answer`,
`instruction`/`input`/`output`, `messages`, and `prompt`/`response`. Inside this package every example is a list
of turns, so that one piece of code can cut, exchange or damage the responses of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

KINDS = ("arithmetic", "function", "dialogue", "instruction")


@dataclass(frozen=True)
class Turn:
    """One message: who speaks (`system`, `user` or `assistant`) and what is said."""

    role: str
    content: str


@dataclass(frozen=True)
class Example:
    """One example before it has an id.

    Attributes:
        kind: One of `KINDS`.
        instance: Names what was drawn, whatever the wording: the same story with the same numbers, the same function.
            Two examples of one instance never stand in the same pool, nor one in a pool and one in a target.
        turns: The conversation; single-turn kinds have a user turn and an assistant turn.
        context: What stands in the `input` field of a function record.
        checks: Python expressions that hold once the code of a function response was run.
    """

    kind: str
    instance: str
    turns: tuple[Turn, ...]
    context: str = ""
    checks: tuple[str, ...] = ()

    @property
    def prompt(self) -> str:
        """Everything that is not said by the assistant, one turn per line, with the context."""
        said = [turn.content for turn in self.turns if turn.role != "assistant"]
        return "\n".join([*said, self.context] if self.context else said)

    @property
    def responses(self) -> list[str]:
        """The assistant's turns in order."""
        return [turn.content for turn in self.turns if turn.role == "assistant"]

    @property
    def response(self) -> str:
        """The assistant's turns, one per line."""
        return "\n".join(self.responses)

    def answered(self, responses: Sequence[str]) -> Example:
        """The same example with other assistant turns.

        Args:
            responses: At least one; where there are fewer than the assistant's turns, the conversation ends after the
                last of them.
        """
        turns: list[Turn] = []
        waiting = list(responses)
        for turn in self.turns:
            if turn.role == "assistant":
                turns.append(replace(turn, content=waiting.pop(0)))
            else:
                turns.append(turn)
            if not waiting:
                break
        return replace(self, turns=tuple(turns))

    def record(self, record_id: str) -> dict[str, object]:
        """The JSON record in the form of its kind, with `id` and `kind` first."""
        head: dict[str, object] = {"id": record_id, "kind": self.kind}
        if self.kind == "dialogue":
            return head | {"messages": [{"role": turn.role, "content": turn.content} for turn in self.turns]}
        asked, said = self.turns[0].content, self.turns[-1].content
        if self.kind == "function":
            return head | {"instruction": asked, "input": self.context, "output": said}
        first, second = ("question", "answer") if self.kind == "arithmetic" else ("prompt", "response")
        return head | {first: asked, second: said}


def single(
    kind: str, instance: str, prompt: str, response: str, context: str = "", checks: tuple[str, ...] = ()
) -> Example:
    """An example of one question and one answer."""
    return Example(kind, instance, (Turn("user", prompt), Turn("assistant", response)), context, checks)
