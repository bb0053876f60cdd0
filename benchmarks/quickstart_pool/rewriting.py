"""Instructions that rewrite a given text: politer, plainer, corrected, reordered, in another tense or number."""

from __future__ import annotations

from collections.abc import Callable

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.people import person
from quickstart_pool.wording import capital, listing, numbered, words

_REQUESTS = (
    ("send me the report", "the report", "send me the report"),
    ("close the window", "the draught", "close the window"),
    ("call me back", "your call", "call me back"),
    ("move your car", "the entrance", "move your car"),
    ("turn the music down", "the noise", "turn the music down a little"),
    ("pay the invoice", "the open invoice", "settle the invoice"),
    ("fix the printer", "the printer", "have a look at the printer"),
    ("answer my question", "my question", "answer my question"),
    ("bring back my ladder", "my ladder", "bring back the ladder that I lent you"),
    ("clean up the kitchen", "the state of the kitchen", "tidy the kitchen"),
    ("change the date of the meeting", "the date of our meeting", "move the meeting to another date"),
    ("give me a refund", "my order", "refund the price of my order"),
    ("take your dog away", "your dog", "keep your dog on the lead"),
    ("water my plants", "my plants", "water my plants while I am away"),
)
_WHEN = (
    ("right now", "as soon as you can"),
    ("by Friday", "by Friday"),
    ("today", "in the course of today"),
    ("before noon", "before noon"),
    ("this week", "some time this week"),
    ("immediately", "at your earliest convenience"),
    ("tonight", "this evening"),
)
_RUDE = (
    "You have to {do} {when}!",
    "{Do} {when}.",
    "I want you to {do} {when}.",
    "Why can't you {do} {when}?",
    "Just {do} {when}, OK?",
)
_POLITE = (
    "I hope you are well. Could you please {kind} {soon}? Thank you very much.",
    "Would you mind helping me with {about}? It would be kind if you could {kind} {soon}.",
    "I would be grateful if you could {kind} {soon}.",
    "When you have a moment, would you please {kind} {soon}? I know that you are busy, so thank you in advance.",
    "May I ask a favour? It is about {about}. If possible, please {kind} {soon}.",
)
_POLITE_ASKS = (
    'Make this message more polite: "{text}"',
    "Rewrite the following sentence in a friendlier tone.\n\n{text}",
    "How could I say this politely? {text}",
    "My colleague finds this too harsh. Please soften it:\n{text}",
    "Turn this into a formal request: {text}",
)


def politer(draw: Draw) -> Example:
    """A rude order, asked for as a polite request."""
    (do, about, kind), (when, soon) = draw.pick(_REQUESTS), draw.pick(_WHEN)
    text = draw.pick(_RUDE).format(do=do, Do=capital(do), when=when)
    answer = draw.pick(_POLITE).format(about=about, kind=kind, soon=soon)
    return single("instruction", f"politer {do} {when}", draw.pick(_POLITE_ASKS).format(text=text), answer)


_PLACES = (
    "in the garden",
    "at the station",
    "behind the school",
    "on the beach",
    "near the old bridge",
    "in the market",
)
_ACTS = (
    # she ..., she ...ed, they ..., she is ...ing
    ("buys two newspapers", "bought two newspapers", "buy two newspapers", "buying two newspapers"),
    ("waits for a friend", "waited for a friend", "wait for a friend", "waiting for a friend"),
    ("finds a silver ring", "found a silver ring", "find a silver ring", "finding a silver ring"),
    ("draws the ships", "drew the ships", "draw the ships", "drawing the ships"),
    ("sings an old song", "sang an old song", "sing an old song", "singing an old song"),
    ("feeds the pigeons", "fed the pigeons", "feed the pigeons", "feeding the pigeons"),
    ("eats a sandwich", "ate a sandwich", "eat a sandwich", "eating a sandwich"),
    ("takes a photograph", "took a photograph", "take a photograph", "taking a photograph"),
    ("writes a letter", "wrote a letter", "write a letter", "writing a letter"),
    ("repairs a kite", "repaired a kite", "repair a kite", "repairing a kite"),
)


def tense(draw: Draw) -> Example:
    """A sentence or two put into another tense, made negative, or turned into a question."""
    who, place = person(draw), draw.pick(_PLACES)
    act, then = draw.sample(_ACTS, 2)
    first, second = f"{who.name} {act[0]} {place}.", f"Then {who.she} {then[0]}."
    change: tuple[str, str] = draw.pick(
        (
            ("Put this into the past tense", f"{who.name} {act[1]} {place}. Then {who.she} {then[1]}."),
            ("Rewrite this in the future tense", f"{who.name} will {act[2]} {place}. Then {who.she} will {then[2]}."),
            (
                "Make these sentences negative",
                f"{who.name} does not {act[2]} {place}. Then {who.she} does not {then[2]}.",
            ),
            ("Turn each sentence into a question", f"Does {who.name} {act[2]} {place}? Does {who.she} {then[2]} then?"),
            ("Join these two sentences into one", f"{who.name} {act[0]} {place} and then {then[0]}."),
            (
                "Write this as something that is happening now",
                f"{who.name} is {act[3]} {place}. Then {who.she} is {then[3]}.",
            ),
        )
    )
    form = draw.pick(("{ask}: {text}", "{ask}.\n\n{text}", "{text}\n\n{ask}, please."))
    prompt = form.format(ask=change[0], text=f"{first} {second}")
    return single("instruction", f"tense {who.name} {place} {act[2]} {then[2]}", prompt, change[1])


def _drop_capital(text: str) -> tuple[str, str]:
    return text[0].lower() + text[1:], "the sentence starts with a capital letter"


def _double_word(text: str) -> tuple[str, str]:
    return text.replace(" the ", " the the ", 1), 'the word "the" was there twice'


def _swap_letters(text: str) -> tuple[str, str]:
    word = max(text.rstrip(".").split(), key=len)
    middle = len(word) // 2
    wrong = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return text.replace(word, wrong), f'"{wrong}" should be "{word}"'


def _wrong_number(text: str) -> tuple[str, str]:
    return text.replace(" were ", " was ", 1), 'the plural needs "were" and not "was"'


def _no_stop(text: str) -> tuple[str, str]:
    return text.rstrip("."), "a full stop belongs at the end"


_FAULTS: tuple[Callable[[str], tuple[str, str]], ...] = (
    _drop_capital,
    _double_word,
    _swap_letters,
    _wrong_number,
    _no_stop,
)
_MANY = ("children", "painters", "travellers", "neighbours", "students", "musicians", "sailors", "farmers")
_STATES = (
    "tired after the long walk",
    "surprised by the storm",
    "proud of their work",
    "late for the evening train",
    "looking for the missing key",
    "happy about the harvest",
    "silent for almost an hour",
    "ready to leave at sunrise",
)
_LINKS = (
    "When we arrived, the {many} were {state}.",
    "Last summer the {many} were {state}.",
    "All of the {many} were {state}.",
    "On Sunday morning the {many} were {state}.",
    "I heard that the {many} were {state}.",
)


def correction(draw: Draw) -> Example:
    """A sentence with one or two planted mistakes, corrected, sometimes with the reasons."""
    right = draw.pick(_LINKS).format(many=draw.pick(_MANY), state=draw.pick(_STATES))
    wrong, reasons = right, list[str]()
    for fault in draw.sample(_FAULTS, draw.integer(1, 2)):
        changed, reason = fault(wrong)
        if changed != wrong:
            wrong, reasons = changed, [*reasons, reason]
    if not reasons:
        wrong, reason = _no_stop(right)
        reasons = [reason]
    if draw.chance(50):
        ask = draw.pick(("Correct the mistakes", "Fix this sentence", "Proofread this"))
        return single("instruction", f"correct {wrong}", f"{ask}: {wrong}", right)
    ask = draw.pick(
        (
            "What is wrong with this sentence? {text}",
            "Correct this and tell me why:\n{text}",
            'Find the mistakes in "{text}"',
        )
    )
    answer = f"{right}\n\n{capital(listing(reasons))}."
    return single("instruction", f"correct {wrong}", ask.format(text=wrong), answer)


_NOUNS = words(
    "lantern anchor basket thimble compass violin pepper umbrella kettle saddle ribbon hammer feather candle mirror "
    "blanket whistle orchard button ladder parsley needle pillow teapot"
)


def ordering(draw: Draw) -> Example:
    """A few words put in an order: alphabetical, by length, or backwards."""
    given = draw.sample(_NOUNS, draw.integer(4, 8))
    asks = (
        ("Sort these words alphabetically", sorted(given)),
        ("Put these words in reverse alphabetical order", sorted(given, reverse=True)),
        (
            "Arrange the words from shortest to longest, and alphabetically where the length is equal",
            sorted(given, key=lambda w: (len(w), w)),
        ),
        (
            "Which of these words have more than six letters? Keep their order",
            [word for word in given if len(word) > 6],
        ),
        ("Write this list backwards", given[::-1]),
    )
    ask, answer = draw.pick([pair for pair in asks if pair[1]])
    written = numbered(answer) if draw.chance(40) else ", ".join(answer)
    return single("instruction", f"order {ask} {given}", f"{ask}: {', '.join(given)}", written)


REWRITING = (politer, tense, correction, ordering)
