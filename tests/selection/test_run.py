import gzip
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataselect.artifacts import file_digest
from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.pool import ColumnMap
from dataselect.selection import SelectRequest, select
from dataselect.strategies import STRATEGIES

RECORDS = [
    {"id": "a", "instruction": "Add 1 and 1.", "input": "", "output": "2"},
    {"id": "b", "instruction": "Add 1 and 2.", "input": "", "output": "The sum is 3."},
    {"id": "c", "instruction": "Greet.", "input": "", "output": "Good day, and welcome to all of you!"},
    {"id": "d", "instruction": "Count.", "input": "to 3", "output": "1 2 3"},
]
SCORES = {
    "id": ["a", "b", "c", "d"],
    "status": ["ok", "ok", "ok", "truncated"],
    "ppl": [4.0, 2.0, 8.0, 3.0],
    "ifd": [0.4, 0.9, 1.2, 0.6],
    "ifd_loss": [0.4, 0.9, 1.2, 0.6],
    "response_tokens": [1, 5, 9, 3],
    "total_tokens": [11, 15, 19, 13],
}


def write_pool(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def write_scores(folder, columns, **manifest):
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "scores.parquet")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def pool(tmp_path):
    return write_pool(tmp_path / "pool.jsonl", RECORDS)


@pytest.fixture
def scores(tmp_path):
    return write_scores(tmp_path / "scores", SCORES, rendering={"template": "alpaca", "max_length": 511})


@pytest.fixture
def embeddings(tmp_path):
    columns = {"id": ["a", "b", "c", "d"], "similarity": [0.1, 0.4, 0.3, 0.2], "centroid_similarity": [0.0] * 4}
    return write_scores(tmp_path / "embeddings", columns)


def request(pool, strategy, budget, **more):
    return SelectRequest((str(pool),), strategy, budget, pool.parent / "out.jsonl", **more)


def written(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def kept_ids(summary):
    return [record["_dataselect"]["id"] for record in written(summary.out)]


def test_writes_the_records_as_they_came_best_first(pool, scores):
    summary = select(request(pool, "ppl-low", "2", scores=(scores,)))
    assert written(summary.out) == [
        {**RECORDS[1], "_dataselect": {"id": "b", "rank": 1, "strategy": "ppl-low", "score": 2.0}},
        {**RECORDS[3], "_dataselect": {"id": "d", "rank": 2, "strategy": "ppl-low", "score": 3.0}},
    ]


def test_the_manifest_says_what_was_selected_from_what(pool, scores):
    summary = select(request(pool, "ifd-high", "50%", scores=(scores,), params={"ratio": "loss"}, seed=3))
    manifest = json.loads(summary.manifest.read_text())
    assert manifest.pop("environment")["versions"]["dataselect"]
    assert manifest == {
        "kind": "selection",
        "strategy": "ifd-high",
        "params": {"ratio": "loss"},
        "budget": 2,
        "unit": "examples",
        "budget_text": "50%",
        "seed": 3,
        "ranked_by": ["ifd_loss"],
        "nests": True,
        "counts": {
            "pool_rows": 4, "rejects": 0, "without_scores": 0, "unscorable": {}, "scores_not_in_pool": 0,
            "not_finite": 0, "candidates": 4, "null_score": 0, "dropped_by_rule": 1, "ranked": 3, "kept": 2,
            "kept_tokens": 15 + 13,
        },
        "notes": ["1 row dropped by the rule of ifd-high"],
        "inputs": [
            {"role": "pool", "source": "pool.jsonl", "sha256": file_digest(pool)},
            {"role": "scores", "source": str(scores), "sha256": file_digest(scores / "scores.parquet")},
        ],
        "rendering": {"template": "alpaca", "max_length": 511},
        "columns": {"prompt": None, "response": None, "system": None, "text": None, "id": None},
        "prefix_ids": False,
        "sha256": hashlib.sha256(summary.out.read_bytes()).hexdigest(),
    }  # fmt: skip


def test_the_pool_alone_is_enough_for_random_and_longest(pool):
    longest = select(request(pool, "longest", "4"))
    assert kept_ids(longest) == ["c", "b", "d", "a"]  # 36, 13, 5 and 1 bytes
    manifest = json.loads(longest.manifest.read_text())
    assert (manifest["ranked_by"], manifest["rendering"]) == (["response_bytes"], None)
    assert sorted(kept_ids(select(request(pool, "random", "100%")))) == ["a", "b", "c", "d"]


def test_embeddings_join_like_a_score_table(pool, scores, embeddings):
    both = request(pool, "similarity", "28tok", scores=(scores,), embeddings=embeddings)
    assert kept_ids(select(both)) == ["b"]  # b 15, then c 19 overshoots
    assert kept_ids(select(request(pool, "similarity", "2", embeddings=embeddings))) == ["b", "c"]


def test_length_matched_random_follows_a_selection(pool, scores):
    first = select(request(pool, "ppl-high", "1", scores=(scores,)))  # c, 9 tokens
    match = first.out.rename(pool.parent / "match.jsonl")
    first.manifest.unlink()
    more = {"scores": (scores,), "params": {"match": str(match)}}
    second = select(request(pool, "length-matched-random", "4", **more))
    assert kept_ids(second) == ["c", "b", "d", "a"]  # 9 5 3 1 tokens: each nearest to 9 among those left
    inputs = json.loads(second.manifest.read_text())["inputs"]
    assert inputs[-1] == {"role": "match", "source": str(match), "sha256": file_digest(match)}
    with pytest.raises(DataselectError, match="needs the column response_tokens"):
        select(request(pool, "length-matched-random", "4", params={"match": str(match)}))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(4)), table=st.permutations(range(4)))
@pytest.mark.parametrize("name", [n for n in STRATEGIES.names() if n != "length-matched-random"])
def test_the_order_of_pool_and_table_does_not_matter(name, order, table, tmp_path_factory, pool, scores, embeddings):
    folder = tmp_path_factory.mktemp("shuffled")
    shuffled = write_pool(folder / "pool.jsonl", [RECORDS[i] for i in order])
    moved = write_scores(folder / "scores", {k: [v[i] for i in table] for k, v in SCORES.items()}, rendering=None)
    first = select(request(pool, name, "3", scores=(scores,), embeddings=embeddings))
    second = select(request(shuffled, name, "3", scores=(moved,), embeddings=embeddings))
    assert first.out.read_bytes() == second.out.read_bytes()


def test_the_same_request_gives_the_same_bytes_and_replaces_its_own_file(pool, scores):
    first = select(request(pool, "random", "2", scores=(scores,), seed=1))
    before = (first.out.read_bytes(), first.manifest.read_bytes())
    again = select(request(pool, "random", "2", scores=(scores,), seed=1))
    assert (again.out.read_bytes(), again.manifest.read_bytes()) == before
    other = select(request(pool, "random", "3", scores=(scores,), seed=1))
    assert kept_ids(other)[:2] == [json.loads(line)["_dataselect"]["id"] for line in before[0].splitlines()]


def test_a_selection_is_a_pool_again(pool, scores):
    first = select(request(pool, "ppl-low", "3", scores=(scores,)))
    second = select(SelectRequest((str(first.out),), "longest", "1", pool.parent / "second.jsonl", scores=(scores,)))
    assert written(second.out)[0]["_dataselect"] == {"id": "b", "rank": 1, "strategy": "longest", "score": 5.0}


def test_unreadable_records_are_counted(pool, scores):
    pool.write_text("not json\n" + pool.read_text() + '{"id": "e"}\n')
    summary = select(request(pool, "ppl-low", "1", scores=(scores,)))
    assert (summary.counts.rejects, summary.counts.pool_rows) == (2, 4)
    assert "2 unreadable records" in summary.notes


def test_mapped_columns_prefixed_ids_and_compressed_pools(tmp_path):
    path = tmp_path / "mine.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"key": 7, "q": "Long?", "a": "no"}\n{"key": 8, "q": "?", "a": "longer"}\n'))
    columns = ColumnMap(prompt="q", response="a", id="key")
    summary = select(request(path, "longest", "1", columns=columns, prefix_ids=True))
    (record,) = written(summary.out)
    assert record["_dataselect"]["id"].endswith(":8")
    manifest = json.loads(summary.manifest.read_text())
    assert manifest["columns"] == {"prompt": "q", "response": "a", "system": None, "text": None, "id": "key"}
    assert manifest["prefix_ids"] is True


@pytest.mark.parametrize(
    ("strategy", "more", "error", "told"),
    [
        ("ppl-low", {}, DataselectError, "the strategy ppl-low needs the column ppl .dataselect score POOL --model M"),
        (
            "random",
            {"budget": "9tok"},
            DataselectError,
            "the budget 9tok needs the column total_tokens .dataselect score",
        ),
        ("random", {"budget": "5"}, DataselectError, "asks for 5 examples, but the pool has 4 rows"),
        ("random", {"budget": "0"}, UsageError, "keeps at least something"),
        ("random", {"seed": -1}, UsageError, "a seed is a whole number from 0, got -1"),
        ("rnadom", {}, UsageError, "unknown strategy 'rnadom' .did you mean random"),
        ("random", {"scores": (Path("absent"),)}, ArtifactError, "there is no score table at absent"),
        ("random", {"out": Path("out.json")}, UsageError, "ends in .jsonl"),
    ],
)
def test_bad_requests_write_nothing(pool, strategy, more, error, told):
    given_ = {"budget": "1", "out": pool.parent / "out.jsonl", **more}
    with pytest.raises(error, match=told):
        select(SelectRequest((str(pool),), strategy, **given_))
    assert [path.name for path in pool.parent.iterdir()] == ["pool.jsonl"]


def test_the_pool_itself_is_never_overwritten(pool):
    before = pool.read_bytes()
    with pytest.raises(UsageError, match="--out is also an input"):
        select(SelectRequest((str(pool),), "random", "1", pool))
    assert pool.read_bytes() == before


def test_a_failed_second_pass_leaves_the_earlier_selection_as_it_was(pool, scores, monkeypatch):
    first = select(request(pool, "ppl-low", "1", scores=(scores,)))
    before = first.out.read_bytes()

    def survey_then_change(reader):
        result = original(reader)
        write_pool(pool, RECORDS[:1])
        return result

    from dataselect.selection import run

    original = run.survey
    monkeypatch.setattr(run, "survey", survey_then_change)
    with pytest.raises(DataselectError, match="the pool changed while it was read"):
        select(request(pool, "ppl-low", "2", scores=(scores,)))
    assert first.out.read_bytes() == before
    assert sorted(path.name for path in pool.parent.glob("*out*")) == ["out.jsonl", "out.manifest.json"]


def test_longest_finds_the_published_longest_rows(tmp_path, shared_data):
    """The 1,000 longest of Alpaca, counted in LLaMA tokens by arXiv 2402.04833, against our bytes on 5,000 of its rows."""
    gold = json.loads((shared_data / "gold" / "long_is_more__filtered_alpaca_1k_longest.json").read_text())
    published = {row["conversations"][1]["value"].strip() for row in gold}
    pool = shared_data / "pools" / "alpaca__alpaca_5000.json"
    outputs = [record["output"].strip() for record in json.loads(pool.read_text())]
    there = sum(output in published for output in outputs)
    assert there == 114  # 1,000 of 52,002 rows are 96 of 5,000; a random cut has a standard deviation of 9
    summary = select(SelectRequest((str(pool),), "longest", str(there), tmp_path / "longest.jsonl"))
    found = [record["output"].strip() in published for record in written(summary.out)]
    assert all(found[:60])
    assert sum(found) >= 0.8 * there  # bytes and tokens part ways only near the edge
