"""Instructions that want a new text: letters, lists of ideas, little stories, descriptions of goods, plans."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.ideas import ideas
from quickstart_pool.letters import letter
from quickstart_pool.people import person
from quickstart_pool.wording import a, capital, counted, listing

_HEROES = (
    "a shy fox",
    "an old sailor",
    "a young baker",
    "a curious robot",
    "two sisters",
    "a lost goose",
    "a clockmaker",
    "a tired king",
)
_STORY_PLACES = (
    "in a valley full of fog",
    "on an island without trees",
    "above a busy harbour",
    "at the edge of a forest",
    "in a tower with one window",
    "behind the last tram stop",
)
_WISHES = (
    ("wanted to see the sea", "walked for seven days", "the sea was larger than any story about it"),
    ("had lost a golden key", "asked everyone on the road", "the key was in the left shoe all the time"),
    ("could not sleep", "counted the stars one by one", "sleep came at star four hundred and two"),
    ("wished for a friend", "put a lamp into the window every night", "one evening somebody knocked at the door"),
    (
        "had never heard music",
        "followed a strange sound over the hill",
        "there sat an old woman who played the fiddle to her goats",
    ),
    ("feared thunder", "climbed the highest roof to look it in the eye", "the storm bowed and moved on"),
    (
        "found a letter without a name",
        "read it aloud in every village",
        "a boy laughed and said that he had written it himself",
    ),
)
_MORALS = (
    "What you look for is often close by.",
    "Courage is a kind of patience.",
    "Nobody who asks is lost.",
    "Small lights travel far.",
    "Every road begins with a question.",
)


def story(draw: Draw) -> Example:
    """A tale of a few sentences, with or without a moral or a title."""
    hero, place, (wish, deed, end) = draw.pick(_HEROES), draw.pick(_STORY_PLACES), draw.pick(_WISHES)
    them = "they" if hero.startswith("two") else "the " + hero.split(" ", 1)[1]
    start = draw.pick(
        ("Once there lived {hero} {place}.", "{Place} lived {hero}.", "Long ago, {place}, there was {hero}.")
    )
    start = "Once there were {hero} {place}." if hero.startswith("two") else start
    told = [
        start.format(hero=hero, place=place, Place=capital(place)),
        draw.pick(("It is said that {them} {wish}.", "{Them} {wish}.", "But {them} {wish}.")),
        draw.pick(("So {them} {deed}.", "Nobody could help, and so {them} {deed}.", "In spring {them} {deed}.")),
        draw.pick(("At last, {end}.", "And in the end {end}.", "You may believe it or not: {end}.")),
    ]
    text = " ".join(told).format(them=them, Them=capital(them), wish=wish, deed=deed, end=end)
    ask = draw.pick(
        (
            "Write a very short story about {hero}.",
            "Tell me a tale about {hero} {place}.",
            "Make up a story of four sentences. It should be about {hero} who {wish}.",
        )
    )
    if draw.chance(35):
        ask, text = f"{ask} Add a moral.", f"{text}\n\nMoral: {draw.pick(_MORALS)}"
    return single("instruction", f"story {hero} {place} {wish}", ask.format(hero=hero, place=place, wish=wish), text)


_GOODS = ("rucksack", "desk lamp", "rain jacket", "teapot", "garden bench", "headset", "suitcase", "toolbox", "hammock")
_FEATURES = (
    ("light", "weighs less than you expect"),
    ("handmade", "is made by hand in a small workshop"),
    ("compact", "takes up very little space"),
    ("repairable", "can be repaired instead of replaced"),
    ("recycled", "consists of recycled material"),
    ("sturdy", "is built to last for decades"),
    ("easy to clean", "needs no more than a damp cloth"),
    ("colourful", "comes in nine bright colours"),
)


def advert(draw: Draw) -> Example:
    """A description of goods from the properties given."""
    what, kept = draw.pick(_GOODS), draw.sample(_FEATURES, draw.integer(2, 4))
    price = draw.integer(12, 190)
    ask = draw.pick(
        (
            "Write a product description for {what}. It is {how}.",
            "Advertise {what} in a few sentences ({how}; {price} dollars).",
            "We sell {what}. Key words: {how}. Write two or three lines for our website.",
        )
    )
    opening = draw.pick(("Looking for {what} that lasts?", "Meet our new {bare}.", "This is not just any {bare}."))
    lines = [opening, *(f"It {said}." for _, said in kept)]
    if "{price}" in ask:
        lines.append("Yours for only {price} dollars.")
    elif draw.chance(50):
        lines.append(
            draw.pick(
                ("Once you have used it, you will not want another one.", "Order today and try it for thirty days.")
            )
        )
    words = {"what": a(what), "bare": what, "how": listing([word for word, _ in kept]), "price": price}
    return single(
        "instruction",
        f"advert {what} {sorted(word for word, _ in kept)}",
        ask.format(**words),
        " ".join(lines).format(**words),
    )


_TASKS = (
    ("answer the mail", 30),
    ("water the plants", 15),
    ("go shopping", 60),
    ("practise the piano", 45),
    ("clean the bathroom", 30),
    ("cook lunch", 60),
    ("call the bank", 15),
    ("read the contract", 45),
    ("walk the dog", 30),
)


def plan(draw: Draw) -> Example:
    """A timetable of tasks one after the other, computed from their lengths."""
    who, tasks, hour = person(draw), draw.sample(_TASKS, draw.integer(3, 5)), draw.integer(8, 14)
    minute, lines = hour * 60, []
    for task, length in tasks:
        lines.append(f"{minute // 60}:{minute % 60:02d} {task} ({counted(length, 'minute')})")
        minute += length
    told = listing([f"{task} ({length} minutes)" for task, length in tasks])
    ask = draw.pick(
        (
            f"Make a timetable for {who.name} that starts at {hour}:00. {who.she.capitalize()} has to {told}, in "
            "this order.",
            f"I start at {hour}:00 and have to {told}. Plan it for me without breaks.",
        )
    )
    end = f"Everything is done by {minute // 60}:{minute % 60:02d}."
    return single("instruction", f"plan {hour} {told}", ask, "\n".join([*lines, end]))


WRITING = (letter, ideas, story, advert, plan)
