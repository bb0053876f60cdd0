"""Specs put together from parts: pipelines over numbers and words, groupings, rules for a text, and unit
converters.

Each part has its phrase, its code and a plain Python function that the expected results of the checks are
computed with, so that the text of the code is never trusted to check itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quickstart_pool.draw import Draw
from quickstart_pool.specs import Spec
from quickstart_pool.wording import listing


@dataclass(frozen=True)
class Part:
    """A phrase, a piece of code with `{x}` for what it is applied to, a name, and what the code means."""

    phrase: str
    code: str
    name: str
    means: Callable[[Any], Any]


_NUMBER_TESTS = (
    Part("even numbers", "{x} % 2 == 0", "even", lambda x: x % 2 == 0),
    Part("odd numbers", "{x} % 2 == 1", "odd", lambda x: x % 2 == 1),
    Part("positive numbers", "{x} > 0", "positive", lambda x: x > 0),
    Part("negative numbers", "{x} < 0", "negative", lambda x: x < 0),
    Part("numbers above ten", "{x} > 10", "large", lambda x: x > 10),
    Part("multiples of three", "{x} % 3 == 0", "thirds", lambda x: x % 3 == 0),
    Part("numbers other than zero", "{x} != 0", "nonzero", lambda x: x != 0),
    Part("numbers from -5 to 5", "-5 <= {x} <= 5", "small", lambda x: -5 <= x <= 5),
)
_NUMBER_MAPS = (
    Part("squares", "{x} * {x}", "squares", lambda x: x * x),
    Part("cubes", "{x}**3", "cubes", lambda x: x**3),
    Part("doubles", "2 * {x}", "doubles", lambda x: 2 * x),
    Part("absolute values", "abs({x})", "sizes", abs),
    Part("last digits", "abs({x}) % 10", "last_digits", lambda x: abs(x) % 10),
    Part("successors", "{x} + 1", "successors", lambda x: x + 1),
    Part("remainders after division by seven", "{x} % 7", "remainders", lambda x: x % 7),
)
_NUMBER_ENDS = (
    Part("the sum", "sum({x})", "sum_of", sum),
    Part("the largest", "max({x}, default=0)", "largest_of", lambda xs: max(xs, default=0)),
    Part("the smallest", "min({x}, default=0)", "smallest_of", lambda xs: min(xs, default=0)),
    Part("a list", "list({x})", "list_of", list),
    Part("a sorted list", "sorted({x})", "sorted", sorted),
    Part("the number of different", "len(set({x}))", "count", lambda xs: len(set(xs))),
)
_NUMBERS: tuple[list[int], ...] = ([4, -3, 12, 0, 7, -6, 12, 31], [15, 2, 2, -9], [])


def number_pipeline(draw: Draw) -> Spec:
    """Keep some numbers of a list, map them, and bring the results together."""
    test, change, end = draw.pick(_NUMBER_TESTS), draw.pick(_NUMBER_MAPS), draw.pick(_NUMBER_ENDS)
    mapped, kept = change.code.format(x="x"), test.code.format(x="x")
    empty = " (0 if there are none)" if "default" in end.code else ""
    what = f"{end.phrase} of the {change.phrase} of the {test.phrase} in a list{empty}".replace(
        "different of the", "different"
    )
    does = (
        f"returns {what}",
        f"takes the {test.phrase} of a list and returns {end.phrase} of their {change.phrase}{empty}".replace(
            "different of their", "different values among their"
        ),
    )
    titles = (f"{end.name}_{test.name}_{change.name}", f"{test.name}_{change.name}_{end.name.removesuffix('_of')}")
    code = ("values: list[int]", "x", mapped, kept)
    return _pipeline("number pipeline", titles, does, (end, change, test), code, _NUMBERS)


_WORD_TESTS = (
    Part("longer than four letters", "len({x}) > 4", "long", lambda w: len(w) > 4),
    Part("that start with a vowel", '{x}[0] in "aeiou"', "vowel", lambda w: w[0] in "aeiou"),
    Part("that end in s", '{x}.endswith("s")', "s", lambda w: w.endswith("s")),
    Part("that contain the letter e", '"e" in {x}', "e", lambda w: "e" in w),
    Part("with an even number of letters", "len({x}) % 2 == 0", "even", lambda w: len(w) % 2 == 0),
    Part("that begin and end with the same letter", "{x}[0] == {x}[-1]", "closed", lambda w: w[0] == w[-1]),
)
_WORD_MAPS = (
    Part("in capitals", "{x}.upper()", "shout", str.upper),
    Part("spelled backwards", "{x}[::-1]", "reversed", lambda w: w[::-1]),
    Part("cut to three letters", "{x}[:3]", "short", lambda w: w[:3]),
    Part("doubled", "{x} + {x}", "doubled", lambda w: w + w),
    Part("in brackets", '"(" + {x} + ")"', "bracketed", lambda w: f"({w})"),
    Part("with a capital letter", "{x}.capitalize()", "capitalised", str.capitalize),
)
_WORD_ENDS = (
    Part("as a list", "list({x})", "list", list),
    Part("in alphabetical order", "sorted({x})", "sorted", sorted),
    Part("joined by spaces", '" ".join({x})', "joined", " ".join),
    Part("separated by commas", '", ".join({x})', "row", ", ".join),
    Part("without repeats, sorted", "sorted(set({x}))", "unique", lambda ws: sorted(set(ws))),
)
_WORDS: tuple[list[str], ...] = (["apple", "level", "tests", "pear", "on", "pear"], ["sees", "iris"], [])


def word_pipeline(draw: Draw) -> Spec:
    """Keep some words of a list, change them, and bring them together."""
    test, change, end = draw.pick(_WORD_TESTS), draw.pick(_WORD_MAPS), draw.pick(_WORD_ENDS)
    does = (
        f"returns the words {test.phrase} from a list of lower-case words, {change.phrase} and {end.phrase}",
        f"selects from a list of lower-case words those {test.phrase} and returns them {change.phrase}, {end.phrase}",
        f"takes a list of lower-case words, keeps only the ones {test.phrase}, and returns them {change.phrase} and "
        f"{end.phrase}",
    )
    titles = (f"{change.name}_{test.name}_words", f"{test.name}_words_{change.name}", f"{end.name}_{test.name}_words")
    mapped, kept = change.code.format(x="word"), test.code.format(x="word")
    code = ("words: list[str]", "word", mapped, kept)
    return _pipeline("word pipeline", titles, does, (end, change, test), code, _WORDS)


def _pipeline(
    name: str,
    titles: tuple[str, ...],
    does: tuple[str, ...],
    parts: tuple[Part, Part, Part],
    code: tuple[str, str, str, str],
    inputs: tuple[Any, ...],
) -> Spec:
    """The spec of a filter, a map and an end; `code` holds the argument, the loop name, the map and the filter."""
    end, change, test = parts
    argument, each, mapped, kept = code
    plural = argument.split(":")[0]
    short = end.code.format(x=f"[{mapped} for {each} in {plural} if {kept}]")
    loop = f"result = []\nfor {each} in {plural}:\n    if {kept}:\n        result.append({mapped})\nreturn {end.code}"
    steps = (
        f"kept = [{each} for {each} in {plural} if {kept}]\nchanged = [{mapped} for {each} in kept]\nreturn {end.code}"
    )
    written = (f"return {short}", loop.format(x="result"), steps.format(x="changed"))
    bodies = tuple(re.sub(r"return list\((.*)\)$", r"return \1", body) for body in written)
    expected = [end.means([change.means(x) for x in values if test.means(x)]) for values in inputs]
    checks = tuple(f"f({_literal(values)}) == {_literal(want)}" for values, want in zip(inputs, expected, strict=True))
    returns = {list: "list", int: "int", str: "str"}[type(expected[0])]
    returns = f"list[{'int' if 'int' in argument else 'str'}]" if returns == "list" else returns
    variant = (("end", end.name), ("map", change.name), ("test", test.name))
    return Spec(name, titles, does, (argument,), returns, bodies, checks, variant)


_KEYS = (
    Part("first letter", "word[0]", "first_letter", lambda w: w[0]),
    Part("last letter", "word[-1]", "last_letter", lambda w: w[-1]),
    Part("length", "len(word)", "length", len),
    Part("number of e's", 'word.count("e")', "e_count", lambda w: w.count("e")),
)
_GROUPS = (
    Part("how many words there are", "len({x})", "count", len),
    Part("the words in their order", "{x}", "words", list),
    Part("the longest word (the first in a tie)", "max({x}, key=len)", "longest", lambda ws: max(ws, key=len)),
    Part("the sorted words", "sorted({x})", "sorted", sorted),
    Part("the total number of letters", 'len("".join({x}))', "letters", lambda ws: len("".join(ws))),
)


def grouping(draw: Draw) -> Spec:
    """Group words by a key and say something of each group."""
    key, value = draw.pick(_KEYS), draw.pick(_GROUPS)
    words = ["tree", "ten", "apple", "sea", "tent"]
    groups: dict[Any, list[str]] = {}
    for word in words:
        groups.setdefault(key.means(word), []).append(word)
    expected = {name: value.means(group) for name, group in groups.items()}
    end = f"return {{key: {value.code.format(x='group')} for key, group in groups.items()}}"
    end = "return groups" if value.name == "words" else end
    bodies = (
        f"groups = {{}}\nfor word in words:\n    groups.setdefault({key.code}, []).append(word)\n{end}",
        f"groups = {{}}\nfor word in words:\n    key = {key.code}\n    if key not in groups:\n        groups[key] "
        f"= []\n"
        f"    groups[key].append(word)\n{end}",
    )
    does = (
        f"groups words by their {key.phrase} and returns a dictionary with {value.phrase} for each group",
        f"maps each {key.phrase} that occurs among some words to {value.phrase} in that group",
    )
    titles = (f"{value.name}_by_{key.name}", f"group_by_{key.name}")
    checks = (f"f({_literal(words)}) == {_literal(expected)}", "f([]) == {}")
    variant = (("key", key.name), ("value", value.name))
    return Spec("grouping", titles, does, ("words: list[str]",), "dict", bodies, checks, variant)


_RULES = (
    Part("has at least eight characters", "len(text) >= 8", "long", lambda t: len(t) >= 8),
    Part("has at most twelve characters", "len(text) <= 12", "short", lambda t: len(t) <= 12),
    Part("contains a digit", "any(c.isdigit() for c in text)", "digit", lambda t: any(c.isdigit() for c in t)),
    Part("contains no space", '" " not in text', "one_word", lambda t: " " not in t),
    Part("starts with a letter", "text[:1].isalpha()", "letter_first", lambda t: t[:1].isalpha()),
    Part(
        "contains a capital letter", "any(c.isupper() for c in text)", "capital", lambda t: any(c.isupper() for c in t)
    ),
    Part("does not end in a full stop", 'not text.endswith(".")', "open", lambda t: not t.endswith(".")),
    Part("contains exactly one @", 'text.count("@") == 1', "at", lambda t: t.count("@") == 1),
)
_TEXTS = ("Garden42", "ab", "No way at all.", "mail@Host1", "lower case 7", "")


def _negated(code: str) -> str:
    """The opposite of one of the rules, as a person would write it."""
    if code.startswith("not "):
        return code.removeprefix("not ")
    for operator, opposite in ((" >= ", " < "), (" <= ", " > "), (" == ", " != "), (" not in ", " in ")):
        if operator in code:
            return code.replace(operator, opposite)
    return f"not {code}"


def _literal(value: object) -> str:
    """The value as code with double quotes; no string here holds a quote."""
    return repr(value).replace("'", '"')


def rules(draw: Draw) -> Spec:
    """Whether a text keeps two or three rules."""
    kept = draw.sample(_RULES, draw.integer(2, 3))
    what = draw.pick(("password", "user name", "code word", "file title", "login"))
    phrases = listing([rule.phrase for rule in kept])
    steps = "\n".join(f"if {_negated(rule.code)}:\n    return False" for rule in kept) + "\nreturn True"
    bodies = (f"return {' and '.join(rule.code for rule in kept)}", steps)
    checks = tuple(f"f({_literal(text)}) is {all(rule.means(text) for rule in kept)}" for text in _TEXTS)
    passed = [check for check in checks if check.endswith("True")]
    checks = (*passed[:1], *(check for check in checks if check.endswith("False")))[:4]
    title = what.replace(" ", "_")
    names = tuple(("rule", rule.name) for rule in sorted(kept, key=lambda rule: rule.name))
    does = (f"checks whether a {what} {phrases}", f"returns True if a {what} {phrases}, and False otherwise")
    titles = (f"is_valid_{title}", f"valid_{title}", f"check_{title}")
    return Spec("rules", titles, does, ("text: str",), "bool", bodies, checks, names)


_UNITS = (
    ("kilometres", "metres", 1000),
    ("hours", "minutes", 60),
    ("weeks", "days", 7),
    ("dozens", "pieces", 12),
    ("feet", "inches", 12),
    ("kilograms", "grams", 1000),
    ("days", "hours", 24),
    ("pounds", "ounces", 16),
    ("litres", "millilitres", 1000),
    ("yards", "feet", 3),
    ("gallons", "pints", 8),
    ("centuries", "years", 100),
)


def converter(draw: Draw) -> Spec:
    """Convert a quantity from a large unit to a small one or back, or split it into both."""
    large, small, factor = draw.pick(_UNITS)
    manner = draw.pick(("down", "up", "split"))
    if manner == "down":
        names, does = f"{large}_to_{small}", f"converts {large} to {small}"
        argument, returns, body = f"{large}: float", "float", f"return {large} * {factor}"
        checks = (f"f(2) == {2 * factor}", "f(0) == 0")
    elif manner == "up":
        names, does = f"{small}_to_{large}", f"converts {small} to {large}, as a fraction if need be"
        argument, returns, body = f"{small}: float", "float", f"return {small} / {factor}"
        checks = (f"f({3 * factor}) == 3", f"f({factor / 2:g}) == 0.5")
    else:
        names, does = f"split_{small}", f"splits a number of {small} into whole {large} and the remaining {small}"
        argument, returns, body = f"{small}: int", "tuple[int, int]", f"return divmod({small}, {factor})"
        checks = (f"f({2 * factor + 1}) == (2, 1)", f"f({factor - 1}) == (0, {factor - 1})")
    variant = (("large", large), ("small", small), ("manner", manner))
    return Spec("converter", (names,), (does,), (argument,), returns, (body,), checks, variant)
