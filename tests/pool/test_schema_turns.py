import json

import pytest

from dataselect.pool.faults import Unreadable
from dataselect.pool.turns import read_turns
from dataselect.records import Message

CALL = {"name": "area", "arguments": {"radius": 3}}
NORMAL = {"type": "function", "function": CALL}


def turns(*given):
    return read_turns(list(given), "messages")


def reason(value) -> str:
    with pytest.raises(Unreadable) as caught:
        read_turns(value, "messages")
    return caught.value.reason


def test_sharegpt_roles():
    names = ["system", "human", "function_call", "observation", "gpt", "Tool", " USER "]
    assert [m.role for m in turns(*({"from": name, "value": "x"} for name in names))] == [
        "system", "user", "assistant", "tool", "assistant", "tool", "user",
    ]  # fmt: skip


def test_the_first_field_that_is_not_null_counts():
    turn = {"role": None, "from": "human", "content": None, "value": "Q", "tool_calls": None, "name": None}
    assert turns(turn) == (Message("user", "Q"),)
    assert turns({"role": "user", "content": None}) == (Message("user", ""),)
    assert turns({"role": "user", "content": 5}) == (Message("user", "5"),)


def test_a_name_is_kept():
    assert turns({"role": "tool", "content": "7", "name": "area"}) == (Message("tool", "7", name="area"),)


@pytest.mark.parametrize(
    "turn",
    [
        {"from": "function_call", "value": json.dumps(CALL)},
        {"from": "function_call", "value": json.dumps({"name": "area", "arguments": '{"radius": 3}'})},
        {"from": "function_call", "value": CALL},
        {"from": "function_call", "value": json.dumps({"name": "area", "parameters": {"radius": 3}})},
        {"role": "assistant", "content": None, "tool_calls": [NORMAL]},
        {"role": "assistant", "tool_calls": [{"id": "1", **NORMAL}]},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "assistant", "content": "", "function_call": {"name": "area", "arguments": '{"radius": 3}'}},
        {"role": "assistant", "content": [{"type": "tool_call", "value": json.dumps(CALL)}]},
        {"role": "assistant", "content": [{"type": "tool_call", **CALL}]},
    ],
)
def test_every_spelling_of_a_tool_call(turn):
    assert turns(turn) == (Message("assistant", "", tool_calls=(NORMAL,)),)


def test_several_calls_in_one_turn():
    assert turns({"from": "function_call", "value": json.dumps([CALL, CALL])})[0].tool_calls == (NORMAL, NORMAL)


@pytest.mark.parametrize(
    "value", ["area(3)", '{"radius": 3}', '["x"]', '{"name": ""}', '{"name": "a", "arguments": [1]}']
)
def test_a_function_call_that_spells_out_no_call_stays_text(value):
    assert turns({"from": "function_call", "value": value}) == (Message("assistant", value),)


def test_a_call_and_the_reply_behind_it_both_stay():
    read = turns({"from": "function_call", "value": json.dumps(CALL)}, {"from": "gpt", "value": "done"})
    assert read == (Message("assistant", "", tool_calls=(NORMAL,)), Message("assistant", "done"))


def test_a_call_without_arguments_has_empty_ones():
    read = turns({"role": "assistant", "tool_calls": [{"name": "now"}, {"name": "now", "arguments": ""}]})
    assert [call["function"]["arguments"] for call in read[0].tool_calls] == [{}, {}]


@pytest.mark.parametrize("call", [5, {}, {"name": 5}, "text", {"name": "a", "arguments": "{"}, {"function": None}])
def test_stated_calls_that_are_none(call):
    assert reason([{"role": "assistant", "tool_calls": [call]}]) == "bad_tool_call"


def test_parts_are_joined_with_reasoning_in_its_place():
    parts = [
        {"type": "reasoning", "value": "hm"},
        {"type": "text", "text": "It is "},
        {"type": "text", "value": "7"},
        "!",
        {"type": "tool_call", "value": json.dumps(CALL)},
    ]
    message = Message("assistant", "<think>\nhm\n</think>\n\nIt is 7!", tool_calls=(NORMAL,))
    assert turns({"role": "assistant", "content": parts}) == (message,)
    thinking = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "It is 7!"}]
    assert turns({"role": "assistant", "content": thinking})[0].content == message.content
    separate = {"role": "assistant", "content": "It is 7!", "reasoning_content": "hm"}
    assert turns(separate)[0].content == message.content


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "empty_dialogue"),
        ("", "empty_dialogue"),
        (None, "empty_dialogue"),
        (5, "wrong_type"),
        ({"role": "user"}, "wrong_type"),
        ("not json", "malformed_json"),
        (["hello"], "wrong_type"),
        ([{"role": "narrator", "content": "x"}], "unknown_role"),
        ([{"content": "x"}], "unknown_role"),
        ([{"role": ["user"], "content": "x"}], "unknown_role"),
        ([{"role": "user"}], "missing_content"),
        ([{"role": "user", "content": {"text": "x"}}], "wrong_type"),
        ([{"role": "user", "content": [{"type": "image", "url": "x"}]}], "unsupported_part"),
        ([{"role": "user", "content": [5]}], "unsupported_part"),
        ([{"role": "user", "content": [{"type": "text"}]}], "missing_content"),
        ([{"role": "user", "content": [{"type": "text", "text": ["x"]}]}], "wrong_type"),
    ],
)
def test_what_cannot_be_read(value, expected):
    assert reason(value) == expected
