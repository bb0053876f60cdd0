"""The GPU benchmark runs from end to end on whatever is here, on a model that is made on the spot."""

import json
import sys

import gpu
import pytest


@pytest.mark.timeout(1800)  # eight large products, which a busy processor may take minutes for
def test_one_command_measures_every_cell_and_writes_it_down(tmp_path, monkeypatch, capsys):
    out = tmp_path / "gpu.json"
    monkeypatch.setitem(gpu.NEEDS, "vllm backend", "no_such_package")
    asked = ["--models", "reference-tiny", "--rows", "3", "--repeats", "1", "--minutes", "25", "--out", str(out)]
    asked += ["--contenders", "transformers backend", "vllm backend"]
    monkeypatch.setattr(sys, "argv", ["gpu.py", *asked])
    gpu.main()
    (model,) = json.loads(out.read_text())["models"]
    ours, absent = model["results"]
    assert absent["absent"] == "no_such_package is not installed"
    assert "failed" not in ours
    cells = {(cell["lengths"], cell["ranks"]): cell for cell in ours["cells"]}
    assert set(cells) == {(lengths, ranks) for lengths in ("short", "medium", "long") for ranks in (True, False)}
    for cell in cells.values():
        assert cell["tokens_per_second"] > 0
        assert 0 < cell["nats_to_float32"] < 0.02  # bfloat16 keeps three digits of a mean of 6 nats
        assert 0 < cell["share_of_peak"] < 1
    table = capsys.readouterr().out
    assert "| vllm backend | absent: no_such_package is not installed |" in table
    assert table.count("| transformers backend |") == 3
