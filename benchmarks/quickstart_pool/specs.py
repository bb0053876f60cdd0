"""What a small Python function is specified by, and the examples that are written from it.

A spec is one behaviour with everything that may vary: names, phrasings, bodies, and parameters of the behaviour itself.
A written example draws one of each, with or without type hints, docstring and closing assertions, so that the same spec
gives quite different rows. The checks of a spec are expressions of its own, not outputs of its code: the tests run each
body against them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Template
from textwrap import dedent, indent

from quickstart_pool.draw import Draw
from quickstart_pool.example import Example, single
from quickstart_pool.wording import capital

_RENAMES = {
    "values": ("values", "numbers", "data", "series"),
    "text": ("text", "line", "s", "phrase"),
    "words": ("words", "tokens", "terms"),
    "number": ("number", "n", "num"),
    "result": ("result", "out", "answer", "found"),
    "total": ("total", "acc", "running"),
    "items": ("items", "elements", "sequence"),
}


@dataclass(frozen=True)
class Spec:
    """One behaviour; the texts are templates of the fields in `variant`.

    Attributes:
        name: Of the behaviour, without its variant.
        titles: Names that the function may have.
        does: What the function does, each a phrase that begins with a verb in the third person.
        arguments: Of the form `name: type`.
        returns: The type of the result.
        bodies: Bodies that behave alike.
        checks: Expressions of `f`, the function, that are true.
        variant: The parameters of the behaviour.
    """

    name: str
    titles: tuple[str, ...]
    does: tuple[str, ...]
    arguments: tuple[str, ...]
    returns: str
    bodies: tuple[str, ...]
    checks: tuple[str, ...]
    variant: tuple[tuple[str, str], ...] = ()

    @property
    def instance(self) -> str:
        """The name with the values of the variant."""
        return f"{self.name}({', '.join(value for _, value in self.variant)})"

    def filled(self, template: str) -> str:
        """A template of this spec with its fields filled in."""
        return Template(template).substitute(dict(self.variant))


def specs(
    name: str, titles: str, does: str, arguments: str, returns: str, bodies: str, checks: str, /, **variants: str
) -> tuple[Spec, ...]:
    """One spec for each variant.

    Args:
        name: Of the behaviour.
        titles: Names of the function, separated by `|`.
        does: Phrasings, separated by `|`.
        arguments: Arguments with types, separated by `;`.
        returns: The type of the result.
        bodies: Bodies, separated by a line of `---`.
        checks: Expressions of `f`, one per line.
        **variants: For each field its values, separated by spaces; a `~` in a value stands for a space; all fields
            have equally many.
    """
    columns = [[(field, value.replace("~", " ")) for value in values.split()] for field, values in variants.items()]
    rows = list(zip(*columns, strict=True)) if columns else [()]
    return tuple(
        Spec(
            name,
            tuple(titles.split("|")),
            tuple(does.split("|")),
            tuple(argument.strip() for argument in arguments.split(";")),
            returns,
            tuple(dedent(body).strip() for body in bodies.split("---")),
            tuple(line.strip() for line in checks.strip().splitlines()),
            row,
        )
        for row in rows
    )


_ASKS = (
    "Write a Python function `{title}` that {does}.",
    "Write a function named {title} which {does}.",
    "Implement `{call}`. It {does}.",
    "I need a small helper called {title} that {does}.",
    "Please write {title}, a function that {does}.",
    "Python: define `{call}`, which {does}.",
    "Can you give me a function that {does}? Its name should be `{title}`.",
    "How would you write a function {title} that {does}?",
    "Create the function `{title}`; it {does}.",
    "{Does}: write this as a Python function with the name {title}.",
    "For a small script we need `{call}`: a function that {does}. Please write it.",
    "Complete the missing function {title}. It {does}.",
)


def written(spec: Spec, draw: Draw) -> Example:
    """An example of the spec: an instruction, perhaps an input with a hint, and code that does what is asked."""
    title, does = spec.filled(draw.pick(spec.titles)), spec.filled(draw.pick(spec.does))
    checks = tuple(re.sub(r"\bf\(", f"{title}(", spec.filled(check)) for check in spec.checks)
    hinted = draw.chance(60)
    arguments = [argument if hinted else argument.split(":")[0] for argument in spec.arguments]
    header = f"{title}({', '.join(arguments)})"
    first = f"def {header}{f' -> {spec.returns}' if hinted else ''}:"
    body = indent(spec.filled(draw.pick(spec.bodies)), "    ")
    first, body = _renamed(f"{first}\n{body}", draw).split("\n", 1)
    code = "\n".join([first, *_docstring(does, checks, draw), body])
    if draw.chance(20):
        code += "\n\n\n" + "\n".join(f"assert {check}" for check in checks)
    call = first.removeprefix("def ").split(" ->")[0].removesuffix(":")
    ask = draw.pick(_ASKS).format(title=title, does=does, Does=imperative(does), call=call)
    return single("function", spec.instance, ask, code, _hint(checks, call, draw), checks)


def imperative(does: str) -> str:
    """The phrase as an order: `returns the sum` becomes `Return the sum`."""
    verb, _, rest = does.partition(" ")
    if verb.endswith("ies"):
        verb = verb.removesuffix("ies") + "y"
    elif verb.endswith("ches"):
        verb = verb.removesuffix("es")
    rest = re.sub(r"(?<=[ ,])(and )?(return|add|round|leave|keep|increase|list|write)s\b", r"\1\2", rest)
    return f"{capital(verb.removesuffix('s'))} {rest}"


def _docstring(does: str, checks: tuple[str, ...], draw: Draw) -> list[str]:
    if draw.chance(45):
        return []
    if draw.chance(60):
        return [f'    """{imperative(does)}."""']
    return [f'    """{imperative(does)}.', "", f"    For example, {checks[0]}.", '    """']


def _renamed(code: str, draw: Draw) -> str:
    """The code with some of its names exchanged for others that it does not use."""
    for name, others in _RENAMES.items():
        new = draw.pick(others)
        if not re.search(rf"\b{new}\b", code):
            code = re.sub(rf"(?<![.\w]){name}\b", new, code)
    return code


def _hint(checks: tuple[str, ...], call: str, draw: Draw) -> str:
    """What stands in the input field: mostly nothing, else an assertion or the first line of the function."""
    if draw.chance(65):
        return ""
    return f"def {call}:" if draw.chance(35) else f"assert {draw.pick(checks)}"
