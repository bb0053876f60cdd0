"""Explanations of a real flow: numbers against the tables, tokens against the sidecar, and inputs that moved or changed."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import ArtifactError, DataselectError
from dataselect.explanation import ExplainRequest, explain
from dataselect.explanation.printed import lines
from dataselect.pool import Renderer
from dataselect.records import UNSCORED
from dataselect.stage.record import RunRecord


@pytest.fixture(scope="module")
def chosen(flow):
    return flow.select("chosen", "--strategy", "ppl-low", *flow.scores, *flow.embeddings, budget="4")


@pytest.fixture
def reseal(seal):
    """A function that makes a folder whose files were changed a finished stage again."""

    def make(folder, command):
        manifest = json.loads((folder / "manifest.json").read_text())
        return seal(folder, command, manifest, manifest["fingerprint"])

    return make


def rows(path):
    return {row["id"]: row for row in pq.read_table(path).to_pylist()}


def test_every_number_is_that_of_its_table(flow, chosen):
    table, near = rows(flow.folder / "scores" / "scores.parquet"), rows(flow.folder / "embeddings" / "scores.parquet")
    for id_ in ("sum", "dog", "café"):
        found = {one.name: one for one in flow.explain(chosen, id_).numbers}
        for name in ("ppl", "ifd", "bits_per_byte", "mink_20", "shifted_fraction", "prompt_tokens", "total_tokens"):
            assert found[name].value == table[id_][name]
        assert found["length"].value == table[id_]["response_tokens"]
        assert found["similarity"].value == near[id_]["similarity"]
        assert "response_tokens" not in found  # it is the length


def test_percentiles_leave_out_what_was_not_scored(flow, chosen):
    table = rows(flow.folder / "scores" / "scores.parquet")
    scored = [row for row in table.values() if row["status"] == "ok"]
    found = {one.name: one for one in flow.explain(chosen, "sum").numbers}
    for name, column in (("length", "response_tokens"), ("prompt_tokens", "prompt_tokens")):
        values = [row[column] for row in scored]
        own = table["sum"][column]
        below, equal = sum(v < own for v in values), sum(v == own for v in values)
        assert found[name].percentile == pytest.approx(100 * (below + equal / 2) / len(values))
        here = [row[column] for row in scored if row["source"] == "a.jsonl"]
        below, equal = sum(v < own for v in here), sum(v == own for v in here)
        assert found[name].source_percentile == pytest.approx(100 * (below + equal / 2) / len(here))
    assert found["total_tokens"].of == 13  # that of a row that is too long is known


def test_neighbours_and_targets_are_the_nearest_with_their_fate_and_text(flow, chosen):
    folder = flow.folder / "embeddings"
    vectors, ids = np.load(folder / "embeddings.npy"), (folder / "ids.txt").read_text(encoding="utf-8").splitlines()
    cosines = dict(zip(ids, (vectors @ vectors[ids.index("dog")]).tolist(), strict=True))
    del cosines["dog"]
    truth = sorted(cosines, key=lambda id_: (-cosines[id_], id_))[:3]
    found = flow.explain(chosen, "dog", k=3)
    assert [one.id for one in found.neighbours] == truth
    assert [one.cosine for one in found.neighbours] == pytest.approx([cosines[id_] for id_ in truth], abs=1e-6)
    chosen_ids = [json.loads(line)["_dataselect"]["id"] for line in chosen.read_text(encoding="utf-8").splitlines()]
    assert [not one.reason for one in found.neighbours] == [id_ in chosen_ids for id_ in truth]
    assert all(one.text.prompt for one in found.neighbours)
    assert {one.id for one in found.targets} == {"t1", "t2"}
    assert found.targets[0].cosine >= found.targets[1].cosine
    assert {one.text.prompt for one in found.targets} == {"What is 2 plus 3?", "Describe a horse in one sentence."}
    assert found.embedded == "prompts under builtin"


def test_the_tokens_are_the_text_and_their_nats_those_of_the_table(flow, chosen, builtin):
    found = flow.explain(chosen, "café").surprise
    sidecar = rows(next((flow.folder / "scores" / "tokens").glob("*.parquet")))["café"]
    assert [token.nats for token in found.tokens if token.nats is not None] == [-p for p in sidecar["logprob"]]
    assert [token.rank for token in found.tokens if token.nats is not None] == sidecar["rank"]
    text = "".join(token.text for token in found.tokens)
    assert "Ein Kaffeehaus heißt café, 日本." in text
    response = "".join(token.text for token in found.tokens if token.part == "response")
    assert response == "Ein Kaffeehaus heißt café, 日本."
    ppl = rows(flow.folder / "scores" / "scores.parquet")["café"]["ppl"]
    assert math.exp(found.mean("response")) == pytest.approx(ppl, rel=1e-6)
    nats = [(-token.nats, at) for at, token in enumerate(found.tokens) if token.part == "response"]
    assert found.top(5) == tuple(at for _, at in sorted(nats)[:5])


def test_it_renders_as_the_row_was_scored(flow, chosen, builtin):
    from dataselect.pool import PoolReader

    example = next(one for one in PoolReader([str(flow.folder / "a.jsonl")]) if one.id == "story")
    rendered = Renderer(builtin).render([example])[0]
    tokens = flow.explain(chosen, "story").surprise.tokens
    assert "".join(token.text for token in tokens) == rendered.text[: rendered.spans[-1][1]]
    assert sum(token.part == "unscored" for token in tokens) == int((rendered.parts == UNSCORED).sum())


def test_tokens_of_another_text_are_not_shown(flow, chosen, tmp_path, reseal):
    """A table whose sidecar holds the tokens of another row under this id."""
    import pyarrow as pa

    folder = tmp_path / "scores"
    shutil.copytree(flow.folder / "scores", folder)
    file = next((folder / "tokens").glob("*.parquet"))
    table = pq.read_table(file)
    names = table["id"].to_pylist()
    swapped = [{"dog": "cat", "cat": "dog"}.get(name, name) for name in names]
    pq.write_table(table.set_column(0, table.schema.field("id"), pa.array(swapped, pa.string())), file)
    with pytest.raises(ArtifactError, match=rf"tokens/{file.name} is damaged"):
        flow.explain(chosen, "dog", scores=(folder,))
    reseal(folder, "score")
    found = flow.explain(chosen, "dog", scores=(folder,))
    assert found.surprise is None
    assert any("differ from those of its text under builtin" in line for line in found.missing)


def test_what_was_never_made_is_told_with_its_command(flow):
    bare = flow.select("bare", "--strategy", "longest")
    found = flow.explain(bare, "dog")
    told = "\n".join(found.missing)
    for what in (
        "dataselect score POOL --model M --tokens --out DIR",
        "dataselect embed POOL --encoder minilm --target",
    ):
        assert what in told
    assert (found.surprise, found.neighbours, found.targets) == (None, (), ())
    assert {one.name for one in found.numbers} == {"score", "length"}
    assert "A dog is a loyal animal with four legs." in "\n".join(lines(found, colour=False))
    given = flow.explain(bare, "dog", scores=(flow.folder / "scores",), embeddings=flow.folder / "embeddings")
    assert given.surprise is not None
    assert given.targets
    assert given.notes == ()


def test_a_folder_may_move_as_a_whole_and_parts_of_it_with_an_option(flow, chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moved = tmp_path / "moved"
    shutil.copytree(flow.folder, moved)
    found = explain(ExplainRequest(moved / "chosen.jsonl", "dog"))
    assert found.surprise is not None
    assert found.neighbours
    assert (moved / "scores").exists()
    (moved / "scores").rename(moved / "elsewhere")
    (moved / "a.jsonl").rename(moved / "z.jsonl")
    with pytest.raises(ArtifactError, match=r"the pool .*/moved/a\.jsonl no longer exists .*--pool FILE"):
        explain(ExplainRequest(moved / "chosen.jsonl", "dog"))
    pools = (str(moved / "z.jsonl"), str(moved / "b.jsonl"))
    found = explain(ExplainRequest(moved / "chosen.jsonl", "dog", pools=pools))
    assert found.surprise is None
    assert any(line.startswith(f"scores: the score table {moved}/scores no longer exists") for line in found.missing)
    assert explain(ExplainRequest(moved / "chosen.jsonl", "dog", (moved / "elsewhere",), pools=pools)).surprise


def test_a_changed_pool_ranking_or_table_is_said(flow, chosen, tmp_path, reseal):
    folder = tmp_path / "copy"
    shutil.copytree(flow.folder, folder)
    for name in ("scores.parquet",):
        table = pq.read_table(folder / "scores" / name)
        pq.write_table(table.slice(0, 12), folder / "scores" / name)
    with pytest.raises(ArtifactError, match=r"scores/scores\.parquet is damaged"):
        explain(ExplainRequest(folder / "chosen.jsonl", "dog"))
    reseal(folder / "scores", "score")
    notes = explain(ExplainRequest(folder / "chosen.jsonl", "dog")).notes
    assert notes == (f"{folder}/scores has changed since the selection was made from it",)
    with (folder / "b.jsonl").open("a") as file:
        file.write('{"id": "more", "prompt": "More?", "response": "No."}\n')
    with pytest.raises(ArtifactError, match=r"b\.jsonl has changed since .*copy/chosen\.jsonl was selected from it"):
        explain(ExplainRequest(folder / "chosen.jsonl", "dog"))
    (folder / "chosen.ranking.parquet").write_bytes((folder / "bare.ranking.parquet").read_bytes())
    with pytest.raises(ArtifactError, match="is not the file that"):
        explain(ExplainRequest(folder / "chosen.jsonl", "dog"))


def test_target_files_that_moved(flow, chosen, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(flow.folder, folder)
    record = RunRecord.read(folder / "embeddings")
    replace(record, options={**record.options, "targets": [str(tmp_path / "gone.jsonl")]}).write(folder / "embeddings")
    found = explain(ExplainRequest(folder / "chosen.jsonl", "dog"))
    assert [one.text for one in found.targets] == [None, None]
    assert any("--target FILE" in line for line in found.missing)
    given = explain(ExplainRequest(folder / "chosen.jsonl", "dog", targets=(str(folder / "targets.jsonl"),)))
    assert all(one.text for one in given.targets)
    with pytest.raises(DataselectError, match="are not those that"):
        explain(ExplainRequest(folder / "chosen.jsonl", "dog", targets=(str(folder / "a.jsonl"),)))


def test_another_budget_of_the_same_ranking_knows_where_its_inputs_are(flow, chosen, tmp_path):
    out, ranking = tmp_path / "more.jsonl", chosen.with_suffix(".ranking.parquet")
    pools = [str(flow.folder / "a.jsonl"), str(flow.folder / "b.jsonl")]
    assert run(["select", *pools, "--ranking", str(ranking), "--budget", "2", "--out", str(out)]) == 0
    found = explain(ExplainRequest(out, "dog"))
    assert found.outcome.kept_rows == 2
    assert found.surprise is not None


def test_a_pool_from_standard_input_has_to_be_given(flow, tmp_path, monkeypatch):
    import io

    content = (flow.folder / "b.jsonl").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    out = tmp_path / "piped.jsonl"
    assert run(["select", "-", "--strategy", "longest", "--budget", "2", "--out", str(out)]) == 0
    found = explain(ExplainRequest(out, "dog"))
    assert found.text is None
    assert "texts: the path of the pool was not recorded (give it with --pool FILE)" in found.missing
    assert explain(ExplainRequest(out, "dog", pools=(str(flow.folder / "b.jsonl"),))).text is not None


def test_nothing_but_plain_values_in_the_document(flow, chosen):
    document = flow.explain(chosen, "hostile").document
    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    assert document["kind"] == "explain"
    assert document["outcome"]["reason"] == "over_budget"
    assert document["surprise"]["mean_nats"]["response"] > 0
    assert len(document["surprise"]["most_surprising"]) == 5
    assert not set(text) & set("\x1b\x9b\x07\u202e")


def test_a_list_of_ids_is_explained_too(flow, tmp_path):
    out = tmp_path / "ids.txt"
    arguments = ["--strategy", "ppl-low", "--scores", str(flow.folder / "scores"), "--budget", "2", "--out", str(out)]
    assert run(["select", *arguments]) == 0
    found = explain(ExplainRequest(out, "dog"))
    assert (found.outcome.kept_rows, found.text, found.surprise) == (2, None, None)
    pools = (str(flow.folder / "a.jsonl"), str(flow.folder / "b.jsonl"))
    assert explain(ExplainRequest(out, "dog", pools=pools)).surprise is not None
