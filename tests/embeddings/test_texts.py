"""What is embedded of an example: turn by turn, with the expected text written out."""

from __future__ import annotations

import pytest

from dataselect.embeddings.texts import text_of
from dataselect.records import Example, Message

CALL = {"type": "function", "function": {"name": "add", "arguments": {"b": 2, "a": 1}}}

DIALOGUE = Example(
    id="d",
    source="pool",
    record={},
    messages=(
        Message("system", "Be brief."),
        Message("user", "Add the numbers.", input="1 and 2"),
        Message("assistant", "", tool_calls=(CALL,)),
        Message("tool", "3"),
        Message("assistant", "It is 3."),
        Message("user", "Thanks."),
    ),
)
CALL_JSON = '{"function":{"arguments":{"a":1,"b":2},"name":"add"},"type":"function"}'


def test_prompt_is_every_turn_but_the_assistants():
    assert text_of(DIALOGUE, "prompt") == "Be brief.\n\nAdd the numbers.\n\n1 and 2\n\n3\n\nThanks."


def test_response_is_every_assistant_turn_with_tool_calls_as_json():
    assert text_of(DIALOGUE, "response") == f"{CALL_JSON}\n\nIt is 3."


def test_both_keeps_the_order_of_the_dialogue():
    expected = f"Be brief.\n\nAdd the numbers.\n\n1 and 2\n\n{CALL_JSON}\n\n3\n\nIt is 3.\n\nThanks."
    assert text_of(DIALOGUE, "both") == expected


@pytest.mark.parametrize("part", ["prompt", "response", "both"])
def test_plain_text_is_itself_whatever_is_asked_for(part):
    assert text_of(Example("t", "pool", {}, text=" Once upon a time.\n"), part) == "Once upon a time."


def test_nothing_but_white_space_is_no_text():
    example = Example("e", "pool", {}, messages=(Message("user", " \n"), Message("assistant", "Yes.")))
    assert text_of(example, "prompt") == ""
    assert text_of(example, "both") == "Yes."
