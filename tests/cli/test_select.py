import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run

RECORDS = [{"id": f"r{i}", "prompt": f"Say {i}.", "response": "word " * (i + 1)} for i in range(20)]
COMMANDS = {"scores": "score", "embeddings": "embed"}


@pytest.fixture
def folder(tmp_path, monkeypatch, seal):
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
        seal(tmp_path / name, COMMANDS[name], {})
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
    assert select(*mapped, "--overwrite", strategy="longest", budget="1", scores=None) == 0
    manifest = json.loads((folder / "out.manifest.json").read_text())
    assert (manifest["columns"]["prompt"], manifest["columns"]["response"]) == ("response", "prompt")
    assert ids(folder / "out.jsonl")[0].endswith(":r10")  # "Say 10." is longest, and first by id among its equals


def test_rows_are_kept_by_a_column_of_texts(folder, capfd):
    langs = ["en", "de", ""] * 7
    lines = [f"r{i},{langs[i]},{i}" for i in range(20)]
    (folder / "judge.csv").write_text("\n".join(["id,lang,stars", *lines]) + "\n")
    judged = ["--scores", "judge.csv"]
    assert select("--where", 'lang == "de" and status == "ok" and stars < 15', *judged) == 0
    assert ids(folder / "out.jsonl") == ["r13", "r10", "r7"]
    assert "outside --where" in capfd.readouterr().err
    for expression, told in (
        ("lang > 5", "text is compared with == and in only"), ("lang == 5", "compares lang, which is text, with a number"),
        ("stars == 'many'", "compares stars, which is numbers, with a text"), ("ppl < True", "not with True"),
        ("lnag == 'en'", "needs the column lnag"),
    ):  # fmt: skip
        assert select("--where", expression, *judged, "--overwrite") in (1, 2)
        said = capfd.readouterr().err
        assert said.count("\n") == 1
        assert told in said
    assert select(*judged, "--param", "name=lang", "--overwrite", strategy="column") == 1
    assert "the column lang of judge.csv should hold numbers, not string" in capfd.readouterr().err


def test_a_parameter_reaches_the_strategy(folder, capfd):
    assert select("--param", "ratio=bytes", strategy="ifd-high") == 2
    assert "ratio: expected one of ppl, loss, got 'bytes'" in capfd.readouterr().err


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_ratings_of_a_judge_choose(folder, suffix):
    rated = pa.table({"id": ["r4", "r7", "r2", "stranger"], "rating": [3.5, 4.5, None, 5.0]})
    path = folder / f"judge.{suffix}"
    if suffix == "parquet":
        pq.write_table(rated, path)
    elif suffix == "csv":
        path.write_text("id,rating\nr4,3.5\nr7,4.5\nr2,\nstranger,5.0\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rated.to_pylist()))
    arguments = ["--scores", path.name, "--param", "name=rating"]
    assert select(*arguments, strategy="column", budget="2") == 0  # beside --scores scores
    assert ids(folder / "out.jsonl") == ["r7", "r4"]
    manifest = json.loads((folder / "out.manifest.json").read_text())
    assert (manifest["ranked_by"], manifest["params"]) == (["rating"], {"name": "rating", "direction": "high"})
    assert [source["source"] for source in manifest["inputs"]] == ["pool.jsonl", "scores", path.name]
    assert manifest["funnel"]["left_out"] == {"without_scores": 17, "null_score": 1}
    assert manifest["counts"]["scores_not_in_pool"] == 1
    low = ["--param", "direction=low", "--overwrite"]
    assert select(*arguments, *low, strategy="column", budget="2", scores=None) == 0
    assert ids(folder / "out.jsonl") == ["r4", "r7"]


def test_targets_of_text_reach_the_strategy(folder):
    for name, number in (("teens.jsonl", 15), ("four.jsonl", 4)):
        (folder / name).write_text(json.dumps({"prompt": f"Say {number}.", "response": "word"}) + "\n")
    targets = ["--target", "teens.jsonl", "--target", "four.jsonl"]
    arguments = [*targets, "--param", "text=prompt", "--param", "smoothing=0", "--param", "ngrams=1"]
    assert select(*arguments, strategy="dsir", budget="2") == 0
    assert set(ids(folder / "out.jsonl")) == {"r15", "r4"}
    manifest = json.loads((folder / "out.manifest.json").read_text())
    assert [source["role"] for source in manifest["inputs"]] == ["pool", "scores", "target", "target"]
    assert manifest["params"] == {"text": "prompt", "buckets": 10_000, "ngrams": 1, "smoothing": 0.0}


def test_length_control_takes_from_all_lengths(folder):
    # perplexity falls with length: without control the longest come first; within two bins r19 and r9 lead
    assert select("--length-control", "bins", "--length-bins", "2", budget="4") == 0
    assert ids(folder / "out.jsonl") == ["r19", "r9", "r18", "r8"]
    manifest = json.loads((folder / "out.manifest.json").read_text())
    assert manifest["length_control"] == {"method": "bins", "bins": 2}
    assert manifest["ranked_by"] == ["ppl", "response_bytes"]
    assert select("--length-control", "residual", "--overwrite", budget="4") == 0
    manifest = json.loads((folder / "out.manifest.json").read_text())
    assert manifest["length_control"] == {"method": "residual"}
    assert select("--length-control", "bins", "--overwrite") == 0
    assert json.loads((folder / "out.manifest.json").read_text())["length_control"]["bins"] == 10


@pytest.mark.parametrize(
    ("arguments", "changed", "code", "told"),
    [
        (
            ["--length-control", "bins"],
            {"strategy": "random"},
            2,
            "a strategy that orders rows by one score, and random",
        ),
        (["--length-control", "line"], {}, 2, "--length-control"),
        (
            ["--length-control", "residual", "--length-bins", "5"],
            {},
            2,
            "--length-bins requires --length-control bins",
        ),
        (["--length-control", "bins", "--length-bins", "1"], {}, 2, "--length-bins"),
        (
            ["--param", "name=grade"],
            {"strategy": "column"},
            1,
            "needs the column grade (hint: give --scores DIR or",
        ),
        (
            [],
            {"strategy": "column"},
            2,
            "name: missing (hint: it takes --param name=NAME, --param direction=low|mid|high",
        ),
        ([], {"strategy": "excess-loss"}, 1, "dataselect score POOL --model M --model NAME=REFERENCE --out DIR"),
        ([], {"strategy": "bpb"}, 1, "needs the column bits_per_byte (hint: dataselect score POOL --model M --out DIR"),
        (["--target", "pool.jsonl"], {}, 2, "the strategy ppl-low reads no --target"),
        ([], {"strategy": "dsir"}, 1, "the strategy dsir needs a target set (hint: give --target FILE"),
        (["--target", "absent.jsonl"], {"strategy": "dsir"}, 1, "absent.jsonl"),
        ([], {"strategy": "rds-plus"}, 1, "(hint: dataselect embed POOL --encoder E --target FILE --out DIR, then"),
        ([], {"strategy": "centroid"}, 1, "(hint: dataselect embed POOL --encoder E --target FILE --out DIR, then"),
        (
            ["--embeddings", "embeddings"],
            {"strategy": "rds-plus"},
            1,
            "embeddings has no embeddings.npy: that run of dataselect embed made none (hint: check the path",
        ),
        (["--embeddings", "nowhere"], {"strategy": "rds-plus"}, 1, "nowhere"),
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
        (["--param", "a=1"], {"strategy": "random"}, 2, "a: unknown key (hint: it takes no --param)"),
        (
            ["--param", "a=1"],
            {},
            2,
            "a: unknown key (hint: it takes --param scope=response|sequence (default response), "
            "--param steps=keep|drop|regress (default keep))",
        ),
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


def test_an_unfinished_score_folder_is_refused(folder, capfd, seal):
    seal(folder / "scores", "score")
    assert select() == 1
    assert "scores is not finished: it has no manifest.json" in capfd.readouterr().err
    (folder / "scores" / "run.json").unlink()
    assert select() == 1
    assert "scores is not a folder of dataselect score or dataselect embed" in capfd.readouterr().err


def test_another_file_at_out_is_left_alone(folder, capfd):
    (folder / "out.jsonl").write_text("precious")
    assert select() == 1
    assert "(hint: choose another --out, or add --overwrite)" in capfd.readouterr().err
    assert (folder / "out.jsonl").read_text() == "precious"
    assert select("--overwrite") == 0
    assert ids(folder / "out.jsonl") == ["r19", "r18", "r17"]


def test_another_selection_at_out_needs_overwrite_and_the_same_one_is_left(folder, capfd):
    assert select() == 0
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("out.*")}
    assert select() == 0
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("out.*")} == before
    capfd.readouterr()
    assert select(budget="4") == 1
    error = capfd.readouterr().err
    assert "out.jsonl is another selection: budget" in error
    assert "(hint: choose another --out, or add --overwrite)" in error
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("out.*")} == before
    assert select("--overwrite", budget="4") == 0
    assert len(ids(folder / "out.jsonl")) == 4


def test_fewer_than_asked_is_said(folder, capfd, seal):
    columns = pq.read_table(folder / "scores" / "scores.parquet").to_pydict()
    columns["status"][:15] = ["too_long"] * 15
    columns["ppl"][:15] = [None] * 15
    pq.write_table(pa.table(columns), folder / "scores" / "scores.parquet")
    assert select(budget="50%") == 1
    assert "scores/scores.parquet is damaged" in capfd.readouterr().err
    seal(folder / "scores", "score", {})
    assert select(budget="50%") == 0
    assert capfd.readouterr().err.splitlines() == [
        "kept 5 of 20 examples (ppl-low, 50 tokens) in out.jsonl; fewer than the 10 examples asked for: all 5 rankable "
        "rows are kept",
        "    20 rows in",
        "  - 15 too_long",
        "  =  5 rows out",
    ]
    assert len(ids(folder / "out.jsonl")) == 5


def test_help_shows_an_example(capfd):
    assert run(["select", "--help"]) == 0
    assert "dataselect select pool.jsonl --strategy ppl-low" in capfd.readouterr().out


def test_pairs_are_selected_by_both_replies(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    leak = "one two three four five six seven eight nine ten eleven twelve thirteen"
    pairs = [
        {"id": "a", "prompt": "Q", "chosen": "good reply", "rejected": "bad"},
        {"id": "b", "prompt": "Q", "chosen": "good reply", "rejected": "worse"},  # differs in the rejected reply only
        {"id": "c", "prompt": "Q", "chosen": "good reply", "rejected": "bad"},
        {"id": "d", "prompt": "P", "chosen": "fine", "rejected": leak},
        {"id": "e", "prompt": "P", "chosen": "same", "rejected": "same"},
    ]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (tmp_path / "test.jsonl").write_text(json.dumps({"text": leak}) + "\n")
    filters = ["--dedup", "exact", "--decontaminate", "test.jsonl"]
    assert select("--pairs", *filters, strategy="longest", budget="2", scores=None) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    kept = [{key: value for key, value in row.items() if key != "_dataselect"} for row in rows]
    assert kept == [pairs[0], pairs[1]]
    manifest = json.loads((tmp_path / "out.manifest.json").read_text())
    assert manifest["columns"]["pairs"] is True
    assert run(["verify-selection", "out.jsonl"]) == 0
    assert run(["explain", "out.jsonl", "d"]) == 0
    told = capfd.readouterr()
    assert "1 contaminated" in told.err
    assert "Not kept: " in told.out
    assert "test.jsonl" in told.out
