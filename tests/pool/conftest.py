"""Small real tokenizers of different habits, saved as model folders without weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TEXTS = [
    "Question: what is the time? Answer: it is noon.", "The answer is yes. The answer is no.", "user assistant system",
    "### Instruction: ### Response: ### Input:", "It is 42. It is what it is.",
]  # fmt: skip


def save_model(
    folder: Path, bos: str | None, add_bos: bool, trim: bool = True, chat_template: str | None = None
) -> Path:
    """A byte-level BPE tokenizer with a Llama configuration of 64 positions."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    special = ["<eos>", "<|im_start|>", "<|im_end|>", *([bos] if bos else [])]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    engine.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=alphabet)
    )
    steps = [processors.ByteLevel(trim_offsets=trim)]
    if add_bos:
        steps.append(processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, engine.token_to_id(bos))]))
    engine.post_processor = processors.Sequence(steps)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=engine, bos_token=bos, eos_token="<eos>", pad_token="<eos>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )  # fmt: skip
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
    config = {
        "model_type": "llama",
        "max_position_embeddings": 64,
        "vocab_size": 420,
        "architectures": ["LlamaForCausalLM"],
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# As newer chat templates do it: thoughts of all turns but the last are dropped, contents are trimmed, and the last
# turn gets an empty thought where it has none.
REWRITING = (
    "{% for m in messages %}{% set c = m.content.strip() %}"
    "{% if m.role == 'assistant' %}{% set said = c.split('</think>')[-1].strip() %}"
    "{{ '<|im_start|>assistant\n' }}"
    "{% if loop.last %}{% if '</think>' in c %}{{ '<think>\n' + c.split('</think>')[0].split('<think>')[-1].strip()"
    " + '\n</think>\n\n' }}{% else %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
    "{{ said + '<|im_end|>\n' }}"
    "{% else %}{{ '<|im_start|>' + m.role + '\n' + c + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(scope="session")
def no_bos(tmp_path_factory) -> Path:
    """A tokenizer that has no BOS at all and trims offsets, with a ChatML template."""
    return save_model(tmp_path_factory.mktemp("no_bos"), None, add_bos=False, chat_template=CHATML)


@pytest.fixture(scope="session")
def adds_bos(tmp_path_factory) -> Path:
    """A tokenizer that puts <s> in front by itself, without a chat template."""
    return save_model(tmp_path_factory.mktemp("adds_bos"), "<s>", add_bos=True)


@pytest.fixture(scope="session")
def bos_unused(tmp_path_factory) -> Path:
    """A tokenizer that has a BOS token but does not add it."""
    return save_model(tmp_path_factory.mktemp("bos_unused"), "<s>", add_bos=False)


@pytest.fixture(scope="session")
def double_bos(tmp_path_factory) -> Path:
    """A tokenizer that adds <s>, with a template that writes it too."""
    return save_model(tmp_path_factory.mktemp("double"), "<s>", add_bos=True, chat_template="{{ bos_token }}" + CHATML)


@pytest.fixture(scope="session")
def rewriting(tmp_path_factory) -> Path:
    """A chat template that rewrites earlier turns."""
    return save_model(tmp_path_factory.mktemp("rewriting"), None, add_bos=False, chat_template=REWRITING)
