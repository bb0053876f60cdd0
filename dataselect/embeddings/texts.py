"""The text of an example that is embedded: its prompt, its response, or both.

    prompt     every turn that is no response: its content and input
    response   every assistant turn that is trained: its content, then each tool call as JSON
    both       all turns, in the order of the dialogue

Turns are joined by blank lines; roles and templates stay out, because the words of a template would make all texts
alike. Plain text is the text itself, whichever was asked for. The default is `prompt`: a target set represents a task,
and the question shows the task. Tool definitions are left out.
"""

from __future__ import annotations

from typing import Literal

from dataselect.artifacts import canonical_json
from dataselect.records import Example

EmbedText = Literal["prompt", "response", "both"]


def text_of(example: Example, embed_text: EmbedText) -> str:
    """The text to embed, without white space around it; empty if the example has none."""
    if example.text is not None:
        return example.text.strip()
    responses = embed_text == "response"
    wanted = [turn for turn in example.messages if embed_text == "both" or turn.is_response == responses]
    parts = [part.strip() for turn in wanted for part in (turn.full_content, *map(canonical_json, turn.tool_calls))]
    return "\n\n".join(part for part in parts if part)
