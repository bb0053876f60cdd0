"""How a model is fed: told where it is wrong, silent where it is right, and without effect on any score."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.backends import BackendOptions, load_backend
from dataselect.cli import run
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.records import Example, Message, TokenScores
from dataselect.scoring import ScoreRequest, score
from dataselect.scoring.engines import ProcessEngine
from dataselect.scoring.feeding import EXCHANGES, MARGIN, SENTENCE, UNSURE, Feeding, FeedingProbe, budget
from dataselect.scoring.worker import Shard, WorkerSpec

RIGHT = Feeding(
    with_bos=False, sentence_ppl=40.0, sentence_ppl_otherwise=38.0, rows_gain=0.1, rows=4, end="<|im_end|>",
    end_probability=0.1, ends=4, template="chat",
)  # fmt: skip


def examples(n: int) -> list[Example]:
    return [
        Example(
            f"r{i}", "pool", {}, (Message("user", f"What is {i} plus {i}?"), Message("assistant", f"It is {2 * i}."))
        )
        for i in range(n)
    ]


EXAMPLES = [
    Example(str(i), "", {}, (Message("user", asked), Message("assistant", answer)))
    for i, (asked, answer) in enumerate(EXCHANGES)
]
EXAMPLE = EXAMPLES[-1:]


class Made:
    """A backend whose every token has a log-probability that a function of the sequence's ids says."""

    name, max_length, batch_tokens = "made", 500, 1000

    def __init__(self, logprob) -> None:
        self._logprob = logprob
        self.asked = []

    def score(self, sequences, ranks=True, tick=lambda done: None, batch_tokens=None):
        self.asked += sequences
        return [
            TokenScores(np.full(len(one.ids), self._logprob(one.ids), np.float32), np.zeros(len(one.ids), np.int32))
            for one in sequences
        ]


@pytest.fixture
def renderer(builtin):
    return Renderer(builtin, RenderOptions(template="alpaca", bos="never"))


def test_gains_are_differences_of_the_same_tokens_mean_losses(renderer):
    rows = renderer.render(examples(6))
    bos = renderer.bos
    assert rows[0].token_ids[0] != bos
    backend = Made(lambda ids: -1.5 if ids[0] == bos else -4.0)
    found = FeedingProbe(renderer).ask(backend, rows, 10**6)
    assert found.rows_gain == pytest.approx(4.0 - 1.5)
    assert found.sentence_ppl == pytest.approx(math.exp(4.0))
    assert found.sentence_ppl_otherwise == pytest.approx(math.exp(1.5))
    assert found.with_bos is False
    assert found.warnings[0] == (
        "wrong BOS setting: with BOS a plain sentence has a perplexity of 4 instead of 55, "
        "and the pool's rows gain 2.5 nats per token: score with --bos always"
    )
    sentence, other, *texts = backend.asked
    assert other.ids.tolist() == [bos, *sentence.ids.tolist()]
    for here, there in zip(texts[: found.rows], texts[found.rows :], strict=True):
        assert there.ids.tolist() == [bos, *here.ids.tolist()]


def test_bos_that_harms_is_told_the_other_way(builtin):
    renderer = Renderer(builtin, RenderOptions(template="alpaca", bos="always"))
    bos = renderer.bos
    backend = Made(lambda ids: -4.0 if ids[0] == bos else -1.5)
    found = FeedingProbe(renderer).ask(backend, renderer.render(examples(3)), 100)
    assert found.with_bos is True
    assert "without BOS a plain sentence" in found.warnings[0]
    assert "--bos never" in found.warnings[0]


def test_the_first_tokens_do_not_count(renderer):
    """BOS helps the beginning of any text; behind `UNSURE` tokens both forms are equal here."""
    bos = renderer.bos

    class Beginning(Made):
        def score(self, sequences, *others):
            answers = super().score(sequences)
            for one, answer in zip(sequences, answers, strict=True):
                answer.logprobs[: UNSURE + int(one.ids[0] == bos)] = -1.0 if one.ids[0] == bos else -20.0
            return answers

    found = FeedingProbe(renderer).ask(Beginning(lambda ids: -3.0), renderer.render(examples(3)), 100)
    assert found.sentence_ppl == pytest.approx(math.exp(3.0))
    assert (found.rows_gain, found.warnings) == (None, ())


@pytest.mark.parametrize(
    ("change", "option"),
    [
        ({}, None),
        ({"sentence_ppl_otherwise": 40.0 * math.exp(-MARGIN - 0.01), "rows_gain": MARGIN + 0.01}, "--bos always"),
        ({"sentence_ppl_otherwise": 40.0 * math.exp(-MARGIN - 0.01), "rows_gain": MARGIN - 0.01}, None),
        ({"sentence_ppl_otherwise": 40.0 * math.exp(-MARGIN + 0.01), "rows_gain": MARGIN + 0.01}, None),
        ({"sentence_ppl_otherwise": None, "rows_gain": None, "with_bos": None}, None),
        ({"end_probability": 1e-9}, "--template alpaca or text"),
        ({"end_probability": 1e-9, "template": "alpaca"}, "what SFT has yet to teach it"),
        ({"end_probability": None, "ends": 0, "end": ""}, None),
    ],
)
def test_both_the_rows_and_the_sentence_have_to_be_clearly_better(change, option):
    warnings = replace(RIGHT, **change).warnings
    assert [option in line for line in warnings] == ([True] if option else [])


def test_ends_are_the_marks_right_behind_responses(renderer):
    rows = renderer.render(examples(40))
    mark = int(rows[0].token_ids[-1])
    found = FeedingProbe(renderer).ask(Made(lambda ids: -25.0), rows, 100_000)
    assert found.end == renderer.tokenizer.convert_ids_to_tokens(mark)
    assert found.rows > 3
    assert found.ends == found.rows + len(EXCHANGES)
    assert found.end_probability == pytest.approx(math.exp(-25.0))
    assert FeedingProbe(renderer).ask(Made(lambda ids: -9.0), rows, 100_000).ends == found.rows
    expected = Made(lambda ids: -1.0 if len(ids) == len(renderer.render(EXAMPLE)[0].token_ids) else -25.0)
    assert FeedingProbe(renderer).ask(expected, rows, 100_000).end_probability == pytest.approx(math.exp(-1.0))


def test_text_without_turns_has_no_ends(builtin):
    renderer = Renderer(builtin, RenderOptions())
    rows = renderer.render([Example(f"t{i}", "pool", {}, text=f"Once there were {i} kings.") for i in range(9)])
    found = FeedingProbe(renderer).ask(Made(lambda ids: -25.0), rows, 10**6)
    assert (found.end, found.end_probability, found.ends) == ("", None, 0)


def test_the_probe_is_small_beside_the_work_and_bounded(renderer):
    assert [budget(n) for n in (10, 16_000, 10**9)] == [0, 1000, 2048]
    rows = renderer.render(examples(500))
    shortest = min(len(one.token_ids) for one in rows)
    own = 2 * len(renderer.token_ids([SENTENCE])[0]) + sum(len(one.token_ids) for one in renderer.render(EXAMPLES))
    for tokens in (10, 16_000, 10**9):
        backend = Made(lambda ids: -1.0)
        found = FeedingProbe(renderer).ask(backend, rows, tokens)
        computed = sum(len(one.ids) for one in backend.asked)
        assert computed <= own + max(2 * shortest, budget(tokens)) + found.rows + 1
        assert found.rows == 1 or tokens > 10


@pytest.fixture
def pool(tmp_path):
    rows = [{"id": f"r{i}", "prompt": f"Say {i} in words.", "response": f"That is number {i}."} for i in range(12)]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "pool.jsonl"


def test_a_run_tells_what_it_finds_at_once_and_keeps_it(pool, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dataselect.scoring.feeding.HOPELESS", 1.0)  # no end is likely enough
    arguments = ["score", str(pool), "--model", "builtin", "--out"]
    assert run([*arguments, str(tmp_path / "told")]) == 0
    told = capsys.readouterr().err
    assert told.count("warning: the model never ends a response with") == 1
    assert "note: the model never ends" not in told
    manifest = json.loads((tmp_path / "told" / "manifest.json").read_text())
    kept = manifest["feeding"]["builtin"]
    assert kept["warnings"] == manifest["notes"]
    assert kept["ends"] == 1 + len(EXCHANGES)


def test_a_model_that_is_fed_wrongly_is_told_before_anything_is_scored(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("dataselect.scoring.feeding.HOPELESS", 1.0)
    found = []

    def warn(line):
        found.append((line[:27], list((tmp_path / "out").rglob("0*.parquet"))))

    score(ScoreRequest(str(pool), "builtin", tmp_path / "out", backend="transformers"), warn=warn)
    assert found == [("the model never ends a resp", [])]


def test_workers_tell_how_the_model_is_fed_before_their_first_shard(pool):
    records = list(PoolReader(str(pool)))
    spec = WorkerSpec("builtin", "", "transformers", BackendOptions("float32"), RenderOptions(), False, False, False)
    shards = [Shard(0, records[:6]), Shard(1, records[6:])]
    told = [type(one) for one in ProcessEngine(2).run(spec, shards, lambda done: None)]
    assert told[0] is Feeding
    assert sorted(one.__name__ for one in told) == ["Feeding", "Feeding", "ShardResult", "ShardResult"]


def test_scores_are_the_same_to_the_bit_with_and_without_the_probe(pool, tmp_path, monkeypatch):
    arguments = ["score", str(pool), "--model", "builtin", "--no-cache", "--out"]
    assert run([*arguments, str(tmp_path / "with")]) == 0
    monkeypatch.setattr("dataselect.scoring.worker.ShardWorker._feeding", lambda *_: None)
    assert run([*arguments, str(tmp_path / "without")]) == 0
    tables = [pq.read_table(tmp_path / name / "scores.parquet") for name in ("with", "without")]
    assert tables[0].equals(tables[1])
    manifests = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("with", "without")]
    assert [bool(one["feeding"]) for one in manifests] == [True, False]


def test_rows_from_the_cache_are_not_probed_again(pool, tmp_path):
    arguments = ["score", str(pool), "--model", "builtin", "--out"]
    for name in ("first", "second"):
        assert run([*arguments, str(tmp_path / name)]) == 0
    manifests = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("first", "second")]
    assert [bool(one["feeding"]) for one in manifests] == [True, False]
    assert manifests[0]["notes"] == manifests[1]["notes"] == []


GEMMA_CHAT = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


@pytest.mark.real_model
def test_gemma_is_told_where_its_bos_is_forgotten_or_its_marks_were_never_learned(gemma3):
    backend = load_backend("transformers", gemma3, BackendOptions("float32", max_length=500))
    rules = {"template": "gemma.jinja", "template_text": GEMMA_CHAT}
    found = {
        name: _probed(backend, gemma3, options)
        for name, options in {
            "right": RenderOptions(),
            "forgotten": RenderOptions(bos="never"),
            "marks": RenderOptions(**rules),
        }.items()
    }
    assert {name: [line[:40] for line in one.warnings] for name, one in found.items()} == {
        "right": [],
        "forgotten": ["wrong BOS setting: with BOS a plain sentence"[:40]],
        "marks": ["the model never ends a response with <en"[:40]],
    }
    assert "--bos always" in found["forgotten"].warnings[0]
    assert found["right"].sentence_ppl_otherwise == pytest.approx(found["forgotten"].sentence_ppl, rel=1e-3)


@pytest.mark.real_model
@pytest.mark.parametrize("template", ["chat", "alpaca", "qa"])
def test_smollm2_is_fed_right_by_its_own_template_and_by_others(smollm2, template):
    backend = load_backend("transformers", smollm2, BackendOptions("float32", max_length=500))
    assert _probed(backend, smollm2, RenderOptions(template)).warnings == ()


@pytest.mark.parametrize("template", ["chat", "alpaca", "qa"])
@pytest.mark.parametrize("pool", ["alpaca__alpaca_5000.json", "gsm8k__train.jsonl"])
def test_the_bundled_model_is_fed_right(transformers_backend, builtin, shared_data, template, pool):
    reader = PoolReader([str(shared_data / "pools" / pool)], limit=200)
    rows = [one for one in reader if isinstance(one, Example)]
    found = _probed(transformers_backend, builtin, RenderOptions(template), rows, 16_000)
    assert found.warnings == ()
    assert found.rows >= 3


def _probed(backend, model, options, rows=None, tokens=10):
    renderer = Renderer(model, options)
    rendered = renderer.render(rows or examples(6))
    return FeedingProbe(renderer).ask(backend, [one for one in rendered if one.scorable], tokens)
