"""An experiment of the toolkit as a table of runs: selections are data sets, the untrained model is the baseline."""

from __future__ import annotations

import json
import math

import pyarrow
import pyarrow.parquet
import pytest

from dataselect.errors import ArtifactError, UsageError
from dataselect.run_analysis import analyze
from dataselect.run_analysis.experiment_table import read_experiment

PPL = {f"e{i}": 1.5 + i for i in range(12)}


def parquet(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


@pytest.fixture
def experiment(tmp_path, seal, seal_selection):
    """Seven selections of two examples each; the loss of a run is the mean log perplexity of its examples."""
    folder = tmp_path / "experiment"
    ids = list(PPL)
    nll = [math.log(one) * 10 for one in PPL.values()]
    scores = {"id": ids, "source": ["p"] * 12, "status": ["ok"] * 12, "ppl": list(PPL.values()), "response_nll": nll,
              "response_tokens": [10] * 11 + [20], "bits_per_byte": [0.5] * 11 + [None]}  # fmt: skip
    parquet(folder / "scores" / "scores.parquet", scores)
    seal(folder / "scores", "score", {})
    parquet(folder / "embeddings" / "scores.parquet", {"id": ids, "similarity": [i / 12 for i in range(12)]})
    seal(folder / "embeddings", "embed", {})
    (folder / "selections").mkdir()
    runs = [("untrained", 0, [])] + [("random", seed, [ids[seed], ids[seed + 5]]) for seed in range(7)]
    for strategy, seed, chosen in runs:
        name = f"{strategy}-{seed}"
        loss = sum(math.log(PPL[one]) for one in chosen) / 2 if chosen else 5.0
        results = folder / "results" / name
        parquet(
            results / "results.parquet",
            {"task": ["t"] * 4, "metric": ["nll", "nll", "acc", "acc"], "direction": ["lower"] * 2 + ["higher"] * 2,
             "item_id": ["a", "b"] * 2, "value": [loss - 1, loss + 1, 0.25, 0.75]},
        )  # fmt: skip
        run = {"strategy": strategy, "budget": len(chosen), "unit": "examples", "seed": seed}
        seal(results, "evaluate", {"run": run})
        if chosen:
            lines = [{"_dataselect": {"id": one, "rank": i, "score": None}} for i, one in enumerate(chosen, 1)]
            file = folder / "selections" / f"{name}.jsonl"
            file.write_text("".join(json.dumps(line) + "\n" for line in lines))
            seal_selection(file, run)
    return folder


def test_its_runs_properties_and_tasks(experiment):
    found = read_experiment(experiment)
    table = found.table
    place = table.datasets.index("random 2 examples seed 6")
    assert table.properties["ppl"][place] == pytest.approx((math.log(PPL["e6"]) + math.log(PPL["e11"])) / 2)
    assert table.properties["similarity"][place] == pytest.approx((6 + 11) / 24)
    assert table.properties["response_tokens"][place] == 15
    assert table.properties["bits_per_byte"][place] == 0.5  # e11 has none
    assert [(task.name, task.direction, task.overall) for task in table.tasks] == [
        ("t (nll)", "lower", True), ("t (acc)", "higher", False),
    ]  # fmt: skip
    assert table.matching(found.config.baseline).sum() == 1
    assert found.config.control == "response_tokens"
    random = {"budget": 2, "unit": "examples", "strategy": ["random"]}
    assert found.config.methods == {"random controls, 2 examples": random}


def test_low_perplexity_that_goes_with_gain_is_found(experiment, tmp_path):
    out = tmp_path / "out"
    found = analyze(experiment, None, out)
    one = next(a for a in found.associations if (a.property, a.task) == ("ppl", "t (nll)"))
    assert (one.scope, one.n, one.n_datasets) == ("one model", 7, 7)
    assert one.get("Spearman").estimate == -1
    gain = next(h for h in found.heat_maps if h.task == "t (nll)").gains
    assert max(gain[0]) == pytest.approx(5 - (math.log(1.5) + math.log(6.5)) / 2)
    assert {"analyze.json", "analyze.html", "analyze.md", "manifest.json"} <= {p.name for p in out.iterdir()}
    before = (out / "analyze.json").read_bytes()
    analyze(experiment, None, out)
    assert (out / "analyze.json").read_bytes() == before


def test_what_is_no_experiment_or_unfinished_is_refused(experiment, tmp_path):
    with pytest.raises(ArtifactError, match="is no experiment: it has no results/"):
        analyze(tmp_path / "experiment" / "scores", None, tmp_path / "o")
    with pytest.raises(UsageError, match="needs no --config"):
        analyze(experiment, tmp_path / "c.yaml", tmp_path / "o")
    next((experiment / "selections").glob("*.manifest.json")).unlink()
    with pytest.raises(ArtifactError, match="is not finished"):
        analyze(experiment, None, tmp_path / "o")
