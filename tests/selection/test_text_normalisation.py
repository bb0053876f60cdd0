import pytest

from dataselect.selection.text_normalisation import full_text, normalised, tokens, words
from dataselect.strategies import Text


def test_case_white_space_and_compatibility_forms_do_not_count():
    assert normalised("  The\tＱuick\n\nﬁx ") == "the quick fix"


@pytest.mark.parametrize(
    ("text", "kept", "bare"),
    [
        ("What is 2 + 2?", ["what", "is", "2", "+", "2?"], ["what", "is", "2", "2"]),
        ("has_close(a, b)", ["has_close(a,", "b)"], ["has", "close", "a", "b"]),
        ("你好，世界 ok", ["你", "好,", "世", "界", "ok"], ["你", "好", "世", "界", "ok"]),
        ("use Python写代码", ["use", "python", "写", "代", "码"], ["use", "python", "写", "代", "码"]),
        ("นี่คือ", ["นี่", "คื", "อ"], ["นี่", "คื", "อ"]),  # marks stay with their letters
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"], ["नमस्ते", "दुनिया"]),
        ("한국어 문장", ["한국어", "문장"], ["한국어", "문장"]),  # written with spaces
        ("...", ["..."], []),
        ("", [], []),
    ],
)
def test_splits_at_spaces_and_scripts_without_them_into_characters(text, kept, bare):
    assert tokens(text) == kept
    assert words(text) == bare


def test_prompt_and_response_are_one_text():
    assert full_text(Text("Add.", "2")) == "Add.\n2"
