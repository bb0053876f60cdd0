"""Arithmetic stories in which a number of things changes: a start, one or two events, and sometimes a fair share.

Each setting brings its own things, places and verbs; the events are drawn in any order, so that the same setting gives
many stories and the number of steps varies from one to four.
"""

from __future__ import annotations

from dataclasses import dataclass

from quickstart_pool.draw import Draw
from quickstart_pool.people import person
from quickstart_pool.problems import Problem, Step
from quickstart_pool.wording import capital


@dataclass(frozen=True)
class Setting:
    """Where a story happens.

    Attributes:
        name: Of the setting.
        things: What is counted, in the plural; one of them is drawn.
        starts: Sentences that give the first number.
        packs: Sentences that give a number of packs and how many things each holds, then the clause that repeats it.
        gains: Sentence and clause of something added.
        losses: Sentence and clause of something taken away.
        share: Sentence of a fair division, the clause, and what each part is.
    """

    name: str
    things: tuple[str, ...]
    starts: tuple[str, ...]
    packs: tuple[str, str]
    gains: tuple[tuple[str, str], ...]
    losses: tuple[tuple[str, str], ...]
    share: tuple[str, str, str]


SETTINGS = (
    Setting(
        "orchard",
        ("apples", "pears", "plums", "cherries", "lemons"),
        ("{who} picked {n} {things} before lunch.", "By noon {who} had gathered {n} {things} in the orchard."),
        (
            "{who} fills {n} baskets in the orchard and puts {m} {things} into each.",
            "each of the {n} baskets holds {m} {things}",
        ),
        (
            ("In the afternoon {she} picks another {n}.", "{n} more are picked in the afternoon"),
            ("A neighbour leaves {n} more on the doorstep.", "the neighbour adds {n}"),
        ),
        (
            ("{n} of them turn out to be rotten and are thrown away.", "{n} rotten ones go away"),
            ("{She} bakes a cake with {n} of them.", "the cake uses up {n}"),
            ("Wasps spoil {n} of the {things}.", "the wasps spoil {n}"),
        ),
        (
            "Now everything goes into {n} equal crates.",
            "everything is spread evenly over {n} crates",
            "the {things} in each crate",
        ),
    ),
    Setting(
        "library",
        ("books", "comics", "atlases", "magazines"),
        ("The village library owns {n} {things}.", "There are {n} {things} in the library where {who} works."),
        ("{who} counts {n} shelves of {m} {things} each.", "there are {n} shelves with {m} {things} on each"),
        (
            ("A retired teacher donates {n} more.", "the donation brings {n} more"),
            ("On Tuesday, readers return {n} {things}.", "readers bring {n} back"),
        ),
        (
            ("{n} {things} are lent out during the week.", "{n} are lent out"),
            ("A leaking roof ruins {n} of them.", "the leak ruins {n}"),
            ("{who} sends {n} worn copies to be repaired.", "{n} leave for repair"),
        ),
        (
            "{She} arranges what is there on {n} shelves, the same number on each.",
            "the {things} are spread evenly over {n} shelves",
            "the {things} on each shelf",
        ),
    ),
    Setting(
        "bakery",
        ("rolls", "muffins", "bagels", "croissants", "buns"),
        (
            "A bakery has {n} {things} on the counter when it opens.",
            "{who} bakes {n} {things} in the early morning.",
        ),
        ("{who} bakes {n} trays of {things}, with {m} on every tray.", "{n} trays carry {m} {things} each"),
        (
            ("At ten o'clock the oven delivers {n} more.", "the second batch adds {n}"),
            ("A second baker brings {n} from the other shop.", "the other shop sends {n}"),
        ),
        (
            ("A school orders {n} for its summer party.", "the school takes {n}"),
            ("Before nine o'clock {n} of them are sold.", "{n} are sold early"),
            ("{n} {things} fall on the floor.", "{n} are lost on the floor"),
        ),
        (
            "At closing time everything is packed into {n} bags with equally many in each.",
            "everything is divided among {n} bags",
            "the {things} in each bag",
        ),
    ),
    Setting(
        "collection",
        ("stamps", "marbles", "coins", "postcards", "stickers", "shells"),
        ("{who} has collected {n} {things}.", "In {her} desk {who} keeps {n} {things}."),
        (
            "{who} keeps {her} {things} in {n} boxes, {m} in each box.",
            "{n} boxes with {m} {things} in each are in the collection",
        ),
        (
            ("An aunt sends {n} from abroad.", "the aunt sends {n}"),
            ("At a flea market {she} buys {n} more.", "{n} are bought at the flea market"),
            ("{She} finds {n} others in the attic.", "{n} turn up in the attic"),
        ),
        (
            ("{She} gives {n} to {her} brother.", "the brother gets {n}"),
            ("{n} of them are lost when the family moves house.", "{n} are lost in the move"),
            ("{She} trades {n} of them for an old map.", "the map costs {n}"),
        ),
        (
            "Then {she} divides them fairly among {n} cousins.",
            "{n} cousins share what there is",
            "the {things} for each cousin",
        ),
    ),
    Setting(
        "harbour",
        ("passengers", "tourists", "pupils"),
        ("A ferry leaves the harbour with {n} {things}.", "{n} {things} board a ferry at the first pier."),
        (
            "{n} buses with {m} {things} in each drive onto the ferry.",
            "{n} buses bring {m} {things} each",
        ),
        (
            ("At the island, {n} more come aboard.", "{n} come aboard at the island"),
            ("A late group of {n} just catches it.", "the late group adds {n}"),
        ),
        (
            ("At the lighthouse {n} of them get off.", "{n} leave at the lighthouse"),
            ("{n} {things} stay behind at the old fort.", "{n} stay at the fort"),
        ),
        (
            "On the far shore they are put into {n} groups of the same size.",
            "all of them are split into {n} equal groups",
            "the number of {things} in each group",
        ),
    ),
    Setting(
        "workshop",
        ("screws", "tiles", "planks", "bricks", "nails"),
        ("{who} has {n} {things} in the workshop.", "There are {n} {things} left over from the last job."),
        (
            "{who} opens {n} packets that hold {m} {things} each.",
            "each of the {n} packets holds {m} {things}",
        ),
        (
            ("The supplier delivers {n} more.", "the delivery adds {n}"),
            ("A colleague returns {n} that were borrowed.", "{n} come back from the colleague"),
        ),
        (
            ("The garden wall needs {n} of them.", "the wall uses {n}"),
            ("{n} are broken and cannot be used.", "{n} are broken"),
            ("{who} uses {n} {things} to mend a shed.", "the shed takes {n}"),
        ),
        (
            "Everything that is there is shared out equally over {n} building sites.",
            "{n} building sites get the same number",
            "the {things} for each site",
        ),
    ),
    Setting(
        "farm",
        ("eggs", "pumpkins", "cabbages", "jars of honey"),
        ("{who} brings {n} {things} to the market.", "On Saturday a farmer loads {n} {things} onto a cart."),
        ("{who} packs {n} crates with {m} {things} in each.", "{n} crates hold {m} {things} each"),
        (
            ("{her} sister arrives with {n} more.", "the sister brings {n}"),
            ("A helper carries over {n} from the barn.", "{n} arrive from the barn"),
        ),
        (
            ("The first customer buys {n}.", "the first customer buys {n}"),
            ("{n} are damaged on the bumpy road.", "{n} are damaged on the road"),
            ("A restaurant owner takes {n} of them.", "the restaurant takes {n}"),
        ),
        (
            "In the evening {n} families divide what is there among themselves, all getting the same.",
            "{n} families divide what is there",
            "the {things} for each family",
        ),
    ),
    Setting(
        "game",
        ("points", "tokens", "gold coins"),
        ("{who} begins the game with {n} {things}.", "After the first round {who} has {n} {things}."),
        ("{who} wins {n} rounds and gets {m} {things} for each.", "{n} rounds bring {m} {things} each"),
        (
            ("A bonus card is worth {n} more.", "the bonus card adds {n}"),
            ("{She} solves a riddle and earns {n}.", "the riddle earns {n}"),
        ),
        (
            ("A wrong answer costs {n}.", "the wrong answer costs {n}"),
            ("{She} pays {n} to cross the bridge.", "the bridge costs {n}"),
        ),
        (
            "Finally the {things} are split evenly between the {n} players of {her} team.",
            "{n} players share evenly",
            "the {things} for each player",
        ),
    ),
)

_ASKS = (
    "How many {things} are there now?",
    "What is the number of {things} in the end?",
    "How many {things} does that leave?",
    "Work out how many {things} there are at the end.",
)
_SHARE_ASKS = ("How many is that for each?", "How many {things} does each of these get?", "What is each share?")


def changing_number(draw: Draw) -> Problem:
    """A story of a number of things that grows, shrinks and may be shared out."""
    setting, who = draw.pick(SETTINGS), person(draw)
    words = who.words | {"things": draw.pick(setting.things)}
    told, steps, total = _start(setting, words, draw)
    events = [("+", *pair) for pair in setting.gains] + [("-", *pair) for pair in setting.losses]
    for op, sentence, why in draw.sample(events, draw.integer(0 if steps else 1, 2)):
        n = draw.integer(3, 60) if op == "+" else draw.integer(2, total * 2 // 3)
        told.append(capital(sentence.format(n=n, **words)))
        what = f"the number of {words['things']} {'so far' if op == '+' else 'left'}"
        steps.append(Step(why.format(n=n, **words), total, op, n, what))
        total = steps[-1].result
    parts = [n for n in range(3, 10) if total % n == 0 and total > n]
    if parts and draw.chance(50):
        steps.append(_share(setting, words, total, told, draw.pick(parts)))
    told.append(draw.pick(_SHARE_ASKS if steps[-1].op == "/" else _ASKS).format(**words))
    closing = f"{'each share is' if steps[-1].op == '/' else 'in the end it is'} {steps[-1].result} {words['things']}"
    return Problem(f"{setting.name} {words['things']}", " ".join(told), tuple(steps), closing)


def _start(setting: Setting, words: dict[str, str], draw: Draw) -> tuple[list[str], list[Step], int]:
    """The sentences so far, the steps so far, and the first total."""
    if draw.chance(55):
        total = draw.integer(24, 160)
        return [draw.pick(setting.starts).format(n=total, **words)], [], total
    n, m = draw.integer(3, 14), draw.integer(4, 24)
    sentence, why = (text.format(n=n, m=m, **words) for text in setting.packs)
    return [capital(sentence)], [Step(why, n, "*", m, f"the number of {words['things']} at first")], n * m


def _share(setting: Setting, words: dict[str, str], total: int, told: list[str], n: int) -> Step:
    sentence, why, what = (text.format(n=n, **words) for text in setting.share)
    told.append(capital(sentence))
    return Step(why, total, "/", n, what)
