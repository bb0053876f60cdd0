"""Preference records: the reply that was preferred is the response, the other one is never read."""

from __future__ import annotations

import json

import pytest

from dataselect.pool import ColumnMap, PoolReader
from dataselect.pool.rejects import Unreadable
from dataselect.pool.schema import Content, read_content
from dataselect.records import Example, Message, Reject


def read(record: dict, **columns: str) -> Content:
    return read_content(record, ColumnMap(**columns))


def reason(record: dict, **columns: str) -> str:
    with pytest.raises(Unreadable) as caught:
        read(record, **columns)
    return caught.value.reason


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


USER, ANSWER, SYSTEM = Message("user", "Q"), Message("assistant", "A"), Message("system", "S")
Q, A, BAD = turn("user", "Q"), turn("assistant", "A"), turn("assistant", "bad")

CASES = [
    {"prompt": "Q1?", "completion": "A1 good.", "label": True},
    {"prompt": "Q2?", "completion": "A2 bad.", "label": False},
    {"prompt": "Q3?", "chosen": "A3 good.", "rejected": "A3 bad."},
    {"prompt": [turn("user", "Q4?")], "chosen": [turn("assistant", "A4 good.")], "rejected": [BAD]},
    {"chosen": [turn("user", "Q5?"), turn("assistant", "A5 good.")], "rejected": [turn("user", "Q5?"), BAD]},
    {"prompt": "Q6?", "chosen": [turn("user", "Q6?"), turn("assistant", "A6 good.")], "rejected": [BAD]},
    {
        "conversations": [{"from": "human", "value": "Q7?"}],
        "chosen": {"from": "gpt", "value": "A7 good."},
        "rejected": {"from": "gpt", "value": "bad"},
    },
    {"prompt": [turn("user", "Q8?")], "completion": [turn("assistant", "A8.")]},
    {"instruction": "Q9?", "input": "", "chosen": "A9 good.", "rejected": "bad"},
]


def test_nine_kinds_of_preference_rows(tmp_path):
    (tmp_path / "pool.jsonl").write_text("\n".join(map(json.dumps, CASES)))
    reader = PoolReader([str(tmp_path / "pool.jsonl")])
    items = list(reader)
    told = [
        f"{one.line} {one.reason}" if isinstance(one, Reject) else [(m.role, m.content) for m in one.messages]
        for one in items
    ]
    assert told == [
        [("user", "Q1?"), ("assistant", "A1 good.")],
        "2 unwanted_response",
        [("user", "Q3?"), ("assistant", "A3 good.")],
        [("user", "Q4?"), ("assistant", "A4 good.")],
        [("user", "Q5?"), ("assistant", "A5 good.")],
        [("user", "Q6?"), ("assistant", "A6 good.")],
        [("user", "Q7?"), ("assistant", "A7 good.")],
        [("user", "Q8?"), ("assistant", "A8.")],
        [("user", "Q9?"), ("assistant", "A9 good.")],
    ]
    assert "label is false" in items[1].excerpt
    assert "if it is a class, rename the column" in items[1].excerpt
    assert reader.unread == {"rejected": 6}
    assert reader.notes == ("known columns that are not read: rejected (6 rows)",)


@pytest.mark.parametrize("wrap", [lambda turns: turns, json.dumps])
def test_dialogues_as_lists_and_as_their_json_text(wrap):
    assert read({"chosen": wrap([Q, A]), "rejected": wrap([Q, BAD])}).messages == (USER, ANSWER)
    assert read({"prompt": wrap([Q]), "chosen": wrap([A])}).messages == (USER, ANSWER)
    assert read({"prompt": "Q", "chosen": wrap([Q, A])}).messages == (USER, ANSWER)
    assert read({"question": "Q", "chosen": wrap([A])}).messages == (USER, ANSWER)
    assert read({"messages": wrap([Q]), "chosen": wrap([Q, A])}).messages == (USER, ANSWER)


def test_what_the_reply_repeats_of_the_prompt_is_there_once():
    more = [turn("user", "Q2"), turn("assistant", "A2")]
    longer = (USER, ANSWER, Message("user", "Q2"), Message("assistant", "A2"))
    assert read({"prompt": "Q", "chosen": [Q, A, *more]}).messages == longer
    assert read({"prompt": [Q, A, more[0]], "chosen": [Q, A, *more]}).messages == longer
    assert read({"prompt": [Q, A, more[0]], "chosen": more}).messages == longer
    assert read({"prompt": [Q, A, more[0]], "chosen": [more[1]]}).messages == longer
    assert read({"prompt": [turn("system", "S"), Q], "chosen": [Q, A]}).messages == (SYSTEM, USER, ANSWER)
    assert read({"prompt": "Q", "chosen": [turn("system", "S"), Q, A]}).messages == (SYSTEM, USER, ANSWER)
    assert read({"prompt": " Q\n", "completion": [Q, A]}).messages == (Message("user", " Q\n"), ANSWER)
    assert read({"instruction": "Q", "input": "I", "chosen": [turn("user", "Q\n\nI"), A]}).messages == (
        Message("user", "Q", "I"), ANSWER,
    )  # fmt: skip


def test_a_reply_to_another_prompt_is_refused_by_name():
    assert reason({"prompt": "Q", "chosen": [turn("user", "other"), A]}) == "two_prompts"
    # behind an answer, a user's turn goes on with the dialogue
    assert len(read({"prompt": [Q, A], "completion": [turn("user", "more"), A]}).messages) == 4


@pytest.mark.parametrize("value", [False, "false", "False", 0])
def test_a_completion_that_is_labelled_as_bad_is_refused_by_name(value):
    assert reason({"prompt": "Q", "completion": "A", "label": value}) == "unwanted_response"
    assert reason({"prompt": [Q], "completion": [A], "label": value}) == "unwanted_response"
    if value != 0 or value is False:
        assert reason({"messages": [Q, A], "label": value}) == "unwanted_response"
        assert reason({"instruction": "Q", "output": "A", "kto_tag": value}) == "unwanted_response"


def test_a_label_beside_a_completion_counts_whatever_its_prompt_is_called():
    record = {"query": "Q", "completion": "A"}
    assert reason({**record, "label": False}, prompt="query") == "unwanted_response"
    assert read({**record, "label": True}, prompt="query") == Content((USER, ANSWER))


@pytest.mark.parametrize("value", [True, "true", "True", 1])
def test_a_completion_that_is_labelled_as_good(value):
    assert read({"prompt": "Q", "completion": "A", "label": value}) == Content((USER, ANSWER))


def test_a_completion_without_its_label_is_named():
    assert read({"prompt": "Q", "completion": "A", "label": None}) == Content((USER, ANSWER), unread=("empty label",))
    assert read({"prompt": "Q", "response": "A", "label": None}) == Content((USER, ANSWER))


def test_a_label_that_is_a_class_is_no_verdict():
    assert read({"question": "Q", "answer": "A", "label": 0}) == Content((USER, ANSWER), unread=("label",))
    for value in (True, False, "false", 0):
        for record in ({"instruction": "Q", "output": "A"}, {"prompt": "Q", "response": "A"}):
            assert read({**record, "label": value}) == Content((USER, ANSWER), unread=("label",))
    assert read({"text": "T", "label": False}) == Content(text="T", unread=("label",))
    assert read({"text": "Q", "label": "A"}, prompt="text", response="label") == Content((USER, ANSWER))


def test_the_rejected_reply_is_read_only_where_it_is_mapped():
    record = {"prompt": "Q", "chosen": "no", "rejected": "A"}
    assert read(record, response="rejected") == Content((USER, ANSWER), unread=("chosen",))


def test_a_list_of_turns_as_python_prints_it_is_refused():
    record = {"prompt": "Q", "chosen": "[{'content': 'A', 'role': 'assistant'}]"}
    assert reason({**record, "chosen": "[{'role': 'assistant', 'content': 'A'}]"}) == "wrong_type"
    assert reason(record) == "wrong_type"
    assert read({"prompt": "Q", "completion": '[{"role": "admin"}]'}).messages[1].content == '[{"role": "admin"}]'


def test_a_chosen_reply_without_its_prompt_is_no_dialogue():
    record = {"query": "Q", "chosen": [A], "rejected": [BAD]}
    assert reason(record) == "lone_reply"
    assert read(record, prompt="query").messages == (USER, ANSWER)
    assert reason({"chosen": "\n\nHuman: Q\n\nAssistant: A", "rejected": "B"}) == "lone_reply"


def test_a_prompt_beside_the_dialogue_that_begins_with_it_is_no_loss():
    record = {"prompt": "Q", "messages": [Q, A], "chosen": [Q, A], "rejected": [Q, BAD]}
    assert read(record) == Content((USER, ANSWER), unread=("rejected",))
    assert isinstance(Example("x", "y", record), Example)
