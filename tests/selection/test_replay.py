"""A selection is made again from its manifest alone: the same bytes, or the input that has changed and what that does."""

import json
import os
import shutil
from pathlib import Path

import pytest

from dataselect.cli import run
from dataselect.embeddings import EmbedRequest, embed
from dataselect.errors import ArtifactError
from dataselect.scoring import ScoreRequest, score
from dataselect.selection import ReselectRequest, SelectRequest, reselect, select
from dataselect.selection.replay import verify_selection

ROWS = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two pools, their scores and embeddings, a target and an evaluation set, in one folder that can be moved."""
    folder = tmp_path_factory.mktemp("replay")
    for name, word in (("a", "river"), ("b", "stone")):
        rows = [
            {"instruction": f"Name {word} {i}", "output": f"{word} " * (i % 7 + 1) + str(i)} for i in range(ROWS // 2)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    held_out = "".join(json.dumps({"instruction": f"Name river {i}", "output": "river"}) + "\n" for i in (100, 101))
    (folder / "target.jsonl").write_text(held_out)
    (folder / "test.jsonl").write_text(held_out)
    pools = (str(folder / "a.jsonl"), str(folder / "b.jsonl"))
    score(ScoreRequest(pools=pools, model="builtin", out=folder / "scores", ifd=True))
    embed(
        EmbedRequest(pools=pools, encoder="tfidf", out=folder / "embeddings", targets=(str(folder / "target.jsonl"),))
    )
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy in another place, so that a test may change it."""
    shutil.copytree(made, tmp_path / "work")
    return tmp_path / "work"


WAYS = {
    "random": ["--strategy", "random", "--seed", "3"],
    "scores": ["--strategy", "ppl-mid", "--scores", "scores", "--where", "response_tokens > 2 and source == 'a.jsonl'"],
    "dedup": ["--strategy", "longest", "--dedup", "exact", "--dedup", "ngram", "--dedup-threshold", "0.7"],
    "evaluation": ["--strategy", "random", "--decontaminate", "test.jsonl", "--decontaminate-ngram", "2"],
    "target": ["--strategy", "dsir", "--target", "target.jsonl"],
    "embedded": ["--strategy", "similarity", "--embeddings", "embeddings"],
    "combined": ["--strategy", "rrf", "--param", "of=ppl-low(scope=sequence),ifd-high,similarity", "--scores", "scores",
                 "--embeddings", "embeddings"],
    "weighted": ["--strategy", "weighted", "--param", "of=ppl=-1,ifd=2", "--scores", "scores"],
    "then": ["--strategy", "ppl-low", "--scores", "scores", "--embeddings", "embeddings", "--shortlist", "50%",
             "--then", "kmeans(clusters=3)"],
    "bins": ["--strategy", "ppl-high", "--scores", "scores", "--length-control", "bins", "--length-bins", "4"],
    "residual": ["--strategy", "ppl-high", "--scores", "scores", "--length-control", "residual"],
    "within": ["--strategy", "ppl-low", "--scores", "scores", "--within", "source"],
    "quota": ["--strategy", "random", "--quota", "a.jsonl=30%", "--label", "mine"],
    "tokens": ["--strategy", "ppl-low", "--scores", "scores", "--min-tokens", "3", "--max-tokens", "30"],
    "bounds": ["--strategy", "random", "--scores", "scores", "--prompt-column", "instruction",
               "--response-column", "output"],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_whatever_was_asked_is_asked_again_to_the_byte(way, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    budget = "200tok" if way == "tokens" else "9"
    assert run(["select", "a.jsonl", "b.jsonl", *WAYS[way], "--budget", budget, "--out", "chosen.jsonl"]) == 0
    monkeypatch.chdir("/")  # the paths are those of the manifest, not of where one stands
    found = verify_selection(folder / "chosen.jsonl")
    kept = len((folder / "chosen.jsonl").read_text().splitlines())
    assert (found.rows, found.again, found.shared, found.first_difference) == (kept, kept, kept, None)
    assert found.verified
    assert run(["verify-selection", str(folder / "chosen.jsonl")]) == 0
    assert f"is verified: selected again, its {kept} rows are equal to the byte" in capsys.readouterr().out


def test_a_length_matched_control_finds_the_selection_that_it_matches(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert (
        run(["select", "a.jsonl", "--strategy", "ppl-low", "--scores", "scores", "--budget", "5", "--out", "low.jsonl"])
        == 0
    )
    matched = ["--strategy", "length-matched-random", "--param", f"match={folder / 'low.jsonl'}", "--scores", "scores"]
    assert run(["select", "a.jsonl", *matched, "--budget", "5", "--out", "matched.jsonl"]) == 0
    assert verify_selection(folder / "matched.jsonl").verified


def test_ids_and_a_ranking_that_was_cut_again_are_verified_too(folder, monkeypatch):
    monkeypatch.chdir(folder)
    select(SelectRequest(pools="a.jsonl", strategy="ppl-low", budget="5", out="low.txt", scores="scores"))
    select(SelectRequest(pools="a.jsonl", strategy="ppl-low", budget="5", out="five.jsonl", scores="scores"))
    reselect(ReselectRequest(pools="a.jsonl", ranking="five.ranking.parquet", budget="11", out="eleven.jsonl"))
    for name, rows in (("low.txt", 5), ("eleven.jsonl", 11)):
        found = verify_selection(name)
        assert found.verified
        assert found.rows == rows


def test_a_folder_that_was_moved_as_a_whole_is_verified_where_it_is(folder, tmp_path):
    select(SelectRequest(pools=str(folder / "a.jsonl"), strategy="random", budget="4", out=folder / "chosen.jsonl"))
    os.rename(folder, tmp_path / "elsewhere")
    assert verify_selection(tmp_path / "elsewhere" / "chosen.jsonl").verified


def test_a_changed_pool_is_named_with_what_it_changes(folder, capsys):
    chosen = folder / "chosen.jsonl"
    select(SelectRequest(pools=str(folder / "a.jsonl"), strategy="longest", budget="3", out=chosen))
    lines = (folder / "a.jsonl").read_text().splitlines(keepends=True)
    longest = json.dumps({"instruction": "Say much", "output": "much " * 200}) + "\n"
    (folder / "a.jsonl").write_text("".join([*lines, longest]))
    before = chosen.read_bytes()
    found = verify_selection(chosen)
    # the new row is the longest: it takes the first place, and the third of the three that were chosen leaves
    assert (found.rows, found.again, found.shared, found.first_difference) == (3, 3, 2, 1)
    assert found.changed == ("pool a.jsonl",)
    assert run(["verify-selection", str(chosen)]) == 1
    printed = capsys.readouterr().out
    assert "changed since: pool a.jsonl\n" in printed
    assert "2 of 3 rows are chosen again, and 1 others; the first difference is at rank 1" in printed
    assert chosen.read_bytes() == before


def test_a_changed_pool_that_changes_no_row_is_not_verified(folder):
    chosen = folder / "chosen.jsonl"
    select(SelectRequest(pools=str(folder / "a.jsonl"), strategy="longest", budget="3", out=chosen))
    with (folder / "a.jsonl").open("a") as pool:
        pool.write(json.dumps({"instruction": "Say little", "output": "x"}) + "\n")
    found = verify_selection(chosen)
    assert found.same_bytes
    assert found.changed == ("pool a.jsonl",)
    assert not found.verified


def test_an_edited_selection_a_missing_input_and_standard_input_are_one_line_each(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    select(SelectRequest(pools="a.jsonl", strategy="random", budget="4", out="chosen.jsonl"))
    with monkeypatch.context() as inside:
        inside.setattr("sys.stdin", (folder / "a.jsonl").open())
        assert run(["select", "-", "--strategy", "random", "--budget", "4", "--out", "piped.jsonl"]) == 0
    with pytest.raises(ArtifactError, match="standard input or a hub"):
        verify_selection("piped.jsonl")
    Path("a.jsonl").rename("gone.jsonl")
    assert run(["verify-selection", "chosen.jsonl"]) == 1
    Path("gone.jsonl").rename("a.jsonl")
    Path("chosen.jsonl").write_text(Path("chosen.jsonl").read_text() + "\n")
    assert run(["verify-selection", "chosen.jsonl"]) == 1
    assert run(["verify-selection", "a.jsonl"]) == 1
    missing, edited, no_selection = capsys.readouterr().err.strip().splitlines()[-3:]
    assert "a.jsonl is not there any more (hint: put it back, or select again)" in missing
    assert "it was changed" in edited
    assert "a.jsonl has no manifest beside it" in no_selection
