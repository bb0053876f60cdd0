"""`dataselect select` with filters, duplicates, stages and quotas, for ids only, and from a ranking that is there."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def folder(tmp_path, monkeypatch, seal):
    """Pools a (12 rows) and b (8), their scores and embeddings, and an evaluation set; the working folder.

    Perplexity rises with the number of the row, a before b. a03 says what a01 says, a04 nearly so. b00 is leaked.
    """
    monkeypatch.chdir(tmp_path)
    long = " ".join(WORDS)
    says = {1: long, 3: long.upper(), 4: long.replace("twelve", "12")}
    a = [{"id": f"a{i:02}", "prompt": "Count.", "response": says.get(i, f"number {i}")} for i in range(12)]
    b = [{"id": f"b{i:02}", "prompt": f"Say {i}.", "response": f"I say {i}"} for i in range(8)]
    b[0]["prompt"] = "Is the moon made of green cheese?"
    write(tmp_path / "a.jsonl", a)
    write(tmp_path / "b.jsonl", b)
    write(tmp_path / "test.jsonl", [{"prompt": "The moon made of green cheese", "canonical_solution": "No."}])
    ids = [record["id"] for record in (*a, *b)]
    columns = {
        "id": ids,
        "source": ["a.jsonl"] * 12 + ["b.jsonl"] * 8,
        "status": ["ok"] * 19 + ["too_long"],
        "ppl": [*map(float, range(19)), None],
        "ifd": [0.5] * 20,
        "response_tokens": range(1, 21),
        "total_tokens": [10] * 20,
    }
    for name in ("scores", "embeddings"):
        (tmp_path / name).mkdir()
    pq.write_table(pa.table(columns), tmp_path / "scores" / "scores.parquet")
    angles = np.radians(np.arange(20) * 10)
    np.save(
        tmp_path / "embeddings" / "embeddings.npy", np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    )
    (tmp_path / "embeddings" / "ids.txt").write_text("".join(f"{id_}\n" for id_ in ids))
    seal(tmp_path / "scores", "score", {})
    seal(tmp_path / "embeddings", "embed", {})
    return tmp_path


def select(*arguments, pools=("a.jsonl", "b.jsonl"), strategy="ppl-low", budget="3", out="out.jsonl"):
    ranked = [] if strategy is None else ["--strategy", strategy, "--scores", "scores"]
    return run(["select", *pools, *ranked, "--budget", budget, "--out", out, *arguments])


def ids(path):
    return [json.loads(line)["_dataselect"]["id"] for line in path.read_text().splitlines()]


def manifest(folder, name="out"):
    return json.loads((folder / f"{name}.manifest.json").read_text())


def test_filters_and_duplicates_leave_rows_out_and_the_funnel_says_so(folder, capfd):
    arguments = ["--where", "ppl < 15", "--min-tokens", "2", "--max-tokens", "18", "--decontaminate", "test.jsonl"]
    assert select(*arguments, "--dedup", "exact", "--dedup", "ngram", "--dedup-threshold", "0.6") == 0
    assert ids(folder / "out.jsonl") == ["a01", "a02", "a05"]
    assert capfd.readouterr().err.splitlines() == [
        "kept 3 of 20 examples (ppl-low, 30 tokens) in out.jsonl; from a.jsonl 3 of 12, b.jsonl 0 of 8",
        "    20 rows in",
        "  -  1 too_long",
        "  -  4 outside --where",
        "  -  1 under --min-tokens",
        "  -  1 contaminated",
        "  -  1 duplicate",
        "  -  1 near-duplicate",
        "  -  8 over the budget",
        "  =  3 rows out",
    ]
    said = manifest(folder)
    assert said["filters"]["dedup"] == {"exact": None, "ngram": 0.6}
    assert said["filters"]["decontaminate"] == {"files": ["test.jsonl"], "ngram": 13}
    assert said["funnel"]["rows_in"] == sum(said["funnel"]["left_out"].values()) + said["funnel"]["rows_out"]
    assert said["inputs"][-1]["role"] == "decontaminate"
    rows = {row["id"]: row for row in pq.read_table(folder / "out.ranking.parquet").to_pylist()}
    assert len(rows) == 20
    assert (rows["a03"]["reason"], rows["a03"]["because"], rows["a03"]["rank"]) == ("duplicate", "a01", None)
    assert (rows["a04"]["reason"], rows["a04"]["because"], rows["a04"]["place"]) == ("near_duplicate", "a01", 4)
    assert rows["b00"]["because"] == 'test.jsonl:1 "the moon made of green cheese"'
    assert rows["a05"] == {
        "id": "a05", "source": "a.jsonl", "stage": 1, "place": 5, "score": 5.0, "rank": 3, "total_tokens": 10,
        "length": 6.0, "reason": "", "because": None,
    }  # fmt: skip
    assert rows["b07"]["reason"] == "too_long"
    assert rows["b07"]["rank"] is None


def test_duplicates_in_meaning_are_those_of_the_embeddings(folder):
    # ten degrees apart: cos 10 is 0.985, cos 20 is 0.94, cos 30 is 0.87
    assert select("--embeddings", "embeddings", "--dedup", "semantic", "--dedup-cosine", "0.9") == 0
    assert ids(folder / "out.jsonl") == ["a00", "a03", "a06"]


def test_quotas_and_stages_reach_the_run(folder, capfd):
    assert select("--quota", "even", budget="4") == 0
    assert ids(folder / "out.jsonl") == ["a00", "b00", "a01", "b01"]
    said = manifest(folder)
    assert said["quota"] == "even"
    assert said["composition"]["sources"] == {"a.jsonl": {"pool": 12, "chosen": 2}, "b.jsonl": {"pool": 8, "chosen": 2}}
    assert select("--quota", "b.jsonl=75%", "--overwrite", budget="4") == 0
    assert ids(folder / "out.jsonl") == ["b00", "a00", "b01", "b02"]
    assert select("--quota", "b.jsonl=90%", "--overwrite", budget="12") == 0
    assert "b.jsonl ran out before its quota, and the others filled it" in capfd.readouterr().err
    assert select("--shortlist", "25%", "--then", "longest", "--overwrite", budget="2") == 0
    assert ids(folder / "out.jsonl") == ["a04", "a03"]
    said = manifest(folder)
    assert (said["strategy"], said["nests"]) == ("ppl-low then longest", True)
    assert [stage["shortlist"] for stage in said["stages"]] == [None, "25%"]


def test_superfilter_d_on_the_command_line(folder):
    more = ["--embeddings", "embeddings", "--shortlist", "20%", "--then", "facility-location(neighbours=3)"]
    assert select(*more, strategy="ifd-high", budget="10%") == 0
    assert ids(folder / "out.jsonl")[0] == "a01"  # of a00 to a03, which tie on IFD, one of the two in the middle
    assert manifest(folder)["stages"][1]["params"] == {"neighbours": 3, "kernel": "cosine"}


def test_strategies_are_combined(folder):
    assert select("--param", "of=ppl-low,longest", strategy="rrf") == 0
    assert json.loads((folder / "out.jsonl").read_text().splitlines()[0])["_dataselect"]["score"] == pytest.approx(
        1 / 61 + 1 / 79
    )  # a00 is first of 19 and last of 19, as b06 is
    assert ids(folder / "out.jsonl")[0] == "a00"
    assert select("--param", "of=ppl=-1,response_tokens=1.5", "--overwrite", strategy="weighted") == 0
    assert ids(folder / "out.jsonl")[0] == "b06"


@pytest.mark.parametrize("strategy", ["ppl-low", "random"])
def test_the_order_of_the_pools_does_not_decide_which_duplicate_stays(folder, strategy):
    arguments = ["--dedup", "exact", "--dedup", "ngram", "--dedup-threshold", "0.6", "--quota", "even"]
    assert select(*arguments, strategy=strategy, budget="8") == 0
    first = [(folder / name).read_bytes() for name in ("out.jsonl", "out.ranking.parquet")]
    for name in ("a.jsonl", "b.jsonl"):
        write(folder / name, [json.loads(line) for line in (folder / name).read_text().splitlines()][::-1])
    assert select(*arguments, "--overwrite", strategy=strategy, budget="8", pools=("b.jsonl", "a.jsonl")) == 0
    assert [(folder / name).read_bytes() for name in ("out.jsonl", "out.ranking.parquet")] == first


def test_a_list_of_ids_needs_no_pool(folder, capfd):
    assert select(pools=(), out="ids.txt", budget="25%") == 0
    assert (folder / "ids.txt").read_text() == "a00\na01\na02\na03\na04\n"
    assert "kept 5 of 20 examples (ppl-low, 50 tokens) in ids.txt" in capfd.readouterr().err
    assert [one["role"] for one in manifest(folder, "ids")["inputs"]] == ["scores"]
    assert select("--where", 'source == "b.jsonl"', pools=(), out="b.ids", budget="2") == 0
    assert (folder / "b.ids").read_text() == "b00\nb01\n"
    assert select("--quota", "even", pools=(), strategy="longest", out="even.txt", budget="3") == 0
    assert (folder / "even.txt").read_text() == "b06\na11\nb05\n"
    assert select(out="with.txt", budget="25%") == 0  # with the pool it is the same list
    assert (folder / "with.txt").read_text() == (folder / "ids.txt").read_text()
    assert manifest(folder, "with")["inputs"][0]["role"] == "pool"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--quota", "even", "--dedup", "exact", "--where", "ppl < 14"),
        ("--quota", "b.jsonl=90%"),
        ("--shortlist", "80%", "--then", "longest"),
        ("--dedup", "ngram", "--decontaminate", "test.jsonl"),
    ],
)
@pytest.mark.parametrize("budget", ["6", "30%"])
def test_another_budget_from_a_ranking_is_what_selecting_again_gives(folder, arguments, budget):
    assert select(*arguments, budget="3", out="first.jsonl") == 0
    assert select(*arguments, budget=budget, out="fresh.jsonl") == 0
    (folder / "scores" / "scores.parquet").unlink()  # nothing is ranked anew
    assert select("--ranking", "first.ranking.parquet", strategy=None, budget=budget, out="again.jsonl") == 0
    assert (folder / "again.jsonl").read_bytes() == (folder / "fresh.jsonl").read_bytes()
    assert (folder / "again.ranking.parquet").read_bytes() == (folder / "fresh.ranking.parquet").read_bytes()
    fresh, again = manifest(folder, "fresh"), manifest(folder, "again")
    assert (fresh.pop("file"), again.pop("file")) == ("fresh.jsonl", "again.jsonl")
    assert fresh.pop("seal") != again.pop("seal")  # over the names, too
    assert fresh.pop("ranking")["sha256"] == again.pop("ranking")["sha256"]
    assert fresh == again
    # and on from there
    assert select("--ranking", "again.ranking.parquet", strategy=None, budget="3", out="third.jsonl") == 0
    assert (folder / "third.jsonl").read_bytes() == (folder / "first.jsonl").read_bytes()


def test_a_list_of_ids_from_a_ranking_needs_nothing_else(folder):
    assert select(out="first.jsonl") == 0
    assert select("--ranking", "first.ranking.parquet", pools=(), strategy=None, budget="55tok", out="more.txt") == 0
    assert (folder / "more.txt").read_text() == "a00\na01\na02\na03\na04\n"


def test_what_was_ranked_is_what_is_cut(folder, capfd):
    assert select("--quota", "even", out="first.jsonl") == 0
    assert select("--embeddings", "embeddings", strategy="k-center", out="far.jsonl") == 0
    again = {"strategy": None, "out": "again.jsonl"}
    for arguments, changed, told in (
        (["first.ranking.parquet", "--seed", "1"], {}, "--seed has no effect with --ranking: its rows are ranked"),
        (
            ["first.ranking.parquet", "--strategy", "random"],
            {},
            "--strategy has no effect with --ranking: its rows are ranked",
        ),
        (["first.ranking.parquet"], {"pools": ("a.jsonl",)}, "the pools are not those that were ranked"),
        (["first.ranking.parquet"], {"pools": ()}, "again.jsonl needs the records of a POOL, and none is given"),
        (["first.ranking.parquet"], {"budget": "30tok"}, "count examples, and the budget 30tok does not"),
        (["first.ranking.parquet"], {"budget": "21"}, "asks for 21 examples, but the pool has 20 rows"),
        (["far.ranking.parquet"], {"budget": "4"}, "the ranking stopped at 3 rows, and the budget asks for 4 examples"),
        (["none.ranking.parquet"], {}, "none.ranking.parquet does not exist"),
        (["a.jsonl"], {}, "a.jsonl is not a ranking"),
    ):
        assert select("--ranking", *arguments, **{**again, **changed}) in (1, 2)
        captured = capfd.readouterr().err.splitlines()
        assert told in captured[-1]
        assert not (folder / "again.jsonl").exists()
    (folder / "first.ranking.parquet").write_bytes((folder / "far.ranking.parquet").read_bytes())
    assert select("--ranking", "first.ranking.parquet", **again) == 1
    assert "is not the file that first.manifest.json describes" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "changed", "code", "told"),
    [
        (["--where", "pll < 5"], {}, 1, "--where needs the column pll (hint: give --scores DIR or FILE"),
        (["--where", "ppl <"], {}, 2, "--where cannot be read"),
        (["--where", "ppl < 'x'"], {}, 2, "text is compared with == and in only"),
        (["--where", "ppl > 1000"], {}, 1, "can be ranked: 1 too_long, 19 outside --where"),
        (["--min-tokens", "0"], {}, 2, "--min-tokens"),
        (["--min-tokens", "9", "--max-tokens", "5"], {}, 2, "--max-tokens must be at least 1 and not below --min-tokens, got 9 to 5"),
        (["--min-tokens", "5"], {"scores": None}, 1, "dataselect score POOL --model M --out DIR"),
        (["--dedup", "fuzzy"], {}, 2, "--dedup"),
        (["--dedup", "exact", "--dedup", "exact"], {}, 2, "once, got 'exact'"),
        (["--dedup-threshold", "0.5"], {}, 2, "--dedup-threshold requires --dedup ngram"),
        (["--dedup-cosine", "0.5", "--dedup", "ngram"], {}, 2, "--dedup-cosine requires --dedup semantic"),
        (["--dedup", "ngram", "--dedup-threshold", "1.5"], {}, 2, "--dedup-threshold must be above 0 and at most 1, got 1.5"),
        (["--dedup", "semantic"], {}, 1, "--dedup semantic needs embeddings (hint: dataselect embed POOL"),
        (["--decontaminate-ngram", "5"], {}, 2, "--decontaminate-ngram requires --decontaminate"),
        (["--decontaminate", "none.jsonl"], {}, 1, "none.jsonl does not exist"),
        (["--decontaminate", "scores"], {}, 1, "scores"),
        (["--decontaminate-cosine", "0.9"], {}, 1, "needs the embeddings of a target set"),
        (
            ["--decontaminate-cosine", "0.9", "--embeddings", "embeddings"], {}, 1,
            "embeddings was embedded without a target set",
        ),
        (["--quota", "c.jsonl=10%"], {}, 2, "unknown source in --quota 'c.jsonl'"),
        (["--quota", "even", "--quota", "a.jsonl=5%"], {}, 2, "cannot be combined with another --quota"),
        (["--quota", "a.jsonl=10%", "--quota", "b.jsonl=10%"], {}, 1, "add up to 20%, not to 100%"),
        (["--then", "longest"], {}, 2, "got 0 shortlists for 1 strategies"),
        (["--shortlist", "50%"], {}, 2, "got 1 shortlists for 0 strategies"),
        (["--shortlist", "2", "--then", "longest"], {}, 1, "the budget of 3 rows is more than the shortlist"),
        (["--shortlist", "5", "--then", "k-center"], {}, 1, "the strategy k-center needs embeddings"),
        (["--shortlist", "5", "--then", "longst"], {}, 2, "unknown strategy 'longst' (hint: did you mean longest"),
        (["--param", "of=ppl-low"], {"strategy": "rrf"}, 2, "two or more strategies"),
        (["--param", "of=ppl-low,similarity"], {"strategy": "rrf"}, 1, "the strategy rrf needs the column similarity"),
        (["--param", "of=ppl"], {"strategy": "weighted"}, 2, "columns with weights other than 0"),
        ([], {"strategy": None}, 2, "--strategy is required"),
        ([], {"pools": ()}, 2, "out.jsonl needs the records of a POOL, and none is given"),
        ([], {"pools": (), "out": "x.txt", "scores": None}, 1, "neither POOL nor --scores"),
        (["--dedup", "exact"], {"pools": (), "out": "x.txt"}, 1, "--dedup exact compares texts, and no POOL is given"),
        (["--decontaminate", "test.jsonl"], {"pools": (), "out": "x.txt"}, 1, "--decontaminate compares texts"),
        ([], {"pools": (), "out": "x.txt", "strategy": "zip"}, 1, "the strategy zip compares texts"),
        (["--scores", "test.jsonl"], {"out": "test.jsonl"}, 2, "--out is also an input"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_with_a_hint_and_no_file(folder, capfd, arguments, changed, code, told):
    scores = changed.pop("scores", "scores")
    strategy = changed.pop("strategy", "ppl-low")
    before = sorted(path.name for path in folder.iterdir())
    ranked = [*(["--scores", scores] if scores else []), *(["--strategy", strategy] if strategy else [])]
    assert select(*ranked, *arguments, **{"strategy": None, **changed}) == code
    captured = capfd.readouterr()
    assert told in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert sorted(path.name for path in folder.iterdir()) == before


def test_other_files_of_the_same_name_are_left_alone(folder, capfd):
    (folder / "out.ranking.parquet").write_text("precious")
    assert select() == 1
    assert "out.ranking.parquet exists and has no selection manifest next to it" in capfd.readouterr().err
    assert select(out="mine.jsonl") == 0
    assert select(out="mine.txt") == 1
    assert "mine.manifest.json is the manifest of mine.jsonl" in capfd.readouterr().err
    assert not (folder / "mine.txt").exists()
    again = {"strategy": None, "out": "mine.jsonl", "budget": "4"}
    assert select("--ranking", "mine.ranking.parquet", **again) == 1
    assert "mine.jsonl is another selection: budget" in capfd.readouterr().err
    assert select("--ranking", "mine.ranking.parquet", "--overwrite", **again) == 0
    assert ids(folder / "mine.jsonl") == ["a00", "a01", "a02", "a03"]  # its own ranking may be cut again in place


def test_a_line_break_in_an_id_is_no_line_of_a_list(folder, capfd):
    pq.write_table(pa.table({"id": ["x\ny"], "ppl": [1.0]}), folder / "odd.parquet")
    assert run(["select", "--strategy", "ppl-low", "--scores", "odd.parquet", "--budget", "1", "--out", "x.txt"]) == 1
    assert "an id holds a line break" in capfd.readouterr().err
    assert not (folder / "x.txt").exists()
