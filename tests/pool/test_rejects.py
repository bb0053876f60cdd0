"""Where one broken quote or bracket takes the following records with it, the reject and the summaries say how much.

The truth is counted on the files themselves: the bytes from the first character of the broken record on.
"""

from __future__ import annotations

import gzip
import json

import pytest

from dataselect.cli import run
from dataselect.pool import PoolReader
from dataselect.records import Example, Reject

ROWS = [{"prompt": f"Frage {n} \u00fc", "response": f"Antwort {n}, {'lang ' * n}"} for n in range(9)]


def _array(break_at: int, broken: str, bom: bool = False) -> bytes:
    """A JSON array, one record a line, of which one is broken."""
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    lines[break_at] = broken
    return (b"\xef\xbb\xbf" if bom else b"") + ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _read(path) -> tuple[int, list[Reject]]:
    items = list(PoolReader([str(path)]))
    return sum(isinstance(one, Example) for one in items), [one for one in items if isinstance(one, Reject)]


@pytest.mark.parametrize("bom", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("at", [0, 4, 8])
@pytest.mark.parametrize("broken", ['{"prompt": "never closed', '{"prompt": [1, 2}', "nonsense"])
def test_a_broken_json_array_says_from_where_on_and_how_much(tmp_path, bom, packed, at, broken):
    data = _array(at, broken, bom)
    behind = len(data) - data.index(broken.encode())  # everything from the broken record on
    path = tmp_path / ("pool.json.gz" if packed else "pool.json")
    path.write_bytes(gzip.compress(data) if packed else data)
    good, (reject,) = _read(path)
    assert good == at
    assert (reject.reason, reject.line) == ("rest_unreadable", at + 2)
    assert reject.excerpt.startswith(f"from line {at + 2} on nothing could be read, {behind:,} bytes: ")


def test_a_missing_comma_counts_from_where_it_should_be(tmp_path):
    data = (
        _array(3, json.dumps(ROWS[3]))
        .replace(b'{"prompt": "Frage 4', b'{"prompt": "Frage 4')
        .replace(b"},\n" + json.dumps(ROWS[4], ensure_ascii=False).encode(), b"}\n" + json.dumps(ROWS[4]).encode())
    )
    behind = len(data) - data.index(json.dumps(ROWS[4]).encode())
    (tmp_path / "pool.json").write_bytes(data)
    good, (reject,) = _read(tmp_path / "pool.json")
    assert good == 4
    assert reject.excerpt.startswith(f"from line 6 on nothing could be read, {behind:,} bytes: expected a comma")


def test_brackets_that_add_up_only_after_other_records_say_which_lines(tmp_path):
    """A quote too many in record 2 and in record 4: what is between them reads as one broken record."""
    lines = [json.dumps(row) for row in ROWS]
    lines[2] = '{"prompt": "open"", "response": "b"}'
    lines[4] = '{"prompt": "close"", "response": "b"}'
    data = ("[\n" + ",\n".join(lines) + "\n]").encode()
    (tmp_path / "pool.json").write_bytes(data)
    begin, end = data.index(b'{"prompt": "open'), data.index(lines[4].encode()) + len(lines[4])
    good, (reject,) = _read(tmp_path / "pool.json")
    assert good == len(ROWS) - 3
    assert (reject.reason, reject.line) == ("malformed_json", 4)
    assert reject.excerpt.startswith(f"lines 4 to 6, {end - begin:,} bytes, read as one record: ")


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("at", [0, 3, 8])
def test_an_unclosed_csv_quote_says_from_where_on_and_how_much(tmp_path, bom, end, at):
    lines = [f'"{row["prompt"]}","{row["response"]}"' for row in ROWS]
    lines[at] = f'"{ROWS[at]["prompt"]},{ROWS[at]["response"]}'.replace(",", " ")
    lines[at + 1 :] = [line.replace('"', "") for line in lines[at + 1 :]]
    data = bom + end.join(["prompt,response", *lines, ""]).encode()
    behind = len(data) - data.index(lines[at].encode())
    (tmp_path / "pool.csv").write_bytes(data)
    good, (reject,) = _read(tmp_path / "pool.csv")
    assert good == at
    assert (reject.reason, reject.line) == ("malformed_csv", at + 2)
    assert reject.excerpt.startswith(f"from line {at + 2} on nothing could be read, {behind:,} bytes: ")


def test_a_csv_quote_that_a_later_one_closes_says_which_lines(tmp_path):
    data = b'prompt,response\na,b\n"c,d\ne,f\ng"h,i\nj,k\n'
    (tmp_path / "pool.csv").write_bytes(data)
    good, (reject,) = _read(tmp_path / "pool.csv")
    swallowed = b'"c,d\ne,f\ng"h,i\n'
    assert good == 2
    assert (reject.reason, reject.line) == ("malformed_csv", 3)
    assert reject.excerpt.startswith(f"lines 3 to 5, {len(swallowed)} bytes, read as one record: ")


def test_a_csv_row_of_several_lines_with_too_few_fields_says_which_lines(tmp_path):
    row = b'"c,d\ne,f\ng"\n'  # 5 + 4 + 3 bytes
    (tmp_path / "pool.csv").write_bytes(b"prompt,response\n" + row + b"j,k\n")
    good, (reject,) = _read(tmp_path / "pool.csv")
    assert good == 1
    assert reject.excerpt.startswith("lines 2 to 4, 12 bytes, read as one record: 1 fields, the header has 2")


def test_a_fault_in_one_line_is_told_as_before(tmp_path):
    (tmp_path / "pool.csv").write_bytes(b'prompt,response\n"a"b,c\nd\ne,f\n')
    _, rejects = _read(tmp_path / "pool.csv")
    assert [one.excerpt for one in rejects] == ["line 2: ',' expected after '\"'", "1 fields, the header has 2: d"]


def test_every_summary_tells_it(tmp_path, capsys):
    data = _array(4, '{"prompt": "never closed')
    (tmp_path / "pool.json").write_bytes(data)
    behind = len(data) - data.index(b'{"prompt": "never')
    expected = f"pool.json: from line 6 on nothing could be read, {behind:,} bytes"
    pool, out = str(tmp_path / "pool.json"), tmp_path / "out"
    commands = {
        "score": ["--model", "builtin", "--out", str(out / "scores")],
        "embed": ["--encoder", "minilm", "--out", str(out / "embeddings")],
        "select": ["--strategy", "random", "--budget", "2", "--out", str(out / "chosen.jsonl")],
        "rank": ["--model", "builtin", "--out", str(out / "ranked")],
        "train": ["--model", "builtin", "--out", str(out / "tuned"), "--epochs", "1"],
    }
    for command, options in commands.items():
        assert run([command, pool, *options]) == 0, command
        assert expected in capsys.readouterr().err, command


def test_every_summary_tells_what_was_not_read(tmp_path, capsys):
    """Known columns that are not read, and the rejects by reason, once per run; the manifest counts the columns."""
    rows = [{"prompt": f"Q{n}", "completion": f"A{n}", "label": n != 2, "rejected": "no"} for n in range(6)]
    (tmp_path / "pool.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pool, out = str(tmp_path / "pool.jsonl"), tmp_path / "out"
    commands = {
        "show": ["--model", "builtin"],
        "score": ["--model", "builtin", "--out", str(out / "scores")],
        "embed": ["--encoder", "tfidf", "--out", str(out / "embeddings")],
        "select": ["--strategy", "random", "--budget", "2", "--out", str(out / "chosen.jsonl")],
        "train": ["--model", "builtin", "--out", str(out / "tuned"), "--epochs", "1"],
    }
    for command, options in commands.items():
        assert run([command, pool, *options]) == 0, command
        told = capsys.readouterr().err
        number = 2 if command == "show" else 5
        assert told.count(f"known columns that are not read: rejected ({number} rows)") == 1, command
        assert command == "show" or "1 rejected as unwanted_response, the first in pool.jsonl line 3: label is" in told
    for manifest in ("scores/manifest.json", "embeddings/manifest.json", "tuned/manifest.json", "chosen.manifest.json"):
        assert json.loads((out / manifest).read_text())["unread_columns"] == {"rejected": 5}
