"""What the explanations are about: for each subject sentences that are true on their own and read well in their
order.
"""

from __future__ import annotations

SUBJECTS: dict[str, tuple[str, ...]] = {
    "why leaves change colour in autumn": (
        "Leaves are green because of chlorophyll, which catches sunlight.",
        "When the days get shorter, the tree stops making it.",
        "Yellow and orange pigments that were there all the time can then be seen.",
        "Some trees also make red pigments from the sugar left in the leaf.",
        "In the end the tree seals off the leaf, and it falls.",
    ),
    "how a refrigerator works": (
        "A refrigerator moves heat from the inside to the outside.",
        "A liquid flows through thin pipes in the back and turns into gas, which takes up heat.",
        "A compressor presses the gas together, so that it becomes hot.",
        "The hot gas gives its heat to the air of the kitchen and becomes liquid again.",
        "That is why the back of a refrigerator feels warm.",
    ),
    "what a budget is": (
        "A budget is a plan for money.",
        "It puts what you earn on one side and what you spend on the other.",
        "You first write down what has to be paid, such as rent and food.",
        "What remains can be saved or spent on other things.",
        "Looking at it every month shows early when something goes wrong.",
    ),
    "why the sea is salty": (
        "Rain is slightly sour and dissolves small amounts of minerals from rock.",
        "Rivers carry these minerals to the sea.",
        "Water leaves the sea again by evaporation, but the salt stays behind.",
        "Over millions of years, a great deal of it has collected.",
    ),
    "how bread rises": (
        "Bread rises because of yeast, a tiny fungus.",
        "Yeast eats the sugar in the dough and gives off gas.",
        "The dough is elastic, so the gas is caught in small bubbles.",
        "In the oven the bubbles grow once more before the crust becomes firm.",
        "If the dough is too cold, all of this takes much longer.",
    ),
    "what a library catalogue is for": (
        "A catalogue tells you which books a library owns and where they stand.",
        "You can look for a title, an author or a subject.",
        "The entry gives a shelf mark, which is also on the back of the book.",
        "It also says whether the book is there or lent out.",
    ),
    "how vaccines protect people": (
        "A vaccine shows the body a harmless part of a germ.",
        "The immune system learns to recognise it and keeps a memory of it.",
        "If the real germ comes later, the body can react at once.",
        "When many people are protected, a disease finds it hard to spread.",
    ),
    "why we have seasons": (
        "The axis of the Earth is tilted.",
        "For half of the year the northern half leans towards the Sun, and for the other half it leans away.",
        "Where the Sun stands higher, its light is stronger and the days are longer.",
        "So it is summer in the north when it is winter in the south.",
    ),
    "what recursion means in programming": (
        "A function is recursive if it calls itself.",
        "Each call works on a smaller part of the problem.",
        "There must be a simplest case that is answered directly, or the calls would never end.",
        "Walking through folders within folders is a typical use.",
    ),
    "how a bill becomes expensive in a restaurant": (
        "The dishes on the menu are only a part of the bill.",
        "Drinks often cost as much as the food.",
        "Side dishes and coffee are easily forgotten when one orders.",
        "In many countries a tip is added at the end.",
    ),
    "why people yawn": (
        "Nobody knows the whole answer.",
        "People yawn when they are tired or bored, and often just after waking up.",
        "One idea is that a yawn cools the brain a little.",
        "Yawning is also catching, most of all among people who know each other well.",
    ),
    "how bees make honey": (
        "Bees collect nectar, a sweet juice, from flowers.",
        "In the hive they pass it from bee to bee, which changes the sugar in it.",
        "They put it into cells of wax and fan it with their wings.",
        "Most of the water evaporates, and what is left is honey.",
        "A lid of wax keeps it fresh for the winter.",
    ),
    "what inflation is": (
        "Inflation means that prices in general go up.",
        "The same amount of money then buys less than before.",
        "It can come from costs that rise or from people who want to buy more than there is.",
        "Central banks raise interest rates in order to slow it down.",
    ),
    "how a lock on a canal works": (
        "A lock lifts a boat from low water to high water.",
        "The boat enters a basin, and the gate closes behind it.",
        "Water from above flows in until the level in the basin is that of the upper canal.",
        "Then the front gate opens, and the boat goes on.",
        "No pump is needed, because water flows down by itself.",
    ),
    "why sleep is important": (
        "While we sleep, the brain sorts what happened during the day.",
        "The body repairs muscles and makes hormones.",
        "People who sleep too little make more mistakes and fall ill more often.",
        "Most adults need between seven and nine hours.",
    ),
    "what an index in a book does": (
        "An index lists important words of a book in alphabetical order.",
        "After each word stand the pages on which it is treated.",
        "It is found at the end, unlike the table of contents.",
        "A good index saves the reader much searching.",
    ),
    "how rainbows form": (
        "A rainbow appears when the Sun is behind you and rain is in front of you.",
        "Light enters each drop, is reflected at the back, and comes out again.",
        "On its way it is bent, and each colour is bent by a different amount.",
        "So red is seen on the outside of the bow and violet on the inside.",
    ),
    "why a password should be long": (
        "A computer can try a great number of passwords in a second.",
        "Every further character multiplies the number of possibilities.",
        "A long row of simple words is therefore safer than a short, strange word.",
        "A different password for each service limits the damage if one is stolen.",
    ),
    "how a compass works": (
        "The needle of a compass is a small magnet that can turn freely.",
        "The Earth itself is a large, weak magnet.",
        "The needle lines up with it and so points roughly north.",
        "Iron or a loudspeaker nearby can lead it astray.",
    ),
    "what a contract is": (
        "A contract is an agreement that can be enforced by law.",
        "One side offers something, and the other side accepts.",
        "It need not be on paper, but paper makes it easier to prove.",
        "Both sides have to keep what they promised, or pay for the damage.",
    ),
}
