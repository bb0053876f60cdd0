"""The models and rows of the scoring benchmark: made on the spot, seeded, with nothing to download.

All are of the Llama architecture with random weights, which take as long to multiply as trained ones. `reference` has
12 layers, width 512, 8 heads of size 64, an intermediate size of 1,376 (two thirds of 4 x 512, rounded up to a multiple
of 32) and a vocabulary of 32,000; `reference-large-vocab` has 151,936; `reference-1b` has the shape of a model of 1.2
billion parameters, `reference-3b` of 3.6, and `reference-tiny` is for trying a benchmark out. Embedding and head are
not tied. The tokenizer has one word per id, `w0 w1 w2 ...`, so that peers that only take text score the very same ids.

Rows are random ids with lengths lognormal(4.6, 0.7), cut to 16 ... 1,024: a mean of about 125 tokens and a long tail,
as in instruction data. `medium` rows are lognormal(5.8, 0.5), cut to 64 ... 1,024, and `long` ones lognormal(6.8, 0.4),
cut to 256 ... 2,048. For a model that can read they are text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dataselect.backends import TokenSequence
from dataselect.models import resolve_model

SEED = 0
SMALL = {
    "hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 12, "num_attention_heads": 8,
    "max_position_embeddings": 2048, "tie_word_embeddings": False,
}  # fmt: skip
SHAPES: dict[str, dict[str, Any]] = {
    "reference": {**SMALL, "vocab_size": 32_000},
    "reference-large-vocab": {**SMALL, "vocab_size": 151_936},
    "reference-tiny": {
        "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2, "num_attention_heads": 2,
        "max_position_embeddings": 4096, "tie_word_embeddings": False, "vocab_size": 512,
    },
    "reference-1b": {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 4096, "vocab_size": 128_256,
        "tie_word_embeddings": False,
    },
    "reference-3b": {
        "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "num_attention_heads": 24,
        "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 4096, "vocab_size": 128_256,
        "tie_word_embeddings": False,
    },
}  # fmt: skip
LENGTHS = {"short": (4.6, 0.7, 16, 1024), "medium": (5.8, 0.5, 64, 1024), "long": (6.8, 0.4, 256, 2048)}


def make_model(name: str, dtype: str, folder: Path) -> Path:
    """Write a reference model and its tokenizer into a folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    shape = SHAPES[name]
    torch.manual_seed(SEED)
    config = LlamaConfig(**shape, bos_token_id=0, eos_token_id=1, dtype=dtype)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config).to(getattr(torch, dtype))
    model.save_pretrained(folder)
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(shape["vocab_size"])}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"bos_token": "w0", "eos_token": "w1", "pad_token": "w2", "unk_token": "w0"}
    PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(folder)
    return folder


def make_rows(count: int, vocabulary: int, lengths: str) -> list[TokenSequence]:
    """Random rows; ids below 3 are special and left out."""
    generator = np.random.default_rng(SEED + 1)
    return [
        TokenSequence(generator.integers(3, vocabulary, size).astype(np.int32)) for size in row_sizes(count, lengths)
    ]


def found_model(name: str, dtype: str, folder: Path) -> Path:
    """A reference model, made in a folder that is not there yet; or the folder of a model of the user's."""
    return make_model(name, dtype, folder) if name in SHAPES else resolve_model(name)


def found_rows(name: str, count: int, lengths: str) -> list[TokenSequence]:
    """Random rows for a reference model, rows of text for one that can read."""
    if name in SHAPES:
        return make_rows(count, SHAPES[name]["vocab_size"], lengths)
    return text_rows(resolve_model(name), count, lengths)


def text_rows(model: Path, count: int, lengths: str) -> list[TokenSequence]:
    """Rows of text for a model that can read: this repository's README, again and again, with a BOS before each row."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    sizes = row_sizes(count, lengths)
    stream = np.resize(tokenizer(text, add_special_tokens=False).input_ids, sum(sizes)).astype(np.int32)
    first = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    return [
        TokenSequence(np.concatenate([first, part])[: len(part)].astype(np.int32))
        for part in np.split(stream, np.cumsum(sizes)[:-1])
    ]


def row_sizes(count: int, lengths: str) -> list[int]:
    """Tokens of each row, seeded."""
    mean, deviation, shortest, longest = LENGTHS[lengths]
    drawn = np.random.default_rng(SEED).lognormal(mean, deviation, count)
    return [int(size) for size in np.clip(drawn, shortest, longest)]


def multiplied_parameters(model: Path) -> int:
    """Parameters that every token is multiplied with: the weights of all linear layers and of the head.

    The table of embeddings is looked up and not multiplied, so it counts only where the head uses the same weights.
    Norms and biases are no matrix products. Attention's own products, which grow with the length, are left out, and so
    the share of the peak is a little lower than what the hardware really computes. Dense models only.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model))
    layers = [m for m in empty.modules() if isinstance(m, torch.nn.Linear | Conv1D)]
    return sum(layer.weight.numel() for layer in layers)
