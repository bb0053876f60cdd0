import hashlib
import io
import json
import os
import re
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataselect.errors import PoolError, UsageError
from dataselect.pool import ColumnMap, PoolReader, ids
from dataselect.records import Example, Message, Reject


def write(path: Path, *records: object) -> str:
    """A JSONL file; text is written as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return str(path)


def qa(number: int, **more: object) -> dict[str, object]:
    return {"question": f"Q{number}", "answer": f"A{number}", **more}


def names(*paths: str, **options) -> list[str]:
    return [item.id for item in PoolReader(paths, **options)]


def refusal(*paths: str, **options) -> PoolError:
    with pytest.raises(PoolError) as caught:
        list(PoolReader(paths, **options))
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_example_keeps_its_record_as_it_came(tmp_path):
    record = qa(1, id=7, _dataselect={"rank": 1}, score=0.5)
    (item,) = PoolReader([write(tmp_path / "a.jsonl", record)])
    assert item == Example("7", "a.jsonl", record, (Message("user", "Q1"), Message("assistant", "A1")), line=1)


def test_every_line_is_an_example_or_a_reject_that_says_where_and_why(tmp_path):
    path = write(
        tmp_path / "a.jsonl", qa(1), "{bad", "", "5", {"x": 1, "y\n": 2}, qa(2, id=[1]), {"text": ["a"]}, qa(3)
    )
    items = list(PoolReader([path]))
    assert [item.reason for item in items if isinstance(item, Reject)] == [
        "malformed_json", "not_an_object", "unknown_schema", "wrong_type", "wrong_type",
    ]  # fmt: skip
    assert [item.line for item in items if isinstance(item, Reject)] == [2, 4, 5, 6, 7]
    assert items[1] == Reject("a.jsonl", 2, "malformed_json", "{bad")
    assert items[3].excerpt == "columns: x, y\\n"
    assert len(items) == 7


@pytest.mark.parametrize("text", ["x" * 5000, "\t" * 5000, "\ud800" * 99, "é\n" * 300])
def test_an_excerpt_is_one_short_printable_line(tmp_path, text):
    (_, reject) = PoolReader([write(tmp_path / "a.jsonl", qa(1), json.dumps([text]))])
    assert len(reject.excerpt) <= 200
    assert reject.excerpt.isprintable()


def test_hostile_records_are_read_or_rejected(tmp_path):
    deep = "[" * 5000 + "]" * 5000
    inner = json.dumps({"name": "f", "arguments": {"a": "\ud800"}})
    path = write(
        tmp_path / "a.jsonl",
        f'{{"text": {deep}}}',
        {"messages": deep},
        json.dumps({"text": "\ud800"}),
        '{"text": "a", "n": 1e999, "m": NaN}',
        '{"text": ' + "9" * 5000 + "}",
        {"text": "y" * 1_500_000},
        {"text": "a\0b"},
        {"conversations": [{"from": "function_call", "value": inner}]},
        {"messages": [{"role": "user", "content": "Q"}], "tools": deep},
    )
    items = list(PoolReader([path]))
    assert [item.reason if isinstance(item, Reject) else "read" for item in items] == [
        "too_deep", "too_deep", "lone_surrogate", "read", "malformed_json", "read", "read", "read", "too_deep",
    ]  # fmt: skip
    assert len(items[5].text) == 1_500_000
    assert items[6].text == "a\0b"
    assert items[7].messages[0].content == inner


def test_a_source_is_named_by_the_shortest_end_of_its_path(tmp_path):
    paths = [write(tmp_path / p, qa(i)) for i, p in enumerate(["x/a/p.jsonl", "y/a/p.jsonl", "z/b/p.jsonl", "q.jsonl"])]
    sources = ["x/a/p.jsonl", "y/a/p.jsonl", "b/p.jsonl", "q.jsonl"]
    assert [item.source for item in PoolReader(paths)] == sources
    assert [one["source"] for one in PoolReader(paths).inputs] == sources


def test_names_do_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    paths = [write(tmp_path / p, qa(i)) for i, p in enumerate(["a/p.jsonl", "b/p.jsonl"])]
    monkeypatch.chdir(tmp_path / "a")
    assert [item.source for item in PoolReader(["p.jsonl", "../b/p.jsonl"])] == ["a/p.jsonl", "b/p.jsonl"]
    assert PoolReader(["p.jsonl", "../b/p.jsonl"]).inputs == PoolReader(paths).inputs


def test_inputs_hold_the_digest_of_the_content(tmp_path):
    path = Path(write(tmp_path / "a.jsonl", qa(1)))
    assert PoolReader([str(path)]).inputs == [
        {"source": "a.jsonl", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    ]


def test_sources_that_are_not_there_empty_or_twice(tmp_path, monkeypatch):
    path = write(tmp_path / "a.jsonl", qa(1))
    (tmp_path / "link.jsonl").symlink_to(path)
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "blank.jsonl").write_text("\n \n")
    (tmp_path / "none.json").write_text("[]")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "pool.xlsx").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert "missing.jsonl does not exist" in str(refusal("missing.jsonl"))
    assert "does not exist" in str(refusal("/no/such/folder"))
    assert "twice" in str(refusal(path, "a.jsonl"))
    assert "twice" in str(refusal(path, "link.jsonl"))
    assert "twice" in str(refusal("-", "-"))
    assert "format" in str(refusal("pool.xlsx"))
    assert "no pool" in str(refusal())
    for name in ("empty.jsonl", "blank.jsonl", "none.json", "header.csv"):
        assert name in str(refusal(path, name))


def test_an_empty_source_is_told_before_the_first_item(tmp_path):
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(PoolError, match=r"b\.json"):
        iter(PoolReader([write(tmp_path / "a.jsonl", qa(1)), str(tmp_path / "b.json")], limit=1))


def test_a_file_of_rejects_is_no_error(tmp_path):
    assert [item.reason for item in PoolReader([write(tmp_path / "a.jsonl", "{", "5")])] == [
        "malformed_json", "not_an_object",
    ]  # fmt: skip


def test_a_mapped_column_that_is_not_there_names_its_neighbours(tmp_path):
    path = write(tmp_path / "a.jsonl", "{", {"ask": "Q", "reply": "A"}, {"ask": "Q"})
    error = refusal(path, columns=ColumnMap(prompt="ask", response="replies"))
    assert "replies" in error.message
    assert "reply" in error.hint
    assert "ask, reply" in refusal(path, columns=ColumnMap(text="zzzzz")).hint
    items = list(PoolReader([path], columns=ColumnMap(prompt="ask", response="reply")))
    assert [getattr(item, "reason", "read") for item in items] == ["malformed_json", "read", "missing_column"]


def test_options_that_contradict_themselves(tmp_path):
    path = write(tmp_path / "a.jsonl", qa(1))
    with pytest.raises(UsageError):
        PoolReader([path], columns=ColumnMap(text="a", prompt="b"))
    with pytest.raises(UsageError):
        PoolReader([path], limit=0)


def test_the_limit_is_each_sources_own_and_counts_examples_and_rejects(tmp_path):
    paths = [write(tmp_path / "a.jsonl", qa(1), "{", qa(1)), write(tmp_path / "b.jsonl", qa(2), qa(3))]
    a, b = (list(PoolReader([path])) for path in paths)
    for limit in (1, 2, 3, 9):
        reader = PoolReader(paths, limit=limit)
        assert list(reader) == a[:limit] + b[:limit]
        assert reader.count() == len(a[:limit] + b[:limit])


def test_one_source_need_not_be_a_list(tmp_path):
    path = Path(write(tmp_path / "a.jsonl", qa(1), qa(2)))
    assert list(PoolReader(str(path))) == list(PoolReader(path)) == list(PoolReader([path]))
    with pytest.raises(UsageError, match="sources of a pool should be text, or a list of them, got 5"):
        PoolReader(5)


def drawn(path, limit, seed):
    return {getattr(item, "id", None) or item.excerpt for item in PoolReader([path], limit=limit, sample_seed=seed)}


def test_a_sample_is_the_same_rows_in_any_order_and_grows_with_its_size(tmp_path):
    rows = [*(qa(n) for n in range(40)), *[qa(7)] * 3, "{one", "{two", qa(90, id="own")]
    path = write(tmp_path / "a.jsonl", *rows)
    turned = write(tmp_path / "turned.jsonl", *reversed(rows))
    for seed in range(4):
        assert drawn(path, 12, seed) == drawn(turned, 12, seed)
        assert drawn(path, 5, seed) < drawn(path, 12, seed) < drawn(path, 99, seed)
        assert len(drawn(path, 12, seed)) == PoolReader([path], limit=12, sample_seed=seed).count() == 12
    assert len({frozenset(drawn(path, 12, seed)) for seed in range(20)}) == 20
    ids = [item.id for item in PoolReader([path]) if isinstance(item, Example)]
    some = [item.id for item in PoolReader([path], limit=9, sample_seed=3) if isinstance(item, Example)]
    assert some == [id_ for id_ in ids if id_ in some]  # in the order of the file


def test_every_row_is_drawn_about_as_often_as_any_other(tmp_path):
    path = write(tmp_path / "a.jsonl", *(qa(n) for n in range(10)))
    times = Counter(id_ for seed in range(400) for id_ in drawn(path, 3, seed))
    # 400 draws of 3 of 10: 120 each, with a standard deviation of sqrt(400 * 0.3 * 0.7) = 9.2
    assert len(times) == 10
    assert all(abs(count - 120) < 5 * 9.2 for count in times.values())


def test_a_sample_needs_its_size(tmp_path):
    with pytest.raises(UsageError, match="a seeded sample requires the number of records"):
        PoolReader([write(tmp_path / "a.jsonl", qa(1))], sample_seed=0)


def test_standard_input_is_json_lines_and_is_read_twice(tmp_path, monkeypatch):
    data = Path(write(tmp_path / "a.jsonl", qa(1), qa(2))).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    reader = PoolReader(["-", write(tmp_path / "b.jsonl", qa(3))])
    first = list(reader)
    assert [item.source for item in first] == ["-", "-", "b.jsonl"]
    assert list(reader) == first
    assert reader.inputs[0] == {"source": "-", "sha256": hashlib.sha256(data).hexdigest()}


def test_an_own_id_that_repeats_names_both_places(tmp_path):
    one = write(tmp_path / "a.jsonl", qa(1, id="x"), qa(2, id=5))
    two = write(tmp_path / "b.jsonl", qa(3, id="5"))
    error = refusal(one, two)
    assert "'5' is in a.jsonl line 2 and b.jsonl line 1" in error.message
    assert "--prefix-ids" in error.hint
    assert names(one, two, prefix_ids=True) == ["a.jsonl:x", "a.jsonl:5", "b.jsonl:5"]


def test_an_own_id_that_repeats_in_one_file_is_an_error_with_prefixes_too(tmp_path):
    path = write(tmp_path / "a.jsonl", qa(1, id="x"), "{", qa(2, id="x"))
    error = refusal(path, prefix_ids=True)
    assert "a.jsonl line 1 and a.jsonl line 3" in error.message
    assert "--prefix-ids" not in error.hint


def test_an_id_that_repeats_on_one_line_of_json(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([qa(1, id="x"), qa(2, id="x")]))
    assert "'x' is in a.json line 1 and a.json line 1" in refusal(str(tmp_path / "a.json")).message


def test_the_id_of_a_record_that_is_rejected_is_free(tmp_path):
    assert names(write(tmp_path / "a.jsonl", qa(2, id="x"), qa(3, id="y")))
    items = list(PoolReader([write(tmp_path / "b.jsonl", {"id": "x"}, qa(2, id="x"))]))
    assert isinstance(items[0], Reject)
    assert items[1].id == "x"


def test_two_ids_with_one_hash_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(ids, "hash64", lambda text: 1 + len(text))
    path = write(tmp_path / "a.jsonl", qa(1, id="x"), qa(2, id="y"), qa(3, id="zz"), qa(4, id="y"))
    assert "'y' is in a.jsonl line 2 and a.jsonl line 4" in refusal(path).message
    assert names(path, limit=3) == ["x", "y", "zz"]


def test_the_id_column_may_be_another(tmp_path):
    path = write(tmp_path / "a.jsonl", qa(1, key="k", id="same"), qa(2, key="", id="same"))
    first, second = names(path, columns=ColumnMap(id="key"))
    assert first == "k"
    assert re.fullmatch("[0-9a-f]{16}", second)


RECORDS = st.lists(st.builds(lambda n, b: qa(n, b=b), st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RECORDS, st.data())
def test_content_ids_do_not_depend_on_order_split_limit_or_the_column_order(tmp_path, records, data):
    whole = names(write(tmp_path / "whole.jsonl", *records))
    assert len(set(whole)) == len(records)
    limit = data.draw(st.integers(1, len(records)))
    assert names(str(tmp_path / "whole.jsonl"), limit=limit) == whole[:limit]
    shuffled = [dict(reversed(record.items())) for record in data.draw(st.permutations(records))]
    cut = data.draw(st.integers(1, len(records)))
    parts = [shuffled[:cut], shuffled[cut:]]
    paths = [write(tmp_path / f"part{i}.jsonl", *part) for i, part in enumerate(parts) if part]
    assert sorted(names(*paths)) == sorted(whole)
    assert sorted(names(*reversed(paths))) == sorted(whole)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), min_size=1, max_size=20))
def test_any_bytes_give_one_item_per_line_that_is_not_blank(tmp_path, lines):
    (tmp_path / "a.jsonl").write_bytes(b"{}\n" + b"\n".join(lines))
    items = list(PoolReader([str(tmp_path / "a.jsonl")]))
    assert [item.line for item in items] == [1, *(n for n, line in enumerate(lines, 2) if line.strip())]


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of this process from /proc")
def test_memory_does_not_grow_with_the_pool(tmp_path):
    rows = 200_000
    with (tmp_path / "a.jsonl").open("w") as file:
        file.writelines(f'{{"id": {i}, "prompt": "{i} and more", "response": "{i * 7}"}}\n' for i in range(rows))
    reader = iter(PoolReader([str(tmp_path / "a.jsonl")]))
    for _ in range(5000):
        next(reader)
    start, peak = resident(), 0
    for count, _ in enumerate(reader, 5001):
        if count % 5000 == 0:
            peak = max(peak, resident())
    assert count == rows
    assert peak - start < 45 * rows + 2_000_000  # held in a list, they would take 200 MB


def test_memory_does_not_grow_with_a_json_array(tmp_path):
    with (tmp_path / "a.json").open("w") as file:
        file.write('{"data": [')
        file.writelines(f'{{"text": "{i} {"x" * 900}"}},\n' for i in range(20_000))
        file.write('{"text": "end"}]}')
    tracemalloc.start()
    count = sum(1 for _ in PoolReader([str(tmp_path / "a.json")]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_001
    assert peak < 5_000_000 < (tmp_path / "a.json").stat().st_size / 3


def test_every_public_pool_is_read_whole(shared_data):
    listed = re.findall(r"^\| `([^`]+)` \| (\d+)( lines)? \|", (shared_data / "INDEX.md").read_text(), re.MULTILINE)
    expected = {
        name: 1 if lines else int(rows) for name, rows, lines in listed if (shared_data / "pools" / name).exists()
    }
    assert len(expected) >= 19
    for name, rows in expected.items():
        items = list(PoolReader([str(shared_data / "pools" / name)]))
        assert [item for item in items if isinstance(item, Reject)] == [], name
        assert len(items) == rows, name
        if not name.endswith(".txt"):
            assert all(item.messages[-1].role == "assistant" for item in items), name


def test_the_public_pools_with_tools_reasoning_and_preferences(shared_data):
    def pool(name: str) -> list[Example]:
        return list(PoolReader([str(shared_data / "pools" / f"llamafactory_demo__{name}")]))

    glaive = pool("glaive_toolcall_en_demo.json")
    assert sum(len(m.tool_calls) for item in glaive for m in item.messages) == 211
    assert sum(bool(item.tools) for item in glaive) > 100
    reasoning = pool("reason_tool_use_demo_50.jsonl")
    assert sum(len(m.tool_calls) for item in reasoning for m in item.messages) == 68
    assert sum(m.content.startswith("<think>\n") for item in reasoning for m in item.messages) == 112
    for item in pool("dpo_en_demo.json"):
        assert item.messages[-1].content == item.record["chosen"]["value"]
