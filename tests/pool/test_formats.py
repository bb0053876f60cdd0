import csv
import datetime
import decimal
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from dataselect.errors import PoolError
from dataselect.pool import PoolReader
from dataselect.pool.arrow import as_json_value, read_hub
from dataselect.pool.delimited import read_delimited
from dataselect.pool.rejects import RawRecord
from dataselect.records import Example, Reject

RECORDS = [{"question": f'Q{i}\nwith, "marks" and é\u2028', "answer": str(i)} for i in range(3)]


def as_csv(dialect: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["question", "answer"], dialect=dialect)
    writer.writeheader()
    writer.writerows(RECORDS)
    return text.getvalue().encode()


def as_parquet(records: list[dict], **options) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), file, **options)
    return file.getvalue()


CONTENT = {
    ".jsonl": "\n".join(json.dumps(r, ensure_ascii=False) for r in RECORDS).encode(),
    ".ndjson": "\n".join(json.dumps(r) for r in RECORDS).encode(),
    ".json": json.dumps(RECORDS, indent=2).encode(),
    ".csv": as_csv("excel"),
    ".tsv": as_csv("excel-tab"),
    ".parquet": as_parquet(RECORDS, row_group_size=2),
}
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


def read(path: Path, **options) -> list[Example | Reject]:
    return list(PoolReader([str(path)], **options))


def delimited(data: bytes, delimiter: str = ",") -> list[RawRecord]:
    return list(read_delimited(io.BytesIO(data), delimiter))


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("suffix", CONTENT)
def test_every_format_gives_the_same_records_and_ids(tmp_path, suffix, packing):
    path = tmp_path / f"pool{suffix}{packing}"
    path.write_bytes(PACK[packing](CONTENT[suffix]))
    (tmp_path / "truth.jsonl").write_bytes(CONTENT[".jsonl"])
    items = read(path)
    assert [item.record for item in items] == RECORDS
    assert [item.id for item in items] == [item.id for item in read(tmp_path / "truth.jsonl")]


@pytest.mark.parametrize("packing", PACK)
def test_a_text_file_is_one_document(tmp_path, packing):
    path = tmp_path / f"story.txt{packing}"
    path.write_bytes(PACK[packing]("\ufeffOnce\r\nupon\n\na time.\n".encode()))
    (item,) = read(path)
    assert item.text == "Once\r\nupon\n\na time.\n"
    assert item.record == {"text": item.text}


def test_a_text_file_that_is_not_utf8(tmp_path):
    path = tmp_path / "story.txt"
    path.write_bytes(b"caf\xe9\n")
    assert read(path) == [Reject("story.txt", 1, "not_utf8", "caf\\xe9\\n")]


def test_suffixes_in_capitals_and_two_zstandard_frames(tmp_path):
    path = tmp_path / "POOL.JSONL.ZST"
    pack = zstandard.ZstdCompressor().compress
    path.write_bytes(pack(CONTENT[".jsonl"] + b"\n") + pack(CONTENT[".jsonl"].replace(b"Q", b"R")))
    assert len(read(path)) == 6


@pytest.mark.parametrize("packing", [".gz", ".zst"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_compressed_file_that_breaks_off_says_so(tmp_path, packing, damage):
    whole = PACK[packing](b"\n".join(json.dumps({"text": str(i**9)}).encode() for i in range(20_000)))
    at = len(whole) // 2
    broken = (
        whole[:at] if damage == "cut" else whole[:at] + bytes(b ^ 255 for b in whole[at : at + 99]) + whole[at + 99 :]
    )
    path = tmp_path / f"pool.jsonl{packing}"
    path.write_bytes(broken)
    items = read(path)
    assert [item.reason for item in items if isinstance(item, Reject)][-1] == "rest_unreadable"
    assert 1000 < len(items) < 20_000


@pytest.mark.parametrize("name", ["pool.jsonl.gz", "pool.jsonl.zst", "pool.parquet", "pool.parquet.gz", "pool.txt.zst"])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name):
    (tmp_path / name).write_bytes(b"something else altogether")
    with pytest.raises(PoolError, match=name) as caught:
        read(tmp_path / name)
    assert caught.value.hint


def test_csv_rows_that_do_not_fit_cost_only_themselves():
    rows = delimited(b'a,b\n1,2\n\n3\n4,5,6\n"7\n7",8\n"9"x,1\n1,\xff\n2,3\n')
    assert [(row.line, row.fault) for row in rows] == [
        (2, ""), (4, "malformed_csv"), (5, "malformed_csv"), (6, ""), (8, "malformed_csv"), (9, "not_utf8"), (10, ""),
    ]  # fmt: skip
    assert rows[3].value == {"a": "7\n7", "b": "8"}


def test_a_quote_that_is_never_closed_does_not_swallow_rows_in_silence():
    rows = delimited(b'a,b\n1,2\n3,"4\n5,6\n7,8\n')
    assert [(row.line, row.fault) for row in rows] == [(2, ""), (3, "malformed_csv")]


def test_csv_with_bom_nul_and_fields_of_megabytes():
    long = "x" * 3_000_000
    assert delimited(f"\ufeffa\tb\n{long}\tn\0l\n".encode(), "\t") == [RawRecord(2, {"a": long, "b": "n\0l"})]


def test_a_csv_header_with_the_same_name_twice(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("a,b,a\n1,2,3\n")
    with pytest.raises(PoolError, match=r"pool\.csv.*'a'"):
        read(path)


def test_dialogues_as_text_in_csv(tmp_path):
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    with (tmp_path / "pool.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["messages"], [json.dumps(turns)]])
    (item,) = read(tmp_path / "pool.csv")
    assert [m.content for m in item.messages] == ["Q", "A"]


def test_parquet_values_become_what_json_can_hold(tmp_path):
    day = datetime.datetime(2024, 2, 29, 12, 30)
    records = [
        {"text": b"caf\xc3\xa9", "raw": b"\xff", "day": day, "cost": decimal.Decimal("1.50"), "x": {"y": [b"z"]}}
    ]
    (tmp_path / "pool.parquet").write_bytes(as_parquet(records))
    (item,) = read(tmp_path / "pool.parquet")
    assert item.record == {
        "text": "café",
        "raw": "/w==",
        "day": "2024-02-29T12:30:00",
        "cost": "1.50",
        "x": {"y": ["z"]},
    }
    assert json.loads(json.dumps(item.record)) == item.record
    assert as_json_value(datetime.timedelta(seconds=90)) == "0:01:30"


def test_parquet_dialogues_with_the_nulls_of_mixed_turns(tmp_path):
    call = {"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "user", "content": "Q", "tool_calls": None},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "7", "tool_calls": None},
    ]
    (tmp_path / "pool.parquet").write_bytes(
        as_parquet([{"messages": messages, "text": None}, {"messages": None, "text": "T"}])
    )
    dialogue, plain_text = read(tmp_path / "pool.parquet")
    assert [m.role for m in dialogue.messages] == ["user", "assistant", "tool"]
    assert dialogue.messages[1].tool_calls[0]["function"] == {"name": "f", "arguments": {"a": 1}}
    assert plain_text.text == "T"


def test_null_fields_that_parquet_adds_to_calls_and_tools_are_gone_and_those_of_json_stay(tmp_path):
    def call(**arguments: object) -> dict:
        return {"type": "function", "function": {"name": "f", "arguments": arguments}}

    def tool(**properties: object) -> dict:
        return {"name": "f", "parameters": {"type": "object", "properties": properties}}

    records = [
        {"messages": [{"role": "assistant", "tool_calls": [call(a=1, list=[{"x": 1}, {"y": 2}])]}], "tools": [tool(a={"type": "int"})]},
        {"messages": [{"role": "assistant", "tool_calls": [call(b=2)]}], "tools": [tool(b={"type": "str", "default": "q"})]},
    ]  # fmt: skip
    (tmp_path / "pool.jsonl").write_text("\n".join(map(json.dumps, records)))
    (tmp_path / "pool.parquet").write_bytes(as_parquet(records))
    pytest.importorskip("datasets").Dataset.from_list(records).save_to_disk(tmp_path / "saved")
    truth = read(tmp_path / "pool.jsonl")
    for name in ("pool.parquet", "saved"):
        items = read(tmp_path / name)
        assert [one.messages for one in items] == [one.messages for one in truth]
        assert [one.tools for one in items] == [one.tools for one in truth]
        # what is written into a selection reads the same again
        (tmp_path / "again.jsonl").write_text("\n".join(json.dumps(one.record) for one in items))
        assert [one.messages for one in read(tmp_path / "again.jsonl")] == [one.messages for one in truth]
    (tmp_path / "meant.jsonl").write_text(
        json.dumps({"messages": [{"role": "assistant", "tool_calls": [call(a=None)]}]})
    )
    assert read(tmp_path / "meant.jsonl")[0].messages[0].tool_calls == (call(a=None),)


def test_other_null_fields_of_parquet_stay_in_the_record(tmp_path):
    records = [{"text": "T", "meta": {"name": "m", "a": 1, "b": None}}, {"text": "U", "meta": {"name": "n", "b": 2}}]
    (tmp_path / "pool.parquet").write_bytes(as_parquet(records))
    assert read(tmp_path / "pool.parquet")[0].record == {"text": "T", "meta": {"name": "m", "a": 1, "b": None}}


def test_calls_of_mixed_shapes_in_parquet(tmp_path):
    flat = {"role": "assistant", "tool_calls": [{"name": "f", "parameters": {"a": 1}}]}
    wrapped = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}
    (tmp_path / "pool.parquet").write_bytes(as_parquet([{"messages": [flat]}, {"messages": [wrapped]}]))
    expected = {"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    assert [one.messages[0].tool_calls for one in read(tmp_path / "pool.parquet")] == [(expected,), (expected,)]


def test_parquet_text_that_is_not_utf8_costs_only_its_record(tmp_path):
    broken = pa.array([b"good", b"\xff", b"fine"], pa.binary()).cast(pa.large_binary()).view(pa.large_utf8())
    pq.write_table(pa.table({"text": broken}), tmp_path / "pool.parquet")
    items = read(tmp_path / "pool.parquet")
    assert [item.text if isinstance(item, Example) else (item.line, item.reason) for item in items] == [
        "good", (2, "not_utf8"), "fine",
    ]  # fmt: skip


def test_a_parquet_page_that_is_damaged(tmp_path):
    records = [{"text": f"{i**9}" * 20} for i in range(20_000)]
    data = bytearray(as_parquet(records, row_group_size=2000, compression="gzip", use_dictionary=False))
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    (tmp_path / "pool.parquet").write_bytes(data)
    items = read(tmp_path / "pool.parquet")
    assert isinstance(items[-1], Reject)
    assert items[-1].reason == "rest_unreadable"
    assert 2000 <= len(items) < 20_000


def test_a_folder_of_save_to_disk(tmp_path):
    datasets = pytest.importorskip("datasets")
    one = datasets.Dataset.from_list(RECORDS)
    one.save_to_disk(tmp_path / "plain", num_shards=2)
    datasets.DatasetDict({"train": one, "test": one.select([0])}).save_to_disk(tmp_path / "split")
    datasets.DatasetDict({"all": one}).save_to_disk(tmp_path / "single")
    for name in ("plain", "split", "single"):
        items = read(tmp_path / name)
        assert [item.record for item in items] == RECORDS
        assert {item.source for item in items} == {name}
        assert len(PoolReader([str(tmp_path / name)]).inputs[0]["sha256"]) == 64
    datasets.DatasetDict({"a": one, "b": one}).save_to_disk(tmp_path / "neither")
    with pytest.raises(PoolError, match="the splits a, b"):
        read(tmp_path / "neither")
    assert len(read(tmp_path / "neither" / "a")) == 3


def test_a_damaged_folder_of_save_to_disk(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(RECORDS).save_to_disk(tmp_path / "saved")
    next((tmp_path / "saved").glob("*.arrow")).write_bytes(b"ARROW?")
    with pytest.raises(PoolError, match="saved cannot be read"):
        read(tmp_path / "saved")


def test_a_folder_where_a_file_belongs(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(CONTENT[".jsonl"])
    with pytest.raises(PoolError, match="is a folder, but a file is expected") as caught:
        read(tmp_path)
    assert "save_to_disk" in caught.value.hint


def test_a_hub_data_set_is_streamed(tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "train.jsonl").write_bytes(CONTENT[".jsonl"])
    assert [row.value for row in read_hub(str(tmp_path))] == RECORDS


def test_a_hub_data_set_that_cannot_be_reached():
    pytest.importorskip("datasets")
    with pytest.raises(PoolError, match="nobody/nothing-of-this-name: neither") as caught:
        read(Path("nobody/nothing-of-this-name"))
    assert "\n" not in str(caught.value)
    assert "HF_HUB_OFFLINE" in caught.value.hint
