"""Text that a file can hold and a page can show."""

from __future__ import annotations

from dataselect.comparison.excerpts import Excerpt, excerpt, printable, printable_values, shortened
from dataselect.records import Example, Message


def test_what_acts_or_cannot_be_written_is_replaced():
    assert printable("a\ud800b\u202ec\x1bd\r\ne\tf\n") == "a\ufffdb\ufffdc\ufffdd\ne\tf\n"
    assert printable("Größe 数 👩\u200d🚀 עברית") == "Größe 数 👩\u200d🚀 עברית"
    assert printable_values({"k\x00": ["\ud800", 1, None, ("x",)]}) == {"k\ufffd": ["\ufffd", 1, None, ["x"]]}


def test_excerpts_are_cut():
    assert shortened(" x" * 10) == ("x " * 10).strip()
    assert shortened("y" * 601) == "y" * 599 + "…"
    assert len(shortened("y" * 600)) == 600


def test_prompt_and_response_of_a_dialogue_and_of_plain_text():
    turns = (
        Message("system", "s"),
        Message("user", "u", input="i"),
        Message("assistant", "a"),
        Message("user", "v"),
        Message("assistant", "b"),
    )
    assert excerpt(Example("1", "p", {}, turns)) == Excerpt("s\n\nu\n\ni\n\nv", "a\n\nb")
    assert excerpt(Example("1", "p", {}, text="plain")) == Excerpt("", "plain")
