"""Instructions that ask how something is done: all steps, the first ones, the last one, or a paragraph."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.wording import numbered

STEPS: dict[str, tuple[str, ...]] = {
    "make a cup of tea": (
        "Boil fresh water.",
        "Put a spoon of tea into a pot.",
        "Pour the water over it.",
        "Wait for three to five minutes.",
        "Take out the leaves.",
        "Add milk or sugar if you like.",
    ),
    "plant a tree": (
        "Choose a place with enough light.",
        "Dig a hole twice as wide as the roots.",
        "Put the tree in and hold it upright.",
        "Fill the hole with earth.",
        "Press the earth down gently.",
        "Water it well for the first weeks.",
    ),
    "change a bicycle tube": (
        "Turn the bicycle upside down.",
        "Take the wheel off.",
        "Lift the tyre over the rim with two levers.",
        "Pull out the old tube.",
        "Check the tyre for glass and thorns.",
        "Put in the new tube and pump it up a little.",
        "Press the tyre back and pump it up fully.",
    ),
    "write a good summary": (
        "Read the whole text once.",
        "Mark the most important sentence of each paragraph.",
        "Put the text away.",
        "Write down the main points in your own words.",
        "Compare the result with the text.",
    ),
    "prepare for a job interview": (
        "Read about the company.",
        "Write down what you did in your last jobs.",
        "Think of two questions of your own.",
        "Choose your clothes the evening before.",
        "Leave home early enough.",
    ),
    "clean a window": (
        "Brush the dust off the frame.",
        "Mix warm water with a drop of soap.",
        "Wash the glass from top to bottom.",
        "Draw off the water with a rubber blade.",
        "Dry the edges with a cloth.",
    ),
    "start a vegetable garden": (
        "Find a sunny corner.",
        "Remove stones and weeds.",
        "Mix compost into the earth.",
        "Begin with easy plants such as radishes and beans.",
        "Sow in rows and label them.",
        "Water in the morning or in the evening.",
    ),
    "back up your photos": (
        "Collect all photos in one folder.",
        "Copy the folder to an external disk.",
        "Open a few of the copies to see if they work.",
        "Store the disk in another place.",
        "Repeat this every month.",
    ),
    "cook rice": (
        "Rinse the rice until the water is clear.",
        "Put one cup of rice and two cups of water into a pot.",
        "Bring it to the boil.",
        "Turn the heat down and put the lid on.",
        "Leave it alone for fifteen minutes.",
        "Loosen the rice with a fork.",
    ),
    "learn a poem by heart": (
        "Read it aloud three times.",
        "Learn the first two lines.",
        "Add two more lines and say all four.",
        "Go on like this to the end.",
        "Say it once more before you go to sleep.",
    ),
    "pack for a weekend trip": (
        "Look at the weather forecast.",
        "Lay out clothes for each day.",
        "Put small things into small bags.",
        "Add medicine, charger and tickets.",
        "Leave some space for what you bring back.",
    ),
    "calm a crying baby": (
        "Check whether it is hungry or wet.",
        "Hold it close to your chest.",
        "Walk slowly through the room.",
        "Hum a low and even tune.",
        "Ask somebody else to take over if you get tired.",
    ),
    "organise a small party": (
        "Choose a day and make a list of guests.",
        "Send the invitations two weeks before.",
        "Plan simple food that can be made early.",
        "Pick some music.",
        "Prepare a place for the coats.",
        "Put out more glasses than you think you need.",
    ),
    "find a bug in a program": (
        "Find an input that always shows the bug.",
        "Make this input as small as you can.",
        "Guess which part of the program is at fault.",
        "Print or inspect the values there.",
        "Change one thing at a time.",
        "Keep the small input as a test.",
    ),
    "sew on a button": (
        "Choose thread in the colour of the cloth.",
        "Thread the needle and make a knot.",
        "Come up from the back of the cloth.",
        "Go through the holes four or five times.",
        "Wind the thread round the stem.",
        "Fasten it at the back and cut it off.",
    ),
}


_HOWTO = (
    "How do I {task}?",
    "Give me step-by-step instructions: how to {task}.",
    "Write a short guide on how to {task}.",
    "I have never done this before. Tell me how to {task}.",
    "List the steps needed to {task}.",
    "What do I have to do in order to {task}?",
)


def howto(draw: Draw) -> Example:
    """The steps of a task: all, the first few, or as a paragraph."""
    task = draw.pick(tuple(STEPS))
    steps, ask = STEPS[task], draw.pick(_HOWTO).format(task=task)
    manner = draw.pick(("all", "first", "prose", "last"))
    if manner == "first":
        count = draw.integer(2, 3)
        return single(
            "instruction",
            f"howto {task} first {count}",
            f"{ask} Only the first {count} steps, please.",
            numbered(steps[:count]),
        )
    if manner == "last":
        return single(
            "instruction",
            f"howto {task} last",
            f"I know how to begin, but what is the last step if I want to {task}?",
            steps[-1],
        )
    if manner == "prose":
        low = [step[0].lower() + step[1:].rstrip(".") for step in steps]
        middle = ". ".join(f"{draw.pick(('Then', 'Next,', 'After that,'))} {step}" for step in low[1:-1])
        return single(
            "instruction",
            f"howto {task} prose",
            f"{ask} Write it as one paragraph.",
            f"First {low[0]}. {middle}. Finally, {low[-1]}.",
        )
    return single("instruction", f"howto {task} all", ask, numbered(steps))
