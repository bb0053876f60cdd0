import json

import pytest

from dataselect.pool import ColumnMap
from dataselect.pool.rejects import Unreadable
from dataselect.pool.schema import Content, read_content
from dataselect.records import Message

USER, ANSWER = Message("user", "Q"), Message("assistant", "A")


def read(record, **columns) -> Content:
    return read_content(record, ColumnMap(**columns))


def reason(record, **columns) -> str:
    with pytest.raises(Unreadable) as caught:
        read(record, **columns)
    return caught.value.reason


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "Q", "output": "A"},
        {"instruction": "Q", "input": "", "output": "A"},
        {"instruction": "Q", "input": None, "output": "A"},
        {"instruction": "Q", "response": "A"},
        {"instruction": "Q", "output": None, "response": "A"},
        {"prompt": "Q", "response": "A"},
        {"prompt": "Q", "completion": "A"},
        {"question": "Q", "answer": "A"},
        {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
        {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
        {"conversations": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]},
        {"messages": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
        {"messages": json.dumps([{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}])},
        {"prompt": [{"role": "user", "content": "Q"}], "completion": [{"role": "assistant", "content": "A"}]},
        {"messages": "", "text": "", "question": "Q", "answer": "A"},
        # a table that mixes schemas fills its gaps with nulls
        {"messages": None, "text": None, "instruction": None, "question": "Q", "answer": "A", "output": None},
    ],
)
def test_every_schema_of_a_question_and_an_answer(record):
    assert read(record) == Content((USER, ANSWER))


def test_a_second_response_is_not_read_and_named():
    record = {"instruction": "Q", "response": "not this", "output": "A"}
    assert read(record) == Content((USER, ANSWER), unread=("response",))
    assert read({**record, "output": ""}) == Content((USER, Message("assistant", "not this")))


def test_the_input_of_alpaca_and_the_context_of_dolly_stay_apart_from_the_instruction():
    assert read({"instruction": "Q", "input": "I", "output": "A"}).messages[0] == Message("user", "Q", "I")
    assert read({"instruction": "Q", "context": "I", "response": "A"}).messages[0] == Message("user", "Q", "I")


def test_plain_text():
    assert read({"text": "once"}) == Content(text="once")
    assert read({"text": None}) == Content(text="")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (5, "5"), (1.50, "1.5"), (1e22, "1e+22"), (True, "true"), (-0.0, "-0.0"), ("5", "5")],
)
def test_numbers_become_the_text_that_json_prints(value, text):
    assert read({"question": "Q", "answer": value}).messages[1].content == text


@pytest.mark.parametrize("value", [[1], ["a"], [], {"a": 1}, {}])
def test_lists_and_objects_are_no_text(value):
    assert reason({"instruction": "Q", "output": value}) == "wrong_type"
    assert reason({"text": value}) == "wrong_type"


@pytest.mark.parametrize("record", [{}, {"a": 1}, {"prompt": "Q"}, {"instruction": "Q"}, {"output": "A"}])
def test_unknown_schema_shows_the_columns(record):
    with pytest.raises(Unreadable) as caught:
        read(record)
    assert caught.value.reason == "unknown_schema"
    assert all(name in caught.value.shown for name in record)


def test_the_system_column_is_the_system_turn_of_a_dialogue_that_has_none():
    turns = [{"role": "user", "content": "Q"}]
    assert read({"prompt": "Q", "response": "A", "system": "S"}).messages == (Message("system", "S"), USER, ANSWER)
    assert read({"messages": turns, "system": "S"}).messages == (Message("system", "S"), USER)
    assert read({"messages": turns, "system": " "}).messages == (USER,)
    own = [{"role": "system", "content": "own"}, *turns]
    assert read({"messages": own, "system": "S"}).messages == (Message("system", "own"), USER)
    assert reason({"messages": turns, "system": ["S"]}) == "wrong_type"


@pytest.mark.parametrize("chosen", [{"from": "gpt", "value": "A"}, "A", [{"role": "assistant", "content": "A"}]])
def test_the_chosen_reply_ends_a_dialogue_that_has_none(chosen):
    record = {"conversations": [{"from": "human", "value": "Q"}], "chosen": chosen, "rejected": "no"}
    assert read(record).messages == (USER, ANSWER)
    record["conversations"] = [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "own"}]
    assert read(record).messages == (USER, Message("assistant", "own"))


def test_a_dialogue_without_a_reply_is_readable():
    assert read({"messages": [{"role": "user", "content": "Q"}]}).messages == (USER,)


def test_mapped_columns_override_detection():
    record = {"instruction": "no", "output": "no", "ask": "Q", "reply": "A", "rules": "S", "story": "T"}
    assert read(record, prompt="ask", response="reply").messages == (USER, ANSWER)
    assert read(record, prompt="ask", response="reply", system="rules").messages[0] == Message("system", "S")
    assert read(record, text="story") == Content(text="T", unread=("instruction", "output"))
    assert read(record, response="reply").messages == (Message("user", "no"), ANSWER)
    assert read({"ask": "Q", "answer": "A"}, prompt="ask").messages == (USER, ANSWER)
    assert read({"talk": [{"role": "user", "content": "Q"}]}, prompt="talk").messages == (USER,)


def test_a_mapped_prompt_called_text_is_a_prompt():
    assert read({"text": "Q", "label": "A"}, prompt="text", response="label").messages == (USER, ANSWER)


def test_a_mapped_response_replaces_the_reply_of_a_dialogue():
    record = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "own"}], "rejected": "A"}
    assert read(record, response="rejected").messages == (USER, ANSWER)
    record["rejected"] = None
    assert read(record, response="rejected").messages == (USER, Message("assistant", ""))


def test_a_record_without_a_mapped_column_is_told():
    assert reason({"prompt": "Q", "response": "A"}, response="reply") == "missing_column"
    assert reason({"ask": "Q"}, prompt="ask") == "unknown_schema"


TOOL = {"name": "search", "parameters": {"type": "object"}}
WRAPPED = {"type": "function", "function": TOOL}


@pytest.mark.parametrize(
    "value", [[TOOL], TOOL, [WRAPPED], json.dumps([TOOL]), json.dumps(WRAPPED), [json.dumps(TOOL)]]
)
def test_tools_in_any_spelling(value):
    assert read({"prompt": "Q", "response": "A", "tools": value}).tools == (WRAPPED,)


@pytest.mark.parametrize("value", [None, "", " ", [], "[]"])
def test_no_tools(value):
    assert read({"prompt": "Q", "response": "A", "tools": value}).tools == ()


@pytest.mark.parametrize("value", ["hammer", 5, [5], ["hammer"], "[1"])
def test_tools_that_are_none(value):
    assert reason({"prompt": "Q", "response": "A", "tools": value}) == "bad_tools"
