import gzip
import json

import pytest

from dataselect.evaluation.candidate import instruction, program

PROMPT = 'import math\n\ndef helper(x):\n    return x\n\ndef area(r):\n    """The area."""\n'
WHOLE = "def area(r):\n    return math.pi * r * r\n"


def value(code):
    names = {}
    exec(code, names)
    return names["area"](2)


@pytest.mark.parametrize(
    "output",
    [
        "    return math.pi * r * r\n",
        "\n    return math.pi * r * r",
        "    return math.pi * r * r\n\n\ndef other():\n    return 1\n",
        "    return math.pi * r * r\n\nprint(area(3))\nassert False\n",
        "    return (\n        math.pi * r * r\n    )\n# done\n!\n",
        "    x = [\n  r,\n]\n    return math.pi * x[0] * r\nThat is all!",
        WHOLE,
        "import math\n" + WHOLE,
        f"Here you are:\n\n```python\n{WHOLE}```\nIt is right, and 1 / 0 too.",
        f"```\n{WHOLE}",
        f"```py\nx = 1\n```\nor\n```python\n{WHOLE}\n```",
        "```python\n    return math.pi * r * r\n```",
    ],
    ids=[
        "body",
        "break",
        "next",
        "calls",
        "brackets",
        "talk",
        "whole",
        "imports",
        "block",
        "open",
        "second",
        "body block",
    ],
)
def test_every_form_of_the_same_answer_gives_the_same_function(output):
    assert value(program(PROMPT, output, "area")) == pytest.approx(12.566370614)


def test_what_stands_above_the_function_is_kept_below_which_a_whole_one_is_put():
    code = program(PROMPT, "def area(r):\n    return helper(r) * 2\n", "area")
    assert code.count("def area") == 1
    assert value(code) == 4


def test_an_empty_answer_gives_a_program_that_does_nothing():
    assert value(program(PROMPT, "", "area")) is None
    with pytest.raises(SyntaxError):
        value(program("def area(r):\n", "", "area"))


def test_a_function_of_a_longer_name_is_not_the_one_asked_for():
    code = program(PROMPT, "def area_of(r):\n    return 1\n", "area")
    assert value(code) is None  # taken as a body, of which nothing is left


def test_the_instruction_shows_the_problem_as_code():
    assert instruction(PROMPT).endswith('    """The area."""\n```')


@pytest.mark.parametrize("name", ["humaneval__HumanEval.jsonl.gz", "mxeval__HumanEval.jsonl"])
def test_no_canonical_body_is_cut(shared_data, name):
    path = shared_data / "benchmarks" / name
    with gzip.open(path, "rt") if name.endswith("gz") else path.open() as file:
        problems = [json.loads(line) for line in file]
    assert len(problems) > 150
    for problem in problems:
        body = problem["canonical_solution"]
        code = program(problem["prompt"], body, problem["entry_point"])
        assert code == f"{problem['prompt'].rstrip()}\n{body.lstrip(chr(10))}\n"
