"""Columns that training tools know: read, or named; records that are not what they look like, refused by name."""

from __future__ import annotations

import json

import pytest

from dataselect.pool import ColumnMap, PoolReader
from dataselect.pool.rejects import Unreadable
from dataselect.pool.schema import Content, read_content
from dataselect.records import Message, Reject

USER, ANSWER, SYSTEM = Message("user", "Q"), Message("assistant", "A"), Message("system", "S")
PAIR = {"instruction": "Q", "output": "A"}
TURNS = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
EARLIER = (Message("user", "Q1"), Message("assistant", "A1"))


def read(record: dict, **columns: str) -> Content:
    return read_content(record, ColumnMap(**columns))


def fault(record: dict) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(record)
    return caught.value


def items(path, *lines: str) -> tuple[PoolReader, list]:
    path.write_text("\n".join(lines), encoding="utf-8")
    reader = PoolReader([str(path)])
    return reader, list(reader)


def test_history_stands_before_the_instruction(tmp_path):
    record = {
        "instruction": "And the second one?", "input": "", "output": "The second one is blue.",
        "system": "You are a colour guide.", "history": [["Name a first colour.", "The first one is red."]],
    }  # fmt: skip
    reader, (one,) = items(tmp_path / "pool.json", json.dumps([record]))
    assert one.messages == (
        Message("system", "You are a colour guide."),
        Message("user", "Name a first colour."),
        Message("assistant", "The first one is red."),
        Message("user", "And the second one?"),
        Message("assistant", "The second one is blue."),
    )
    assert reader.unread == {}


@pytest.mark.parametrize(
    "value",
    [
        [["Q1", "A1"]],
        json.dumps([["Q1", "A1"]]),
        [{"role": "user", "content": "Q1"}, {"role": "assistant", "content": "A1"}],
        [{"from": "human", "value": "Q1"}, {"from": "gpt", "value": "A1"}],
    ],
)
@pytest.mark.parametrize("record", [PAIR, {"prompt": "Q", "response": "A"}, {"question": "Q", "answer": "A"}])
def test_every_spelling_of_a_history(record, value):
    assert read({**record, "history": value}) == Content((*EARLIER, USER, ANSWER))


@pytest.mark.parametrize("value", [None, [], "", "[]"])
def test_no_history(value):
    assert read({**PAIR, "history": value}) == Content((USER, ANSWER))


@pytest.mark.parametrize("value", ["said before", [["Q1"]], [[None, "A1"]], [{"user": "Q1"}], 5, ["ab"]])
def test_a_history_in_another_form_is_named(value):
    assert read({**PAIR, "history": value}) == Content((USER, ANSWER), unread=("history",))


def test_the_system_prompt_of_openhermes(tmp_path):
    record = {
        "conversations": [{"from": "human", "value": "Hi there", "weight": None}, {"from": "gpt", "value": "Hello you"}],
        "system_prompt": "Speak like a sailor.", "source": "x", "custom_instruction": False,
    }  # fmt: skip
    expected = (
        Message("system", "Speak like a sailor."), Message("user", "Hi there"), Message("assistant", "Hello you"),
    )  # fmt: skip
    reader, (one,) = items(tmp_path / "pool.json", json.dumps([record]))
    assert one.messages == expected
    assert reader.unread == {}
    (mapped,) = PoolReader([str(tmp_path / "pool.json")], ColumnMap(system="system_prompt"))
    assert mapped == one


@pytest.mark.parametrize("name", ["system", "system_prompt", "system_message", "system_instruction", "sys_prompt"])
@pytest.mark.parametrize("record", [PAIR, {"messages": TURNS}, {"prompt": "Q", "chosen": "A"}])
def test_every_name_of_a_system_column(name, record):
    assert read({**record, name: "S"}) == Content((SYSTEM, USER, ANSWER))


def test_a_system_text_that_is_not_read_is_named():
    assert read({**PAIR, "system": "S", "system_prompt": "other"}) == Content(
        (SYSTEM, USER, ANSWER), unread=("system_prompt",)
    )
    assert read({**PAIR, "system": "S", "system_prompt": "S"}).unread == ()
    own = [{"role": "system", "content": "own"}, *TURNS]
    assert read({"messages": own, "system": "S"}).unread == ("system",)
    assert read({"messages": own, "system": "own"}).unread == ()
    assert read({**PAIR, "system_message": {"role": "system"}}) == Content((USER, ANSWER), unread=("system_message",))


TOOL = {"name": "search", "parameters": {"type": "object"}}


def test_legacy_functions_are_tools():
    expected = ({"type": "function", "function": TOOL},)
    assert read({"messages": TURNS, "functions": [TOOL]}) == Content((USER, ANSWER), tools=expected)
    assert read({"messages": TURNS, "functions": json.dumps([TOOL]), "tools": None}).tools == expected
    assert read({"conversations": TURNS, "tools": json.dumps([TOOL])}).tools == expected
    assert read({"messages": TURNS, "functions": "def f(): ..."}) == Content((USER, ANSWER), unread=("functions",))
    assert read({"messages": TURNS, "tools": [TOOL], "functions": [{"name": "f"}]}).unread == ("functions",)


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ({"rejected": "bad"}, ("rejected",)),
        ({"input": "I", "context": "C"}, ("context",)),
        ({"weight": 0.5}, ("weight",)),
        ({"loss_mask": [0, 1], "masks": [1]}, ("loss_mask", "masks")),
        ({"images": ["a.png"]}, ("images",)),
        ({"thinking": "hm", "rationale": "so"}, ("thinking", "rationale")),
        ({"text": "Q A"}, ("text",)),
        ({"rejected": None, "history": [], "images": [], "context": "", "weight": float("nan")}, ()),
        ({"score": 7, "language": "en", "category": "open"}, ()),
        ({"question": "Q", "text": "A"}, ()),
    ],
)
def test_known_columns_that_are_not_read_are_named(more, unread):
    assert read({**PAIR, **more}).unread == unread


def test_the_context_of_a_question_is_named():
    assert read({"question": "Q", "answer": "A", "context": "C"}) == Content((USER, ANSWER), unread=("context",))
    assert read({"instruction": "Q", "input": "", "context": "C", "response": "A"}) == Content(
        (Message("user", "Q", "C"), ANSWER)
    )


@pytest.mark.parametrize(
    ("turn", "unread"),
    [
        ({"tools": [TOOL]}, ("tools of a turn",)),
        ({"weight": 1}, ("weight of a user's turn",)),
        ({"train": True}, ("train of a user's turn",)),
        ({"weight": 0.5}, ("weight of a user's turn",)),
        ({"weight": 0, "train": "half"}, ("train of a user's turn",)),
        ({"role": "User", "weight": 1}, ("weight of a user's turn",)),
        ({"weight": 0.0}, ()),
        ({"weight": float("nan"), "loss": 0.3, "images": float("nan")}, ()),
        ({"train": False, "tools": None}, ()),
        ({"images": ["a"]}, ("images of a turn",)),
    ],
)
def test_fields_of_turns_that_are_not_read_are_named(turn, unread):
    assert read({"messages": [{**TURNS[0], **turn}, TURNS[1]]}) == Content((USER, ANSWER), unread=unread)


def test_a_reader_counts_what_it_does_not_read_once_per_pass(tmp_path):
    lines = [json.dumps({**PAIR, "id": i, "rejected": "x", **({"history": "?"} if i else {})}) for i in range(3)]
    reader, _ = items(tmp_path / "pool.jsonl", *lines)
    assert reader.unread == {"rejected": 3, "history": 2}
    assert reader.notes == ("known columns that are not read: rejected (3 rows), history (2 rows)",)
    list(reader)
    assert reader.unread == {"rejected": 3, "history": 2}


TREE = {"message_tree_id": "t", "prompt": {"text": "How?", "role": "prompter", "replies": [{"text": "So."}]}}


def test_messages_of_a_tree_are_no_plain_text(tmp_path):
    flat = {"message_id": "m", "parent_id": None, "text": "How does it work?", "role": "prompter", "lang": "en"}
    other = {**flat, "message_id": "n", "parent_id": "m", "text": "Like this.", "role": "assistant"}
    _, rejects = items(tmp_path / "pool.jsonl", *map(json.dumps, (TREE, flat, other)))
    assert [(one.line, one.reason) for one in rejects] == [
        (1, "message_tree"), (2, "lone_message"), (3, "lone_message"),
    ]  # fmt: skip
    assert all("join the messages from the root to a last reply into one dialogue" in one.excerpt for one in rejects)
    assert "--text-column text" in rejects[1].excerpt
    items(tmp_path / "flat.jsonl", *map(json.dumps, (flat, other)))
    as_text = list(PoolReader([str(tmp_path / "flat.jsonl")], ColumnMap(text="text")))
    assert [one.text for one in as_text] == ["How does it work?", "Like this."]


def test_a_text_with_a_role_that_is_none_is_a_text():
    assert read({"text": "T", "role": "narrator"}) == Content(text="T")


@pytest.mark.parametrize("column", ["image", "images", "audio", "video", "videos"])
@pytest.mark.parametrize("place", ["<image>", "<|image|>", "<video>", "<audio_1>"])
def test_a_text_with_a_place_for_an_image_is_refused(column, place):
    assert fault({"instruction": f"{place} What is it?", "output": "A", column: ["a.png"]}).reason == (
        "unsupported_modality"
    )
    assert fault({"text": f"{place} T", column: "a.png"}).reason == "unsupported_modality"
    asked = {"instruction": "Describe", "input": place, "output": "A", column: "a.png"}
    assert fault(asked).reason == "unsupported_modality"
    for nothing in (None, [], ""):
        assert read({"instruction": place, "output": "A", column: nothing}).messages == (Message("user", place), ANSWER)
    assert read({**PAIR, column: ["a.png"]}) == Content((USER, ANSWER), unread=(column,))


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": "Q", "output": float("nan")},
        {"instruction": float("inf"), "output": "A"},
        {"text": float("nan")},
        {"messages": [{"role": "user", "content": float("nan")}]},
        {**PAIR, "system": "S", "input": float("-inf")},
    ],
)
def test_a_number_that_is_none_is_no_text(record):
    assert fault(record).reason == "not_a_number"


@pytest.mark.parametrize("name", ["input", "system", "history", "tools", "images", "rejected", "id"])
def test_a_nan_in_a_column_that_may_be_empty_is_a_gap(name):
    assert read({**PAIR, name: float("nan")}) == Content((USER, ANSWER))


def test_an_id_that_is_nan_is_no_id(tmp_path):
    _, (one, two) = items(tmp_path / "pool.jsonl", *(json.dumps({**PAIR, "id": float("nan"), "n": n}) for n in (1, 2)))
    assert len(one.id) == len(two.id) == 16


def test_the_rows_of_openorca():
    record = {"id": "niv.1", "system_prompt": "S", "question": "Q", "response": "A"}
    assert read(record) == Content((SYSTEM, USER, ANSWER))


def test_a_number_that_is_none_in_a_call_or_a_tool():
    call = {"name": "f", "arguments": {"a": [{"b": float("nan")}]}}
    assert fault({"messages": [{"role": "assistant", "tool_calls": [call]}]}).reason == "bad_tool_call"
    assert fault({**PAIR, "tools": [{"name": "f", "parameters": {"x": float("inf")}}]}).reason == "bad_tools"


def test_dirt_in_json_lines(tmp_path):
    raw = (
        ' {"instruction":"Q","output":"A ok."}  \t\r\n\r\n{"instruction":"Q2","output":"A2 ok."} ,\n'
        '{"instruction":"Q3","output":"A3\u2028still A3"}\n\0\n{"instruction":"Q4","output":NaN}\n'
        '{"instruction":"Q5","output":"A5"}{"instruction":"Q6","output":"A6"}\n'
    )
    (tmp_path / "pool.jsonl").write_bytes(raw.encode())
    found = [
        (one.line, one.reason if isinstance(one, Reject) else one.messages[1].content)
        for one in PoolReader([str(tmp_path / "pool.jsonl")])
    ]
    assert found == [
        (1, "A ok."), (3, "malformed_json"), (4, "A3\u2028still A3"), (5, "malformed_json"), (6, "not_a_number"),
        (7, "malformed_json"),
    ]  # fmt: skip


def test_a_gap_that_a_data_frame_fills_with_nan_leaves_the_other_schema(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert read({"messages": float("nan"), **PAIR}) == Content((USER, ANSWER))
    cells = {"instruction": ["Q", "Q"], "output": pa.array([1.5, float("nan")], from_pandas=False)}
    pq.write_table(pa.table(cells), tmp_path / "pool.parquet")
    first, second = PoolReader([str(tmp_path / "pool.parquet")])
    assert first.messages == (USER, Message("assistant", "1.5"))
    assert (second.line, second.reason) == (2, "not_a_number")
