"""A model that takes one row at a time is slow, and says so wherever its speed is told."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from dataselect.cli import run as command

NOTE = "packs are off, each row is scored by itself: transformers does not let its attention be exchanged"


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    lines = (json.dumps({"prompt": f"Count to {n}.", "response": "one two three " * n}) for n in range(1, 9))
    path.write_text("".join(line + "\n" for line in lines))
    return path


@pytest.fixture
def unmarked(monkeypatch):
    """The bundled model, as if transformers did not mark its architecture."""
    from transformers import LlamaPreTrainedModel

    monkeypatch.setattr(LlamaPreTrainedModel, "_supports_attention_backend", False)


def score(pool, *options) -> int:
    common = ["--model", "builtin", "--backend", "transformers", "--no-cache"]
    return command(["score", str(pool), *common, *options])


def test_summary_manifest_and_estimate_say_that_packs_are_off_and_why(pool, tmp_path, unmarked, capsys):
    assert score(pool, "--out", str(tmp_path / "out")) == 0
    assert capsys.readouterr().err.count(f"note: {NOTE}") == 1
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"] == [NOTE]
    assert score(pool, "--estimate") == 0
    assert f"note        {NOTE}" in capsys.readouterr().out


def test_numbers_without_packs_are_those_with_them(pool, tmp_path, request, capsys):
    assert score(pool, "--out", str(tmp_path / "packed")) == 0
    assert "packs are off" not in capsys.readouterr().err
    request.getfixturevalue("unmarked")
    assert score(pool, "--out", str(tmp_path / "alone")) == 0
    packed, alone = (pq.read_table(tmp_path / name / "scores.parquet") for name in ("packed", "alone"))
    for one, other in zip(packed["response_nll"].to_pylist(), alone["response_nll"].to_pylist(), strict=True):
        assert one == pytest.approx(other, rel=1e-5)
