import gzip
import hashlib
import json
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataselect.artifacts import file_digest
from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.pool import ColumnMap
from dataselect.selection import SelectRequest, select
from dataselect.selection.output import ranking_path
from dataselect.strategies import STRATEGIES, make_strategy

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


@pytest.fixture
def write_scores(seal):
    """A function that writes a finished folder of `score`."""
    return partial(_write_scores, seal)


def _write_scores(seal, folder, columns, **manifest):
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "scores.parquet")
    return seal(folder, "score", manifest)


@pytest.fixture
def pool(tmp_path):
    return write_pool(tmp_path / "pool.jsonl", RECORDS)


@pytest.fixture
def scores(tmp_path, write_scores):
    return write_scores(tmp_path / "scores", SCORES, rendering={"template": "alpaca", "max_length": 511})


EMBEDDED = {"a": [1.0, 0.0, 0.0], "b": [0.0, 1.0, 0.0], "c": [0.6, 0.8, 0.0], "d": [0.0, 0.6, 0.8]}
SIMILAR = {"a": (0.1, 0.0), "b": (0.4, 0.1), "c": (0.3, 0.2), "d": (0.2, 0.3)}
TARGETS = (("t.jsonl", [1.0, 0.0, 0.0]), ("t.jsonl", [0.0, 0.0, 1.0]))


@pytest.fixture
def write_embeddings(seal):
    """A function that writes a finished folder of `embed`."""
    return partial(_write_embeddings, seal)


def _write_embeddings(seal, folder, ids="abcd", targets=()):
    """Of these rows and these targets, each a task and a vector."""
    folder.mkdir()
    np.save(folder / "embeddings.npy", np.array([EMBEDDED[id_] for id_ in ids], np.float32))
    (folder / "ids.txt").write_text("".join(f"{id_}\n" for id_ in ids))
    if targets:
        names = ("similarity", "centroid_similarity")
        columns = {name: [SIMILAR[id_][i] for id_ in ids] for i, name in enumerate(names)}
        pq.write_table(pa.table({"id": list(ids), **columns}), folder / "scores.parquet")
        np.save(folder / "targets.npy", np.array([vector for _, vector in targets], np.float32))
        lines = [json.dumps({"id": str(i), "task": task}) + "\n" for i, (task, _) in enumerate(targets)]
        (folder / "targets.jsonl").write_text("".join(lines))
    return seal(folder, "embed", {})


@pytest.fixture
def embeddings(tmp_path, write_embeddings):
    return write_embeddings(tmp_path / "embeddings", targets=TARGETS)


@pytest.fixture
def target(tmp_path):
    return str(write_pool(tmp_path / "target.jsonl", [{"question": "Add 2 and 2.", "answer": "4"}]))


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
    assert len(manifest.pop("seal")) == 64
    assert manifest == {
        "kind": "selection",
        "strategy": "ifd-high",
        "params": {"ratio": "loss"},
        "stages": [{"shortlist": None, "strategy": "ifd-high", "params": {"ratio": "loss"}}],
        "budget": 2,
        "unit": "examples",
        "budget_text": "50%",
        "label": None,
        "seed": 3,
        "ranked_by": ["ifd_loss"],
        "length_control": None,
        "filters": {},
        "quota": None,
        "nests": True,
        "funnel": {"rows_in": 4, "left_out": {"dropped_by_rule": 1, "over_budget": 1}, "rows_out": 2},
        "counts": {
            "pool_rows": 4, "kept": 2, "kept_tokens": 15 + 13, "ranked": 3, "rejects": 0, "scores_not_in_pool": 0,
            "not_finite": 0, "target_rejects": 0, "evaluation_rejects": 0, "embedded_in_part": 0,
        },
        "composition": {
            "sources": {"pool.jsonl": {"pool": 4, "chosen": 2}},
            "length": {
                "unit": "response_tokens",
                "levels": [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1],
                "pool": pytest.approx([1, 1.6, 2.5, 4, 6, 7.8, 9]),  # of 1, 3, 5 and 9
                "chosen": pytest.approx([3, 3.2, 3.5, 4, 4.5, 4.8, 5]),
            },
        },
        "notes": [],
        "overlap": None,
        "ranking": {"file": "out.ranking.parquet", "sha256": file_digest(ranking_path(summary.out)), "complete": True},
        "inputs": [
            {"role": "pool", "source": "pool.jsonl", "sha256": file_digest(pool)},
            {"role": "scores", "source": str(scores), "sha256": file_digest(scores / "scores.parquet")},
        ],
        "paths": {
            "pools": ["pool.jsonl"], "scores": ["scores"], "embeddings": None, "targets": [], "evaluation": [],
        },
        "within": None,
        "asked": {"strategy": "ifd-high", "params": {"ratio": "loss"}, "then": [], "quota": []},
        "rendering": {"template": "alpaca", "max_length": 511},
        "unread_columns": {},
        "columns": {"prompt": None, "response": None, "system": None, "text": None, "id": None},
        "prefix_ids": False,
        "file": "out.jsonl",
        "sha256": hashlib.sha256(summary.out.read_bytes()).hexdigest(),
    }  # fmt: skip


def test_the_pool_alone_is_enough_for_random_and_longest(pool):
    longest = select(request(pool, "longest", "4"))
    assert kept_ids(longest) == ["c", "b", "d", "a"]  # 36, 13, 5 and 1 bytes
    manifest = json.loads(longest.manifest.read_text())
    assert (manifest["ranked_by"], manifest["rendering"]) == (["response_bytes"], None)
    assert sorted(kept_ids(select(request(pool, "random", "100%", overwrite=True)))) == ["a", "b", "c", "d"]


def test_embeddings_join_like_a_score_table(pool, scores, embeddings):
    both = request(pool, "similarity", "28tok", scores=(scores,), embeddings=embeddings)
    assert kept_ids(select(both)) == ["b"]  # b 15, then c 19 overshoots
    assert kept_ids(select(request(pool, "similarity", "2", embeddings=embeddings, overwrite=True))) == ["b", "c"]


def test_target_examples_take_turns_over_the_available_vectors(pool, tmp_path, write_embeddings):
    """a, b and d are embedded, c is not. Cosines to the two targets: a 1 and 0, b 0 and 0, d 0 and 0.8.

    Round 1: a, d. Round 2: b by the first.
    """
    folder = write_embeddings(tmp_path / "part", "dba", TARGETS)
    summary = select(request(pool, "rds-plus", "4", embeddings=folder))
    assert [(r["_dataselect"]["id"], r["_dataselect"]["score"]) for r in written(summary.out)] == [
        ("a", 1.0), ("d", pytest.approx(0.8)), ("b", 0.0),
    ]  # fmt: skip
    manifest = json.loads(summary.manifest.read_text())
    assert manifest["funnel"] == {"rows_in": 4, "left_out": {"without_embedding": 1}, "rows_out": 3}
    assert "- 1 without an embedding" in summary.funnel
    assert manifest["inputs"][1:] == [
        {"role": "scores", "source": str(folder), "sha256": file_digest(folder / "scores.parquet")},
        *(
            {"role": "embeddings", "source": str(folder / name), "sha256": file_digest(folder / name)}
            for name in ("embeddings.npy", "targets.npy")
        ),
    ]
    assert (manifest["params"], manifest["nests"], manifest["seed"]) == ({"duplicates": "waste"}, True, 0)


def test_embeddings_without_targets_still_say_which_rows_can_be_ranked(pool, tmp_path, write_embeddings):
    folder = write_embeddings(tmp_path / "plain", "dba")
    assert kept_ids(select(request(pool, "longest", "4", embeddings=folder))) == ["b", "d", "a"]
    with pytest.raises(DataselectError, match="was embedded without a target set"):
        select(request(pool, "rds-plus", "1", embeddings=folder))


def test_a_target_of_text_is_read_like_a_pool_and_recorded(pool, target, tmp_path):
    faulty = str(write_pool(tmp_path / "faulty.jsonl", [{"prompt": "Greet.", "response": "Good day."}, {"key": 1}]))
    summary = select(request(pool, "dsir", "2", targets=(target, faulty), params={"ngrams": 1}))
    manifest = json.loads(summary.manifest.read_text())
    assert manifest["inputs"][1:] == [
        {"role": "target", "source": Path(path).name, "sha256": file_digest(Path(path))} for path in (target, faulty)
    ]
    assert manifest["params"]["ngrams"] == 1
    assert "1 unreadable record in the target set" in summary.notes
    with pytest.raises(UsageError, match="--out is also an input"):
        select(SelectRequest((str(pool),), "dsir", "1", Path(target), targets=(target,)))


def test_length_matched_random_follows_a_selection(pool, scores):
    first = select(request(pool, "ppl-high", "1", scores=(scores,)))  # c, 9 tokens
    match = first.out.rename(pool.parent / "match.jsonl")
    first.manifest.unlink()
    ranking_path(first.out).unlink()
    more = {"scores": (scores,), "params": {"match": str(match)}}
    second = select(request(pool, "length-matched-random", "4", **more))
    assert kept_ids(second) == ["c", "b", "d", "a"]  # 9 5 3 1 tokens: each nearest to 9 among those left
    assert "1 of 4 rows are in the selection whose lengths they follow" in second.line
    assert json.loads(second.manifest.read_text())["overlap"] == 0.25
    inputs = json.loads(second.manifest.read_text())["inputs"]
    assert inputs[-1] == {"role": "match", "source": str(match), "sha256": file_digest(match)}
    with pytest.raises(DataselectError, match="needs the column response_tokens"):
        select(request(pool, "length-matched-random", "4", params={"match": str(match)}))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(4)), table=st.permutations(range(4)))
@pytest.mark.parametrize("name", [n for n in STRATEGIES.names() if not n.endswith("length-matched-random")])
def test_the_order_of_pool_and_tables_does_not_matter(
    name, order, table, tmp_path_factory, pool, embeddings, target, write_scores, write_embeddings
):
    folder = tmp_path_factory.mktemp("shuffled")
    tuned = {"tuned": "tuned"}
    params = {
        "column": {"name": "rating"}, "rrf": {"of": "ppl-low,longest"}, "weighted": {"of": "ppl=-1"},
        "implicit-gap": tuned, "combined-margin": tuned,
    }.get(name, {})  # fmt: skip
    needs = make_strategy(name, params).needs
    columns = {
        **dict.fromkeys(sorted(set(needs.columns) - {"similarity", "centroid_similarity"}), SCORES["ppl"]),
        **SCORES,
    }
    more = {"params": params, "targets": (target,) if needs.target_texts else (), "overwrite": True}
    scores = write_scores(folder / "ordered", columns)
    shuffled = write_pool(folder / "pool.jsonl", [RECORDS[i] for i in order])
    moved = write_scores(folder / "scores", {k: [v[i] for i in table] for k, v in columns.items()})
    turned = write_embeddings(folder / "embeddings", "dcba", TARGETS)
    first = select(request(pool, name, "3", scores=(scores,), embeddings=embeddings, **more))
    second = select(request(shuffled, name, "3", scores=(moved,), embeddings=turned, **more))
    assert first.out.read_bytes() == second.out.read_bytes()


def test_the_same_request_gives_the_same_bytes_and_another_one_needs_overwrite(pool, scores):
    first = select(request(pool, "random", "2", scores=(scores,), seed=1))
    before = (first.out.read_bytes(), first.manifest.read_bytes())
    again = select(request(pool, "random", "2", scores=(scores,), seed=1))
    assert (again.out.read_bytes(), again.manifest.read_bytes()) == before
    with pytest.raises(ArtifactError, match=r"out\.jsonl .*--overwrite"):
        select(request(pool, "random", "3", scores=(scores,), seed=1))
    assert (again.out.read_bytes(), again.manifest.read_bytes()) == before
    other = select(request(pool, "random", "3", scores=(scores,), seed=1, overwrite=True))
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
    ("strategy", "more", "error", "expected"),
    [
        ("ppl-low", {}, DataselectError, "the strategy ppl-low needs the column ppl .dataselect score POOL --model M"),
        (
            "random",
            {"budget": "9tok"},
            DataselectError,
            "the budget 9tok needs the column total_tokens .dataselect score",
        ),
        ("random", {"budget": "5"}, DataselectError, "asks for 5 examples, but the pool has 4 rows"),
        ("random", {"budget": "0"}, UsageError, "must be greater than 0"),
        ("random", {"seed": -1}, UsageError, "a seed is a whole number from 0, got -1"),
        ("rnadom", {}, UsageError, "unknown strategy 'rnadom' .did you mean random"),
        ("random", {"scores": (Path("absent"),)}, ArtifactError, "there is no score table at absent"),
        ("random", {"out": Path("out.json")}, UsageError, "ends in .jsonl"),
    ],
)
def test_bad_requests_write_nothing(pool, strategy, more, error, expected):
    given_ = {"budget": "1", "out": pool.parent / "out.jsonl", **more}
    with pytest.raises(error, match=expected):
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

    def index_then_change(*arguments):
        result = original(*arguments)
        write_pool(pool, RECORDS[:1])
        return result

    from dataselect.selection import selecting

    original = selecting.index_pool
    monkeypatch.setattr(selecting, "index_pool", index_then_change)
    with pytest.raises(DataselectError, match="the pool changed while it was read"):
        select(request(pool, "ppl-low", "2", scores=(scores,), overwrite=True))
    assert first.out.read_bytes() == before
    assert sorted(path.name for path in pool.parent.glob("*out*")) == [
        "out.jsonl", "out.manifest.json", "out.ranking.parquet",
    ]  # fmt: skip


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


@pytest.mark.parametrize("label", ["random", "full", "length-matched-random:ppl-low"])
def test_a_label_that_a_control_has_is_refused(pool, scores, label):
    with pytest.raises(UsageError, match="is the name of a control"):
        request(pool, "ppl-low", "50%", scores=(scores,), label=label)
