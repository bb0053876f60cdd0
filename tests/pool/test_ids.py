import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataselect.pool import PoolReader
from dataselect.pool.ids import HashSet, IdAssigner, content_id, own_id
from dataselect.pool.rejects import Unreadable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_content_id_by_hand():
    canonical = '{"answer":"é","question":1}'
    expected = hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]
    assert content_id({"question": 1, "answer": "é"}) == expected
    assert content_id({"answer": "é", "question": 1, "_dataselect": {"rank": 1}}) == expected
    assert content_id({"answer": "é", "question": 1.0}) != expected


PINNED = [
    ({"instruction": "Add.", "input": "1 1", "output": "2"}, "bb596c4c3b017d07"),
    ({"output": "2", "instruction": "Add.", "input": "1 1"}, "bb596c4c3b017d07"),
    ({"prompt": "Ça va ?", "response": "日本語 😀 é e\u0301"}, "8e8ac8373676181f"),
    ({"text": 'a\tb\nc\\d"e/f\x7f\x00\u2028\ufeff'}, "bf36bcbe8eaa135b"),
    ({"question": 1, "answer": 1.0, "score": -0.0, "big": 10**30}, "3ad7a054161f2165"),
    (
        {"a": 1e16, "b": 1e-7, "c": 0.1, "d": 123456789.123456789, "e": math.inf, "f": math.nan},
        "3771cbed35cec79d",
    ),
    (
        {
            "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": []}],
            "z": {},
        },
        "1a8a74f5b35bba41",
    ),
    ({"é": True, "e": False, "Z": None, "z": [[], {}, [1, [2, {"b": 1, "a": 2}]]]}, "5a14af1d011fb0c3"),
    ({"": "", " ": " ", "10": 1, "9": 2, "\U0001f600": 3, "\uffff": 4}, "9ae5a4227af06aa5"),
    ({"text": "same", "_dataselect": {"id": "x", "rank": 3}}, "658f3b3128f10548"),
]


@pytest.mark.parametrize(("record", "expected"), PINNED)
def test_content_ids_are_the_same_in_every_version(record, expected):
    # score tables, embeddings and selections are joined by these: a change here orphans every file ever written
    assert content_id(record) == expected


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_content_id_survives_writing_and_the_order_of_columns(record):
    again = json.loads(json.dumps(dict(reversed(record.items()))))
    assert content_id(again) == content_id(record)
    assert len(content_id(record)) == 16


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (5, "5"),
        (0, "0"),
        (2.5, "2.5"),
        (True, "true"),
        (None, None),
        ("", None),
        (" ", None),
        ("a b", "a b"),
    ],
)
def test_own_ids_as_text(value, text):
    assert own_id({"id": value}, "id") == text


def test_a_record_without_the_column_has_no_own_id():
    assert own_id({"key": 1}, "id") is None
    assert own_id({"key": 1}, "key") == "1"


@pytest.mark.parametrize(
    ("value", "reason"),
    [([1], "wrong_type"), ({}, "wrong_type"), ("a\nb", "bad_id"), ("a\u2028b", "bad_id"), ("\0", "bad_id")],
)
def test_ids_that_are_refused(value, reason):
    with pytest.raises(Unreadable) as caught:
        own_id({"id": value}, "id")
    assert caught.value.reason == reason


@given(st.lists(st.integers(1, 2**64 - 1) | st.integers(1, 300) | st.integers(2**64 - 300, 2**64 - 1), max_size=300))
def test_the_hash_set_agrees_with_a_set(numbers):
    table, truth = HashSet(smallest=8), set()
    for number in numbers:
        assert table.add(number) == (number not in truth)
        truth.add(number)
    assert len(table) == len(truth)
    assert not any(table.add(number) for number in truth)


def test_the_hash_set_holds_numbers_that_all_live_at_its_end():
    table = HashSet()
    numbers = range(2**64 - 1500, 2**64)
    assert all(table.add(number) for number in numbers)
    assert not any(table.add(number) for number in numbers)


def test_the_hash_set_takes_at_most_17_bytes_per_number():
    table = HashSet()
    for count, number in enumerate(
        np.random.default_rng(0).integers(1, 2**64, 100_000, dtype=np.uint64, endpoint=False).tolist(), 1
    ):
        table.add(number)
        assert count < 5000 or table.nbytes <= 17.5 * count


def test_copies_are_numbered_in_order():
    ids = IdAssigner()
    assert [ids.name(c) for c in "abaab"] == ["a", "b", "a-2", "a-3", "b-2"]


def test_a_number_that_an_own_id_has_taken_is_passed_over():
    ids = IdAssigner()
    assert ids.take("a-2")
    assert [ids.name("a"), ids.name("a"), ids.name("a")] == ["a", "a-3", "a-4"]
    assert not ids.take("a-4")


def test_numbers_that_are_not_finite_name_a_record_too():
    values = [math.inf, -math.inf, math.nan, 10**400]
    assert len({content_id({"x": value}) for value in values}) == 4


def test_a_selection_read_as_a_pool_keeps_its_ids(tmp_path):
    # a kept duplicate, a prefixed own id, and a record that two selections hold
    rows = [
        {"prompt": "a", "response": "b", "_dataselect": {"id": "0123456789abcdef-2", "rank": 1}},
        {"id": 7, "prompt": "c", "response": "d", "_dataselect": {"id": "one.jsonl:7", "rank": 2}},
        {"id": 7, "prompt": "e", "response": "f", "_dataselect": {"id": "two.jsonl:7", "rank": 3}},
    ]
    for name in ("first", "second"):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first = [one.id for one in PoolReader([str(tmp_path / "first.jsonl")])]
    assert first == ["0123456789abcdef-2", "one.jsonl:7", "two.jsonl:7"]
    both = [one.id for one in PoolReader([str(tmp_path / "first.jsonl"), str(tmp_path / "second.jsonl")])]
    assert both[3:] == [f"{name}-2" for name in first]
