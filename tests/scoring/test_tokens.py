"""The token sidecar: the scored tokens and nothing else."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.pool import Renderer
from dataselect.records import Example, Message
from dataselect.scoring import ScoreRequest, score

ROWS = [
    {"prompt": "What is the time?", "response": "It is noon."},
    {"messages": [
        {"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day to you."},
        {"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "I am a model."},
    ]},
    {"prompt": "Say nothing.", "response": ""},
    {"text": "Once upon a time there was a king who had three daughters. " * 120},
]  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    score(ScoreRequest((str(folder / "pool.jsonl"),), "builtin", folder / "out", ifd=True, tokens=True, cache=False))
    return folder / "out"


def test_the_lists_hold_the_scored_tokens_with_their_parts(out, builtin):
    row = pq.read_table(out / "tokens" / "000000.parquet").to_pylist()[0]
    messages = (Message("user", "What is the time?"), Message("assistant", "It is noon."))
    one = Renderer(builtin).render([Example("x", "p", {}, messages)])[0]
    assert row["token_id"] == one.token_ids[1:].tolist()  # all but BOS
    assert row["part"] == one.parts[1:].tolist()
    assert len(row["logprob"]) == len(row["rank"]) == len(row["part"])
    assert max(row["logprob"]) < 0 < min(row["rank"])


def test_columns_have_the_promised_types(out):
    schema = pq.read_schema(out / "tokens" / "000000.parquet")
    kinds = {name: str(schema.field(name).type.value_type) for name in ("token_id", "logprob", "rank", "part")}
    assert kinds == {"token_id": "int32", "logprob": "float", "rank": "int32", "part": "int8"}


def test_the_sums_of_the_lists_are_the_columns_of_the_table(out):
    row = pq.read_table(out / "tokens" / "000000.parquet").to_pylist()[1]
    scores = pq.read_table(out / "scores.parquet").to_pylist()[1]
    logprobs, parts = np.array(row["logprob"], np.float64), np.array(row["part"])
    for code, name in ((0, "prompt"), (1, "response"), (2, "end")):
        assert -logprobs[parts == code].sum() == pytest.approx(scores[f"{name}_nll"], abs=1e-9)
    final = slice(row["final_start"], row["final_start"] + len(row["alone_logprob"]))
    assert set(parts[final]) == {1}
    assert -logprobs[final].sum() == pytest.approx(scores["final_response_nll"], abs=1e-9)


def test_without_ranks_there_is_no_rank_list(tmp_path):
    (tmp_path / "pool.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    request = ScoreRequest((str(tmp_path / "pool.jsonl"),), "builtin", tmp_path / "out", tokens=True, ranks=False)
    score(request)
    assert "rank" not in pq.read_schema(tmp_path / "out" / "tokens" / "000000.parquet").names
