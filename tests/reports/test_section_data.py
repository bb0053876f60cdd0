"""The sections of an experiment, counted by hand on a pool of eight rows."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pyarrow
import pyarrow.parquet
import pytest

from dataselect.artifacts import file_digest
from dataselect.comparison.experiment_folder import ExperimentFolder, resolve_inputs
from dataselect.comparison.runs import read_run
from dataselect.comparison.section_inputs import SectionInputs
from dataselect.errors import ArtifactError
from dataselect.pool import PoolReader
from dataselect.reports import compare
from dataselect.reports.sections import section_data

IDS = [f"e{n}" for n in range(8)]
RECORDS = {
    i: {"id": i, "instruction": f"question {i}", "output": f"answer {i}", "kind": "odd" if n % 2 else "even"}
    for n, i in enumerate(IDS)
}
TASK = {("task", "accuracy", "higher"): {"x": 1.0, "y": 0.0, "z": 1.0}}


@pytest.fixture
def experiment(tmp_path, evaluated, selected, seal):
    evaluated("random", 0, TASK, budget=3, name="results/random-3-0")
    evaluated("low", 0, TASK, budget=3, name="results/low-3-0")
    selected("low", [(i, RECORDS[i]) for i in ("e0", "e1", "e2")], scores=[0.5, 1.5, 2.5])
    selected("random", [(i, RECORDS[i]) for i in ("e2", "e3", "e4")])
    selected("random", [(i, RECORDS[i]) for i in ("e5", "e6", "e4")], seed=1)
    tokens, nll = [10, 10, 10, 10, 20, 20, 20, None], [10.0, 10, 20, 20, 20, 20, 40, None]
    scores = {
        "id": IDS, "source": ["one"] * 4 + ["two"] * 4, "status": ["ok"] * 7 + ["too_long"], "response_tokens": tokens,
        "response_nll": nll, "ppl": [None if x is None else math.exp(x / t) for x, t in zip(nll, tokens, strict=True)],
    }  # fmt: skip
    for name, table in (
        ("scores", scores),
        ("embeddings", {"id": IDS[::-1], "similarity": [n / 10 for n in range(8)][::-1]}),
    ):
        (tmp_path / name).mkdir()
        pyarrow.parquet.write_table(pyarrow.table(table), tmp_path / name / "scores.parquet")
    manifest, fingerprint = {"inputs": [{"source": "one", "sha256": "ab"}]}, {"scorers": {"tokens": False}}
    seal(tmp_path / "scores", "score", manifest, fingerprint)
    seal(tmp_path / "embeddings", "embed", {})
    (tmp_path / "known_defects.jsonl").write_text(
        '{"id": "e4", "defect": "noise"}\n{"id": "e7", "defect": "noise"}\n{"id": "gone", "defect": "x"}\n'
    )
    (tmp_path / "config.yaml").write_text("pool: one\n")
    return tmp_path


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in RECORDS.values()))
    return PoolReader([str(path)])


def sections(folder, pool=None):
    """The data of every section, by its key."""
    return SimpleNamespace(**section_data(SectionInputs.read([], resolve_inputs([folder]), (), pool)))


def test_pool_summary(experiment, pool):
    found = sections(experiment, pool).pool
    assert (found.whole.rows, found.whole.scored, found.statuses) == (8, 7, {"ok": 7, "too_long": 1})
    assert found.whole.macro_ppl == pytest.approx(math.exp((1 + 1 + 2 + 2 + 1 + 1 + 2) / 7))
    assert found.whole.micro_ppl == pytest.approx(math.exp(140 / 100))
    assert [(p.name, p.rows, p.macro_ppl) for p in found.by_source] == [
        ("one", 4, pytest.approx(math.exp(6 / 4))), ("two", 4, pytest.approx(math.exp(4 / 3))),
    ]  # fmt: skip
    assert [(p.name, p.rows, p.scored) for p in found.by_kind] == [("even", 4, 4), ("odd", 4, 3)]


def test_kinds_of_a_pool_that_was_not_seen_whole_are_not_told(experiment):
    found = sections(experiment)
    assert found.pool.by_kind == ()
    kind, source = found.compositions
    assert (kind.by, kind.names, kind.pool) == ("kind", ("even", "odd"), None)
    assert [(s.strategy, s.counts) for s in kind.selections] == [("low", (2, 1)), ("random", (2, 1))]
    assert (source.by, source.pool, [s.counts for s in source.selections]) == ("source", (4, 4), [(3, 0), (2, 1)])


def test_overlap(experiment):
    (found,) = sections(experiment).overlaps
    assert found.strategies == ("low", "random")
    assert found.jaccard == ((1.0, 1 / 5), (1 / 5, 1.0))
    assert found.at_random == pytest.approx((3 * 3 / 7) / (6 - 3 * 3 / 7))  # 7 rows are scorable


def test_defects(experiment):
    found = sections(experiment).defects
    assert [(p.defect, p.rows, p.share, p.scorable) for p in found.planted] == [
        ("noise", 2, 0.25, 1),
        ("total", 2, 0.25, 1),
    ]
    total = {row.strategy: row for row in found.let_through if row.defect == "total"}
    assert (total["low"].rows, total["random"].rows) == (0, 1)  # e4 is in both random selections
    assert total["low"].expected == pytest.approx(3 * 1 / 7)
    assert (total["low"].range_low, total["low"].range_high, total["low"].against_random) == (0, 1, "within the range")


def test_distributions_hold_every_row(experiment):
    found = {d.score: d for d in sections(experiment).distributions}
    assert set(found) == {"ppl", "response_tokens"}
    whole, low, chance = found["ppl"].series
    assert (sum(whole.counts), whole.missing, sum(low.counts), sum(chance.counts)) == (7, 1, 3, 3)
    assert (low.lower_quartile, low.median) == (pytest.approx(math.e), pytest.approx(math.e))
    assert found["ppl"].log_axis
    assert not found["response_tokens"].log_axis


def test_similarity(experiment, pool):
    found = sections(experiment, pool).similarity
    assert found.rows == 7
    first = found.points[0]
    assert (first.id, first.similarity, first.ppl, first.excerpt) == ("e0", 0.0, pytest.approx(math.e), "question e0")
    assert [c.name for c in found.correlations] == ["Pearson", "Spearman"]
    without = sections(experiment).similarity
    assert [p.excerpt for p in without.points] == [*(f"question e{n}" for n in range(5)), "", ""]


def test_examples(experiment):
    low, chance = sections(experiment).examples
    assert [(e.id, e.rank, e.score, e.prompt, e.response) for e in low.examples] == [
        (f"e{n}", n + 1, n + 0.5, f"question e{n}", f"answer e{n}") for n in range(3)
    ]
    assert [e.score for e in chance.examples] == [None] * 3


def test_document_is_whole_and_deterministic(experiment, pool, tmp_path):
    first = compare([experiment], tmp_path / "one", pool=pool)
    compare([experiment], tmp_path / "two", pool=pool)
    one, two = ((tmp_path / name / "comparison.json").read_bytes() for name in ("one", "two"))
    assert one == two
    document = json.loads(one)
    assert document == json.loads(json.dumps(first.document))
    assert set(document) >= {
        "rows",
        "pool",
        "defects",
        "distributions",
        "similarity",
        "overlaps",
        "compositions",
        "examples",
        "reproduction",
    }
    assert document["reproduction"]["config"] == "pool: one\n"
    assert "results/low-3-0/results.parquet" in [f["file"] for f in document["reproduction"]["files"]]
    assert str(tmp_path) not in one.decode()


def test_unfinished_parts_are_named(experiment):
    (experiment / "selections" / "low-3-0.manifest.json").unlink()
    with pytest.raises(ArtifactError, match=r"low-3-0.jsonl is not finished"):
        sections(experiment)
    (experiment / "scores" / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match="scores is not finished"):
        ExperimentFolder(experiment).scores  # noqa: B018 - a property that checks


def test_a_broken_selection_is_named(experiment, seal_selection):
    path = experiment / "selections" / "low-3-0.jsonl"
    path.write_text(path.read_text() + '{"no": "mark"}\n')
    with pytest.raises(ArtifactError, match=r"low-3-0.jsonl is not the file that .*manifest.json describes"):
        sections(experiment)
    seal_selection(path, json.loads(path.with_suffix(".manifest.json").read_text()) | {"sha256": file_digest(path)})
    with pytest.raises(ArtifactError, match=r"low-3-0.jsonl, line 4: not a row of a selection"):
        sections(experiment)


def test_length_control_is_named_by_the_strategy_of_the_matched_file(experiment, selected):
    selected("length-matched-random", [("e3", RECORDS["e3"])], params={"match": "elsewhere/low-3-0.jsonl"})
    names = [e.strategy for e in sections(experiment).examples]
    assert names == ["length-matched-random:low", "low", "random"]


def test_the_run_of_a_length_control_has_the_same_name(experiment, evaluated):
    """The matched file is found among the experiment's selections, wherever the experiment was when it was made."""
    params = {"match": "gone/selections/low-3-0.jsonl"}
    folder = evaluated("length-matched-random", 0, TASK, budget=3, name="results/control", params=params)
    assert read_run(folder).strategy == "length-matched-random:low"


def test_the_full_pool_gives_kinds_and_texts_but_is_not_shown(experiment, selected):
    selected("full", list(RECORDS.items()), budget=8)
    found = sections(experiment)
    assert [e.strategy for e in found.examples] == ["low", "random"]
    assert {row.strategy for row in found.defects.let_through} == {"low", "random"}
    assert [p.name for p in found.pool.by_kind] == ["even", "odd"]
    assert found.similarity.points[6].excerpt == "question e6"
