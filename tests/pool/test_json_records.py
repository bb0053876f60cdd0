import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.pool.columns import ColumnMap
from dataselect.pool.json_records import read_json, read_jsonl
from dataselect.pool.json_text import DEEPEST, JsonWindow, depth, parse
from dataselect.pool.rejects import RawRecord, Unreadable
from dataselect.pool.schema import is_record

QA = {"question": "Q", "answer": "A"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def lines(data: bytes) -> list[RawRecord]:
    return list(read_jsonl(io.BytesIO(data)))


def document(data: bytes | str) -> list[RawRecord]:
    raw = data.encode() if isinstance(data, str) else data
    return list(read_json(io.BytesIO(raw), lambda record: is_record(record, ColumnMap())))


def outcome(rows: list[RawRecord]) -> list[tuple[int, str]]:
    return [(row.line, row.fault) for row in rows]


def test_only_a_line_feed_ends_a_line():
    text = "a\u2028b\u2029c\x85d\x0be"
    raw = json.dumps({"text": text}, ensure_ascii=False).replace("\\u000b", "\\u000b")
    assert lines(f"\ufeff{raw}\r\n\n  \n{raw}".encode()) == [RawRecord(1, {"text": text}), RawRecord(4, {"text": text})]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b'{"a": ', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b'{"a": 1}{"b": 2}', "malformed_json"),
        (b"9" * 5000, "malformed_json"),
        (b'{"a": "tab\there"}', "malformed_json"),
        (b'\xef\xbb\xbf{"a": 1}', "malformed_json"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "not_utf8"),
        (rb'{"a": "\ud800"}', "lone_surrogate"),
        (rb'{"\uDC00": 1}', "lone_surrogate"),
        (b"[" * 100_000, "too_deep"),
        (b"[" * 201 + b"]" * 201, "too_deep"),
    ],
)
def test_a_line_that_cannot_be_parsed_costs_only_itself(raw, fault):
    good = json.dumps(QA).encode()
    assert outcome(lines(b"\n".join([good, raw, good]))) == [(1, ""), (2, fault), (3, "")]


def test_what_looks_suspicious_and_is_not():
    assert parse('"\\ud83d\\ude00"') == "\U0001f600"
    assert parse("[" * DEEPEST + "]" * DEEPEST)
    flat = json.dumps([{"a": "[[[["}] * 500)
    assert parse(flat) == [{"a": "[[[["}] * 500
    assert depth('[{"a": "[\\"[[", "b": [1]}]') == 3


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_records(indent):
    rows = document(json.dumps([QA, QA], indent=indent))
    assert rows == [RawRecord(2 if indent else 1, QA), RawRecord(6 if indent else 1, QA)]
    assert document("\ufeff [ ] ") == []


def test_an_object_that_holds_the_array():
    held = {"version": 1, "licences": [{"id": 1}, {"id": 2}], "empty": [], "data": [QA, QA], "n": [2]}
    assert [row.value for row in document(json.dumps(held))] == [QA, QA]
    twice = document(json.dumps({"data": [QA], "test": [QA]}))
    assert [row.fault for row in twice] == ["", "rest_unreadable"]
    assert "test" in twice[1].value


@pytest.mark.parametrize(
    "record",
    [
        QA,
        {"messages": [{"role": "user", "content": "Q"}]},
        {**QA, "sources": [{"text": "x"}]},
        {"tags": ["a", 1, [2]], **QA},
        {"a": 1},
        {},
    ],
)
def test_one_object_is_one_record(record):
    assert document(json.dumps(record, indent=1)) == [RawRecord(1, record)]


def test_json_lines_under_the_name_of_json():
    assert document("\n".join([json.dumps(QA)] * 3)) == [RawRecord(1, QA), RawRecord(2, QA), RawRecord(3, QA)]


GOOD = '{"text": 1}'


@pytest.mark.parametrize(
    ("middle", "fault"),
    [
        ("{'a': 1}", "malformed_json"),
        ('{"a": 1,}', "malformed_json"),
        ('{"a": "\\}x{]"; [1 2], {"b": "\t"}}', "malformed_json"),
        ("[" * 5000 + "]" * 5000, "too_deep"),
        ("[" * 201 + "]" * 201, "too_deep"),
        ('{"a": ' + "9" * 5000 + "}", "malformed_json"),
        ('{"a": "\\ud800"}', "lone_surrogate"),
    ],
)
@pytest.mark.parametrize("pattern", ["[\n{0},\n{1},\n{0}]", '{{"data": [{0},\n\n{1},\n{0}]}}', "{0}\n\n{1}\n{0}"])
def test_a_record_whose_brackets_add_up_costs_only_itself(middle, fault, pattern):
    rows = document(pattern.format(GOOD, middle))
    first = 2 if pattern[0] == "[" else 1
    third = first + 1 if pattern[0] == "[" else first + 2
    assert outcome(rows) == [(first, ""), (third, fault), (third + 1, "")]


def test_bytes_that_are_not_utf8_cost_only_their_record():
    rows = document(b'[{"a": 1},\n{"a": "\xff"},\n{"a": 3}]')
    assert outcome(rows) == [(1, ""), (2, "not_utf8"), (3, "")]
    assert document(b'{"a": "\xff", "question": "Q"}')[0].fault == "not_utf8"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[{"a": 1},\n{"a": 2', 2),
        ('[{"a": 1},\n{"a": "2]}', 2),
        ('[{"a": 1},\n{"a": 2]', 2),
        ('[{"a": 1}\n', 2),
        ('[{"a": 1}\n{"a": 2}]', 2),
        ('[{"a": 1},\n nonsense, {"a": 3}]', 2),
        ('[{"a": 1}\n]]', 2),
        ('{"question": 1,\n "answer" 2}', 2),
        ('{"data": [{"text": "a"}],\n "data2', 2),
        ("hello", 1),
    ],
)
def test_where_the_text_cannot_be_divided_the_rest_is_one_row(text, line):
    assert outcome(document(text))[-1] == (line, "rest_unreadable")
    assert [row.fault for row in document(text)].count("rest_unreadable") == 1


@settings(max_examples=60)
@given(st.lists(JSON, max_size=5), st.integers(1, 40), st.sampled_from([None, 1]))
def test_the_window_agrees_with_the_standard_parser_at_any_chunk(values, chunk, indent):
    window = JsonWindow(
        io.BytesIO(json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "replace")), chunk
    )
    truth = json.loads(json.dumps(values, ensure_ascii=False).encode("utf-8", "replace"))
    assert window.take("[")
    for index, value in enumerate(truth):
        assert index == 0 or window.take(",")
        window.peek()
        assert window.value() == value
    assert window.take("]")
    assert window.peek() == ""


@pytest.mark.parametrize("chunk", range(1, 12))
def test_a_fault_is_the_same_at_any_chunk(chunk):
    window = JsonWindow(io.BytesIO(b'[{"a": "\\\\\\"{", b: [1]}, \xc3\xa9{"c": -1.5e3}'), chunk)
    assert window.take("[")
    with pytest.raises(Unreadable) as caught:
        window.value()
    assert caught.value.reason == "malformed_json"
    assert window.take(",")
    assert window.take("é")
    assert window.value() == {"c": -1500.0}


@settings(max_examples=300)
@given(st.text('[]{}",:\\ 1ea\n', max_size=40), st.sampled_from(["", "[", '[{"text": 1},', '{"data": [', '{"a": 1']))
def test_any_text_gives_rows_and_at_most_one_that_says_the_rest_is_lost(text, start):
    rows = document(start + text)
    assert all(row.fault != "rest_unreadable" for row in rows[:-1])
    assert sorted(row.line for row in rows) == [row.line for row in rows]
    try:
        value = json.loads(start + text)
    except ValueError:
        return
    assert not any(row.fault for row in rows)
    if not isinstance(value, dict):
        assert [row.value for row in rows] == (value if isinstance(value, list) else [value])
    elif [row.value for row in rows] != [value]:
        assert [row.value for row in rows] in value.values()


@given(
    before=st.text(" \t\r\n\x0b\xa0", max_size=3),
    value=JSON.map(json.dumps) | st.sampled_from(["", "{", "NaN", "1 2"]),
    behind=st.text(" \t\r\n\x0c,}", max_size=3),
)
def test_parse_takes_exactly_what_the_standard_parser_takes(before, value, behind):
    text = before + value + behind
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(Unreadable, match="malformed_json"):
            parse(text)
    else:
        assert json.dumps(parse(text)) == json.dumps(expected)
