"""Instructions about a short news report: its summary, and the facts in it."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.people import full_name
from quickstart_pool.services import CITIES
from quickstart_pool.wording import capital

_NEWS = (
    (
        "the {thing} in {city} will be closed for {n} weeks",
        "repair",
        ("library", "swimming pool", "town hall", "old bridge", "museum"),
        (
            "The {thing} in {city} has been waiting for repairs for years.",
            "Now the money has been found, as mayor {name} announced on {day}.",
            "The work begins next month and takes {n} weeks.",
            "During this time the {thing} stays closed, and visitors are sent to the next town.",
            '"We know that this is annoying," said {name}, "but it cannot wait any longer."',
        ),
    ),
    (
        "{name} from {city} has won the {thing}",
        "prize",
        ("regional chess cup", "prize for the best cake", "long-distance race", "poetry contest"),
        (
            "The {thing} has gone to {name} this year.",
            "The winner comes from {city} and had been training for {n} weeks.",
            "More than forty people took part on {day}, among them two former champions.",
            '"I still cannot believe it," said {name} after the ceremony.',
        ),
    ),
    (
        "a {thing} that escaped in {city} was found by {name}",
        "animal",
        ("donkey", "parrot", "python", "peacock"),
        (
            "For {n} days the people of {city} talked of nothing but a {thing}.",
            "It had escaped from a private garden through an open gate.",
            "On {day}, {name} discovered it in a bus shelter and called the police.",
            "The animal is healthy and back at home.",
        ),
    ),
    (
        "{city} gets a new {thing} within {n} months",
        "building",
        ("tram line", "playground", "market hall", "bicycle path"),
        (
            "After a long debate the council of {city} has decided to build a {thing}.",
            "The plan was passed on {day} with a majority of one.",
            "Councillor {name}, who had proposed it, was visibly pleased.",
            "It should be finished within {n} months, although critics expect delays.",
            "Trees that must be cut down will be replaced.",
        ),
    ),
    (
        "the {thing} in {city} was a success with {n} hundred visitors",
        "event",
        ("book fair", "street concert", "science night", "harvest festival"),
        (
            "The weather was poor, but the {thing} in {city} was full.",
            "According to {name}, who organised it, {n} hundred people came on {day}.",
            "The food was sold out by the afternoon.",
            "Next year the event is to last two days.",
        ),
    ),
)


_SUMMARY_ASKS = (
    "Summarise this text in one sentence.\n\n{text}",
    "{text}\n\nWhat is the main point?",
    "Give a headline-like summary of the following report:\n{text}",
    "TL;DR, please: {text}",
)


_FACT_ASKS = (
    "Who is mentioned in this text, and when did it happen?\n\n{text}",
    "Extract the person, the place and the day.\n\n{text}",
)


def _report(draw: Draw) -> tuple[str, str, dict[str, str]]:
    """A news report, its summary, and the words it was written with."""
    summary, _, things, sentences = draw.pick(_NEWS)
    words = {
        "thing": draw.pick(things),
        "city": draw.pick(CITIES),
        "name": full_name(draw),
        "n": str(draw.integer(3, 9)),
    }
    words["day"] = draw.pick(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"))
    text = " ".join(sentence.format(**words) for sentence in sentences)
    return capital(text), capital(summary.format(**words)) + ".", words


def summary(draw: Draw) -> Example:
    """A report in one sentence."""
    text, short, words = _report(draw)
    return single("instruction", f"summary {words}", draw.pick(_SUMMARY_ASKS).format(text=text), short)


def facts(draw: Draw) -> Example:
    """What a report says about who, where and when."""
    text, _, words = _report(draw)
    ask = draw.pick(
        (
            *_FACT_ASKS,
            "Answer with one word: on which day did this happen? {text}",
            "Write three questions about this report.\n\n{text}",
        )
    )
    if "one word" in ask:
        answer = words["day"]
    elif "questions" in ask:
        answer = "\n".join(
            (
                f"1. What is said about the {words['thing']}?",
                f"2. What part did {words['name']} play in it?",
                f"3. What took place on {words['day']}?",
            )
        )
    elif "Extract" in ask:
        answer = f"Person: {words['name']}\nPlace: {words['city']}\nDay: {words['day']}"
    else:
        answer = f"The text mentions {words['name']}. It happened on {words['day']}."
    return single("instruction", f"facts {words}", ask.format(text=text), answer)
