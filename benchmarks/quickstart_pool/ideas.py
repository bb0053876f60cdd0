"""Instructions that want a number of ideas on a subject, numbered, with dashes or in one line."""

from __future__ import annotations

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.wording import bulleted, capital, listing, numbered

IDEAS: dict[str, tuple[str, ...]] = {
    "things to do on a rainy day": (
        "bake biscuits",
        "sort old photographs",
        "read a long novel",
        "build a tent from blankets",
        "learn a card game",
        "write a letter to a friend",
        "visit a museum",
        "mend clothes",
    ),
    "presents for a grandmother": (
        "a warm shawl",
        "a framed family picture",
        "a box of good tea",
        "a bird feeder",
        "tickets for a concert",
        "a book with large print",
        "a pot of orchids",
    ),
    "healthy snacks": (
        "carrot sticks",
        "unsalted nuts",
        "plain yoghurt with berries",
        "slices of apple",
        "a boiled egg",
        "oat biscuits without sugar",
        "roasted chickpeas",
    ),
    "ways to save electricity at home": (
        "switch off lights in empty rooms",
        "use LED lamps",
        "wash clothes at a lower temperature",
        "put a lid on the pot",
        "unplug chargers",
        "dry laundry on a line",
        "set the fridge to seven degrees",
    ),
    "names for a small café": (
        "The Quiet Spoon",
        "Morning Post",
        "Two Sugars",
        "Café Lantern",
        "The Corner Bean",
        "Steam and Crumb",
        "Blue Saucer",
    ),
    "words that describe the sea": ("endless", "restless", "salty", "silver", "deep", "roaring", "calm", "cold"),
    "games for a children's party": (
        "musical chairs",
        "treasure hunt",
        "egg-and-spoon race",
        "blind man's buff",
        "pass the parcel",
        "sack race",
        "hide and seek",
    ),
    "jobs that are done outdoors": (
        "gardener",
        "fisherman",
        "forester",
        "bricklayer",
        "park ranger",
        "postman",
        "farmer",
        "surveyor",
    ),
    "topics for a school essay": (
        "a day without electricity",
        "my favourite place",
        "why we keep pets",
        "the school of the future",
        "an invention that changed our lives",
        "what friends are for",
    ),
    "hobbies that cost little": (
        "running",
        "bird watching",
        "drawing",
        "singing in a choir",
        "chess",
        "cooking from leftovers",
        "writing a diary",
    ),
    "ways to learn new words in a language": (
        "label things in the kitchen",
        "read children's books",
        "write ten cards a day",
        "listen to songs",
        "talk to yourself while cooking",
        "swap messages with a learner of your language",
    ),
    "questions to ask when viewing a flat": (
        "What does the heating cost?",
        "Who lives next door?",
        "When does the sun come in?",
        "Is there a cellar?",
        "How old are the windows?",
        "Why did the last tenant leave?",
    ),
    "reasons to get up early": (
        "the streets are empty",
        "there is time for breakfast",
        "the light is beautiful",
        "nobody interrupts you",
        "the day feels longer",
        "the first bus has free seats",
    ),
    "things to check before a long drive": (
        "tyre pressure",
        "oil level",
        "the spare wheel",
        "lights",
        "water for the windscreen",
        "papers and insurance card",
        "the first-aid kit",
    ),
    "uses for an old newspaper": (
        "wrapping glasses",
        "cleaning windows",
        "lining a drawer",
        "making a paper hat",
        "drying wet shoes",
        "lighting a stove",
        "covering the table before painting",
    ),
    "qualities of a good teacher": (
        "patience",
        "humour",
        "clear explanations",
        "fairness",
        "interest in the subject",
        "time for questions",
        "a good memory for names",
    ),
}


_IDEA_ASKS = (
    "List {n} {what}.",
    "Give me {n} {what}.",
    "I need {n} {what}.",
    "Name {n} {what}, please.",
    "Can you think of {n} {what}?",
    "Suggest {n} {what} in one line.",
)


def ideas(draw: Draw) -> Example:
    """A number of ideas on a subject, numbered, with dashes, or in a line."""
    what = draw.pick(tuple(IDEAS))
    n = draw.integer(2, len(IDEAS[what]) - 1)
    ask, kept = draw.pick(_IDEA_ASKS), draw.sample(IDEAS[what], n)
    count = ("", "", "two", "three", "four", "five", "six", "seven")[n]
    if "one line" in ask:
        answer = ", ".join(kept) if kept[0].endswith("?") else capital(listing(kept)) + "."
    else:
        answer = draw.pick((numbered, bulleted))([capital(item) for item in kept])
    return single("instruction", f"ideas {what} {sorted(kept)}", ask.format(n=count, what=what), answer)
