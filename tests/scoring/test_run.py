"""The scoring run with the real bundled model: every record once, the numbers right, nothing lost when it is stopped."""

from __future__ import annotations

import fcntl
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.cli import run
from dataselect.errors import ArtifactError, DataselectError
from dataselect.pool import Renderer
from dataselect.records import END, PROMPT, RESPONSE, Example, Message
from dataselect.scoring import ScoreRequest, score

ROWS = [
    {"instruction": "Say yes.", "input": "", "output": "Yes."},
    {"question": "What is the time?", "answer": "It is noon, and the train has left the station."},
    {"prompt": "Say nothing.", "response": ""},
    {"messages": [
        {"role": "user", "content": "I need a table for two."}, {"role": "assistant", "content": "At what time?"},
        {"role": "user", "content": "At seven."}, {"role": "assistant", "content": "Your table is booked for seven."},
    ]},
    {"text": "Once upon a time there was a king who had three daughters. " * 120},
    {"prompt": "Go on and on.", "response": "The sea was calm and the night was dark. " * 200},
    {"instruction": "Say yes.", "input": "", "output": "Yes."},
]  # fmt: skip


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    lines = [json.dumps(row) for row in ROWS]
    lines.insert(2, "{broken")
    path.write_text("\n".join(lines) + "\n")
    return path


def request(pool, out, **options) -> ScoreRequest:
    return ScoreRequest(pools=(str(pool),), model="builtin", out=out, backend="transformers", **options)


def table(out) -> list[dict]:
    return pq.read_table(out / "scores.parquet").to_pylist()


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    path = folder / "pool.jsonl"
    lines = [json.dumps(row) for row in ROWS]
    lines.insert(2, "{broken")
    path.write_text("\n".join(lines) + "\n")
    summary = score(request(path, folder / "out", ifd=True))
    return summary, folder / "out"


def test_every_record_is_one_row_or_one_reject(scored):
    summary, out = scored
    rows = table(out)
    rejects = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["ok", "ok", "empty_response", "ok", "ok", "too_long", "ok"]
    assert rejects == [{"file": "pool.jsonl", "line": 3, "reason": "malformed_json", "excerpt": "{broken"}]
    assert summary.counts == {
        "ok": 5, "truncated": 0, "empty_response": 1, "too_short": 0, "too_long": 1, "engine_error": 0, "rejects": 1,
    }  # fmt: skip
    assert len({row["id"] for row in rows}) == 7
    assert rows[6]["id"] == rows[0]["id"] + "-2"  # the exact duplicate


def test_unscored_rows_have_null_and_never_zero(scored):
    # P7, P8, P9
    for row in table(scored[1]):
        numbers = {k: v for k, v in row.items() if isinstance(v, float) or v is None}
        if row["status"] != "ok":
            assert set(numbers.values()) == {None}
            assert row["response_tokens"] == 0
            assert row["total_tokens"] > 0
        else:
            assert row["ppl"] > 1


def test_numbers_agree_with_the_models_own_logits(scored, builtin):
    """Every sum of a multi-turn row, from full logits in float64 and the parts of the rendering."""
    import torch
    from transformers import AutoModelForCausalLM

    row = table(scored[1])[3]
    messages = tuple(Message(m["role"], m["content"]) for m in ROWS[3]["messages"])
    one = Renderer(builtin, ifd=True).render([Example("x", "p", {}, messages)])[0]
    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()

    def logprobs(ids: np.ndarray) -> np.ndarray:
        tokens = torch.tensor(ids.tolist())
        with torch.inference_mode():
            logits = model(tokens[None]).logits[0, :-1].double()
        return np.concatenate(([np.nan], logits.log_softmax(-1).gather(1, tokens[1:, None])[:, 0].numpy()))

    each = logprobs(one.token_ids)
    for name, part in (("prompt", PROMPT), ("response", RESPONSE), ("end", END)):
        assert row[f"{name}_nll"] == pytest.approx(-each[one.parts == part].sum(), abs=1e-3)
        assert row[f"{name}_tokens"] == (one.parts == part).sum()
    assert row["end_tokens"] == 2
    assert row["ppl"] == pytest.approx(math.exp(row["response_nll"] / row["response_tokens"]))
    assert row["bits_per_byte"] == pytest.approx(
        row["response_nll"] / math.log(2) / len("At what time?Your table is booked for seven.")
    )
    alone = -logprobs(one.alone_ids)[one.alone_start :].sum()
    last = -each[one.final_start : one.final_start + len(one.alone_ids) - one.alone_start].sum()
    assert row["response_alone_nll"] == pytest.approx(alone, abs=1e-3)
    assert row["final_response_nll"] == pytest.approx(last, abs=1e-3)
    assert row["ifd"] == pytest.approx(math.exp((last - alone) / row["final_response_tokens"]), rel=1e-4)
    assert row["ifd_loss"] == pytest.approx(last / alone, rel=1e-4)


def test_plain_text_is_all_response_in_rolling_windows(scored):
    row = table(scored[1])[4]
    assert (row["prompt_tokens"], row["prompt_nll"], row["end_nll"]) == (0, None, None)
    assert row["windows"] == 2
    assert row["response_tokens"] == row["total_tokens"] - 1  # all but BOS, each once
    assert row["response_bytes"] == len(ROWS[4]["text"])
    assert row["ifd"] is None


def test_manifest_tells_inputs_versions_counts_and_both_perplexities(scored):
    manifest = json.loads((scored[1] / "manifest.json").read_text())
    rows = [row for row in table(scored[1]) if row["status"] == "ok"]
    means = [row["response_nll"] / row["response_tokens"] for row in rows]
    assert manifest["pool"]["ppl"] == pytest.approx(math.exp(sum(means) / len(means)))
    total = sum(row["response_nll"] for row in rows) / sum(row["response_tokens"] for row in rows)
    assert manifest["pool"]["ppl_token_weighted"] == pytest.approx(math.exp(total))
    assert manifest["tokens_per_second"] > 0
    assert manifest["environment"]["versions"]["torch"]
    assert len(manifest["inputs"][0]["sha256"]) == 64


def test_truncate_scores_a_long_row_to_the_limit(pool, tmp_path):
    from dataselect.pool import RenderOptions

    score(request(pool, tmp_path / "out", rendering=RenderOptions(truncate=True)))
    row = table(tmp_path / "out")[5]
    assert (row["status"], row["total_tokens"]) == ("truncated", 1023)
    assert row["ppl"] > 1


def test_progress_counts_every_record_once(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("dataselect.scoring.run.SHARD_RECORDS", 3)
    told: list[int] = []
    score(request(pool, tmp_path / "out", ifd=True, batch_tokens=16), told.append)
    assert sum(told) == 8
    assert len(told) > 3  # within shards too


def test_without_ranks_and_ifd_their_columns_are_absent(pool, tmp_path):
    score(request(pool, tmp_path / "out", ranks=False))
    names = pq.read_schema(tmp_path / "out" / "scores.parquet").names
    assert not {"shifted_fraction", "marginal_fraction", "ifd", "ifd_loss", "response_alone_nll"} & set(names)


def test_shards_order_and_batches_change_no_number(pool, tmp_path, monkeypatch):
    # P13, P18
    score(request(pool, tmp_path / "whole"))
    monkeypatch.setattr("dataselect.scoring.run.SHARD_RECORDS", 2)
    score(request(pool, tmp_path / "cut", batch_tokens=32))
    shuffled = tmp_path / "shuffled" / "pool.jsonl"
    shuffled.parent.mkdir()
    shuffled.write_text("\n".join(reversed(pool.read_text().splitlines())) + "\n")
    score(request(shuffled, tmp_path / "reversed"))
    expected = {row["id"]: row for row in table(tmp_path / "whole")}
    for other in ("cut", "reversed"):
        rows = table(tmp_path / other)
        assert {row["id"] for row in rows} == set(expected)
        for row in rows:
            for name, value in row.items():
                if isinstance(value, float):
                    assert value == pytest.approx(expected[row["id"]][name], rel=1e-5)
                else:
                    assert value == expected[row["id"]][name]


def test_a_finished_directory_is_left_alone(scored):
    _, out = scored
    pool = out.parent / "pool.jsonl"
    before = {p.name: p.stat().st_mtime_ns for p in out.iterdir() if p.name != ".lock"}
    assert score(request(pool, out, ifd=True)).fresh is False
    assert {p.name: p.stat().st_mtime_ns for p in out.iterdir() if p.name != ".lock"} == before


def test_another_fingerprint_is_refused_by_name_and_overwrite_starts_again(pool, tmp_path):
    # P15
    out = tmp_path / "out"
    score(request(pool, out))
    with pytest.raises(ArtifactError, match=r"scorers\.ifd"):
        score(request(pool, out, ifd=True))
    pool.write_text(pool.read_text() + json.dumps({"prompt": "One", "response": "more."}) + "\n")
    with pytest.raises(ArtifactError, match="sha256"):
        score(request(pool, out))
    assert score(request(pool, out, overwrite=True)).counts["ok"] == 6


def test_a_second_writer_is_refused(pool, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match="another process"):
            score(request(pool, out))


def test_a_foreign_file_is_never_touched(pool, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("precious")
    with pytest.raises(ArtifactError, match=r"thesis\.txt"):
        score(request(pool, out, overwrite=True))
    assert (out / "thesis.txt").read_text() == "precious"


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path):
    """kill -9 in the middle of the shards; the same command again gives the table of an undisturbed run."""
    pool = tmp_path / "pool.jsonl"
    pool.write_text(
        "".join(json.dumps({"prompt": f"Count {i}", "response": f"The number {i}. " * 20}) + "\n" for i in range(120))
    )
    code = (
        "import dataselect.scoring.run as r; r.SHARD_RECORDS = 10\n"
        "from pathlib import Path; import sys\n"
        "r.score(r.ScoreRequest(pools=(sys.argv[1],), model='builtin', out=Path(sys.argv[2]), backend='transformers'))"
    )
    command = [sys.executable, "-c", code, str(pool)]
    assert subprocess.run([*command, str(tmp_path / "calm")]).returncode == 0
    killed = tmp_path / "killed"
    process = subprocess.Popen([*command, str(killed)])
    deadline = time.monotonic() + 120
    while len(list((killed / "shards").glob("*.parquet"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "manifest.json").exists()
    left = len(list((killed / "shards").glob("*.parquet")))
    assert 3 <= left < 12
    assert subprocess.run([*command, str(killed)]).returncode == 0
    for name in ("scores.parquet", "rejects.jsonl"):
        assert (killed / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()
    assert not (killed / "shards").exists()


def test_nothing_scorable_is_an_error_and_not_a_finished_run(tmp_path):
    pool = tmp_path / "pool.jsonl"
    pool.write_text('{"prompt": "a", "response": ""}\n{bad\n')
    for _ in range(2):
        with pytest.raises(DataselectError, match="1 empty_response, 1 rejects"):
            score(request(pool, tmp_path / "out"))


def test_a_number_that_is_none_becomes_engine_error(pool, tmp_path, monkeypatch):
    """A fault of the engine: one sequence comes back as NaN. Its row says so, the others keep their numbers."""
    from dataselect.backends.transformers import TransformersBackend

    honest = TransformersBackend.score

    def faulty(self, sequences, *options):
        answers = honest(self, sequences, *options)
        answers[1].logprobs[:] = np.nan
        return answers

    monkeypatch.setattr(TransformersBackend, "score", faulty)
    assert score(request(pool, tmp_path / "out")).counts["engine_error"] == 1
    row = table(tmp_path / "out")[1]
    assert (row["status"], row["ppl"], row["response_nll"]) == ("engine_error", None, None)


class Kept:
    """The session's engine, which a finished run must not stop."""

    def __init__(self, backend):
        self._backend = backend
        self.score, self.batch_tokens, self.alone = backend.score, backend.batch_tokens, backend.alone

    def stop(self):
        pass


def test_vllm_and_transformers_give_the_same_table(pool, tmp_path, vllm_backend, monkeypatch):
    monkeypatch.setattr("dataselect.scoring.worker.load_backend", lambda *_: Kept(vllm_backend))
    common = {"pools": (str(pool),), "model": "builtin", "ifd": True}
    score(ScoreRequest(**common, out=tmp_path / "vllm", backend="vllm"))
    monkeypatch.undo()
    score(ScoreRequest(**common, out=tmp_path / "transformers", backend="transformers"))
    for ours, reference in zip(table(tmp_path / "vllm"), table(tmp_path / "transformers"), strict=True):
        for name in ("prompt", "response", "end"):
            tokens = reference[f"{name}_tokens"]
            assert ours[f"{name}_tokens"] == tokens
            if tokens:
                assert abs(ours[f"{name}_nll"] - reference[f"{name}_nll"]) < 1e-4 * tokens


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["missing.jsonl", "--model", "builtin"], 1, "missing.jsonl"),
        (["POOL", "--model", "no/such/folder/here"], 1, "no/such/folder/here"),
        (["POOL", "--model", "builtin", "--template", "chatt"], 2, "did you mean chat"),
        (["POOL", "--model", "builtin", "--backend", "vlm"], 2, "did you mean vllm"),
        (["POOL", "--model", "builtin", "--max-length", "5000"], 2, "1023"),
        (["POOL", "--model", "builtin", "--prompt-column", "promptt"], 1, "promptt"),
        (["EMPTY", "--model", "builtin"], 1, "is empty"),
        (["FOLDER", "--model", "builtin"], 1, "folder"),
    ],
)
def test_bad_input_is_one_line_with_the_right_code(pool, tmp_path, capsys, arguments, code, told):
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "folder").mkdir()
    places = {"POOL": str(pool), "EMPTY": str(tmp_path / "empty.jsonl"), "FOLDER": str(tmp_path / "folder")}
    assert run(["score", *(places.get(a, a) for a in arguments), "--out", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    last = error.strip().splitlines()[-1]
    assert "Traceback" not in error
    assert told in last
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_an_output_folder_that_cannot_be_written(pool, capsys):
    assert run(["score", str(pool), "--model", "builtin", "--out", "/proc/nowhere"]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_strict_turns_rejects_into_code_1_after_the_whole_run(pool, tmp_path):
    arguments = ["score", str(pool), "--model", "builtin", "--out", str(tmp_path / "out")]
    assert run([*arguments, "--strict"]) == 1
    assert (tmp_path / "out" / "manifest.json").exists()
    assert run(arguments) == 0


def test_a_model_folder_without_tokenizer(pool, tmp_path, builtin, capsys):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text((builtin / "config.json").read_text())
    assert run(["score", str(pool), "--model", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert "no tokenizer" in capsys.readouterr().err
