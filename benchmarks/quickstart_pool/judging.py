"""Instructions about a given text or quantity: summaries, classifications, facts pulled out, questions, conversions."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.people import person
from quickstart_pool.reports import facts, summary
from quickstart_pool.wording import bulleted, capital, counted

_GOOD = (
    "The staff were friendly",
    "Everything was clean",
    "The soup was the best I have had in years",
    "It arrived a day early",
    "It has worked every day since",
    "I would go there again at once",
    "The price is more than fair",
    "The view from our table was lovely",
)
_BAD = (
    "Nobody answered my calls",
    "The handle broke after a week",
    "We waited for over an hour",
    "The room smelled of smoke",
    "The colours are nothing like the picture",
    "The instructions make no sense",
    "It was far too loud to talk",
    "The bill was wrong twice",
)
_LABEL_ASKS = (
    "Is this review positive, negative or mixed?\n\n{text}",
    "Classify the sentiment of the text: {text}",
    'Label as positive, negative or mixed: "{text}"',
    "Read this review and say what the writer feels, with a reason. {text}",
)


def sentiment(draw: Draw) -> Example:
    """A review put in its class, sometimes with the reason."""
    label = draw.pick(("positive", "negative", "mixed"))
    n = draw.integer(2, 3)
    said = {
        "positive": draw.sample(_GOOD, n),
        "negative": draw.sample(_BAD, n),
        "mixed": [draw.pick(_GOOD), draw.pick(_BAD)],
    }[label]
    text = f"{said[0]}, but {said[1][0].lower() + said[1][1:]}." if label == "mixed" else ". ".join(said) + "."
    text = text.replace(", but i ", ", but I ")
    ask = draw.pick(_LABEL_ASKS)
    if "reason" in ask or draw.chance(30):
        why = {
            "positive": f'it names only good points, for example: "{said[-1]}."',
            "negative": f'every point is a complaint, for example: "{said[-1]}."',
            "mixed": f'it praises one thing ("{said[0]}") and criticises another ("{said[1]}").',
        }[label]
        answer = f"{capital(label)}. The review is {label} because {why}"
    else:
        answer = draw.pick((f"{capital(label)}.", f"The review is {label}.", f'{capital(label)}, see "{said[0]}".'))
    return single("instruction", f"sentiment {sorted(said)}", ask.format(text=text), answer)


_MESSAGES = {
    "billing": (
        ("I was charged twice for my order in {month}.", "the order of {month} was charged twice"),
        ("Why is there a fee of {n} dollars on my statement?", "the customer does not understand a fee of {n} dollars"),
        (
            "Please send the invoice for {month} again, the amount seems wrong.",
            "the amount on the invoice for {month} is in doubt",
        ),
    ),
    "delivery": (
        ("My package has been on its way for {n} days.", "a package is {n} days late"),
        ("The driver left the box of my {thing} in the rain.", "the {thing} was left in the rain"),
        ("Can you deliver the {thing} to my office instead?", "the {thing} should go to another address"),
    ),
    "technical": (
        ("The app closes whenever I search for the word {thing}.", "the app closes during a search for {thing}"),
        ("I have reset my password {n} times and still cannot log in.", "logging in fails even after {n} resets"),
        (
            "Since the update in {month} the screen stays black.",
            "the screen has been black since the update in {month}",
        ),
    ),
    "praise": (
        ("I just want to say that the {thing} is wonderful.", "the customer is happy with the {thing}"),
        ("Your colleague solved my problem in {n} minutes, thank you!", "a colleague helped within {n} minutes"),
        ("Best service I have had since {month}.", "the customer has not been served so well since {month}"),
    ),
}
_REASONS = {
    "billing": "it is about money that was charged",
    "delivery": "it is about bringing goods to the customer",
    "technical": "something does not work as it should",
    "praise": "the customer is content and wants nothing",
}


def triage(draw: Draw) -> Example:
    """A customer's message sent to the right team."""
    label = draw.pick(tuple(_MESSAGES))
    month = draw.pick(("January", "March", "April", "July", "October", "December"))
    words = {
        "month": month,
        "n": str(draw.integer(4, 25)),
        "thing": draw.pick(("headset", "lamp", "kettle", "tent", "camera", "desk")),
    }
    text, note = (said.format(**words) for said in draw.pick(_MESSAGES[label]))
    ask = draw.pick(
        (
            "To which team should this message go: billing, delivery, technical or praise?\n\n{text}",
            "Sort this message into billing, delivery, technical or praise. Give a reason.\n\n{text}",
            "Category (billing, delivery, technical, praise)? {text}",
        )
    )
    if "reason" in ask or draw.chance(60):
        answer = draw.pick((f"{capital(label)}: {note}.", f"It belongs to {label}, because {_REASONS[label]}: {note}."))
    else:
        answer = capital(label)
    return single("instruction", f"triage {text}", ask.format(text=text), answer)


_UNITS = (
    ("kilometre", "metre", 1000),
    ("metre", "centimetre", 100),
    ("kilogram", "gram", 1000),
    ("hour", "minute", 60),
    ("day", "hour", 24),
    ("week", "day", 7),
    ("litre", "millilitre", 1000),
    ("year", "month", 12),
    ("minute", "second", 60),
    ("dozen", "piece", 12),
)


def conversion(draw: Draw) -> Example:
    """A quantity in a smaller or larger unit, with the rule or without."""
    large, small, factor = draw.pick(_UNITS)
    n = draw.integer(2, 48)
    up = draw.chance(40)
    given, wanted = (counted(n * factor, small), large) if up else (counted(n, large), small)
    result = counted(n, large) if up else counted(n * factor, small)
    ask = draw.pick(
        (
            "Convert {given} to {wanted}s.",
            "How many {wanted}s are {given}?",
            "What is {given} in {wanted}s?",
            "I measured {given}. Express this in {wanted}s and explain the rule.",
        )
    )
    rule = f"One {large} has {factor} {small}s, so we {'divide' if up else 'multiply'} by {factor}"
    answer = (
        f"{rule}: {given} are {result}."
        if "rule" in ask or draw.chance(40)
        else draw.pick((result, f"{capital(given)} are {result}."))
    )
    return single("instruction", f"convert {given} {wanted}", ask.format(given=given, wanted=wanted), answer)


_ACTS = (
    ("broke the vase", "was playing ball in the house"),
    ("missed the bus", "could not find the keys"),
    ("was wet to the skin", "had left the umbrella at home"),
    ("could not sleep", "had drunk three cups of coffee"),
    ("won the bet", "had counted the steps before"),
    ("came home late", "helped an old man with his bags"),
    ("laughed out loud", "remembered an old joke"),
    ("went back to the shop", "had forgotten the change"),
)


def reading(draw: Draw) -> Example:
    """Two sentences and a question about them."""
    who, (event, cause) = person(draw), draw.pick(_ACTS)
    place = draw.pick(("in Norby", "on the way to school", "last Tuesday", "during the holidays", "on a cold morning"))
    text = f"{capital(place)}, {who.name} {event}, because {who.she} {cause}."
    asks = (
        (f"Why did it happen that {who.name} {event}?", f"Because {who.she} {cause}."),
        (f"What was the result when {who.name} {cause}?", f"{who.name} {event}."),
        ("Who is the sentence about?", f"It is about {who.name}."),
        (
            "Write down the cause and the effect.",
            bulleted([f"Cause: {who.name} {cause}", f"Effect: {who.name} {event}"]),
        ),
    )
    ask, answer = draw.pick(asks)
    form = draw.pick(("{text}\n\n{ask}", "Read this: {text} {ask}", "{ask} Text: {text}"))
    return single("instruction", f"reading {text} {ask}", form.format(text=text, ask=ask), answer)


JUDGING = (summary, facts, sentiment, triage, conversion, reading)
