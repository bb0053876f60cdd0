"""The colour scale by hand, the text in colour and without, and what a pool may not do to a terminal."""

import math

import click
import pytest

from dataselect.comparison.token_nll import RowNll, TokenNll
from dataselect.explanation.colours import bracketed, coloured, legend, listed, style_of


def token(text, nats, part="response", rank=None):
    return TokenNll(text, part, nats, rank)


def surprise(*tokens):
    return RowNll("m", tokens, truncated=False)


@pytest.mark.parametrize(
    ("probability", "style"),
    [
        (1.0, {"fg": "green"}),
        (0.51, {"fg": "green"}),  # 0.673 nats, ln 2 = 0.693
        (0.49, {"fg": "cyan"}),
        (0.11, {"fg": "cyan"}),  # 2.207, ln 10 = 2.303
        (0.09, {"fg": "yellow"}),
        (0.011, {"fg": "yellow"}),  # 4.510, ln 100 = 4.605
        (0.009, {"fg": "red"}),
        (0.0011, {"fg": "red"}),  # 6.812, ln 1000 = 6.908
        (0.0009, {"fg": "white", "bg": "red"}),
        (1e-30, {"fg": "white", "bg": "red"}),
    ],
)
def test_the_colour_steps_at_1_in_2_10_100_and_1000(probability, style):
    nats = -math.log(probability)
    assert style_of(token("x", nats)) == {**style, "bold": True}
    assert style_of(token("x", nats, "prompt")) == style
    assert style_of(token("x", nats, "end")) == {**style, "underline": True}


def test_what_is_not_scored_has_no_colour():
    assert style_of(token("x", None, "unscored")) == {"dim": True}


def test_the_bytes_of_a_coloured_line():
    shown = coloured(surprise(token("Hi", None, "unscored"), token(" you", 0.1, "prompt"), token("\nso", 5.0)))
    # dim; green; then the line break stands outside of the bold red
    assert shown == "\x1b[2mHi\x1b[0m\x1b[32m you\x1b[0m\n\x1b[31m\x1b[1mso\x1b[0m"
    assert click.unstyle(shown) == "Hi you\nso"


def test_without_colour_the_most_surprising_are_in_brackets_and_listed():
    found = surprise(token("The", 1.0), token(" sky", 9.0, rank=1234), token(" is", 0.5), token(" red", 3.0, rank=7))
    assert found.top(2) == (1, 3)
    assert bracketed(found, found.top(2)) == "The[ sky] is[ red]"
    assert "\x1b" not in bracketed(found, ())
    first, second = listed(found, found.top(2))
    assert first == "  9.00      1 in 8,103   1,234  The[ sky] is red"  # e^9 = 8103.08
    assert second == "  3.00         1 in 20       7  The sky is[ red]"  # e^3 = 20.09


def test_only_the_response_is_listed_and_of_equals_the_first():
    found = surprise(token("a", 99.0, "prompt"), token("b", 2.0), token("c", 2.0), token("d", 50.0, "end"))
    assert found.top(5) == (1, 2)
    assert found.mean("response") == 2.0
    assert found.mean("prompt") == 99.0
    assert found.mean("unscored") is None


def test_a_token_of_further_bytes_of_a_character_is_named():
    found = surprise(token("é", 1.0), token("", 8.0))
    assert list(listed(found, (1,))) == ["  8.00      1 in 2,981  é[rest of a character]"]


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x9b31m", "\x07bell", "\u202eturned", "back\x08", "\r", "\x00"])
def test_no_control_character_of_a_pool_reaches_the_terminal(text):
    found = surprise(token(text, 4.0), token(text, 1.0, "prompt"))
    for shown in (bracketed(found, (0,)), *listed(found, (0,)), click.unstyle(coloured(found))):
        assert not set(shown) & set("\x1b\x9b\x07\u202e\x08\r\x00")


def test_the_legend_says_each_step_in_its_own_colour():
    assert "\x1b[36m1 in 10\x1b[0m" in legend()
    assert click.unstyle(legend()).startswith(
        "probability under the model: 1 in 2 or more  1 in 10  1 in 100  1 in 1,000  less"
    )
