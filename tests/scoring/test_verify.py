"""`verify` with real models: it passes where nothing is wrong, and fails where something was changed on purpose."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.records import RESPONSE, Rendered
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.recorded import RecordedScores
from dataselect.scoring.rows import TokenNumbers
from dataselect.scoring.sample import draw_rows
from dataselect.scoring.verify.recorded_check import check_recorded
from dataselect.scoring.verify.request import Tolerance, Verification, VerifyRequest
from dataselect.scoring.verify.run import compare_passes, reference_numbers, verify

RECORDS = [
    {"id": f"row {n}", "prompt": f"Count to {n}.", "response": " ".join(f"The number {i} follows." for i in range(n))}
    for n in range(1, 13)
] + [{"id": "text", "text": "Once upon a time there was a king who had three daughters. " * 120}]  # two windows


@pytest.fixture
def pool(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return path


@pytest.fixture(scope="module")
def renderer(builtin) -> Renderer:
    return Renderer(builtin)


@pytest.fixture(scope="module")
def rows(renderer, tmp_path_factory) -> tuple[Rendered, ...]:
    path = tmp_path_factory.mktemp("rows") / "pool.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return draw_rows(PoolReader([str(path)]), lambda one: renderer.render([one])[0], 50, 0).rows


@pytest.fixture(scope="module")
def reference(builtin, rows, renderer) -> list[TokenNumbers]:
    return reference_numbers(builtin, rows, renderer.max_length)


def misses(compared, tolerance: Tolerance) -> dict[str, tuple[str, ...]]:
    told = {one.parity.name: tolerance.misses(one.parity) for one in compared}
    return {name: over for name, over in told.items() if over}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished folder of all records, with tokens; to be copied before anything in it is changed."""
    folder = tmp_path_factory.mktemp("finished")
    pool = folder / "pool.jsonl"
    pool.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return scored(pool, folder / "out", tokens=True)


@pytest.fixture
def reseal(seal):
    """A function that makes a folder of changed files whole again, as a forger would, and changes its manifest."""

    def make(out, **fingerprint):
        manifest = json.loads((out / "manifest.json").read_text())
        manifest["fingerprint"] |= fingerprint
        return seal(out, "score", manifest, manifest["fingerprint"])

    return make


@pytest.fixture
def forged(finished, tmp_path, rows, reference, renderer, reseal):
    """`forged(file, edit)`: change a recorded row, seal the folder again, and what the check then says in float32."""
    out = tmp_path / "forged"
    shutil.copytree(finished, out)

    def change(file, edit) -> Verification:
        forge(out / file, edit)
        with pytest.raises(ArtifactError, match=f"{file} is damaged"):
            check_recorded(RecordedScores.open(out), rows, reference, renderer.max_length)
        reseal(out)
        found = check_recorded(RecordedScores.open(out), rows, reference, renderer.max_length)
        return Verification(
            "forged", "float32", Tolerance.of("float32"), len(rows), 1, len(rows), found.compared, found.differences,
            found.passed_over,
        )  # fmt: skip

    return change


def forge(file, edit):
    table = pq.read_table(file)
    rows = table.to_pylist()
    for row in rows:
        if row["id"] == "row 9":
            edit(row)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), file)


def scored(pool, out, **options):
    score(ScoreRequest((str(pool),), "builtin", out, **{"backend": "transformers", "cache": False} | options))
    return out


def check(pool, scores, **options) -> Verification:
    return verify(VerifyRequest((str(pool),), "builtin", scores=scores, **options))


class Altered:
    """A real backend that is handed other sequences than it was asked for."""

    def __init__(self, backend, alter):
        self.name, self.max_length, self.batch_tokens = backend.name, backend.max_length, backend.batch_tokens
        self._backend, self._alter = backend, alter

    def score(self, sequences, ranks=True, tick=lambda done: None, batch_tokens=None):
        return self._backend.score(self._alter(list(sequences)), ranks, tick, batch_tokens)

    def stop(self):
        pass


def with_token(sequence: TokenSequence, at: int) -> TokenSequence:
    ids = sequence.ids.copy()
    ids[at] += 1
    return TokenSequence(ids, sequence.start)


def test_transformers_passes_on_a_real_pool(shared_data):
    told: list[int] = []
    pool = shared_data / "pools" / "alpaca__alpaca_5000.json"
    found = verify(VerifyRequest((str(pool),), "builtin", "transformers", rows=60, dtype="float32"), told.append)
    assert found.passed, found.failures
    assert (found.rows, found.longest, found.records) == (60, 6, 5000)
    names = [one.parity.name for one in found.compared]
    assert names == [
        "against the reference", "shuffled", "1,024 tokens at once", "512 tokens at once", "256 tokens at once",
    ]  # fmt: skip
    assert all(one.parity.largest < 1e-4 and one.parity.rows == 60 for one in found.compared)
    assert sum(told) == 60 * 6  # the reference, and five passes


@pytest.mark.vllm
def test_vllm_passes_on_a_real_pool(vllm_backend, builtin, renderer, shared_data):
    pool = shared_data / "pools" / "sgd_dialogues__sgd_messages_dev.jsonl"
    drawn = draw_rows(PoolReader([str(pool)]), lambda one: renderer.render([one])[0], 60, 0).rows
    numbers = reference_numbers(builtin, drawn, renderer.max_length)
    compared = compare_passes(vllm_backend, drawn, numbers, renderer.max_length)
    assert len(compared) == 5
    assert not misses(compared, Tolerance.of("float32"))


def test_one_changed_token_is_found_and_named(rows, reference, renderer, transformers_backend):
    row = next(one for one in rows if one.id == "row 7")
    at = int(np.flatnonzero(row.parts == RESPONSE)[5])
    backend = Altered(
        transformers_backend,
        lambda asked: [with_token(s, at) if np.array_equal(s.ids, row.token_ids) else s for s in asked],
    )
    compared = compare_passes(backend, rows, reference, renderer.max_length)
    assert list(misses(compared, Tolerance.of("float32"))) == ["against the reference"]
    worst = compared[0].worst
    assert (worst.id, worst.what, worst.tokens) == ("row 7", "response", len(row.token_ids))
    assert worst.position >= at  # that token, or one that was given the wrong context
    begin, end = row.spans[worst.position]
    assert (worst.token_id, worst.text) == (row.token_ids[worst.position], row.text[begin:end])
    assert abs(worst.ours - worst.reference) == pytest.approx(compared[0].parity.largest)
    assert f"'row 7', response token {worst.position} of {worst.tokens}, {worst.text!r}" in str(worst)


def test_a_result_that_depends_on_the_order_is_found(rows, reference, renderer, transformers_backend):
    """As a cache of prefixes may do: what comes first is right, the second sequence is given another's token."""
    backend = Altered(transformers_backend, lambda asked: [asked[0], with_token(asked[1], 3), *asked[2:]])
    compared = compare_passes(backend, rows, reference, renderer.max_length)
    assert "shuffled" in misses(compared, Tolerance.of("float32"))


def test_a_result_that_depends_on_the_batch_is_found(rows, reference, renderer, transformers_backend):
    class Batched(Altered):
        def score(self, sequences, ranks=True, tick=lambda done: None, batch_tokens=None):
            alter = batch_tokens is not None and batch_tokens <= 512
            asked = [with_token(sequences[0], 3), *sequences[1:]] if alter else sequences
            return self._backend.score(asked, ranks, tick, batch_tokens)

    compared = compare_passes(Batched(transformers_backend, None), rows, reference, renderer.max_length)
    assert list(misses(compared, Tolerance.of("float32"))) == ["512 tokens at once", "256 tokens at once"]


def test_another_dtype_than_claimed_is_found(builtin, rows, reference, renderer):
    backend = load_backend("transformers", builtin, BackendOptions("bfloat16"))
    compared = compare_passes(backend, rows, reference, renderer.max_length)
    assert "against the reference" in misses(compared, Tolerance.of("float32"))
    assert not misses(compared, Tolerance.of("bfloat16"))


def test_a_number_that_is_none_is_found_in_a_window_of_a_long_text_too(rows, reference, renderer, transformers_backend):
    class Faulty(Altered):
        def score(self, sequences, *options):
            answers = self._backend.score(sequences, *options)
            longest = max(range(len(sequences)), key=lambda i: len(sequences[i].ids))
            answers[longest].logprobs[100] = np.nan
            return answers

    compared = compare_passes(Faulty(transformers_backend, None), rows, reference, renderer.max_length)
    assert compared[0].parity.not_finite > 0
    assert compared[0].worst.id == "text"
    assert "against the reference" in misses(compared, Tolerance.of("bfloat16"))


def test_a_backend_that_fails_is_told_in_our_words(rows, reference, renderer, transformers_backend):
    class Dead(Altered):
        def score(self, *_):
            raise RuntimeError("no more\nof this")

    with pytest.raises(DataselectError, match="transformers cannot score the sample: no more of this"):
        compare_passes(Dead(transformers_backend, None), rows, reference, renderer.max_length)
    short = Altered(transformers_backend, lambda asked: asked[1:])
    with pytest.raises(DataselectError, match="cannot score the sample"):
        compare_passes(short, rows, reference, renderer.max_length)


def test_recorded_scores_pass_with_and_without_tokens_and_ifd(pool, tmp_path):
    plain = check(pool, scored(pool, tmp_path / "plain"))
    assert plain.passed, plain.failures
    assert [one.parity.name for one in plain.compared] == ["recorded sums"]
    full = check(pool, scored(pool, tmp_path / "full", ifd=True, tokens=True))
    assert full.passed, full.failures
    assert [one.parity.name for one in full.compared] == ["recorded sums", "recorded tokens"]
    assert full.compared[1].parity.ranks == 1.0
    # 12 dialogues: 5 sums, ppl, sequence_ppl, ifd, bits_per_byte and mink_20; a text: its NLL, and the last four but ifd
    assert full.compared[0].parity.tokens == 12 * 10 + 5


def test_recorded_scores_of_another_template_fail_by_name(pool, tmp_path):
    out = scored(pool, tmp_path / "out", rendering=RenderOptions("qa"))
    found = check(pool, out, rendering=RenderOptions("alpaca"))
    assert found.failures[0] == f'rendering.template is "qa" in {out}, but "alpaca" here'
    assert any("total_tokens" in line for line in found.failures)
    assert check(pool, out, rendering=RenderOptions("qa")).passed
    assert not check(pool, out).passed  # auto is chat here


def test_recorded_scores_of_another_dtype_fail_by_name_and_a_false_claim_by_the_numbers(pool, tmp_path, reseal):
    out = scored(pool, tmp_path / "out", dtype="bfloat16")
    assert check(pool, out).dtype == "bfloat16"
    found = check(pool, out, dtype="float32")
    assert f'dtype is "bfloat16" in {out}, but "float32" here' in found.failures
    (told,) = check(pool, reseal(out, dtype="float32")).failures
    assert told.startswith("recorded sums: largest difference")


def test_recorded_scores_of_another_model_fail_by_name(pool, tmp_path, builtin):
    out = scored(pool, tmp_path / "out")
    other = tmp_path / "other"
    shutil.copytree(builtin, other)
    (other / "chat_template.jinja").write_text((other / "chat_template.jinja").read_text() + "{# the same #}")
    found = verify(VerifyRequest((str(pool),), str(other), scores=out))
    assert found.failures[0].startswith("model is ")


def test_a_text_that_was_changed_after_scoring_fails(pool, tmp_path):
    out = scored(pool, tmp_path / "out", tokens=True)
    records = [dict(record) for record in RECORDS]
    records[4]["response"] = records[4]["response"].replace("number 3", "number 8")
    pool.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = check(pool, out)
    assert any("sha256" in line for line in found.failures)
    assert any(line.startswith("row 'row 5': token_id of token") for line in found.failures)


def test_a_row_that_is_not_there_is_told(pool, tmp_path):
    out = scored(pool, tmp_path / "out")
    record = {"id": "new", "prompt": "Who?", "response": "Me."}
    pool.write_text(pool.read_text() + json.dumps(record) + "\n")
    assert f"row 'new' is in the pool but not in {out}" in check(pool, out).failures


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("response_nll", lambda x: x + 0.1, "recorded sums: largest difference"),
        ("end_nll", lambda x: x - 0.1, "recorded sums: largest difference"),
        ("ppl", lambda x: x * 1.001, "recorded sums: largest difference"),
        ("bits_per_byte", lambda x: x * 1.01, "recorded sums: largest difference"),
        ("mink_20", lambda x: x + 0.01, "recorded sums: largest difference"),
        ("ppl", lambda x: -1.0, "recorded sums: 1 tokens without a finite"),
        ("ppl", lambda x: None, "row 'row 9': ppl is None, but"),
        ("response_tokens", lambda x: x + 1, "row 'row 9': response_tokens is"),
        ("status", lambda x: "too_long", "row 'row 9': status is too_long, but ok by the reference"),
    ],
)
def test_a_forged_number_is_found(forged, name, value, told):
    failures = forged("scores.parquet", lambda row: row.update({name: value(row[name])})).failures
    assert [failure.startswith(told) for failure in failures] == [True]


SIDECAR = "tokens/000000.parquet"


def test_a_forged_log_probability_of_a_token_is_found_and_named(forged):
    found = forged(SIDECAR, lambda row: row["logprob"].__setitem__(11, row["logprob"][11] + 0.01))
    assert [line.split(":")[0] for line in found.failures] == ["recorded tokens"]
    assert (found.compared[1].worst.id, found.compared[1].worst.position) == ("row 9", 12)  # one is BOS, not kept


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda row: row["token_id"].__setitem__(11, 5), "row 'row 9': token_id of token 12 is 5 in the sidecar, but"),
        (lambda row: row["part"].__setitem__(11, 1), "row 'row 9': part of token 12 is 1 in the sidecar, but 0 by the"),
        (lambda row: row.update(token_id=row["token_id"][1:]), "row 'row 9': the sidecar holds"),
        (lambda row: row.update(id="another"), "row 'row 9': it has no tokens in the sidecar"),
    ],
)
def test_another_token_in_the_sidecar_is_found(forged, edit, told):
    assert [failure.startswith(told) for failure in forged(SIDECAR, edit).failures] == [True]


def test_a_sidecar_that_is_gone_is_told(finished, tmp_path, rows, reference, renderer, reseal):
    shutil.copytree(finished, tmp_path / "out")
    (tmp_path / "out" / SIDECAR).unlink()
    with pytest.raises(ArtifactError, match=f"{SIDECAR} is missing"):
        check_recorded(RecordedScores.open(tmp_path / "out"), rows, reference, renderer.max_length)
    reseal(tmp_path / "out")
    found = check_recorded(RecordedScores.open(tmp_path / "out"), rows, reference, renderer.max_length)
    assert len(found.differences) == len(rows)
    assert all("no tokens in the sidecar" in line for line in found.differences)


def test_rows_recorded_as_engine_error_claim_nothing(forged):
    none = dict.fromkeys(["prompt_nll", "response_nll", "end_nll", "ppl"])
    found = forged("scores.parquet", lambda row: row.update(status="engine_error", **none))
    assert (found.passed, found.passed_over, found.compared[0].parity.rows) == (True, 1, 12)


def test_the_limit_of_the_run_is_that_of_the_sample(pool, tmp_path):
    found = check(pool, scored(pool, tmp_path / "out", limit=5))
    assert (found.passed, found.records, found.rows) == (True, 5, 5)


def test_the_cache_is_neither_asked_nor_filled(pool, tmp_path, monkeypatch):
    from dataselect.scoring.cache import cache_path

    verify(VerifyRequest((str(pool),), "builtin", "transformers", rows=3))
    assert not cache_path().exists()


def test_a_folder_of_something_else_is_refused(pool, tmp_path, seal):
    with pytest.raises(ArtifactError, match="does not exist"):
        check(pool, tmp_path / "nowhere")
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "manifest.json").write_text('{"stage": "score"}')
    with pytest.raises(ArtifactError, match=r"some is not a folder of dataselect score: it has no run\.json"):
        check(pool, tmp_path / "some")
    with pytest.raises(ArtifactError, match="is a folder of dataselect train, not of dataselect score"):
        check(pool, seal(tmp_path / "trained", "train", {}))


def test_nothing_scorable_is_an_error(tmp_path):
    pool = tmp_path / "pool.jsonl"
    pool.write_text('{"prompt": "a", "response": ""}\n{bad\n')
    with pytest.raises(DataselectError, match="none of the 2 records can be scored"):
        verify(VerifyRequest((str(pool),), "builtin", "transformers"))


@pytest.mark.parametrize(
    "options", [{"rows": 0}, {"tolerance": -1.0}, {"tolerance": float("nan")}, {"scores": "x", "batch_tokens": 5}]
)
def test_wrong_usage(options):
    with pytest.raises(UsageError):
        VerifyRequest(("pool.jsonl",), "builtin", **options)
