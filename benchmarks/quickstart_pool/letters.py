"""Instructions that want a short letter or message: thanks, complaints, invitations, requests."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.people import SURNAMES, full_name, person
from quickstart_pool.wording import a

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


LETTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "cancel my subscription to {magazine}",
        (
            "I would like to cancel my subscription to {magazine} at the end of this month.",
            "My customer number is {number}.",
            "Please confirm the cancellation in writing.",
        ),
    ),
    (
        "complain about a broken {thing} that I ordered",
        (
            "On {day} I received the {thing} that I ordered from you.",
            "Unfortunately it was broken when I opened the box.",
            "Please send me a new one or return the money.",
            "The number of the order is {number}.",
        ),
    ),
    (
        "thank my neighbour for looking after the {pet}",
        (
            "Thank you so much for looking after our {pet} while we were away.",
            "It was healthy and in a good mood when we came home on {day}.",
            "If you ever need help, just ring the bell.",
        ),
    ),
    (
        "apologise to a customer because the {thing} arrives late",
        (
            "I am sorry to tell you that your {thing} will arrive later than we promised.",
            "Our supplier had a problem that we did not expect.",
            "We now expect it on {day}, and of course you pay nothing for the delivery.",
        ),
    ),
    (
        "invite a colleague to dinner on {day}",
        (
            "We would be happy to see you for dinner on {day} at seven.",
            "There will be {dish}, and you are welcome to bring a guest.",
            "Let me know if there is anything you do not eat.",
        ),
    ),
    (
        "ask the landlord to repair the {fixture}",
        (
            "The {fixture} in my flat has not been working since {day}.",
            "I tried to fix it myself but had no luck.",
            "Could you please send somebody this week?",
            "I am at home every evening after six.",
        ),
    ),
    (
        "tell the school that my child is ill",
        (
            "My child has a fever and cannot come to school before {day}.",
            "I will send a note from the doctor.",
            "Could a classmate bring the homework?",
        ),
    ),
    (
        "ask for a day off on {day}",
        (
            "I would like to take a day off on {day} for a family matter.",
            "My tasks for that day are done or can wait until the day after.",
            "I hope that this is possible.",
        ),
    ),
    (
        "congratulate a friend on becoming {a_job}",
        (
            "Congratulations on your new job as {a_job}!",
            "Nobody deserves it more than you, after all that work.",
            "Let us celebrate on {day}, it is my treat.",
        ),
    ),
    (
        "ask a shop whether they sell {dish}",
        (
            "I was in your shop on {day} and could not find any {dish}.",
            "Do you sell it, or could you order it for me?",
            "I would take a larger amount if that makes it easier.",
        ),
    ),
)


_LETTER_ASKS = (
    "Write a short letter to {goal}.",
    "Please write an e-mail to {goal}.",
    "I have to {goal}. Can you write the message?",
    "Draft a brief note to {goal}. Sign it with {name}.",
    "Help me {goal} in writing. My name is {name}.",
)


def letter(draw: Draw) -> Example:
    """A short letter with a greeting and a signature."""
    goal, sentences = draw.pick(LETTERS)
    words = {
        "magazine": draw.pick(
            ("Garden Life", "The Weekly Chess Post", "Boats and Harbours", "Modern Kitchen", "Trail and Summit")
        ),
        "number": str(draw.integer(10000, 99999)),
        "thing": draw.pick(
            ("coffee machine", "lamp", "wooden shelf", "teapot", "radio", "pair of boots", "garden chair")
        ),
        "day": draw.pick(_DAYS),
        "pet": draw.pick(("cat", "old dog", "parrot", "tortoise")),
        "dish": draw.pick(("mushroom soup", "lentil curry", "plum cake", "goat cheese", "stuffed peppers")),
        "fixture": draw.pick(("heating", "kitchen tap", "doorbell", "bathroom light", "washing machine")),
        "job": draw.pick(("teacher", "nurse", "engineer", "head gardener", "editor", "pilot")),
    }
    words["a_job"] = a(words["job"])
    goal, name = goal.format(**words), full_name(draw)
    body = [sentence.format(**words) for sentence in sentences]
    if draw.chance(30):
        body.pop()
    greeting = draw.pick(
        (f"Dear {draw.pick(('Mr', 'Ms'))} {draw.pick(SURNAMES)},", "Dear Sir or Madam,", "Hello,", "Good morning,")
    )
    if goal.startswith(("thank", "congratulate", "invite")):
        greeting = f"Dear {person(draw).name},"
    ending = draw.pick(("Kind regards,", "Yours sincerely,", "Best wishes,", "With many thanks,"))
    asks = draw.pick(_LETTER_ASKS)
    text = "\n\n".join([greeting, " ".join(body), f"{ending}\n{name}"])
    return single("instruction", f"letter {goal} {words['day']}", asks.format(goal=goal, name=name), text)
