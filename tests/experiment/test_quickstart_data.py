"""The data of the quickstart: what its files hold, and what becomes of files that are there already."""

from __future__ import annotations

import json

import pytest
import yaml

from dataselect.errors import ArtifactError
from dataselect.experiment import read_config, run_experiment
from dataselect.experiment.quickstart import KINDS, write_experiment, write_quickstart


def test_the_pools_of_the_kinds_are_the_rows_of_the_pool(tmp_path):
    files = write_quickstart(tmp_path)
    assert tuple(files.pools) == KINDS
    lines = {kind: path.read_text().splitlines() for kind, path in files.pools.items()}
    assert [len(lines[kind]) for kind in KINDS] == [260, 260, 260, 260]
    assert sorted(line for one in lines.values() for line in one) == sorted(files.pool.read_text().splitlines())
    assert all(json.loads(line)["kind"] == kind for kind, one in lines.items() for line in one)


def test_written_files_are_left_and_others_are_never_replaced(tmp_path):
    files = write_quickstart(tmp_path)
    made = files.pool.stat().st_mtime_ns
    write_quickstart(tmp_path)
    assert files.pool.stat().st_mtime_ns == made
    files.pools["dialogue"].write_text("mine\n")
    with pytest.raises(ArtifactError, match=r"dialogue\.jsonl holds something else"):
        write_quickstart(tmp_path)
    assert files.pools["dialogue"].read_text() == "mine\n"


def test_the_experiment_compares_every_strategy_with_its_controls(tmp_path):
    """As it is written, with four steps for each training instead of thirteen and up to 130."""
    config = write_experiment(write_quickstart(tmp_path / "data"), tmp_path)
    settings = yaml.safe_load(config.read_text())
    settings["training"]["max_steps"] = 4
    settings["seeds"] = [0]
    short = tmp_path / "short.yaml"
    short.write_text(yaml.safe_dump(settings))
    document = run_experiment(read_config(short), short, tmp_path / "experiment").comparison.document
    assert {row["strategy"] for row in document["rows"]} == {
        "untrained", "full", "random", "longest", "ppl-low", "ppl-mid", "ppl-high", "ifd-high", "similarity",
        "length-matched-random:ppl-low",
    }  # fmt: skip
    assert {"defects", "distributions", "similarity", "overlaps", "examples"} <= set(document)
    assert (tmp_path / "experiment" / "report.html").exists()
