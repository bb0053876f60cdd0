"""The chat templates of public model families: every token's part, and IFD's context, against a mask made by hand.

The hand-made mask knows of each family what stands in front of a response and what closes it (`chat_templates.yaml`),
takes text and token ids from `apply_chat_template`, and goes through the tokens one by one.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from dataselect.cli import run
from dataselect.pool import Renderer, RenderOptions
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Example, Message

FAMILIES = yaml.safe_load((Path(__file__).parent / "chat_templates.yaml").read_text(encoding="utf-8"))
SYSTEM = {"role": "system", "content": "Answer in one sentence."}
FIRST = [
    {"role": "user", "content": "What is the time?"}, {"role": "assistant", "content": "It is noon, said the clock."},
]  # fmt: skip
SECOND = [
    {"role": "user", "content": "And now?"}, {"role": "assistant", "content": "The answer is *yes*:\n\n1. später"},
]  # fmt: skip
DIALOGUES = {"one turn": FIRST, "two turns": FIRST + SECOND, "system": [SYSTEM, *FIRST, *SECOND]}
TEXTS = ["What is the time? It is noon, said the clock. The answer is yes. Answer: user assistant USER: ASSISTANT:"] * 4


@functools.cache
def base_engine(kind: str) -> str:
    """A tokenizer without special tokens: bytes, or pieces with U+2581 for the space and bytes for the rest."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    engine = Tokenizer(models.BPE())
    alphabet = pre_tokenizers.ByteLevel.alphabet() if kind == "bytes" else []
    if kind == "bytes":
        engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        engine.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    engine.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    if kind == "bytes":
        return engine.to_str()
    pieces = json.loads(engine.to_str())
    vocabulary = pieces["model"]["vocab"]
    for name in ("<unk>", *(f"<0x{byte:02X}>" for byte in range(256))):
        vocabulary[name] = len(vocabulary)
    pieces["model"] |= {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}
    return json.dumps(pieces)


def save_family(name: str, folder: Path) -> SimpleNamespace:
    """A model folder without weights that has a family's template and special tokens."""
    from tokenizers import AddedToken, Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    family = FAMILIES[name]
    bos, eos = family.get("bos"), family["eos"]
    engine = Tokenizer.from_str(base_engine(family.get("tokenizer", "bytes")))
    marks = dict.fromkeys([*([bos] if bos else []), eos, *family.get("marks", [])])
    engine.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    if family.get("adds_bos"):
        start = (bos, engine.token_to_id(bos))
        engine.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[start])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=engine, bos_token=bos, eos_token=eos)
    tokenizer.chat_template = family["template"]
    tokenizer.save_pretrained(folder)
    config = {"model_type": "llama", "max_position_embeddings": 4096, "architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    return SimpleNamespace(folder=folder, tokenizer=tokenizer, family=family)


@pytest.fixture(scope="module")
def model_of(tmp_path_factory):
    return functools.cache(lambda name: save_family(name, tmp_path_factory.mktemp("family")))


def told(model: SimpleNamespace, turns: list[dict[str, str]]) -> SimpleNamespace:
    """The whole conversation by transformers, and the mask by hand."""
    family, tokenizer = model.family, model.tokenizer
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    ids = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False)
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert len(spans) == len(ids)
    if family.get("adds_bos"):
        ids, spans = [tokenizer.bos_token_id, *ids], [(0, 0), *spans]
    responses, ends, place, start = [], [], 0, 0
    for turn in turns:
        if turn["role"] == "assistant":
            at = text.index(turn["content"], place)
            place = at + len(turn["content"])
            before = max((one for one in family.get("response", []) if text[:at].endswith(one)), key=len, default="")
            start = at - len(before)
            assert text[:start].endswith(family["header"])
            responses.append((start, place))
            closing = family.get("ends", [family["eos"]])
            ends.append((place, place + len(next(end for end in closing if text.startswith(end, place)))))
    parts = [part(span, responses, ends) for span in spans]
    header = held(spans, start - len(family["header"]), start)
    final = [t for t in held(spans, start, place) if t]
    context = [ids[t] for t in header if t < final[0]]
    if ids[0] == tokenizer.bos_token_id and tokenizer.bos_token_id not in context:
        context = [ids[0], *context]
    return SimpleNamespace(
        text=text, ids=ids, spans=spans, parts=[UNSCORED, *parts[1:]], alone=context + [ids[t] for t in final],
        alone_start=len(context), seams={t for t, span in enumerate(spans) if t and straddles(span, responses)},
    )  # fmt: skip


def held(spans, start: int, end: int) -> list[int]:
    """The tokens that hold a character of [start, end)."""
    return [t for t, (a, b) in enumerate(spans) if a < end and b > start and b > a]


def straddles(span, responses) -> bool:
    return any(
        span[0] < end and span[1] > start and not (start <= span[0] and span[1] <= end) for start, end in responses
    )


def part(span, responses, ends) -> int:
    if any(span[0] < end and span[1] > start for start, end in responses):
        return RESPONSE
    return END if any(span[0] < end and span[1] > start for start, end in ends) else PROMPT


def example(turns) -> Example:
    return Example("x", "pool", {}, tuple(Message(turn["role"], turn["content"]) for turn in turns))


def dialogues(name: str):
    return [d for d in DIALOGUES if d != "system" or FAMILIES[name].get("system", True)]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_token_has_the_part_of_the_mask_by_hand(model_of, name):
    model = model_of(name)
    renderer = Renderer(model.folder, ifd=True)
    for kind in dialogues(name):
        right = told(model, DIALOGUES[kind])
        one = renderer.render([example(DIALOGUES[kind])])[0]
        assert (one.text, one.token_ids.tolist(), one.status) == (right.text, right.ids, "ok"), kind
        assert one.parts.tolist() == right.parts, kind
        assert (one.alone_ids.tolist(), one.alone_start) == (right.alone, right.alone_start), kind


def test_a_bos_that_opens_turns_is_not_taken_away(model_of):
    """Without it SmolLM2's first turn would begin with the word "system" and no mark; OLMo's BOS is also its EOS."""
    for name, kept in (("smollm2", 0), ("olmo-2", 1), ("llama-3", 1)):
        model = model_of(name)
        ids = told(model, FIRST).ids
        for bos, expected in (("always", ids), ("never", ids[kept:])):
            one = Renderer(model.folder, RenderOptions(bos=bos)).render([example(FIRST)])[0]
            assert one.token_ids.tolist() == expected, (name, bos)


def test_there_are_the_36_common_templates():
    assert len(FAMILIES) >= 36


def special_texts(model: SimpleNamespace) -> list[str]:
    return [token.content for token in model.tokenizer.added_tokens_decoder.values() if token.special]


def pieces(model: SimpleNamespace, turns: list[dict[str, str]]) -> list[tuple[bool, str]]:
    """The rendering cut at the template's own special tokens: (is one, text)."""
    hollow = [{**turn, "content": f"\ue000{k}\ue001"} for k, turn in enumerate(turns)]
    words = re.split("\ue000[0-9]+\ue001", model.tokenizer.apply_chat_template(hollow, tokenize=False))
    special = re.compile("(" + "|".join(map(re.escape, special_texts(model))) + ")")
    found = [(False, "")]
    for word, content in itertools.zip_longest(words, [turn["content"] for turn in turns], fillvalue=""):
        for at, part in enumerate(special.split(word)):
            found += [(True, part), (False, "")] if at % 2 else []
            found[-1] = (False, found[-1][1] + ("" if at % 2 else part))
        found[-1] = (False, found[-1][1] + content)
    return [(mark, text) for mark, text in found if text]


@pytest.mark.parametrize("name", FAMILIES)
def test_special_tokens_of_the_record_stay_text_and_the_template_s_own_do_not(model_of, name):
    model = model_of(name)
    tokenizer, marks = model.tokenizer, special_texts(model)
    turns = [
        {"role": "user", "content": f"Write {marks[0]}{marks[0]}a{marks[-1]}."},
        {"role": "assistant", "content": f"As {' '.join(marks)} is"}, *SECOND,
    ]  # fmt: skip
    kept, control = (
        Renderer(model.folder, RenderOptions(special_tokens=how), ifd=True).render([example(turns)])[0]
        for how in ("text", "control")
    )
    assert kept.text == control.text == tokenizer.apply_chat_template(turns, tokenize=False)
    assert (
        control.token_ids.tolist()[-len(tokenizer(kept.text, add_special_tokens=False)["input_ids"]) :]
        == (tokenizer(kept.text, add_special_tokens=False)["input_ids"])
    )
    assert kept.special_texts == control.special_texts == 3 + len(marks)
    expected = [tokenizer.bos_token_id] if model.family.get("adds_bos") else []
    for mark, text in pieces(model, turns):
        own = {} if mark else {"split_special_tokens": True}
        expected += tokenizer(text, add_special_tokens=False, **own)["input_ids"]
    assert kept.token_ids.tolist() == expected
    place = kept.text.index(turns[1]["content"])
    inside = [t for t in held(kept.spans.tolist(), place, place + len(turns[1]["content"])) if t]
    assert set(kept.parts[inside].tolist()) == {RESPONSE}
    assert set(kept.token_ids[inside].tolist()).isdisjoint(tokenizer.convert_tokens_to_ids(marks))


@pytest.mark.parametrize("name", ["llama-2", "phi-3", "smollm2", "yi", "vicuna-bytes", "gpt-oss"])
def test_show_marks_the_same_tokens(model_of, name, tmp_path, capsys):
    model = model_of(name)
    right = told(model, DIALOGUES["two turns"])
    pool = tmp_path / "pool.jsonl"
    pool.write_text(json.dumps({"messages": DIALOGUES["two turns"]}), encoding="utf-8")
    assert run(["show", str(pool), "--model", str(model.folder), "--no-color"]) == 0
    heading, shown = capsys.readouterr().out.split("\n", 1)
    counts = [right.parts.count(part) for part in (PROMPT, RESPONSE, END)]
    assert "ok; {} prompt, {} response, {} end, {} seam of".format(*counts, len(right.seams)) in heading
    assert shown.rstrip("\n") == bracketed(right).rstrip("\n")


def bracketed(right: SimpleNamespace) -> str:
    """The text with [response], <seam> and {end} tokens in brackets, ~ around what is not scored."""
    brackets = {PROMPT: ("", "", ""), RESPONSE: ("[", "|", "]"), END: ("{", "|", "}"), UNSCORED: ("~", "|", "~")}
    brackets["seam"] = ("<", "|", ">")
    shown, behind = "", 0
    marks = ["seam" if t in right.seams else part for t, part in enumerate(right.parts)]
    for mark, tokens in itertools.groupby(range(len(marks)), lambda t: marks[t]):
        texts = []
        for start, end in (right.spans[t] for t in tokens):
            texts.append(right.text[max(start, behind) : end] if end else "BOS")
            behind = max(behind, end)
        opening, between, closing = brackets[mark]
        shown += opening + between.join(texts) + closing
    return shown
