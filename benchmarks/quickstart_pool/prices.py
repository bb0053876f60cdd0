"""Arithmetic stories about money: purchases, change, discounts, wages, savings and takings, all in whole units."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.people import person, two_people
from quickstart_pool.problems import Problem, Step

_GOODS = (
    ("notebook", "notebooks"),
    ("paintbrush", "paintbrushes"),
    ("light bulb", "light bulbs"),
    ("scarf", "scarves"),
    ("plant pot", "plant pots"),
    ("jar of jam", "jars of jam"),
    ("ticket", "tickets"),
    ("cushion", "cushions"),
    ("puzzle", "puzzles"),
    ("water bottle", "water bottles"),
    ("bag of flour", "bags of flour"),
    ("candle", "candles"),
)
_SHOPS = (
    "a hardware shop",
    "the corner shop",
    "a market stall",
    "a museum shop",
    "an online shop",
    "the station kiosk",
)
_WISHES = (
    "a bicycle",
    "a guitar",
    "a tent",
    "a camera",
    "a sewing machine",
    "a telescope",
    "a pair of skates",
    "a desk",
)
_JOBS = (
    ("mows lawns", "lawn"),
    ("walks dogs", "walk"),
    ("tunes pianos", "piano"),
    ("cleans windows", "window"),
    ("repairs bicycles", "bicycle"),
    ("gives swimming lessons", "lesson"),
    ("translates letters", "letter"),
)


def basket(draw: Draw) -> Problem:
    """Two kinds of goods, perhaps paid with a note."""
    who, (one, two), shop = person(draw), draw.sample(_GOODS, 2), draw.pick(_SHOPS)
    n, m, p, q = draw.integer(2, 9), draw.integer(2, 9), draw.integer(2, 12), draw.integer(3, 15)
    total = n * p + m * q
    steps = [
        Step(f"{n} {one[1]} at {p} dollars each are bought", n, "*", p, f"the price of the {one[1]}"),
        Step(f"{m} {two[1]} cost {q} dollars each", m, "*", q, f"the price of the {two[1]}"),
        Step("everything goes on one bill", n * p, "+", m * q, "the whole bill in dollars"),
    ]
    start = draw.pick(
        (
            f"At {shop}, {who.name} buys {n} {one[1]} for {p} dollars each and {m} {two[1]} for {q} dollars each.",
            f"{shop[0].upper()}{shop[1:]} charges {p} dollars for a {one[0]} and {q} dollars for a {two[0]}. "
            f"{who.name} takes {n} {one[1]} and {m} {two[1]}.",
            f"{who.name} needs {n} {one[1]} and {m} {two[1]}. One {one[0]} costs {p} dollars, one {two[0]} {q} "
            "dollars.",
        )
    )
    if draw.chance(50):
        asks = ("What does {she} pay in all?", "How much money does {who} need?", "What is the total on the bill?")
        return Problem(
            "basket", f"{start} {draw.pick(asks).format(**who.words)}", tuple(steps), f"the bill is {total} dollars"
        )
    note = (total // 50 + 1) * 50
    steps.append(Step(f"{who.she} pays with {note} dollars", note, "-", total, "the change in dollars"))
    ask = f"{who.she.capitalize()} hands over {note} dollars. How much change does {who.she} get?"
    return Problem("change", f"{start} {ask}", tuple(steps), f"{who.name} gets {note - total} dollars back")


def discount(draw: Draw) -> Problem:
    """A percentage off a price, perhaps for several pieces."""
    who, (_, many) = person(draw), draw.pick(_GOODS)
    price, percent, n = draw.integer(2, 9) * 20, draw.pick((5, 10, 15, 20, 25, 30, 40)), draw.integer(2, 6)
    off = price * percent // 100
    steps = [
        Step(f"{percent} per cent are taken off", price, "*", percent, "the price times the rate"),
        Step("a per cent is a hundredth", price * percent, "/", 100, "the reduction in dollars"),
        Step(f"the price without the reduction is {price} dollars", price, "-", off, "the new price in dollars"),
    ]
    question = draw.pick(
        (
            f"A shop sells a set of {many} for {price} dollars and now takes {percent} % off.",
            f"The usual price of a case of {many} is {price} dollars. During the sale it is reduced by {percent} per "
            "cent.",
            f"{who.name} has a coupon for {percent} % off and wants a box of {many} that is marked at {price} dollars.",
        )
    )
    if draw.chance(45):
        steps.append(Step(f"{n} of them are bought", n, "*", price - off, "the price of all of them"))
        ask, cost = f"What do {n} of them cost at the lower price?", n * (price - off)
    else:
        ask, cost = draw.pick(("What is the price now?", "How much must be paid after the reduction?")), price - off
    return Problem(f"discount {many}", f"{question} {ask}", tuple(steps), f"the amount to pay is {cost} dollars")


def saving(draw: Draw) -> Problem:
    """Weeks of saving towards a price, or what is still missing after some weeks."""
    who, wish = person(draw), draw.pick(_WISHES)
    weekly, weeks, have = draw.integer(4, 25), draw.integer(4, 16), draw.integer(5, 60)
    price = have + weekly * weeks
    if draw.chance(50):
        question = draw.pick(
            (
                f"{who.name} wants {wish} that costs {price} dollars. {who.she.capitalize()} already has {have} "
                f"dollars and saves {weekly} dollars every week. How many weeks must {who.she} save?",
                f"{wish.capitalize()} costs {price} dollars. With {have} dollars in hand and {weekly} dollars put "
                f"aside each week, after how many weeks can {who.name} buy it?",
            )
        )
        steps = [
            Step(f"{have} dollars are there already", price, "-", have, "the dollars still missing"),
            Step(f"{weekly} dollars come in each week", price - have, "/", weekly, "the number of weeks"),
        ]
        return Problem(f"saving for {wish}", question, tuple(steps), f"it takes {weeks} weeks")
    missing = draw.integer(3, 80)
    question = (
        f"{who.name} is saving for {wish}, which costs {price + missing} dollars. {who.she.capitalize()} began with "
        f"{have} dollars and has put aside {weekly} dollars a week for {weeks} weeks. How many dollars are still "
        "missing?"
    )
    steps = [
        Step(f"{weeks} weeks bring {weekly} dollars each", weeks, "*", weekly, "the dollars saved so far"),
        Step(f"the {have} dollars from the beginning count too", weekly * weeks, "+", have, "the dollars in hand"),
        Step(f"the price is {price + missing} dollars", price + missing, "-", price, "the dollars still missing"),
    ]
    return Problem(f"missing for {wish}", question, tuple(steps), f"{who.name} still needs {missing} dollars")


def wages(draw: Draw) -> Problem:
    """Pay for jobs done by two people, or over several days."""
    (who, other), (does, job) = two_people(draw), draw.pick(_JOBS)
    rate, n, m, days = draw.integer(6, 30), draw.integer(3, 8), draw.integer(2, 9), draw.integer(2, 6)
    if draw.chance(50):
        question = (
            f"{who.name} {does} and earns {rate} dollars per {job}. "
            f"{draw.pick(('This week', 'In May', 'Last month'))} {who.she} was paid for {n}, while {other.name}, who "
            f"does the same work for the same money, was paid for {m}. How much did the two earn together?"
        )
        steps: tuple[Step, ...] = (
            Step(f"{who.name} did {n} and {other.name} did {m}", n, "+", m, "the number of jobs done by both"),
            Step(f"each is paid with {rate} dollars", n + m, "*", rate, "the dollars earned together"),
        )
        return Problem(f"wages {job}", question, steps, f"together they earned {(n + m) * rate} dollars")
    costs = draw.integer(5, n * rate * days // 2)
    question = (
        f"For {days} days in a row {who.name} {does}. {draw.pick(('Every day', 'Each day'))} {who.she} is paid for "
        f"{n} {job}s at {rate} dollars each. Materials for all the days cost {costs} dollars. What is left of the "
        "earnings?"
    )
    steps = (
        Step(f"a day brings {n} payments of {rate} dollars", n, "*", rate, "the earnings of a day"),
        Step(f"the work goes on for {days} days", n * rate, "*", days, "the earnings of all days"),
        Step("the materials have to be paid", n * rate * days, "-", costs, "the dollars left"),
    )
    return Problem(f"earnings {job}", question, steps, f"{steps[-1].result} dollars are left for {who.name}")


def takings(draw: Draw) -> Problem:
    """Adults and children at the door of an event."""
    event = draw.pick(
        ("school concert", "village fair", "puppet show", "chess evening", "open-air film", "science museum")
    )
    adults, children, full, half = (
        draw.integer(12, 80),
        draw.integer(8, 90),
        draw.integer(6, 18),
        draw.integer(2, 5),
    )
    total = adults * full + children * half
    question = draw.pick(
        (
            f"Tickets for the {event} cost {full} dollars for adults and {half} dollars for children. {adults} "
            f"adults and {children} children come. How much money is taken at the door?",
            f"On Sunday the {event} was visited by {adults} grown-ups, who paid {full} dollars each, and by "
            f"{children} children, who paid {half} dollars each. What were the takings?",
        )
    )
    steps = [
        Step(f"{adults} adults pay {full} dollars each", adults, "*", full, "the dollars from the adults"),
        Step(f"{children} children pay {half} dollars each", children, "*", half, "the dollars from the children"),
        Step("both sums are put together", adults * full, "+", children * half, "the dollars taken at the door"),
    ]
    if draw.chance(40):
        rent = draw.integer(20, total // 2)
        question = (
            question.rsplit(". ", 1)[0]
            + f". The hall costs {rent} dollars. How much is left after paying for the hall?"
        )
        steps.append(Step(f"{rent} dollars go to the owner of the hall", total, "-", rent, "the dollars left"))
    return Problem(f"takings {event}", question, tuple(steps), f"the result is {steps[-1].result} dollars")
