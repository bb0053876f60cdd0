"""What a service dialogue is made of, and how one is put together.

A service brings its slots, the sentences that ask for them and give them, what the assistant finds, and questions that
callers have. A dialogue draws every slot once and uses the same values in all of its turns, so that what is booked is
what was asked for. It has two to four exchanges; which of the stages it goes through is drawn too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, Turn
from quickstart_pool.people import SURNAMES, full_name
from quickstart_pool.wording import a, capital


@dataclass(frozen=True)
class Service:
    """A service that is booked or asked for in a conversation.

    Attributes:
        name: Of the service, as in "a taxi service".
        wanted: The caller's slots with their values.
        found: What the assistant's side adds, with values.
        openings: First sentences of the caller; each names some of the slots.
        asks: For each slot the assistant's questions.
        tells: For each slot the caller's answers.
        offers: The assistant sums up and proposes, ending in a question.
        extras: Questions of the caller about the offer, with the assistant's answers.
        done: The assistant says that it is arranged.
        rule: A sentence about the service for a system turn.
    """

    name: str
    wanted: Mapping[str, tuple[str, ...]]
    found: Mapping[str, tuple[str, ...]]
    openings: tuple[str, ...]
    asks: Mapping[str, tuple[str, ...]]
    tells: Mapping[str, tuple[str, ...]]
    offers: tuple[str, ...]
    extras: tuple[tuple[str, str], ...]
    done: tuple[str, ...]
    rule: str


DAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "the 3rd of May",
    "March 12th",
    "June 9th",
)
_HOURS = {"am": (8, 9, 10, 11), "pm": (1, 2, 3, 4, 5)}
TIMES = tuple(f"{hour}:{minute} {half}" for half in _HOURS for hour in _HOURS[half] for minute in ("15", "30", "45"))
EVENINGS = tuple(f"{hour}:{minute} pm" for hour in (5, 6, 7, 8) for minute in ("00", "15", "30", "45"))
CITIES = (
    "Ashford",
    "Brindle",
    "Carrow",
    "Dunmere",
    "Elston",
    "Galen",
    "Hollin",
    "Kelby",
    "Lorne",
    "Marlow",
    "Norby",
    "Oxley",
)
STREETS = tuple(
    f"{number} {street}"
    for number in (4, 17, 28, 63, 105)
    for street in ("Mill Lane", "Harbour Road", "Station Street", "Linden Avenue", "Castle Hill", "Market Square")
)

_YES = (
    "Yes, please.",
    "That sounds good.",
    "Perfect, go ahead.",
    "Yes, that works for me.",
    "Great, please do that.",
    "That is fine.",
    "Sure, let's do that.",
    "Sounds great, yes.",
    "OK, I'll take it.",
    "Yes, book it please.",
    "Good, do it.",
    "All right, that suits me.",
)
_NAMED = (
    "{yes} The name is {name}.",
    "{yes} Put it under {name}.",
    "{yes}",
    "{yes}",
    "{yes} My name is {name}.",
    "{yes} You can use the name {name}.",
)
_THANKS = (
    "Thank you, that is all.",
    "Thanks for your help!",
    "Great, thanks a lot.",
    "That's everything. Thank you.",
    "Wonderful, thank you very much.",
    "Thanks, bye.",
    "That was quick, thanks.",
    "That will be all for today, thanks.",
)
_CLOSINGS = (
    "You're welcome. Have a nice day!",
    "Glad I could help. Goodbye!",
    "My pleasure. Take care.",
    "Happy to help. Have a great {when}!",
    "You are welcome. Just come back if anything changes.",
    "Any time. Bye!",
    "Thank you for calling, and until next time.",
    "You're welcome, {first}. If you have to change something, tell me the number {code}.",
)
_GREETINGS = ("Hi, ", "Hello. ", "Good morning. ", "Hey, ", "Hello there! ", "Good evening, ", "", "", "", "", "")
_READY = (
    "Sure. ",
    "Of course. ",
    "Certainly. ",
    "I can help with that. ",
    "Happy to help. ",
    "No problem. ",
    "",
    "",
    "",
    "",
)
_HEARD = ("Thank you. ", "Got it. ", "All right. ", "OK. ", "Let me see. ", "One moment, please. ", "", "", "")
_SYSTEMS = (
    "You are the assistant of {owner}, {a_service}. {rule}",
    "You answer calls for {owner}. Callers want the {service} service. Be brief and friendly. {rule}",
    "Act as the booking assistant of {owner}. {rule}",
    "You help customers of {owner}, {a_service}, in English.",
)
_OWNERS = (
    "Bluebird",
    "Northgate",
    "Silverline",
    "Old Town",
    "Juniper",
    "Harbour View",
    "Cloverfield",
    "Redwood",
    "Starling",
)


def dialogue(service: Service, draw: Draw) -> Example:
    """A conversation of two to four exchanges about one service."""
    fields = _drawn(service, draw)
    opening = draw.pick(service.openings)
    missing = [slot for slot in service.wanted if slot not in _fields(opening)]
    user, assistant = _first(service, opening, missing, draw)
    said = [user, assistant]
    told = " ".join(draw.pick(service.tells[slot]) for slot in missing)
    if missing and draw.chance(25):
        said += [told, draw.pick(_HEARD) + draw.pick(service.done)]
    else:
        said += [told, draw.pick(_HEARD) + draw.pick(service.offers)] if missing else []
        for question, answer in draw.sample(service.extras, draw.integer(0, 1 if missing else 2)):
            said += [question, answer]
        said += [draw.pick(_NAMED).replace("{yes}", draw.pick(_YES)), draw.pick(service.done)]
    if len(said) < 8 and draw.chance(50):
        said += [draw.pick(_THANKS), draw.pick(_CLOSINGS)]
    turns = [Turn(("user", "assistant")[i % 2], _sentences(text.format(**fields))) for i, text in enumerate(said)]
    if draw.chance(30):
        turns.insert(0, Turn("system", _system(service, draw)))
    wanted = ", ".join(fields[slot] for slot in service.wanted)
    return Example("dialogue", f"{service.name}: {wanted}", tuple(turns))


def _sentences(text: str) -> str:
    """The text with a capital at the start of each sentence and `an` before a vowel, whatever a slot put there."""
    text = re.sub(r"\b([Aa]) (?=[aeioAEIO])(?!one\b)", r"\1n ", text)
    return re.sub(r"(?<=[.?!] )[a-z]", lambda letter: letter.group().upper(), capital(text))


def _fields(template: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(template) if field}


def _drawn(service: Service, draw: Draw) -> dict[str, str]:
    """A value for every slot; two slots with the same values never get the same one."""
    fields: dict[str, str] = {}
    for slot, values in (*service.wanted.items(), *service.found.items()):
        fields[slot] = draw.pick([value for value in values if value not in fields.values()])
    fields["name"] = full_name(draw)
    fields["first"] = fields["name"].split()[0]
    fields["code"] = "".join(draw.pick("BCDFGHJKLMNPRSTVWX") for _ in range(2)) + str(draw.integer(100, 9999))
    fields["phone"] = f"555-{draw.integer(1000, 9999)}"
    fields["staff"] = f"{draw.pick(('Mr', 'Ms', 'Dr'))} {draw.pick(SURNAMES)}"
    fields["when"] = draw.pick(("day", "evening", "time", "weekend", "week"))
    return fields


def _first(service: Service, opening: str, missing: list[str], draw: Draw) -> tuple[str, str]:
    """The caller's opening, and the assistant's questions or, where nothing is missing, its offer."""
    greeting = draw.pick(_GREETINGS)
    if greeting.endswith(", ") and not opening.startswith(("I ", "I'")):
        opening = opening[0].lower() + opening[1:]
    if not missing:
        return greeting + opening, draw.pick(_READY) + draw.pick(service.offers)
    questions = " ".join(draw.pick(service.asks[slot]) for slot in missing)
    return greeting + opening, draw.pick(_READY) + questions


def _system(service: Service, draw: Draw) -> str:
    words = {"owner": draw.pick(_OWNERS), "service": service.name, "a_service": a(f"{service.name} service")}
    return draw.pick(_SYSTEMS).format(rule=service.rule, **words)
