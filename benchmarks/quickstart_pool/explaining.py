"""Instructions that want to know something: explanations, how-to steps, comparisons, lists with reasons.

The sentences about a subject are plain and general, each true on its own, so that any choice of them in their
order reads as an answer of the length that was asked for.
"""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.guides import howto
from quickstart_pool.subjects import SUBJECTS
from quickstart_pool.wording import bulleted, capital, listing

_EXPLAIN = (
    "Explain {what}.",
    "Can you tell me {what}?",
    "I would like to know {what}. {size}",
    "My daughter asked me {what}. What should I say? {size}",
    "Topic: {what}. {size} Please explain.",
    "Please explain {what} in simple words. {size}",
    "Write a short paragraph about {what}. {size}",
)
_SIZES = (
    "",
    "One sentence is enough.",
    "Two sentences, please.",
    "Use three sentences.",
    "Keep it short.",
    "A few sentences will do.",
)


def explanation(draw: Draw) -> Example:
    """One of the subjects in as many sentences as asked for."""
    what = draw.pick(tuple(SUBJECTS))
    sentences, ask = SUBJECTS[what], draw.pick(_EXPLAIN)
    size = draw.pick(_SIZES) if "{size}" in ask else ""
    keep = {"One": 1, "Two": 2, "Use": 3, "Keep": 2}.get(size.split(" ")[0], len(sentences))
    kept = sorted(draw.sample(range(len(sentences)), min(keep, len(sentences))))
    if keep < 3:
        kept = list(range(keep))
    said = [sentences[i] for i in kept]
    answer = bulleted(said) if keep > 3 and draw.chance(25) else " ".join(said)
    prompt = ask.format(what=what, size=size).replace("  ", " ").strip()
    return single("instruction", f"explain {what} {kept}", prompt, answer)


PAIRS: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "a bicycle",
        "a car",
        (
            ("cost", "cheap", "expensive"),
            ("speed in the country", "slow", "fast"),
            ("parking", "easy", "difficult"),
            ("rain", "unpleasant", "no problem"),
        ),
    ),
    (
        "a book",
        "a film",
        (
            ("time needed", "several evenings", "two hours"),
            ("pictures", "in the reader's head", "on the screen"),
            ("where it can be enjoyed", "anywhere", "where there is a screen"),
        ),
    ),
    (
        "a cat",
        "a dog",
        (
            ("walks", "not needed", "needed twice a day"),
            ("company", "comes when it likes", "wants to be with people"),
            ("training", "hardly possible", "quite easy"),
        ),
    ),
    (
        "tea",
        "coffee",
        (
            ("caffeine", "less", "more"),
            ("preparation", "leaves and hot water", "ground beans and a filter"),
            ("taste", "mild", "strong"),
        ),
    ),
    (
        "a train",
        "a plane",
        (
            ("speed", "slower", "faster"),
            ("luggage", "hardly limited", "weighed and limited"),
            ("view", "fields and towns", "clouds"),
            ("arrival", "in the middle of the city", "outside the city"),
        ),
    ),
    (
        "a letter",
        "an e-mail",
        (("speed", "days", "seconds"), ("cost", "a stamp", "almost nothing"), ("impression", "personal", "practical")),
    ),
    (
        "a list",
        "a dictionary",
        (
            ("access", "by position", "by key"),
            ("repeated entries", "allowed", "keys are unique"),
            ("typical use", "things in order", "looking things up"),
        ),
    ),
    (
        "renting a home",
        "buying a home",
        (
            ("money at the start", "little", "a lot"),
            ("moving away", "easy", "slow"),
            ("repairs", "done by the owner", "done by yourself"),
        ),
    ),
    (
        "living in a village",
        "living in a city",
        (
            ("noise", "quiet", "loud"),
            ("shops", "few", "many"),
            ("neighbours", "known by name", "often strangers"),
            ("rent", "low", "high"),
        ),
    ),
    (
        "paper maps",
        "map apps",
        (
            ("battery", "not needed", "needed"),
            ("changes", "soon out of date", "kept up to date"),
            ("overview", "large", "as small as the screen"),
        ),
    ),
    (
        "working at home",
        "working in an office",
        (
            ("the way to work", "none", "part of every day"),
            ("colleagues", "seen on a screen", "met in person"),
            ("interruptions", "by the family", "by the team"),
        ),
    ),
)
_COMPARE = (
    "Compare {one} and {two}.",
    "What is the difference between {one} and {two}?",
    "Name some differences between {one} and {two}.",
    "Help me decide between {one} and {two}: what speaks for each?",
    "In what ways do {one} and {two} differ?",
)


def comparison(draw: Draw) -> Example:
    """Two things compared by some of their properties, as a list or in sentences."""
    one, two, points = draw.pick(PAIRS)
    kept = draw.sample(points, draw.integer(2, len(points)))
    ask = draw.pick(_COMPARE).format(one=one, two=two)
    manner = draw.pick(("points", "table", "sides"))
    if manner == "points":
        answer = bulleted([f"{capital(name)}: {left} with {one}, {right} with {two}" for name, left, right in kept])
    elif manner == "table":
        rows = [("point", one, two), ("---", "---", "---"), *kept]
        answer = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    else:
        sides = [", ".join(f"{row[0]}: {row[side]}" for row in kept) for side in (1, 2)]
        opening = f"They differ in {listing([name for name, _, _ in kept])}."
        answer = f"{opening}\n\n{capital(one)} ({sides[0]}).\n{capital(two)} ({sides[1]})."
    return single("instruction", f"compare {one} {[name for name, _, _ in kept]}", ask, answer)


EXPLAINING = (explanation, howto, comparison)
