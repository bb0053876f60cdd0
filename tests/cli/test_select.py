import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run

RECORDS = [{"id": f"r{i}", "prompt": f"Say {i}.", "response": "word " * (i + 1)} for i in range(20)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a pool of 20 rows, a finished score table and a finished similarity table; the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    ids = [record["id"] for record in RECORDS]
    tables = {
        "scores": {"id": ids, "status": ["ok"] * 20, "ppl": [20.0 - i for i in range(20)], "total_tokens": [10] * 20},
        "embeddings": {"id": ids, "similarity": [i / 20 for i in range(20)]},
    }
    for name, columns in tables.items():
        (tmp_path / name).mkdir()
        pq.write_table(pa.table(columns), tmp_path / name / "scores.parquet")
        (tmp_path / name / "manifest.json").write_text("{}")
    return tmp_path


def select(*arguments, strategy="ppl-low", budget="3", out="out.jsonl", scores="scores"):
    scored = ["--scores", scores] if scores else []
    return run(["select", "pool.jsonl", "--strategy", strategy, "--budget", budget, "--out", out, *scored, *arguments])


def ids(path):
    return [json.loads(line)["_dataselect"]["id"] for line in path.read_text().splitlines()]


def test_writes_the_selection_and_says_one_line(folder, capfd):
    assert select() == 0
    assert ids(folder / "out.jsonl") == ["r19", "r18", "r17"]
    assert json.loads((folder / "out.manifest.json").read_text())["kind"] == "selection"
    captured = capfd.readouterr()
    assert captured.err == "kept 3 of 20 examples (ppl-low, 30 tokens) in out.jsonl\n"
    assert captured.out == ""


def test_every_option_reaches_the_run(folder):
    assert select("--embeddings", "embeddings", "--seed", "5", strategy="similarity", budget="25tok") == 0
    assert ids(folder / "out.jsonl") == ["r19", "r18"]
    assert json.loads((folder / "out.manifest.json").read_text())["seed"] == 5
    mapped = ["--prompt-column", "response", "--response-column", "prompt", "--id-column", "id", "--prefix-ids"]
    assert select(*mapped, strategy="longest", budget="1", scores=None) == 0
    manifest = json.loads((folder / "out.manifest.json").read_text())
    assert (manifest["columns"]["prompt"], manifest["columns"]["response"]) == ("response", "prompt")
    assert ids(folder / "out.jsonl")[0].endswith(":r10")  # "Say 10." is longest, and first by id among its equals


def test_a_parameter_reaches_the_strategy(folder, capfd):
    assert select("--param", "ratio=bytes", strategy="ifd-high") == 2
    assert "ratio: expected one of ppl, loss, got 'bytes'" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "changed", "code", "told"),
    [
        ([], {"strategy": "ppl_low"}, 2, "unknown strategy 'ppl_low' (hint: did you mean ppl-low"),
        ([], {"budget": "0"}, 2, "got '0' (hint: examples: 1000 (examples), 10% or 0.5%"),
        ([], {"budget": "-5"}, 2, "got '-5'"),
        ([], {"budget": "ten"}, 2, "expected a budget such as 1000, 10% or 50000tok, got 'ten'"),
        ([], {"budget": "21"}, 1, "asks for 21 examples, but the pool has 20 rows"),
        ([], {"budget": "101%"}, 1, "asks for 101% of the pool, but the pool has 20 rows"),
        ([], {"budget": "201tok"}, 1, "asks for 201 tokens, but the pool has 200 scored tokens"),
        ([], {"budget": "9tok"}, 1, "the best row alone has 10 tokens, more than the budget of 9"),
        ([], {"budget": "9tok", "strategy": "random", "scores": None}, 1, "total_tokens (hint: dataselect score POOL"),
        (
            [],
            {"scores": None},
            1,
            "needs the column ppl (hint: dataselect score POOL --model M --out DIR, then --scores",
        ),
        ([], {"strategy": "similarity"}, 1, "(hint: dataselect embed POOL --encoder E --target FILE --out DIR, then"),
        ([], {"strategy": "ifd-high"}, 1, "--ifd --out DIR"),
        ([], {"scores": "nowhere"}, 1, "there is no score table at nowhere"),
        ([], {"out": "out.json"}, 2, "ends in .jsonl"),
        ([], {"out": "pool.jsonl"}, 2, "--out is also an input"),
        (["--param", "ratio"], {}, 2, "--param expects name=value, got 'ratio'"),
        (["--param", "=x"], {}, 2, "--param expects name=value"),
        (["--param", "a=1", "--param", "a=2"], {}, 2, "--param a is given twice"),
        (["--param", "a=1"], {}, 2, "a: unknown key (hint: it takes no --param)"),
        (["--seed", "-1"], {}, 2, "--seed"),
        (["--seed", "x"], {}, 2, "--seed"),
        (["absent.jsonl"], {}, 1, "absent.jsonl"),
        (["--param", "match=pool.jsonl"], {"strategy": "length-matched-random"}, 1, "needs the column response_tokens"),
        (["--response-column", "answer"], {}, 1, "answer"),
    ],
)
def test_bad_input_is_one_line_with_a_hint_and_no_file(folder, capfd, arguments, changed, code, told):
    assert select(*arguments, **changed) == code
    captured = capfd.readouterr()
    assert told in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(path.name for path in folder.iterdir()) == ["embeddings", "pool.jsonl", "scores"]


def test_an_unfinished_score_folder_is_refused(folder, capfd):
    (folder / "scores" / "manifest.json").rename(folder / "scores" / "run.json")
    assert select() == 1
    assert "scores is unfinished" in capfd.readouterr().err


def test_another_file_at_out_is_left_alone(folder, capfd):
    (folder / "out.jsonl").write_text("precious")
    assert select() == 1
    assert "(hint: choose another --out, or remove it)" in capfd.readouterr().err
    assert (folder / "out.jsonl").read_text() == "precious"


def test_fewer_than_asked_is_said(folder, capfd):
    columns = pq.read_table(folder / "scores" / "scores.parquet").to_pydict()
    columns["status"][:15] = ["too_long"] * 15
    columns["ppl"][:15] = [None] * 15
    pq.write_table(pa.table(columns), folder / "scores" / "scores.parquet")
    assert select(budget="50%") == 0
    told = "fewer than the 10 examples asked for: all 5 rankable rows are kept; 15 rows too_long"
    assert told in capfd.readouterr().err
    assert len(ids(folder / "out.jsonl")) == 5


def test_help_shows_an_example(capfd):
    assert run(["select", "--help"]) == 0
    assert "dataselect select pool.jsonl --strategy ppl-low" in capfd.readouterr().out
