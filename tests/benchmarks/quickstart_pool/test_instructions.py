import re
from datetime import datetime
from itertools import pairwise

import pytest
from quickstart_pool import instructions, rewriting, writing
from quickstart_pool.draw import Draw
from quickstart_pool.judging import conversion, triage
from quickstart_pool.reports import facts


@pytest.fixture(scope="module")
def examples():
    draw = Draw(7)
    return [instructions.make(draw) for _ in range(800)]


def test_no_field_is_left_open_and_nothing_is_empty(examples):
    for example in examples:
        assert example.prompt.strip()
        assert example.response.strip()
        assert not re.search(r"[{}]|  ", example.prompt + example.response), example


def test_every_family_occurs(examples):
    tasks = {example.instance.split(" ")[0] for example in examples}
    assert len(tasks) == sum(len(family) for family in instructions.FAMILIES)


def test_conversions_are_right():
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
    draw, checked = Draw(8), 0
    for _ in range(300):
        example = conversion(draw)
        found = re.search(r"(\d+) (\w+?)s? are (\d+) (\w+?)s?\.", example.response)
        if found and found.group(2) in seconds and found.group(4) in seconds:
            n, unit, m, other = found.groups()
            assert int(n) * seconds[unit] == int(m) * seconds[other], example.response
            checked += 1
    assert checked > 30


def test_timetables_add_up():
    draw = Draw(9)
    for _ in range(60):
        example = writing.plan(draw)
        clock = [datetime.strptime(time, "%H:%M") for time in re.findall(r"(\d+:\d\d)", example.response)]
        lengths = [int(length) for length in re.findall(r"\((\d+) minutes\)", example.response)]
        steps = [(later - earlier).seconds // 60 for earlier, later in pairwise(clock)]
        assert steps == lengths
        assert lengths == [int(length) for length in re.findall(r"\((\d+) minutes\)", example.prompt)]


def test_words_are_put_in_the_order_that_is_asked_for():
    draw, seen = Draw(10), set()
    for _ in range(200):
        example = rewriting.ordering(draw)
        ask, given = example.prompt.split(": ")
        given, answer = given.split(", "), re.findall(r"[a-z]+", example.response)
        if ask.startswith("Sort"):
            assert answer == sorted(given)
        elif "reverse alphabetical" in ask:
            assert answer == sorted(given)[::-1]
        elif "shortest" in ask:
            assert [len(word) for word in answer] == sorted(len(word) for word in given)
        elif "six letters" in ask:
            assert answer == [word for word in given if len(word) >= 7]
        else:
            assert answer == given[::-1]
        seen.add(ask)
    assert len(seen) == 5


def test_a_corrected_sentence_differs_from_the_wrong_one():
    draw = Draw(11)
    for _ in range(100):
        example = rewriting.correction(draw)
        right = example.response.split("\n")[0]
        assert right[0].isupper()
        assert right.endswith(".")
        assert right not in example.prompt


def test_facts_are_in_the_text():
    draw = Draw(12)
    for _ in range(100):
        example = facts(draw)
        for name in re.findall(r"(?:Person: |mentions )(\w+ \w+)|on (\w+day)", example.response):
            assert all(part in example.prompt for part in name)


def test_messages_go_to_one_of_the_teams_named():
    draw = Draw(13)
    for _ in range(60):
        example = triage(draw)
        teams = [team for team in ("billing", "delivery", "technical", "praise") if team in example.response.lower()]
        assert len(teams) == 1
        assert teams[0] in example.prompt


def test_letters_have_a_greeting_and_the_name_that_was_given():
    draw = Draw(14)
    for _ in range(80):
        example = writing.letter(draw)
        assert example.response.split("\n")[0].endswith(",")
        name = re.search(r"(?:name is|Sign it with) (\w+ \w+)\.", example.prompt)
        if name:
            assert example.response.endswith(name.group(1))
