"""The renderer against a slow one that goes token by token, for tokenizers and texts of many kinds."""

from __future__ import annotations

import functools
import json
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.errors import RenderError
from dataselect.pool import Renderer, RenderOptions, rendering
from dataselect.pool.chat_templates import ChatTemplate
from dataselect.pool.render_options import load_template
from dataselect.pool.templates import TextTemplate, response_spans
from dataselect.pool.tokenizer import special_tokens
from dataselect.pool.tokenizing import FewestTokens, token_lengths
from dataselect.records import END, PROMPT, RESPONSE, UNSCORED, Example, Message, Reject

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Trims what is shown, and shows the thoughts of the last turn only, with an empty thought where it has none.
REWRITING = (
    "{% for m in messages %}{% set c = m.content.strip() %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role == 'assistant' %}{% if not loop.last %}{% set c = c.split('</think>')[-1] %}"
    "{% elif '</think>' not in c %}{% set c = '<think>\n\n</think>\n\n' + c %}{% endif %}{% endif %}"
    "{{ c + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEXTS = [
    "What is the time? It is noon. The answer is 42, said the clock.", "Ein schöner Tag, ça va très bien, señor.",
    "日本語と中文 한국어 नमस्ते", "### Instruction: ### Response: ###Question: ###Answer: user assistant system", "e\u0301 e\u0301 é é",
] * 3  # fmt: skip
SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]


def byte_level(normalizer=None, add_prefix_space=False, letters=True):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    engine = Tokenizer(models.BPE())
    engine.normalizer = normalizer
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    alphabet = pre_tokenizers.ByteLevel.alphabet() if letters else []
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=SPECIAL, initial_alphabet=alphabet)
    engine.train_from_iterator(TEXTS, trainer)
    return engine


def with_greedy_token():
    """Byte-level, with a token that takes the white space around it."""
    from tokenizers import AddedToken

    engine = byte_level()
    engine.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True), AddedToken("clock", single_word=True)])
    return engine


def with_words_split_off():
    """White space is taken away and then put before each word: what is spelled can be the text and stand elsewhere."""
    from tokenizers import pre_tokenizers

    engine = byte_level()
    steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    engine.pre_tokenizer = pre_tokenizers.Sequence(steps)
    return engine


def with_spaces_in_front():
    """BPE on characters, with U+2581 for the space and one in front of the text."""
    from tokenizers import Tokenizer, models, normalizers, trainers

    engine = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    engine.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    engine.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL))
    return engine


def with_bytes_for_the_rest():
    """The same, with tokens for single bytes."""
    from tokenizers import Tokenizer

    parts = json.loads(with_spaces_in_front().to_str())
    for byte in range(256):
        parts["model"]["vocab"][f"<0x{byte:02X}>"] = len(parts["model"]["vocab"])
    parts["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(parts))


def unigram():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    engine = Tokenizer(models.Unigram())
    engine.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip()])
    engine.pre_tokenizer = pre_tokenizers.Metaspace()
    engine.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=150, special_tokens=SPECIAL, unk_token="<unk>")
    )
    return engine


def word_piece():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    engine = Tokenizer(models.WordPiece(unk_token="<unk>"))
    engine.normalizer = normalizers.BertNormalizer()
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL))
    return engine


def normal_forms():
    from tokenizers import normalizers

    return normalizers.NFC(), normalizers.Sequence([normalizers.NFKD()])


KINDS = {
    "byte level": byte_level,
    "byte level, NFC": lambda: byte_level(normal_forms()[0]),
    "byte level, NFKD": lambda: byte_level(normal_forms()[1]),
    "byte level, space in front": lambda: byte_level(add_prefix_space=True),
    "byte level, letters missing": lambda: byte_level(letters=False),
    "byte level, a token that takes white space": with_greedy_token,
    "byte level, words split off": with_words_split_off,
    "U+2581 in front": with_spaces_in_front,
    "U+2581 in front, bytes": with_bytes_for_the_rest,
    "Unigram": unigram,
    "WordPiece": word_piece,
}
MEASURED = {"byte level", "byte level, NFC", "byte level, NFKD", "byte level, a token that takes white space"}
"""Those whose tokens tell their bytes."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory, builtin) -> dict[str, Path]:
    from transformers import PreTrainedTokenizerFast

    found = {"bundled": builtin}
    for number, (name, make) in enumerate(KINDS.items()):
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=make(), bos_token="<s>", eos_token="</s>")
        tokenizer.chat_template = REWRITING if number % 2 else CHATML
        found[name] = tmp_path_factory.mktemp(f"kind{number}")
        tokenizer.save_pretrained(found[name])
        config = {"model_type": "llama", "max_position_embeddings": 64, "architectures": ["LlamaForCausalLM"]}
        (found[name] / "config.json").write_text(json.dumps(config))
    return found


@pytest.fixture(scope="module")
def renderer_of(folders):
    return functools.cache(lambda name, options: Renderer(folders[name], options, ifd=True))


def held(spans, start: int, end: int) -> list[int]:
    """The tokens that hold a character of [start, end), one by one."""
    return [t for t, (a, b) in enumerate(spans) if a < end and b > start] if end > start else []


def end_tokens(text: str, ids, spans, after: int, special) -> range:
    """White space, a special token and an EOS behind it, from token `after` on."""
    at = after
    while at < len(ids) and ids[at] not in special.special and not text[slice(*spans[at])].strip():
        at += 1
    if at == len(ids) or ids[at] not in special.special:
        return range(0)
    more = at + 1 < len(ids) and special.eos not in (None, special.bos) and ids[at + 1] == special.eos
    return range(after, at + 1 + more)


def in_runs(tokens: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for token in tokens:
        if runs and runs[-1][-1] == token - 1:
            runs[-1].append(token)
        else:
            runs.append([token])
    return runs


@functools.cache
def engine_of(renderer: Renderer):
    from tokenizers import Tokenizer, processors

    engine = Tokenizer.from_str(renderer.tokenizer.backend_tokenizer.to_str())
    engine.post_processor = processors.Sequence([])
    return engine


def tokenised(renderer: Renderer, text: str, special, bos: str):
    """Ids and spans of one text, one offset at a time, BOS included."""
    encoding = engine_of(renderer).encode(text, add_special_tokens=False)
    ids, spans = list(encoding.ids), list(encoding.offsets)
    there = ids[:1] == [special.bos]
    if bos == "never" and there:
        return ids[1:], spans[1:]
    if bos != "never" and not there and (bos == "always" or special.adds_bos):
        return [special.bos, *ids], [(0, 0), *spans]
    return ids, spans


def parts_of(templated, ids, spans, special, think: bool):
    """The part of each token, and the response tokens that hold characters of something else."""
    parts, seams = [PROMPT] * len(ids), set()
    for turn in templated.turns:
        behind = 0
        for start, end in response_spans(templated, turn, think):
            inside = held(spans, start, end)
            behind = inside[-1] + 1 if inside else sum(b <= start for _, b in spans)
            seams |= {t for t in (inside[:1] + inside[-1:]) if spans[t][0] < start or spans[t][1] > end}
            for t in inside:
                parts[t] = RESPONSE
        for t in end_tokens(templated.text, ids, spans, behind, special) if behind else ():
            parts[t] = END
    return [UNSCORED] * len(parts[:1]) + parts[1:], seams


def reference(renderer: Renderer, example: Example, options: RenderOptions) -> SimpleNamespace:
    """One example, rendered in plain Python; None of `Rendered` in it is shared with the renderer but the template."""
    special = special_tokens(renderer.tokenizer)
    plain = example.text is not None
    template = TextTemplate("") if plain else slow_template(renderer, options.template)
    templated = template.render(example)
    text, turns = templated.text, templated.turns
    ids, spans = tokenised(renderer, text, special, options.bos)
    parts, seams = parts_of(templated, ids, spans, special, options.think)
    status = "ok"
    if not any(text[turn.start : turn.end].strip() for turn in turns):
        status = "empty_response"
    elif RESPONSE not in parts:
        status = "too_short"
    elif len(ids) > renderer.max_length and not plain:
        status = "truncated" if options.truncate else "too_long"
    if status == "truncated":
        ids, spans, parts = (values[: renderer.max_length] for values in (ids, spans, parts))
        status = status if RESPONSE in parts else "too_long"
    runs = [in_runs([t for t in held(spans, turn.start, turn.end) if parts[t] == RESPONSE]) for turn in turns]
    size = sum(
        len(text[max(turn.start, spans[run[0]][0]) : min(turn.end, spans[run[-1]][1])].encode())
        for turn, found in zip(turns, runs, strict=True)
        for run in found
    )
    alone, alone_start, final_start, missing = [], 0, 0, ""
    if status in ("ok", "truncated"):
        missing = "plain_text" if plain else why_not_alone(runs[-1], turns[-1], spans)
    if status in ("ok", "truncated") and not missing:
        run, turn = runs[-1][0], turns[-1]
        header = [t for t in range(run[0]) if spans[t][1] > turn.header and (t or spans[0][1] <= turn.start)]
        header = [t for t in header if t or ids[0] != special.bos]
        context = [ids[t] for t in header]
        if ids[0] == special.bos and special.bos not in context:
            context = [ids[0], *context]
        missing = "" if context else "no_context"
        if context:
            alone, alone_start, final_start = context + [ids[t] for t in run], len(context), run[0]
    return SimpleNamespace(
        text=text, token_ids=ids, parts=parts, spans=spans, status=status, response_bytes=size, plain_text=plain,
        seams=tuple(sorted(t for t in seams if 0 < t < len(ids))), alone_ids=alone, alone_start=alone_start,
        final_start=final_start, alone_missing=missing,
    )  # fmt: skip


def why_not_alone(runs, turn, spans) -> str:
    if len(runs) == 1:
        return ""
    if runs:
        return "response_in_pieces"
    return "final_turn_cut" if turn.end > spans[-1][1] else "final_turn_empty"


def slow_template(renderer: Renderer, name: str):
    """A template that foresees nothing: chat templates render every dialogue twice."""
    template = load_template(name, renderer.tokenizer, special_tokens(renderer.tokenizer).eos_text)
    if isinstance(template, ChatTemplate):
        template._outline = lambda roles: ()
    return template


PIECES = st.sampled_from([
    "What is the time?", " it is noon.", "\n", " ", "  ", "\u3000", "\u00a0", "é", "e\u0301", "q\u0307\u0323", "Å", "ﬁ", "क़",
    "가", "\u1100\u1161", "日本語", "😀", "👩‍👩‍👧", "a\u200d", "\ufeff", "▁", "<think>why</think>\n", "<think>", "</think>",
    "<|im_end|>", "<|im_start|>", "<s>", "</s>", "<unk>", " <mask> ", "clock", "###Answer: ", "\ue000",
])  # fmt: skip
TEXT = st.lists(PIECES | st.text(st.characters(exclude_categories=("Cs",)), max_size=8), max_size=5).map("".join)
ROLES = st.sampled_from(["user", "assistant", "assistant", "system", "tool"])
DIALOGUE = st.lists(st.builds(Message, ROLES, TEXT, TEXT | st.just("")), min_size=1, max_size=5).map(tuple)
EXAMPLE = st.builds(lambda m: Example("x", "pool", {}, m), DIALOGUE) | st.builds(
    lambda t: Example("x", "pool", {}, (), t), TEXT
)
OPTIONS = st.sampled_from([
    RenderOptions(template="chat"), RenderOptions(template="chat", think=False, truncate=True, max_length=12),
    RenderOptions(template="alpaca", max_length=40), RenderOptions(template="qa", bos="always", truncate=True, max_length=12),
    RenderOptions(template="text", bos="never", think=False),
])  # fmt: skip


@pytest.mark.parametrize("name", ["bundled", *KINDS])
@settings(max_examples=40, deadline=None)
@given(examples=st.lists(EXAMPLE, max_size=4), options=OPTIONS)
def test_every_field_is_that_of_the_slow_renderer(renderer_of, name, examples, options):
    renderer = renderer_of(name, options)
    for example, one in zip(examples, renderer.render(examples), strict=True):
        if isinstance(one, Reject):
            assert one.reason == "template_error"
            with pytest.raises(RenderError):
                reference(renderer, example, options)
            continue
        expected = reference(renderer, example, options)
        for field, value in vars(expected).items():
            found = getattr(one, field)
            if hasattr(found, "tolist"):
                assert found.tolist() == [list(v) if isinstance(v, tuple) else v for v in value], field
            else:
                assert found == value, field


@settings(max_examples=100, deadline=None)
@given(messages=DIALOGUE, source=st.sampled_from([CHATML, REWRITING]))
def test_a_chat_template_renders_as_transformers_does(renderer_of, messages, source):
    tokenizer = renderer_of("bundled", RenderOptions()).tokenizer
    turns = [{"role": m.role, "content": m.full_content} for m in messages]
    expected = tokenizer.apply_chat_template(turns, chat_template=source, tokenize=False)
    template = ChatTemplate("source", source, tokenizer)
    try:
        assert template.render(Example("x", "pool", {}, messages)).text == expected
    except RenderError:  # its turns cannot be told: the contents hold our sentinels, or the template's words
        assert source == REWRITING or "\ue000" in expected


def test_only_tokenizers_that_do_nothing_but_cut_have_token_lengths(folders):
    from tokenizers import Tokenizer

    for name, folder in folders.items():
        engine = Tokenizer.from_file(str(folder / "tokenizer.json"))
        assert (token_lengths(engine) is not None) == (name in {"bundled", *MEASURED}), name


BOUNDED = {"bundled", *MEASURED, "U+2581 in front, bytes"}
"""Those for which a text can be told to have more tokens than a number."""


@pytest.mark.parametrize("name", ["bundled", *KINDS])
@settings(max_examples=60, deadline=None)
@given(text=st.lists(PIECES | st.text(st.characters(exclude_categories=("Cs",)), max_size=8), max_size=9).map("".join))
def test_no_text_is_told_to_have_more_tokens_than_it_has(folders, name, text):
    engine, fewest = bounded(folders[name])
    for one in (text, text * 40):
        tokens = len(engine.encode(one, add_special_tokens=False).ids)
        assert not fewest.over(one, tokens)
    assert fewest.over("clock x" * 5000, 10) == (name in BOUNDED)


@functools.cache
def bounded(folder: Path):
    from tokenizers import Tokenizer

    engine = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return engine, FewestTokens(engine)


@pytest.mark.parametrize(("form", "apart"), [("NFC", "NFD"), ("NFKC", "NFKD")])
def test_a_unicode_form_leaves_at_least_a_quarter_of_the_bytes(form, apart):
    """The worst text for each letter that a form may write: the longest spelling of each part of its decomposition."""
    longest: dict[str, int] = {}
    letters = [chr(code) for code in range(0x40000) if not 0xD800 <= code < 0xE000]
    for letter in letters:
        whole = unicodedata.normalize(apart, letter)
        assert len(whole.encode()) * 4 >= len(letter.encode())
        if len(whole) == 1:
            longest[whole] = max(longest.get(whole, 0), len(letter.encode()))
    for letter in letters:
        parts = unicodedata.normalize(apart, letter)
        if len(parts) > 1 and unicodedata.normalize(form, letter) == letter:
            assert len(letter.encode()) * 4 >= sum(longest[part] for part in parts), letter


def test_token_lengths_are_bytes_of_the_text():
    engine = with_greedy_token()
    lengths = token_lengths(engine)
    assert lengths is not None
    length_of = {token: lengths[engine.token_to_id(token)] for token in ("Ġ", "a", "Ã", "<|im_end|>", "clock")}
    assert length_of == {"Ġ": 1, "a": 1, "Ã": 1, "<|im_end|>": 10, "clock": 5}
    assert lengths[engine.token_to_id("<mask>")] > 10**9  # says nothing about the white space that it takes


def test_examples_keep_their_order_across_batches(renderer_of, monkeypatch):
    renderer = renderer_of("bundled", RenderOptions())
    contents = ["one", "half \ud800 a pair", "three", "", "é" * 9, "six", "seven", "half \udfff a pair", "nine"] * 3
    examples = [
        Example(f"{i}", "pool", {}, (Message("user", "Say it."), Message("assistant", content)))
        for i, content in enumerate(contents)
    ]
    whole = renderer.render(examples)
    monkeypatch.setattr(rendering, "_BATCH", 2)
    in_batches = renderer.render(iter(examples))
    assert [type(one) for one in in_batches] == [type(one) for one in whole]
    for content, one, other in zip(contents, whole, in_batches, strict=True):
        if isinstance(one, Reject):
            assert (one, "pair" in content) == (other, True)
        else:
            assert (one.id, one.text, one.seams, one.response_bytes) == (
                other.id, other.text, other.seams, other.response_bytes,
            )  # fmt: skip
            assert one.token_ids.tolist() == other.token_ids.tolist()
            assert one.spans.tolist() == other.spans.tolist()
            assert one.response_bytes == len(content.encode())


def test_a_response_is_found_where_the_prompt_holds_our_own_sentinels(renderer_of):
    messages = (Message("user", "\ue0000\ue001"), Message("assistant", "yes"))
    (one,) = renderer_of("bundled", RenderOptions()).render([Example("x", "pool", {}, messages)])
    response = one.spans[one.parts == RESPONSE]
    assert one.text[response[0, 0] : response[-1, 1]] == "yes"


def test_no_examples_are_no_rendered(renderer_of):
    assert renderer_of("bundled", RenderOptions()).render([]) == []
