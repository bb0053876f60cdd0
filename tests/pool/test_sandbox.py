"""Templates that would take all time or memory end in one line, wherever they are rendered, and honest ones are equal.

Attacks run in a process of their own with little memory and a limit of time, so that one that gets through fails its
test and does not stop the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from dataselect.backends import BackendOptions
from dataselect.cli import run
from dataselect.errors import DataselectError, RenderError
from dataselect.pool import Renderer, RenderOptions
from dataselect.pool.sandbox import LARGEST, STEPS, RenderLimitError, limited_chat_templates, limited_template
from dataselect.records import Example, Message, Reject

DEEP = "{% set ns = namespace(x=['a']) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
ATTACKS = {
    "range": "{% for i in range(10 ** 9) %}a{% endfor %}",
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "nested loops with output": "{% for i in range(99999) %}{% for j in range(99999) %}abc{% endfor %}{% endfor %}",
    "recursive macro": "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "branching macro": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(90) }}",
    "recursive loop": "{% for a in [1] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "product of a text": "{{ 'x' * 10 ** 11 }}",
    "product by a text": "{% set n = 10 ** 11 %}{{ n * 'x' }}",
    "product of a list": "{% set n = 10 ** 10 %}{{ ([1] * n) | length }}",
    "power": "{% set n = 10 %}{{ n ** (n ** n) }}",
    "product of numbers": "{% set ns = namespace(n=7) %}{% for i in range(90) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
    "doubling by ~": "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "doubling by +": "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "doubling a list": "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "doubling by a block": "{% set s = 'ab' %}" + "{% set s %}{{ s }}{{ s }}{% endset %}" * 60,
    "doubling by join": "{% set ns = namespace(s='ab') %}{% for i in range(60) %}"
    "{% set ns.s = [ns.s, ns.s] | join %}{% endfor %}",
    "doubling by a method": "{% set ns = namespace(s='ab') %}{% for i in range(60) %}"
    "{% set ns.s = ns.s.join(['', ns.s, '']) %}{% endfor %}",
    "doubling by replace": "{% set ns = namespace(s='aa') %}{% for i in range(60) %}"
    "{% set ns.s = ns.s.replace('a', 'aa') %}{% endfor %}",
    "replace in bytes": "{{ ('a' * 90000).encode().replace('a'.encode(), ('b' * 90000).encode()) | length }}",
    "join of bytes": "{{ ('a' * 90000).encode().join(['a'.encode()] * 90000) | length }}",
    "lists in lists, shown": DEEP + "{{ ns.x }}",
    "lists in lists, as JSON": DEEP + "{{ ns.x | tojson }}",
    "lists in lists, compared": DEEP + DEEP.replace("ns", "mm") + "{{ ns.x == mm.x }}",
    "mappings in mappings": DEEP.replace("[ns.x, ns.x]", "{'a': ns.x, 'b': ns.x}") + "{{ ns.x }}",
    "mappings by a call": DEEP.replace("[ns.x, ns.x]", "dict(a=ns.x, b=ns.x)") + "{{ ns.x }}",
    "wide format": "{{ '%1000000000d' % 1 }}",
    "wide format by a star": "{{ '%*d' % (1000000000, 1) }}",
    "wide format, method": "{{ '{:1000000000}'.format(1) }}",
    "wide format, nested": "{{ '{:{}}'.format(1, 1000000000) }}",
    "wide format, filter": "{{ '%1000000000d' | format(1) }}",
    "center": "{{ 'x' | center(1000000000) }}",
    "center, method": "{{ 'x'.center(1000000000) }}",
    "zfill": "{{ 'x'.zfill(1000000000) }}",
    "tabs": "{{ ('\t' * 90000).expandtabs(90000) }}",
    "translate": "{{ ('a' * 90000).translate({97: 'b' * 90000}) }}",
    "indent": "{{ ('\n' * 90000) | indent(90000) }}",
    "indent by a text": "{{ ('\n' * 90000) | indent('x' * 90000) }}",
    "JSON indent": "{{ [[[[[[1]]]]]] | tojson(indent=1000000000) }}",
    "JSON indent by a text": "{{ ([[1]] * 9000) | tojson(indent='x' * 90000) }}",
    "join by a text": "{{ range(90000) | join('x' * 90000) }}",
    "join of a generator": "{{ range(90000) | map('string') | join('x' * 90000) }}",
    "join of a generator, method": "{{ ('x' * 90000).join(range(90000) | map('string')) }}",
    "batch": "{{ [1] | batch(1000000000, 0) | list }}",
    "slice": "{{ [1] | slice(1000000000) | list }}",
    "wordwrap": "{{ ('a ' * 90000) | wordwrap(1, True, 'x' * 90000) }}",
    "bytes of a number": "{{ (1).to_bytes(1000000000, 'big') }}",
    "sum of lists": "{{ ([[1]] * 90000) | sum(start=[]) }}",
    "map": "{{ range(99999) | map('center', 99999) | list | length }}",
    "lorem": "{{ lipsum(n=100000, max=100000) }}",
    "attribute of nothing": "{{ messages.no.such.thing }}",
    "division by nothing": "{{ 1 / 0 }}",
    "deep expression": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep blocks": "{% if 1 %}" * 400 + "{% endif %}" * 400,
}  # fmt: skip

PROGRAM = """
import resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
from dataselect.errors import DataselectError
from dataselect.pool import Renderer, RenderOptions
from dataselect.models import model_path
import json
for name, source in json.load(open(sys.argv[1])).items():
    began = time.thread_time()
    try:
        Renderer(model_path(), RenderOptions("attack.jinja", template_text=source))
        told = "accepted"
    except DataselectError as error:
        told = str(error)
    print(json.dumps([name, told, time.thread_time() - began]), flush=True)
"""


def test_every_attack_ends_in_one_line_that_names_the_template(tmp_path):
    (tmp_path / "attacks.json").write_text(json.dumps(ATTACKS))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "attacks.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=550)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, _, _ in answers] == list(ATTACKS), done.stderr[-2000:]
    for name, told, seconds in answers:
        assert "the template attack.jinja" in told, (name, told)
        assert "\n" not in told
        assert len(told) < 300
        assert seconds < 30, (name, told, seconds)


SOME_ROWS = """
{%- for m in messages -%}
  {%- if 'bomb' in m.content %}{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{% endif -%}
  <{{ m.role }}>{{ m.content }}
{% endfor -%}
{%- if add_generation_prompt %}<assistant>{% endif -%}
"""


def _example(line: int, text: str) -> Example:
    return Example(f"r{line}", "pool.jsonl", {}, (Message("user", text), Message("assistant", "fine")), line=line)


def test_a_row_that_reaches_a_limit_is_rejected_and_named_and_the_others_go_on(builtin):
    renderer = Renderer(builtin, RenderOptions("some.jinja", template_text=SOME_ROWS))
    good, bad, after = renderer.render([_example(1, "hello"), _example(2, "a bomb"), _example(3, "bye")])
    assert not isinstance(good, Reject)
    assert not isinstance(after, Reject)
    assert bad == Reject(
        "pool.jsonl", 2, "template_limit", "the template some.jinja cannot be used: it takes more than 1,000,000 steps"
    )


def test_a_template_that_reaches_limits_in_row_after_row_ends_the_run(builtin):
    renderer = Renderer(builtin, RenderOptions("some.jinja", template_text=SOME_ROWS))
    with pytest.raises(DataselectError, match=r"some\.jinja .*1,000,000 steps, in pool\.jsonl line 21 and 20 rows"):
        renderer.render([_example(line, "bomb") for line in range(1, 40)])


def test_score_and_show_tell_template_and_row(tmp_path, capsys):
    rows = [{"id": name, "prompt": text, "response": "fine"} for name, text in (("a", "hello"), ("b", "bomb"))]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "some.jinja").write_text(SOME_ROWS)
    (tmp_path / "always.jinja").write_text("{% for i in range(10 ** 9) %}{% endfor %}")
    pool, some, always = (str(tmp_path / name) for name in ("pool.jsonl", "some.jinja", "always.jinja"))
    assert run(["score", pool, "--model", "builtin", "--template", some, "--out", str(tmp_path / "out")]) == 0
    (reject,) = (json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines())
    assert (reject["file"], reject["line"], reject["reason"]) == ("pool.jsonl", 2, "template_limit")
    assert "some.jinja" in reject["excerpt"]
    capsys.readouterr()
    assert run(["show", pool, "--model", "builtin", "--template", always]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "always.jinja" in told


def test_limits_hold_in_threads_each_rendering_has_its_full_share(builtin):
    """Two threads render with one renderer: neither takes from what is left to the other."""
    renderer = Renderer(builtin, RenderOptions("some.jinja", template_text=SOME_ROWS))
    found: dict[int, list] = {}

    def work(number: int) -> None:
        texts = ["hello", "bomb", "bye"] if number else ["bomb", "hello"]
        found[number] = [renderer._templated(_example(1, text)) for text in texts]

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [isinstance(one, Reject) for one in found[0]] == [True, False]
    assert [isinstance(one, Reject) for one in found[1]] == [False, True, False]


def test_steps_are_counted_per_rendering():
    """30 renderings of 40,000 passes are 1,200,000 steps, more than one rendering may take."""
    template = limited_template("{% for i in range(40000) %}{% endfor %}{{ messages }}")
    assert STEPS < 30 * 40_000
    assert {template.render(messages="a") for _ in range(30)} == {"a"}
    with pytest.raises(RenderLimitError, match="steps"):
        limited_template("{% for i in range(30) %}{% for j in range(40000) %}{% endfor %}{% endfor %}").render()


def test_a_text_of_the_limit_passes_and_one_more_does_not():
    template = limited_template("{{ a }}{{ b }}")
    assert len(template.render(a="x" * (LARGEST - 1), b="y")) == LARGEST
    with pytest.raises(RenderLimitError, match="more than 20,000,000 characters"):
        template.render(a="x" * LARGEST, b="y")


def test_the_clock_is_the_threads_own(monkeypatch):
    """What is slow in sum ends by time: each pass makes a text of 90,000 characters."""
    monkeypatch.setattr("dataselect.pool.sandbox.SECONDS", 0.2)
    source = "{% for i in range(5000) %}{% set x = ('a' * 90000) | upper | lower | title | sort | join %}{% endfor %}"
    began = time.thread_time()
    with pytest.raises(RenderLimitError, match=r"more than 0 s|steps|characters in all"):
        limited_template(source).render()
    assert time.thread_time() - began < 5


def test_transformers_own_rendering_has_the_limits_too(builtin):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(builtin))
    turns = [{"role": "user", "content": "hello"}]
    plain = tokenizer.apply_chat_template(turns, tokenize=False)
    with limited_chat_templates("chat", datetime(2026, 1, 31)):
        assert tokenizer.apply_chat_template(turns, tokenize=False) == plain
    tokenizer.chat_template = ATTACKS["nested loops"]
    with (
        pytest.raises(DataselectError, match="the template chat cannot be used: it takes more than"),
        limited_chat_templates("chat", datetime(2026, 1, 31)),
    ):
        tokenizer.apply_chat_template(turns, tokenize=False)


TEMPLATES = [
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>' }}\n{{ m.content | trim }}{% endfor %}",
    "{% for m in messages %}{% if loop.first and m.role != 'system' %}S{% endif %}{{ loop.index0 * 3 % 2 }}"
    "{{ m.content.split('\n')[-1].lstrip('\n') }}{{ m.content | tojson(indent=2) }}{% endfor %}",
    "{% macro show(x, n=3) %}{{ '%3d|' % n }}{{ x | upper | replace('A', 'bb') }}{% endmacro %}"
    "{% set ns = namespace(i=0, all=[]) %}{% for m in messages %}{% set ns.i = ns.i + 1 %}"
    "{% set ns.all = ns.all + [m.content] %}{{ show(m.content, n=ns.i) }}{% endfor %}{{ ns.all | join(' / ') }}",
    "{% for m in messages | selectattr('role', 'equalto', 'user') | list %}{{ m['content'] ~ loop.length }}{% endfor %}"
    "{% set x %}{{ messages | map(attribute='role') | unique | list }}{% endset %}{{ x }}{{ 2 ** 10 }}{{ 7 // 2 }}",
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}"
    "{% else %}{{ '{:>5}'.format(m.content) }}{% continue %}{% endif %}{{ m.content is string }}{% endfor %}",
    "{{ messages[0]['content'][::-1] }}{{ dict(a=1, b=[messages[0].role]) }}{{ (1, 'a', messages[0].role) }}"
    "{% for k, v in messages[0].items() | sort %}{{ k }}={{ v | e }};{% endfor %}{{ none }}{{ true and 3.5 * 2 }}",
]


@pytest.mark.parametrize("source", TEMPLATES)
def test_honest_templates_render_as_in_transformers(source):
    from transformers.utils.chat_template_utils import _compile_jinja_template

    turns = [
        {"role": "system", "content": "Be brief.\n"},
        {"role": "user", "content": " a <b> 'c' \n d "},
        {"role": "assistant", "content": "Ja, \u00fcber & unter"},
    ]
    given = {"messages": turns, "bos_token": "<s>", "tools": None, "add_generation_prompt": False}
    assert limited_template(source).render(**given) == _compile_jinja_template(source).render(**given)


def test_a_refusal_is_still_the_templates_own_words(builtin):
    source = "{{ raise_exception('no system turn') if messages[0].role == 'system' else messages[0].content }}"
    renderer = Renderer(builtin, RenderOptions("own.jinja", template_text=source))
    example = Example("a", "p", {}, (Message("system", "s"), Message("user", "a"), Message("assistant", "b")), line=7)
    (one,) = renderer.render([example])
    assert one == Reject("p", 7, "template_error", "the template own.jinja refuses: no system turn")


def test_a_limit_is_a_refusal_too():
    assert issubclass(RenderLimitError, RenderError)
    assert BackendOptions().max_length is None  # backends render nothing: they are given token ids
