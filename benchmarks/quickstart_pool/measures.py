"""Arithmetic stories about journeys, time, rooms, recipes, ages and rows of seats."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.people import person, two_people
from quickstart_pool.problems import Problem, Step
from quickstart_pool.wording import words

_VEHICLES = ("train", "coach", "lorry", "fire engine", "motorcyclist", "van", "camper")
_TOWNS = words("Ashford Brindle Carrow Dunmere Elston Farrow Galen Hollin Ivers Kelby Lorne Marlow Norby Oxley Penrith")
_ROOMS = ("kitchen", "hall", "classroom", "terrace", "attic", "garage", "courtyard")
_DISHES = (
    ("pancakes", "eggs"),
    ("vegetable soup", "carrots"),
    ("apple pie", "apples"),
    ("rice pudding", "spoons of sugar"),
    ("lentil stew", "onions"),
    ("fruit salad", "oranges"),
)


def journey(draw: Draw) -> Problem:
    """Two legs of a journey, or the time that is left."""
    vehicle, (start, end) = draw.pick(_VEHICLES), draw.sample(_TOWNS, 2)
    speed, hours, slower, more = draw.integer(6, 22) * 5, draw.integer(2, 6), draw.integer(2, 5) * 5, draw.integer(2, 5)
    first, second = speed * hours, slower * more
    question = draw.pick(
        (
            f"A {vehicle} leaves {start} and travels for {hours} hours at {speed} kilometres per hour. Then fog "
            f"comes down, and the journey goes on for {more} more hours at {slower} kilometres per hour as far as "
            f"{end}.",
            f"On the way from {start} to {end} a {vehicle} does {speed} km/h for the first {hours} hours and "
            f"{slower} km/h for the last {more} hours.",
        )
    )
    steps = [
        Step(f"the first part lasts {hours} hours at {speed} km/h", speed, "*", hours, "the first part in kilometres"),
        Step(
            f"the second part lasts {more} hours at {slower} km/h", slower, "*", more, "the second part in kilometres"
        ),
        Step("the parts follow each other", first, "+", second, "the whole way in kilometres"),
    ]
    if draw.chance(60):
        ask = draw.pick((f"How far is it from {start} to {end}?", "How long is the whole way in kilometres?"))
        return Problem(f"journey {vehicle}", f"{question} {ask}", tuple(steps), f"the way is {first + second} km long")
    steps[-1] = Step(
        "we compare the two parts", max(first, second), "-", min(first, second), "the difference in kilometres"
    )
    ask = "By how many kilometres do the two parts differ?"
    return Problem(f"legs {vehicle}", f"{question} {ask}", tuple(steps), f"the difference is {abs(first - second)} km")


def schedule(draw: Draw) -> Problem:
    """Minutes of a day spent on several things."""
    who, other = two_people(draw)
    task = draw.pick(("practises the violin", "reads", "runs", "studies Spanish", "draws", "does homework", "swims"))
    minutes, days, extra = draw.integer(3, 18) * 5, draw.integer(3, 6), draw.integer(2, 12) * 10
    question = (
        f"{who.name} {task} for {minutes} minutes on each of {days} days of the week, and on Sunday for {extra} "
        "minutes. "
    )
    steps = [
        Step(f"{days} days have {minutes} minutes each", days, "*", minutes, "the minutes on those days"),
        Step(f"Sunday brings {extra} minutes", days * minutes, "+", extra, "the minutes in the week"),
    ]
    total = days * minutes + extra
    if draw.chance(50):
        weeks = draw.integer(2, 8)
        question += draw.pick(
            (f"How many minutes is that in {weeks} weeks?", f"What does it add up to after {weeks} weeks?")
        )
        steps.append(Step(f"the same happens in {weeks} weeks", total, "*", weeks, "the minutes in all weeks"))
    else:
        less = draw.integer(10, total - 5)
        question += (
            f"{other.name} spends {less} minutes a week on the same. How many minutes more is it for {who.name}?"
        )
        steps.append(Step(f"{other.name} spends {less} minutes", total, "-", less, "the difference in minutes"))
    return Problem(f"schedule {task}", question, tuple(steps), f"that is {steps[-1].result} minutes")


def floor(draw: Draw) -> Problem:
    """The area or the edge of a room, and what it costs to cover."""
    room, length, width = draw.pick(_ROOMS), draw.integer(4, 15), draw.integer(2, 9)
    if draw.chance(50):
        price = draw.integer(6, 35)
        question = draw.pick(
            (
                f"A {room} is {length} metres long and {width} metres wide. New tiles cost {price} dollars per "
                f"square metre. What do the tiles for the whole {room} cost?",
                f"How much must be paid to tile a {room} of {length} by {width} metres at {price} dollars a square "
                "metre?",
            )
        )
        steps = [
            Step(f"the {room} measures {length} by {width} metres", length, "*", width, "the area in square metres"),
            Step(f"each square metre costs {price} dollars", length * width, "*", price, "the price in dollars"),
        ]
        return Problem(f"tiles {room}", question, tuple(steps), f"the tiles cost {steps[-1].result} dollars")
    door = draw.integer(1, 3)
    question = (
        f"A skirting board runs along all four walls of a {room} that is {length} metres long and {width} metres "
        f"wide, except for {door} metre{'s' if door > 1 else ''} of doorway. How many metres of board are needed?"
    )
    steps = [
        Step(
            "a long wall and a short wall make half of the way round", length, "+", width, "half of the edge in metres"
        ),
        Step("there are two of each", length + width, "*", 2, "the whole edge in metres"),
        Step("the doorway stays open", 2 * (length + width), "-", door, "the metres of board"),
    ]
    return Problem(f"board {room}", question, tuple(steps), f"{steps[-1].result} metres of board are needed")


def recipe(draw: Draw) -> Problem:
    """A recipe for few people, made for many."""
    who, (dish, part) = person(draw), draw.pick(_DISHES)
    base, times, each, have = draw.integer(2, 5), draw.integer(2, 7), draw.integer(2, 6), draw.integer(1, 4)
    need = times * each
    question = draw.pick(
        (
            f"A recipe of {dish} for {base} people needs {each} {part}. {who.name} cooks for {base * times} people",
            f"For {base} guests, {who.name} puts {each} {part} into the {dish}. Tonight {base * times} guests are "
            "coming",
        )
    )
    steps = [
        Step(f"the recipe serves {base} people", base * times, "/", base, "the number of batches"),
        Step(f"each batch takes {each} {part}", times, "*", each, f"the {part} needed"),
    ]
    if have < need and draw.chance(55):
        question += (
            f" and finds {have} {part} at home. How many {part} are still to be bought?"
            if "Tonight" not in question
            else (f", and there are {have} {part} in the house. How many more are needed?")
        )
        steps.append(Step(f"{have} of them are there already", need, "-", have, f"the {part} to buy"))
    else:
        question += f". How many {part} does it take?"
    return Problem(f"recipe {dish}", question, tuple(steps), f"the answer is {steps[-1].result} {part}")


def ages(draw: Draw) -> Problem:
    """Two or three people whose ages depend on each other."""
    who, other = two_people(draw)
    young, times, later = draw.integer(4, 15), draw.integer(2, 4), draw.integer(3, 20)
    gap = draw.integer(2, young - 1)
    link = draw.pick(("cousin", "uncle", "neighbour", "teacher", "aunt"))
    question = draw.pick(
        (
            f"{who.name} is {young} years old. {who.her.capitalize()} {link} {other.name} is {times} times as old, "
            f"and {other.name}'s friend is {gap} years younger than {other.name}. ",
            f"{other.name} is {times} times as old as {who.name}, who is {young}. A friend of {other.name} is {gap} "
            f"years younger than {other.name}. ",
        )
    )
    steps = [
        Step(f"{other.name} is {times} times as old as {who.name}", young, "*", times, f"the age of {other.name}"),
        Step(f"the friend is {gap} years younger", young * times, "-", gap, "the age of the friend"),
    ]
    if draw.chance(60):
        question += f"How old will the friend be in {later} years?"
        steps.append(Step(f"{later} years go by", young * times - gap, "+", later, f"the age in {later} years"))
    else:
        question += "How old is the friend?"
    return Problem("ages", question, tuple(steps), f"the friend is then {steps[-1].result} years old")


def seats(draw: Draw) -> Problem:
    """Rows of seats, empty seats, and people who stand."""
    place = draw.pick(("cinema", "theatre", "lecture hall", "stadium block", "circus tent", "concert hall"))
    rows, each = draw.integer(6, 25), draw.integer(8, 32)
    total = rows * each
    taken = draw.integer(total // 3, total - 1)
    question = draw.pick(
        (
            f"The {place} has {rows} rows with {each} seats each. Tonight {taken} seats are taken.",
            f"In a {place} there are {rows} rows of {each} seats, and {taken} people have sat down.",
        )
    )
    steps = [
        Step(f"{rows} rows have {each} seats each", rows, "*", each, "all the seats"),
        Step(f"{taken} are taken", total, "-", taken, "the empty seats"),
    ]
    if draw.chance(40):
        late = draw.integer(total - taken + 1, total - taken + 60)
        question += f" Then {late} more people arrive. How many of them have to stand?"
        steps.append(Step(f"{late} people look for a seat", late, "-", total - taken, "the people who stand"))
    else:
        question += draw.pick((" How many seats are empty?", " How many more people could sit down?"))
    return Problem(f"seats {place}", question, tuple(steps), f"the number is {steps[-1].result}")


def fuel(draw: Draw) -> Problem:
    """What a car, a stove or a printer uses up."""
    who = person(draw)
    thing, use, unit = draw.pick(
        (
            ("a stove", "pellets", "kilograms"),
            ("a generator", "diesel", "litres"),
            ("a dog", "dry food", "cups"),
            ("a coffee machine", "beans", "grams"),
            ("a greenhouse", "water", "litres"),
        )
    )
    daily, days, left = draw.integer(2, 30), draw.integer(5, 21), draw.integer(2, 40)
    stock = daily * days + left
    if draw.chance(50):
        question = (
            f"{who.name} has {stock} {unit} of {use} for {thing} that uses {daily} {unit} a day. "
            f"{draw.pick(('How much is left', 'What remains'))} after {days} days?"
        )
        steps = (
            Step(f"{daily} {unit} a day are used for {days} days", daily, "*", days, f"the {unit} used"),
            Step(f"the stock was {stock} {unit}", stock, "-", daily * days, f"the {unit} left"),
        )
        return Problem(f"stock {use}", question, steps, f"{left} {unit} are left")
    question = (
        f"{thing.capitalize()} uses {daily} {unit} of {use} a day. {who.name} bought {stock} {unit}, but {left} "
        f"{unit} were {draw.pick(('spilled', 'given away', 'spoiled by damp'))}. For how many days does the rest last?"
    )
    steps = (
        Step(f"{left} {unit} are lost", stock, "-", left, f"the {unit} that can be used"),
        Step(f"each day takes {daily} {unit}", stock - left, "/", daily, "the number of days"),
    )
    return Problem(f"days {use}", question, steps, f"it lasts {days} days")
