import pytest
from quickstart_pool.wording import a, bulleted, capital, counted, listing, numbered, words


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("taxi", "a taxi"),
        ("apple", "an apple"),
        ("hour", "an hour"),
        ("university", "a university"),
        ("one-way street", "a one-way street"),
        ("umbrella", "an umbrella"),
    ],
)
def test_the_article_follows_the_sound(phrase, expected):
    assert a(phrase) == expected


@pytest.mark.parametrize(
    ("items", "expected"), [([], ""), (["x"], "x"), (["x", "y"], "x and y"), (["x", "y", "z"], "x, y and z")]
)
def test_listing(items, expected):
    assert listing(items) == expected


def test_small_forms():
    assert capital("the BBC") == "The BBC"
    assert counted(1, "night") == "1 night"
    assert counted(2, "night") == "2 nights"
    assert numbered(["x", "y"]) == "1. x\n2. y"
    assert bulleted(["x", "y"]) == "- x\n- y"
    assert words("x  y\nz") == ("x", "y", "z")
