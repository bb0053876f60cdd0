"""From what a model writes for a coding problem to a program whose tests can be run.

Under the template `text` the model writes on from the problem's own code, as HumanEval was made for (Chen et al. 2021,
arXiv 2107.03374); under every other template it is asked, in a user's turn, for the whole function in a code block. A
code block that defines the function is taken whole, below what the problem has above its function (imports, helpers);
anything else is taken as the rest of the function's body and ends before the first line at the margin, as it is usual.

Left out: helpers that are written below the function without a code block around both.
"""

from __future__ import annotations

import re

_INSTRUCTION = (
    "Complete the following Python function. Answer with the whole function in one code block.\n\n"
    "```python\n{prompt}\n```"
)
_BLOCK = re.compile(r"```[A-Za-z0-9+]*[ \t]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_IN_BODY = re.compile(r"[\s)\]}]")


def instruction(prompt: str) -> str:
    """The user's turn that asks for a function.

    Args:
        prompt: The problem: code up to the end of the docstring.
    """
    return _INSTRUCTION.format(prompt=prompt.strip("\n"))


def program(prompt: str, output: str, entry_point: str) -> str:
    """The module that the output makes of the problem.

    Args:
        output: What the model wrote, with or without code blocks around the code.
        entry_point: Name of the function.
    """
    blocks: list[str] = _BLOCK.findall(output)
    defines = re.compile(rf"^(?:async )?def {re.escape(entry_point)}\b", re.MULTILINE)
    whole = next((block for block in blocks if defines.search(block)), None)
    if whole is None and not blocks and defines.search(output):
        whole = output
    if whole is not None:
        begin = defines.search(prompt)
        return f"{prompt[: begin.start()] if begin else ''}\n{whole}\n"
    body = blocks[0] if blocks else output
    return f"{prompt.rstrip()}\n{_rest_of_body(body)}\n"


def _rest_of_body(text: str) -> str:
    """The lines up to the first that stands at the margin: what follows is another function, a test, or talk."""
    lines = text.lstrip("\r\n").split("\n")
    end = next((n for n, line in enumerate(lines) if line and not _IN_BODY.match(line)), len(lines))
    return "\n".join(lines[:end])
