"""Whole embedding runs on small pools: what is on disk, in which order, and what happens when they are run again."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from pyarrow import parquet

from dataselect.embeddings import EmbedRequest, embed, encoding, load_encoder
from dataselect.embeddings.encoding import EmbedCounts
from dataselect.embeddings.index import VectorIndex
from dataselect.errors import ArtifactError, DataselectError, MissingExtraError, PoolError, UsageError

POOL = [
    {"id": "sum", "prompt": "What is 4 plus 5?", "response": "It is 9."},
    {"id": "cat", "prompt": "Tell a story about a cat.", "response": "Once there was a cat."},
    {"id": "none", "prompt": "", "response": "An answer to nothing."},
    {"id": "price", "prompt": "A pen costs 3 coins. What do 2 pens cost?", "response": "They cost 6 coins."},
    {"id": "dog", "prompt": "Tell a long story about a dog and a boat.", "response": "There was a dog."},
]
SUMS = [{"prompt": f"What is {n} plus {n + 1}?", "response": f"It is {2 * n + 1}."} for n in range(2, 5)]
STORIES = [{"prompt": "Tell a story about a cat and a dog.", "response": "Once there were two."}]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


@pytest.fixture
def pool(tmp_path):
    return write(tmp_path / "pool.jsonl", POOL)


def rows_of(out):
    return parquet.read_table(out / "scores.parquet").to_pylist()


def contents(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "manifest.json"}


def test_vectors_ids_and_index_are_aligned_in_input_order(tmp_path, pool):
    out = tmp_path / "out"
    summary = embed(EmbedRequest((pool,), "builtin", out))
    assert summary.counts == EmbedCounts(examples=5, embedded=4, without_text=1, truncated=0, rejects=0)
    assert (out / "ids.txt").read_text(encoding="utf-8") == "sum\ncat\nprice\ndog\n"
    vectors = np.load(out / "embeddings.npy")
    assert (vectors.dtype, vectors.shape) == (np.float32, (4, 192))
    encoder = load_encoder("builtin")
    for vector, record in zip(vectors, (POOL[0], POOL[1], POOL[3], POOL[4]), strict=True):
        np.testing.assert_allclose(vector, encoder.encode([record["prompt"]])[0], atol=1e-5)
    index = VectorIndex.load(out / "index.faiss")
    assert index.search(vectors, 1).rows.ravel().tolist() == [0, 1, 2, 3]
    assert not (out / "scores.parquet").exists()
    assert [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()] == [
        {"file": "pool.jsonl", "line": 3, "reason": "no_text", "excerpt": "id none"}
    ]


def test_similarities_equal_the_definition_and_rank_what_is_alike_first(tmp_path, pool):
    """Truth: each text encoded alone with MiniLM, cosines sorted, the mean of the two largest."""
    sums = write(tmp_path / "sums.jsonl", SUMS)
    out = tmp_path / "out"
    summary = embed(EmbedRequest((pool,), "minilm", out, targets=(sums,), top_k=2))
    assert (summary.num_targets, summary.top_k, summary.dim) == (3, 2, 384)
    encoder = load_encoder("minilm")
    targets = np.concatenate([encoder.encode([record["prompt"]]) for record in SUMS]).astype(np.float64)
    centroid = targets.mean(axis=0) / np.linalg.norm(targets.mean(axis=0))
    rows = rows_of(out)
    assert [(row["id"], row["source"]) for row in rows] == [(i, "pool.jsonl") for i in ("sum", "cat", "price", "dog")]
    by_id = {record["id"]: record["prompt"] for record in POOL}
    for row in rows:
        vector = encoder.encode([by_id[row["id"]]])[0]
        assert row["similarity"] == pytest.approx(np.sort(targets @ vector)[-2:].mean(), abs=1e-5)
        assert row["centroid_similarity"] == pytest.approx(centroid @ vector, abs=1e-5)
    assert [row["id"] for row in sorted(rows, key=lambda row: -row["similarity"])][:2] == ["sum", "price"]


def test_the_order_of_the_pool_changes_nothing_but_the_order(tmp_path, pool):
    target = write(tmp_path / "target.jsonl", SUMS)
    turned = write(tmp_path / "turned.jsonl", POOL[::-1])
    embed(EmbedRequest((pool,), "builtin", tmp_path / "a", targets=(target,)))
    embed(EmbedRequest((turned,), "builtin", tmp_path / "b", targets=(target,)))
    a, b = np.load(tmp_path / "a" / "embeddings.npy"), np.load(tmp_path / "b" / "embeddings.npy")
    np.testing.assert_allclose(a, b[::-1], atol=1e-5)
    for one, other in zip(rows_of(tmp_path / "a"), reversed(rows_of(tmp_path / "b")), strict=True):
        assert one["id"] == other["id"]
        assert one["similarity"] == pytest.approx(other["similarity"], abs=1e-5)


def test_target_files_make_one_set_and_are_counted_one_by_one(tmp_path, pool):
    files = (
        write(tmp_path / "sums.jsonl", [*SUMS, {"prompt": " ", "response": "No question."}]),
        write(tmp_path / "stories.jsonl", STORIES),
    )
    one = write(tmp_path / "all.jsonl", [*SUMS, *STORIES])
    summary = embed(EmbedRequest((pool,), "builtin", tmp_path / "two", targets=files))
    embed(EmbedRequest((pool,), "builtin", tmp_path / "one", targets=(one,)))
    assert [(t.source, t.counts.embedded, t.counts.without_text) for t in summary.targets] == [
        ("sums.jsonl", 3, 1),
        ("stories.jsonl", 1, 0),
    ]
    assert summary.top_k == 4  # ten were asked for, four are there
    for split, joined in zip(rows_of(tmp_path / "two"), rows_of(tmp_path / "one"), strict=True):
        assert split["similarity"] == pytest.approx(joined["similarity"], abs=1e-5)
        assert split["centroid_similarity"] == pytest.approx(joined["centroid_similarity"], abs=1e-5)


def test_the_vectors_of_the_targets_are_kept_file_after_file(tmp_path, pool):
    files = (
        write(tmp_path / "sums.jsonl", [*SUMS, {"id": "mute", "prompt": " ", "response": "No question."}]),
        write(tmp_path / "stories.jsonl", [{"id": "cat", **STORIES[0]}]),
    )
    out = tmp_path / "out"
    embed(EmbedRequest((pool,), "builtin", out, targets=files))
    prompts = [record["prompt"] for record in [*SUMS, *STORIES]]
    np.testing.assert_allclose(np.load(out / "targets.npy"), load_encoder("builtin").encode(prompts), atol=1e-5)
    listed = [json.loads(line) for line in (out / "targets.jsonl").read_text().splitlines()]
    assert [one["task"] for one in listed] == ["sums.jsonl"] * 3 + ["stories.jsonl"]
    assert listed[3]["id"] == "cat"
    embed(EmbedRequest((pool,), "builtin", out, overwrite=True))
    assert not {"targets.npy", "targets.jsonl", "scores.parquet"} & {path.name for path in out.iterdir()}


def test_another_pooling_is_another_run_with_other_vectors(tmp_path, pool):
    embed(EmbedRequest((pool,), "builtin", tmp_path / "out"))
    assert embed(EmbedRequest((pool,), "builtin", tmp_path / "out", pooling="mean")).already_finished
    with pytest.raises(ArtifactError, match=r"encoder\.pooling"):
        embed(EmbedRequest((pool,), "builtin", tmp_path / "out", pooling="weighted-mean"))
    embed(EmbedRequest((pool,), "builtin", tmp_path / "weighted", pooling="weighted-mean", limit=1))
    np.testing.assert_allclose(
        np.load(tmp_path / "weighted" / "embeddings.npy"),
        load_encoder("builtin", "weighted-mean").encode(["What is 4 plus 5?"]),
        atol=1e-5,
    )


@pytest.mark.parametrize("part", ["prompt", "response", "both"])
def test_what_is_embedded_is_what_was_asked_for(tmp_path, pool, part):
    embed(EmbedRequest((pool,), "builtin", tmp_path / "out", embed_text=part, limit=1))
    text = {"prompt": "What is 4 plus 5?", "response": "It is 9.", "both": "What is 4 plus 5?\n\nIt is 9."}[part]
    np.testing.assert_allclose(
        np.load(tmp_path / "out" / "embeddings.npy"), load_encoder("builtin").encode([text]), atol=1e-5
    )


def test_the_manifest_says_what_was_done(tmp_path, pool):
    target = write(tmp_path / "target.jsonl", SUMS)
    embed(EmbedRequest((pool,), "builtin", tmp_path / "out", targets=(target,), limit=2))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [entry["source"] for entry in manifest["inputs"]] == ["pool.jsonl"]
    assert [entry["source"] for entry in manifest["targets"]] == ["target.jsonl"]
    assert manifest["encoder"]["name"] == "builtin"
    assert manifest["encoder"]["dim"] == 192
    assert len(manifest["encoder"]["digest"]) == 64
    assert (manifest["top_k"], manifest["top_k_used"], manifest["limit"]) == (10, 3, 2)
    assert manifest["counts"]["embedded"] == 2
    assert manifest["texts_per_second"] > 0
    assert manifest["environment"]["versions"]["faiss-cpu"]
    assert str(tmp_path) not in json.dumps(manifest)


@pytest.mark.parametrize("kind", ["exact", "ivf", "hnsw"])
def test_an_index_of_the_kind_that_is_asked_for_and_similarities_that_do_not_change_by_it(tmp_path, pool, kind):
    target = write(tmp_path / "target.jsonl", SUMS)
    embed(EmbedRequest((pool,), "builtin", tmp_path / "auto", targets=(target,), top_k=2))
    summary = embed(EmbedRequest((pool,), "builtin", tmp_path / kind, targets=(target,), top_k=2, index=kind))
    report = json.loads((tmp_path / kind / "manifest.json").read_text())["index"]
    assert VectorIndex.load(tmp_path / kind / "index.faiss").kind == kind == report["kind"] == summary.index.kind
    assert (report["asked"], report["rows"], report["k"], report["recall"]) == (kind, 4, 2, 1.0)
    assert report["queries"] == (0 if kind == "exact" else 4)
    assert (tmp_path / kind / "scores.parquet").read_bytes() == (tmp_path / "auto" / "scores.parquet").read_bytes()
    assert json.loads((tmp_path / "auto" / "manifest.json").read_text())["index"]["kind"] == "exact"


def test_a_larger_pool_gets_an_approximate_index_by_itself(tmp_path, pool, monkeypatch):
    monkeypatch.setattr("dataselect.embeddings.index_file.EXACT_ROWS", 3)
    assert embed(EmbedRequest((pool,), "builtin", tmp_path / "four")).index.kind == "hnsw"
    monkeypatch.setattr("dataselect.embeddings.index_file.HNSW_ROWS", 3)
    assert embed(EmbedRequest((pool,), "builtin", tmp_path / "lists")).index.kind == "ivf"
    assert embed(EmbedRequest((pool,), "builtin", tmp_path / "one", limit=1, index="ivf")).index.recall is None


def test_finished_and_run_again_nothing_is_rewritten(tmp_path, pool):
    request = EmbedRequest((pool,), "builtin", tmp_path / "out")
    first = embed(request)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    again = embed(request, lambda _: pytest.fail("nothing is to be encoded"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert (first.already_finished, again.already_finished) == (False, True)
    assert again.counts == first.counts


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"embed_text": "both"}, "embed_text"),
        ({"limit": 3}, "limit"),
        ({"targets": ("target.jsonl",)}, "targets"),
        ({"encoder": "minilm"}, "encoder"),
        ({"index": "hnsw"}, "index"),
    ],
)
def test_another_fingerprint_is_refused_and_overwrite_begins_anew(tmp_path, pool, change, named, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "target.jsonl", SUMS)
    plain = {"pools": (pool,), "encoder": "builtin", "out": tmp_path / "out"}
    embed(EmbedRequest(**plain))
    with pytest.raises(ArtifactError, match=f"was made with another .*{named}"):
        embed(EmbedRequest(**{**plain, **change}))
    assert not embed(EmbedRequest(**{**plain, **change}, overwrite=True)).already_finished


def test_overwrite_leaves_no_file_of_the_earlier_run(tmp_path, pool):
    target = write(tmp_path / "target.jsonl", SUMS)
    embed(EmbedRequest((pool,), "builtin", tmp_path / "out", targets=(target,)))
    embed(EmbedRequest((pool,), "builtin", tmp_path / "out", overwrite=True))
    assert not (tmp_path / "out" / "scores.parquet").exists()


def test_another_top_k_without_targets_is_the_same_run(tmp_path, pool):
    embed(EmbedRequest((pool,), "builtin", tmp_path / "out", top_k=3))
    assert embed(EmbedRequest((pool,), "builtin", tmp_path / "out", top_k=5)).already_finished


def test_interrupted_it_leaves_nothing_that_looks_whole_and_then_goes_on(tmp_path, pool, monkeypatch):
    """Chunks of two records: the first is done when it is interrupted, and only the three others are encoded then."""

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(encoding, "CHUNK", 2)
    request = EmbedRequest((pool,), "builtin", tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        embed(request, interrupt)
    assert {path.name for path in request.out.iterdir()} == {"run.json", ".lock", "shards"}
    (request.out / ".tmp-1-embeddings.npy").write_bytes(b"somebody's, whatever its name says")
    with pytest.raises(ArtifactError, match=r"holds \.tmp-1-embeddings\.npy, which this command did not write"):
        embed(request)
    (request.out / ".tmp-1-embeddings.npy").unlink()
    summary = embed(request)
    assert (summary.already_finished, summary.resumed, summary.counts.examples) == (False, 2, 5)
    embed(EmbedRequest((pool,), "builtin", tmp_path / "straight"))
    interrupted, straight = contents(tmp_path / "out"), contents(tmp_path / "straight")
    assert interrupted.keys() == straight.keys()
    for name in ("embeddings.npy", "ids.txt", "index.faiss", "rejects.jsonl"):
        assert interrupted[name] == straight[name]


def test_unreadable_records_of_pools_and_targets_are_listed_and_the_run_goes_on(tmp_path, pool):
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"prompt": "What is 1 plus 1?", "response": "2"}\n{"prompt": \n', encoding="utf-8")
    summary = embed(EmbedRequest((pool, str(broken)), "builtin", tmp_path / "out", targets=(str(broken),)))
    assert (summary.counts.rejects, summary.counts.embedded) == (1, 5)
    assert [target.counts.rejects for target in summary.targets] == [1]
    lines = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    listed = [(reject["file"], reject["line"]) for reject in map(json.loads, lines)]
    # the target's first, then those of the pools in order
    assert listed == [("broken.jsonl", 2), ("pool.jsonl", 3), ("broken.jsonl", 2)]


def test_pools_with_nothing_to_embed_are_an_error_and_leave_no_vectors(tmp_path):
    empty = write(tmp_path / "empty.jsonl", [{"prompt": " ", "response": "Yes."}])
    with pytest.raises(PoolError, match="the pools should hold examples with text to embed, got 1 examples"):
        embed(EmbedRequest((empty,), "builtin", tmp_path / "out"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"run.json", ".lock", "shards"}


@pytest.mark.parametrize("content", ["", '{"prompt": "", "response": "Yes."}\n', "no json\n"])
def test_a_target_with_nothing_in_it_is_an_error_that_names_it(tmp_path, pool, content):
    target = tmp_path / "target.jsonl"
    target.write_text(content, encoding="utf-8")
    with pytest.raises(PoolError, match=r"target\.jsonl"):
        embed(EmbedRequest((pool,), "builtin", tmp_path / "out", targets=(str(target),)))


def test_a_target_given_twice_is_refused_before_it_counts_twice(tmp_path, pool):
    target = write(tmp_path / "target.jsonl", SUMS)
    with pytest.raises(PoolError, match="given twice"):
        embed(EmbedRequest((pool,), "builtin", tmp_path / "out", targets=(target, target)))


def test_a_missing_package_shows_before_any_work(tmp_path, pool, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError):
        embed(EmbedRequest((pool,), "builtin", tmp_path / "out"), lambda _: pytest.fail("something was encoded"))


@pytest.mark.parametrize(
    "options", [{"top_k": 0}, {"embed_text": "answer"}, {"pooling": "max"}, {"dim": 0}, {"index": "flat"}]
)
def test_wrong_options_are_refused(tmp_path, options):
    with pytest.raises(UsageError):
        EmbedRequest(("pool.jsonl",), "builtin", tmp_path, **options)


def test_vectors_without_direction_stop_the_run(tmp_path, pool):
    """A model whose weights are all zero gives zero vectors, which must not pass for embeddings."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    from dataselect.models import model_path

    model = tmp_path / "model"
    shutil.copytree(model_path(), model)
    weights = load_file(model / "model.safetensors")
    save_file({k: torch.zeros_like(v) for k, v in weights.items()}, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataselectError, match="gave 4 of 4 texts a vector that is zero or not finite"):
        embed(EmbedRequest((pool,), str(model), tmp_path / "out"))
    assert not (tmp_path / "out" / "embeddings.npy").exists()
