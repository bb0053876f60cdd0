"""Small models made on the spot, each with the habit that a test needs; a scoring run in one call; the slow truth.

The tokenizers split a text into its bytes and join only the pairs that a test names, so that every token can be told
beforehand. The models are random, but with large weights, so that a wrong context moves a log-probability by tenths.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SPECIAL = ("<|im_start|>", "<|im_end|>", "<s>")


@dataclass(frozen=True)
class Scored:
    """A finished scoring run: its rows in input order, its manifest, and where both lie."""

    rows: list[dict[str, Any]]
    manifest: dict[str, Any]
    pool: Path
    out: Path


@pytest.fixture(scope="session")
def score_pool(tmp_path_factory) -> Callable[..., Scored]:
    """`score_pool(model, records, **options)`: the real scoring run over a real file, with the transformers backend.

    Without the score cache, so that nothing that one run computed stands in for what another should.
    """
    import pyarrow.parquet as pq

    from dataselect.scoring import ScoreRequest, score

    def run(model: Path | str, records: Sequence[Mapping[str, Any]], **options: Any) -> Scored:
        folder = tmp_path_factory.mktemp("scored")
        pool, out = folder / "pool.jsonl", folder / "out"
        pool.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
        score(ScoreRequest((str(pool),), str(model), out, **{"backend": "transformers", "cache": False} | options))
        manifest = json.loads((out / "manifest.json").read_text())
        return Scored(pq.read_table(out / "scores.parquet").to_pylist(), manifest, pool, out)

    return run


@pytest.fixture(scope="session")
def assert_same_rows() -> Callable[..., None]:
    """`assert_same_rows(rows, others, rel)`: row by row the same, floating-point numbers within `rel`."""

    def check(rows: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], rel: float) -> None:
        for one, other in zip(rows, others, strict=True):
            assert one.keys() == other.keys()
            for name, value in one.items():
                assert other[name] == (pytest.approx(value, rel=rel) if isinstance(value, float) else value), name

    return check


@pytest.fixture(scope="session")
def truth() -> Callable[[Path, Sequence[int]], np.ndarray]:
    """`truth(model, ids)`: log-probabilities in float64 from full logits of one sequence; NaN for the first token."""
    import torch
    from transformers import AutoModelForCausalLM

    @functools.cache
    def load(model: Path) -> Any:
        return AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()

    def slow(model: Path, ids: Sequence[int]) -> np.ndarray:
        tokens = torch.tensor(list(ids))
        with torch.inference_mode():
            logits = load(model)(input_ids=tokens[None]).logits[0, :-1].double()
        return np.concatenate(([np.nan], logits.log_softmax(-1).gather(1, tokens[1:, None])[:, 0].numpy()))

    return slow


@pytest.fixture(scope="session")
def load_tokenizer() -> Callable[[Path], Any]:
    """`load_tokenizer(model)`: the transformers tokenizer of a folder."""
    from transformers import AutoTokenizer

    return functools.cache(lambda model: AutoTokenizer.from_pretrained(model))


def byte_engine(merges: Sequence[tuple[str, str]], eos: str) -> Any:
    """A byte-level BPE with exactly these merges, in the letters that stand for bytes (Ġ for a space, Ċ for \\n)."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    special = [eos, *SPECIAL]
    names = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(a + b for a, b in merges)]
    engine = Tokenizer(models.BPE(vocab={name: i for i, name in enumerate(names)}, merges=list(merges)))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    return engine


def save_tokenizer(
    folder: Path,
    engine: Any,
    eos: str,
    bos: bool,
    add_bos: bool,
    trim: bool,
    padding_side: str,
    chat_template: str | None,
) -> None:
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    steps: list[Any] = [processors.ByteLevel(trim_offsets=trim)]
    if add_bos:
        start = ("<s>", engine.token_to_id("<s>"))
        steps.append(processors.TemplateProcessing(single="<s> $A", special_tokens=[start]))
    engine.post_processor = processors.Sequence(steps)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=engine, bos_token="<s>" if bos or add_bos else None, eos_token=eos, pad_token=eos,
        padding_side=padding_side, chat_template=chat_template,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)


def random_model(kind: str, vocabulary: int, positions: int) -> Any:
    """A random model with large weights: `llama` with rotary positions, or `gpt2` with learned ones."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if kind == "gpt2":
        settings = GPT2Config(
            vocab_size=vocabulary, n_positions=positions, n_embd=32, n_layer=2, n_head=2, initializer_range=0.3
        )
        return GPT2LMHeadModel(settings)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary, max_position_embeddings=positions, hidden_size=32, intermediate_size=64,
            num_hidden_layers=2, num_attention_heads=2, tie_word_embeddings=False, initializer_range=0.3,
        )
    )  # fmt: skip


@pytest.fixture(scope="session")
def make_model(tmp_path_factory) -> Callable[..., Path]:
    """`make_model(merges=(), bos=False, add_bos=False, kind="llama", positions=256, edit=None, engine=None, ...)`.

    `edit(model)` changes the weights before they are saved; `engine` is a tokenizer other than the byte-level one;
    `vocabulary` gives the model more entries than the tokenizer has.
    """
    import torch

    number = itertools.count()

    def make(
        merges: Sequence[tuple[str, str]] = (), bos: bool = False, add_bos: bool = False, trim: bool = True,
        padding_side: str = "right", chat_template: str | None = None, kind: str = "llama", positions: int = 256,
        edit: Callable[[Any], None] | None = None, engine: Any = None, vocabulary: int | None = None, eos: str = "<eos>",
    ) -> Path:  # fmt: skip
        folder = tmp_path_factory.mktemp(f"model{next(number)}")
        engine = engine or byte_engine(merges, eos)
        save_tokenizer(folder, engine, eos, bos, add_bos, trim, padding_side, chat_template)
        model = random_model(kind, vocabulary or engine.get_vocab_size(), positions)
        with torch.no_grad():
            if edit is not None:
                edit(model)
        model.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def without_context() -> Callable[[np.ndarray], Callable[[Any], None]]:
    """`without_context(logprobs)`: an edit after which the next token has these log-probabilities whatever precedes.

    All tokens get one embedding, attention and MLP add nothing, so the last hidden state is a constant vector of ones
    up to its normalisation's epsilon; the head's first column holds the log-probabilities and the others nothing.
    """
    import torch

    def edit_for(logprobs: np.ndarray) -> Callable[[Any], None]:
        def edit(model: Any) -> None:
            model.model.embed_tokens.weight.fill_(1.0)
            for layer in model.model.layers:
                layer.self_attn.o_proj.weight.zero_()
                layer.mlp.down_proj.weight.zero_()
            model.lm_head.weight.zero_()
            model.lm_head.weight[:, 0] = torch.from_numpy(logprobs.astype(np.float32))

        return edit

    return edit_for


@pytest.fixture(scope="session")
def two_letters(make_model, load_tokenizer, without_context) -> Path:
    """After anything, `a` has log-probability -1 and `b` -3; all other tokens share the rest."""
    tokenizer = load_tokenizer(make_model(add_bos=True))
    rest = 1 - math.exp(-1) - math.exp(-3)
    logprobs = np.full(len(tokenizer), math.log(rest / (len(tokenizer) - 2)))
    for letter, logprob in (("a", -1.0), ("b", -3.0)):
        logprobs[tokenizer.convert_tokens_to_ids(letter)] = logprob
    return make_model(add_bos=True, edit=without_context(logprobs))
