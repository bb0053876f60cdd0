"""Files whose content is not what their name says: the same records with the same ids, or an error that says why."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import tracemalloc
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from dataselect.errors import PoolError
from dataselect.pool import PoolReader, json_records
from dataselect.records import Message, Reject

RECORDS = [
    {"instruction": f'Frage {n}; "so" é', "input": "", "output": f"Größe {n},\nzwei Zeilen\u2028Ende"} for n in range(3)
]
EXPECTED = [(Message("user", one["instruction"]), Message("assistant", one["output"])) for one in RECORDS]


def table(separator: str, before: str = "") -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(RECORDS[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(RECORDS)
    return before + text.getvalue()


def lines() -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in RECORDS)


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), file)
    return file.getvalue()


COLUMNS = {name: [one[name] for one in RECORDS] for name in RECORDS[0]}
BY_COLUMN = {name: {str(n): cell for n, cell in enumerate(cells)} for name, cells in COLUMNS.items()}
SPLIT = {"columns": list(COLUMNS), "index": [0, 1, 2], "data": [list(one.values()) for one in RECORDS]}
ARRAY = json.dumps(RECORDS, ensure_ascii=False)
PRETTY = json.dumps(RECORDS, indent=1, ensure_ascii=False)
HELD = json.dumps({"version": 1, "data": RECORDS})

FILES = {
    "array.jsonl": ARRAY, "pretty.jsonl": PRETTY, "array.ndjson": " \n" + PRETTY, "array.csv": PRETTY,
    "lines.json": lines(), "lines.csv": lines(), "held.jsonl": HELD, "held-pretty.jsonl": json.dumps({"d": RECORDS}, indent=2),
    "records.jsonl": "\n".join(json.dumps(one, indent=1) for one in RECORDS),
    "columns.json": json.dumps(COLUMNS), "columns.jsonl": json.dumps(COLUMNS), "pretty-columns.json": json.dumps(COLUMNS, indent=2),
    "by-column.json": json.dumps(BY_COLUMN), "split.json": json.dumps(SPLIT),
    "by-index.json": json.dumps({str(n): one for n, one in enumerate(RECORDS)}),
    "semicolon.csv": table(";"), "tab.csv": table("\t"), "bar.csv": table("|"), "comma.tsv": table(","),
    "semicolon.tsv": table(";"), "excel.csv": table(";", "sep=;\r\n"), "comma.jsonl": table(","), "comma.csv": table(","),
    "parquet.jsonl": parquet(), "parquet.csv": parquet(), "lines.parquet": lines(), "array.parquet": ARRAY,
    "lines.data": lines(), "array": PRETTY, "parquet.bin": parquet(),
}  # fmt: skip


def read(path: Path) -> list:
    return list(PoolReader([str(path)]))


def truth(folder: Path) -> list[str]:
    (folder / "truth.jsonl").write_text(lines(), encoding="utf-8")
    return [one.id for one in read(folder / "truth.jsonl")]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_for_what_it_holds(tmp_path, name):
    content = FILES[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    items = read(tmp_path / name)
    assert [getattr(one, "messages", one) for one in items] == EXPECTED
    assert [one.id for one in items] == truth(tmp_path)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize(
    "name", ["pool.jsonl", "pool.json", "pool.jsonl.gz", "pool.jsonl.zst", "pool.gz", "pool.parquet"]
)
def test_compression_is_told_by_the_content(tmp_path, name, pack):
    content = parquet() if name == "pool.parquet" else lines().encode()
    (tmp_path / name).write_bytes(pack(content))
    assert [one.id for one in read(tmp_path / name)] == truth(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["lines.jsonl", "pretty.json", "semicolon.csv", "tab.tsv", "excel.csv"])
def test_text_with_a_byte_order_mark(tmp_path, name, encoding):
    content = {"lines.jsonl": lines(), "pretty.json": PRETTY, "tab.tsv": table("\t")}.get(name) or FILES[name]
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert [getattr(one, "messages", one) for one in read(tmp_path / name)] == EXPECTED
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content.encode(encoding)))
    assert [one.id for one in read(tmp_path / f"{name}.gz")] == truth(tmp_path)


@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_table_of_a_spreadsheet_with_semicolons(tmp_path, mark):
    raw = (
        mark + 'instruction;input;output\r\n"Say ""hi""";;"Hi there\r\nfriend"\r\nName it;;"Größe; Maß"\r\n'
    ).encode()
    (tmp_path / "pool.csv").write_bytes(raw)
    assert [[(m.role, m.content) for m in one.messages] for one in read(tmp_path / "pool.csv")] == [
        [("user", 'Say "hi"'), ("assistant", "Hi there\r\nfriend")],
        [("user", "Name it"), ("assistant", "Größe; Maß")],
    ]


def test_a_table_of_tokens_keeps_its_commas(tmp_path):
    (tmp_path / "pool.csv").write_text("text,note;more\na;b,c\n")
    (one,) = read(tmp_path / "pool.csv")
    assert (one.text, one.record) == ("a;b", {"text": "a;b", "note;more": "c"})


def test_json_lines_called_json_lose_only_the_line_that_is_broken(tmp_path):
    (tmp_path / "pool.json").write_text('{"text": "a"}\n{"text": "never closed\n{"text": "c"}\n')
    assert [(one.line, getattr(one, "text", "lost")) for one in read(tmp_path / "pool.json")] == [
        (1, "a"), (2, "lost"), (3, "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken", ['{"messages": [', '{"messages": [{"role": "user",', "[{", '[{"text": "x"}', '{"text": "x']
)
@pytest.mark.parametrize("name", ["pool.jsonl", "pool.ndjson", "pool.jsonl.gz"])
@pytest.mark.parametrize("times", [1, 300])
def test_json_lines_lose_only_a_first_line_that_is_cut_off(tmp_path, broken, name, times):
    data = (broken + "\n" + lines() * times).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    reject, *good = read(tmp_path / name)
    assert (reject.line, reject.reason) == (1, "malformed_json")
    assert [one.messages for one in good] == EXPECTED * times


@pytest.mark.parametrize(
    "document",
    [
        '{"data": [\n{"text": "a"},\n{"text": "b"}\n]}',
        '[\n{"text": "a"}\n,\n{"text": "b"}\n]',
        '{\n"text": "a"\n}\n{"text": "b"}',
        '[\n{"text": "a"},\n{"text": "b"}]',
    ],
)
def test_a_document_with_records_on_lines_of_their_own_is_no_json_lines(tmp_path, document):
    (tmp_path / "pool.jsonl").write_text(document)
    assert [one.text for one in read(tmp_path / "pool.jsonl")] == ["a", "b"]
    long = document.replace('"b"', json.dumps("b" * 300_000))  # its end is behind the bytes that are looked at
    (tmp_path / "long.jsonl").write_text(long)
    assert [one.text[:1] for one in read(tmp_path / "long.jsonl")] == ["a", "b"]


def test_turns_on_lines_of_their_own_are_no_records(tmp_path):
    turns = '{"messages": [\n{"role": "user", "text": "Q"},\n{"role": "assistant", "text": "A"}\n]}'
    (tmp_path / "pool.jsonl").write_text(turns)
    (one,) = read(tmp_path / "pool.jsonl")
    assert one.messages == (Message("user", "Q"), Message("assistant", "A"))


def test_records_one_after_another_are_no_lines(tmp_path):
    for number, text in enumerate(
        ['{"text": "a"}\n{"text": "b"} {"text": "c"}', '{"text": "a"}\n{\n"text": "b"\n}\n{"text": "c"}']
    ):
        (tmp_path / f"{number}.json").write_text(text)
        assert [one.text for one in read(tmp_path / f"{number}.json")] == ["a", "b", "c"]


def test_one_record_of_lists_is_no_table(tmp_path):
    turns = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    for name, record in {
        "a.jsonl": {"messages": turns, "tools": [{"name": "f"}, {"name": "g"}]},
        "b.json": {"prompt": turns[:1], "chosen": turns[1:], "rejected": turns[1:]},
        "c.jsonl": {"chosen": turns, "rejected": turns},
        "d.json": {"messages": [{"role": "user", "text": "Q"}, {"role": "assistant", "text": "A"}]},
    }.items():
        (tmp_path / name).write_text(json.dumps(record))
        (one,) = read(tmp_path / name)
        assert one.messages == (Message("user", "Q"), Message("assistant", "A")), name


def test_a_table_of_dialogues(tmp_path):
    turns = [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]
    (tmp_path / "pool.json").write_text(json.dumps({"conversations": [turns, turns[:1]], "chosen": [None, turns[1]]}))
    assert [one.messages for one in read(tmp_path / "pool.json")] == [
        (Message("user", "Q"), Message("assistant", "A"))
    ] * 2


def test_columns_of_different_lengths_are_no_table(tmp_path):
    (tmp_path / "pool.json").write_text(json.dumps({"instruction": ["a", "b"], "output": ["c"]}))
    (one,) = read(tmp_path / "pool.json")
    assert (one.reason, isinstance(one, Reject)) == ("wrong_type", True)


def test_a_table_that_is_too_large_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "_LARGEST", 1000)
    (tmp_path / "pool.json").write_text(json.dumps({"instruction": ["x" * 99] * 20, "output": ["y"] * 20}))
    with pytest.raises(PoolError, match="one JSON object of more than") as caught:
        read(tmp_path / "pool.json")
    assert "one record a line" in caught.value.hint


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("pool.jsonl", lines())
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "cause", "remedy"),
    [
        ("pool.jsonl", bz2.compress(lines().encode()), "it is bzip2 data", "unpack it"),
        ("pool.jsonl", lzma.compress(lines().encode()), "it is xz data", "unpack it"),
        ("pool.jsonl", zipped(), "it is zip data", "unpack it"),
        ("pool.xlsx", zipped(), "cannot tell the format", "unpack it"),
        ("pool.jsonl", lines().encode("utf-16-le"), "UTF-16LE without a byte order mark", "iconv -f UTF-16LE"),
        ("pool.csv", table(";").encode("utf-16-be"), "UTF-16BE without a byte order mark", "iconv -f UTF-16BE"),
        ("pool.jsonl", b"ARROW1\0\0", "Arrow file", "Parquet"),
        ("pool.txt", lines().encode(), "JSON lines under the name of plain text", "name it .jsonl"),
        ("pool.data", b"Once upon a time", "cannot tell the format", "known: .jsonl"),
        ("pool.jsonl.gz", lines().encode(), "gzip", "what its name says"),
        ("pool.jsonl", "ÄÖ".encode("utf-16") + b"x", "damaged utf-16 text", "what its name says"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_refused_by_what_it_is(tmp_path, name, content, cause, remedy):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PoolError) as caught:
        read(tmp_path / name)
    assert cause in caught.value.message
    assert remedy in caught.value.hint


def test_a_large_array_under_the_name_of_json_lines_takes_little_memory(tmp_path):
    with (tmp_path / "pool.jsonl").open("w") as file:
        file.write("[")
        file.writelines(f'{{"text": "{n} {"x" * 900}"}},\n' for n in range(12_000))
        file.write('{"text": "end"}]')
    tracemalloc.start()
    count = sum(1 for _ in PoolReader([str(tmp_path / "pool.jsonl")]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 12_001
    assert peak < 5_000_000 < (tmp_path / "pool.jsonl").stat().st_size / 2
