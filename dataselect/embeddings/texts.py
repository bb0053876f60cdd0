"""What of an example is embedded, as one text.

    prompt     every turn that is not the assistant's: its content and input
    response   every assistant turn: its content, then each tool call as JSON
    both       all turns, in the order of the dialogue

Turns are joined by blank lines; roles and templates stay out, because the words of a template would make all texts
alike. Plain text is the text itself, whichever was asked for. The default is `prompt`: a target set stands for a task,
and what shows the task is what is asked. Tool definitions are left out.
"""

from __future__ import annotations

from typing import Literal

from dataselect.artifacts import canonical_json
from dataselect.records import Example, Message

EmbedText = Literal["prompt", "response", "both"]


def text_of(example: Example, embed_text: EmbedText) -> str:
    """The text to embed, without white space around it; empty if the example has none."""
    if example.text is not None:
        return example.text.strip()
    wanted = [turn for turn in example.messages if embed_text == "both" or _part(turn) == embed_text]
    parts = [part.strip() for turn in wanted for part in (turn.full_content, *map(canonical_json, turn.tool_calls))]
    return "\n\n".join(part for part in parts if part)


def _part(turn: Message) -> EmbedText:
    return "response" if turn.role == "assistant" else "prompt"
