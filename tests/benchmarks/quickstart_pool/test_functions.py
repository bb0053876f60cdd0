import ast
from dataclasses import replace

import pytest
from quickstart_pool import composed_functions, functions
from quickstart_pool.draw import Draw
from quickstart_pool.specs import imperative, specs, written


def failures(code, checks):
    """The checks that do not hold once the code was run."""
    names = {}
    exec(compile(code, "<response>", "exec"), names)
    return [check for check in checks if not eval(check, names)]  # noqa: S307


def test_every_body_of_every_spec_does_what_its_checks_say():
    draw, ran = Draw(1), 0
    for spec in functions.SPECS:
        for body in spec.bodies:
            for title in spec.titles:
                example = written(replace(spec, bodies=(body,), titles=(title,)), draw)
                assert example.checks
                assert not failures(example.response, example.checks), example.response
                ran += 1
    assert ran > 400


def test_there_are_enough_different_specs():
    assert len({spec.name for spec in functions.SPECS}) >= 60
    assert len({spec.instance for spec in functions.SPECS}) == len(functions.SPECS)


@pytest.mark.parametrize("maker", sorted(set(functions.COMPOSED), key=lambda maker: maker.__name__))
def test_composed_functions_do_what_their_checks_say(maker):
    draw = Draw(2)
    for _ in range(150):
        spec = maker(draw)
        for body in spec.bodies:
            example = written(replace(spec, bodies=(body,)), draw)
            assert not failures(example.response, example.checks), example.response


def test_the_checks_can_fail():
    spec = next(spec for spec in functions.SPECS if spec.name == "clamp")
    broken = replace(spec, bodies=("return number",))
    example = written(broken, Draw(3))
    assert failures(example.response, example.checks)


def test_the_name_that_is_asked_for_is_the_one_that_is_written():
    draw = Draw(4)
    for _ in range(200):
        example = functions.make(draw)
        name = ast.parse(example.response).body[0].name
        assert name in example.turns[0].content
        assert all(name in check for check in example.checks)


def test_a_word_pipeline_by_hand():
    # Of apple, level, tests, pear, on, pear the words longer than four letters are the first three.
    draw = Draw(5)
    spec = composed_functions.word_pipeline(draw)
    while dict(spec.variant) != {"end": "joined", "map": "reversed", "test": "long"}:
        spec = composed_functions.word_pipeline(draw)
    assert spec.checks[0] == 'f(["apple", "level", "tests", "pear", "on", "pear"]) == "elppa level stset"'


@pytest.mark.parametrize(
    ("does", "expected"),
    [
        ("returns the sum", "Return the sum"),
        ("multiplies two numbers", "Multiply two numbers"),
        ("searches a list", "Search a list"),
        ("groups words and returns a dictionary", "Group words and return a dictionary"),
    ],
)
def test_a_phrase_becomes_an_order(does, expected):
    assert imperative(does) == expected


def test_variants_fill_all_fields_and_a_tilde_is_a_space():
    one, two = specs("x", "f_$k", "adds $k", "n: int", "str", "return '$w'", "f(1) == '$w'", k="1 2", w="a~b c")
    assert one.filled("$k $w") == "1 a b"
    assert two.instance == "x(2, c)"
