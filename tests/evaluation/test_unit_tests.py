"""Coding problems: from what a model writes to a program, and the outcome of its tests."""

import gzip
import json

import numpy as np
import pytest

from dataselect.backends.contract import Generated
from dataselect.errors import DataselectError
from dataselect.evaluation.code_execution import run_programs
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.request import GenerationOptions
from dataselect.evaluation.tasks import find_tasks
from dataselect.evaluation.unit_tests import evaluate_unit_tests, instruction, program, read_problems
from dataselect.pool import Renderer, RenderOptions

PROMPT = 'def add(a, b):\n    """The sum of two numbers."""\n'
TEST = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(-1, 1) == 0\n"
PROBLEM = {"task_id": "Own/0", "prompt": PROMPT, "entry_point": "add", "test": TEST}


class Scripted(EvaluatedModel):
    """The bundled model's tokenizer and rendering; what is written is given, whoever would write it."""

    def __init__(self, builtin, texts, template="text"):
        super().__init__(builtin, Renderer(builtin, RenderOptions(template=template)), "transformers", "float32", None)
        self.texts, self.shown = texts, []

    def write_on(self, prompts, max_new_tokens, tick=lambda done: None):
        self.shown += [self.renderer.tokenizer.decode(ids) for ids in prompts]
        tick(len(prompts))
        encode = self.renderer.tokenizer.encode
        return [Generated(np.array(encode(text, add_special_tokens=False), np.int32), True) for text in self.texts]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def silent(task, done, of):
    pass


def task_of(file):
    return find_tasks([str(file)], None, GenerationOptions(64))[0]


def test_the_outcome_of_each_program_is_kept_beside_it(builtin, tmp_path):
    texts = [
        "\n    return a + b\n\ndef main():\n    pass",
        "\n    return a - b",
        "\n    return c",
        "```python\nimport os\nos._exit(0)\ndef add(a, b): ...\n```",
    ]
    file = write(tmp_path / "code.jsonl", [{**PROBLEM, "task_id": f"Own/{n}"} for n in range(4)])
    task = task_of(file)
    assert task.kind == "unit-tests"
    outcome = evaluate_unit_tests(task, Scripted(builtin, texts), silent)
    (passed,) = outcome.results
    assert (passed.metric, passed.direction) == ("pass@1", "higher")
    assert passed.item_ids == ("Own/0", "Own/1", "Own/2", "Own/3")
    assert passed.values.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert [one.judged["outcome"] for one in outcome.outputs] == ["pass", "fail", "error", "error"]
    assert outcome.outputs[0].output == texts[0]
    assert outcome.outputs[0].judged["program"] == PROMPT.rstrip() + "\n    return a + b\n\n"
    assert outcome.notes[0] == "programs of the model were executed: 1 pass, 1 fail, 2 error"


def test_without_a_template_the_code_is_written_on_and_with_one_it_is_asked_for(builtin, tmp_path):
    task = task_of(write(tmp_path / "code.jsonl", [PROBLEM]))
    plain, chat = Scripted(builtin, [""]), Scripted(builtin, ["```\ndef add(a, b):\n    return a + b\n```"], "chat")
    assert evaluate_unit_tests(task, plain, silent).results[0].mean == 0.0
    assert plain.shown == ["<|endoftext|>" + PROMPT.rstrip()]
    assert evaluate_unit_tests(task, chat, silent).results[0].mean == 1.0
    assert PROMPT.strip() in chat.shown[0]
    assert chat.shown[0].endswith("<|im_start|>assistant\n")


def test_the_bundled_model_is_really_run(builtin, tmp_path):
    model = EvaluatedModel(builtin, Renderer(builtin, RenderOptions(template="text")), "transformers", "float32", None)
    outcome = evaluate_unit_tests(task_of(write(tmp_path / "code.jsonl", [PROBLEM])), model, silent)
    assert outcome.outputs[0].judged["outcome"] in ("pass", "fail", "error", "timeout")
    assert len(outcome.outputs[0].output) > 0


def test_a_problem_that_does_not_fit_is_left_out(builtin, tmp_path):
    rows = [PROBLEM, {**PROBLEM, "task_id": "Own/1", "prompt": "# word\n" * 1000 + PROMPT}]
    outcome = evaluate_unit_tests(task_of(write(tmp_path / "code.jsonl", rows)), Scripted(builtin, [""]), silent)
    assert (outcome.items, dict(outcome.left_out)) == (2, {"too_long": 1})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prompt": ""}, "prompt should be text, got ''"),
        ({"test": None}, "test should be text, got None"),
        ({"entry_point": "add()"}, "entry_point should be a function's name, got 'add()'"),
        ({"entry_point": "add); import os; (add"}, "entry_point should be a function's name"),
        ({"task_id": "Own/0"}, "the id 'Own/0' occurs twice"),
    ],
)
def test_malformed_records_name_file_and_line(tmp_path, changes, told):
    file = write(tmp_path / "code.jsonl", [PROBLEM, {**PROBLEM, "task_id": "Own/1", **changes}])
    with pytest.raises(DataselectError) as caught:
        read_problems(file)
    assert "code.jsonl line 2" in caught.value.message
    assert told in caught.value.message


def test_a_function_may_be_called_like_one_of_the_tests(tmp_path):
    row = {**PROBLEM, "prompt": PROMPT.replace("add", "check"), "entry_point": "check"}
    (problem,) = read_problems(write(tmp_path / "code.jsonl", [row]))
    ends = run_programs([problem.tested(row["prompt"] + f"    return a {sign} b\n") for sign in "+-"], workers=1)
    assert [end.outcome for end in ends] == ["pass", "fail"]


def test_the_canonical_solutions_of_humaneval_all_pass(shared_data):
    file = shared_data / "benchmarks" / "humaneval__HumanEval.jsonl.gz"
    with gzip.open(file, "rt") as lines:
        solutions = [json.loads(line)["canonical_solution"] for line in lines]
    problems = read_problems(file)
    assert [problem.id for problem in problems] == [f"HumanEval/{n}" for n in range(164)]
    sources = [
        problem.tested(program(problem.prompt, solution, problem.entry_point))
        for problem, solution in zip(problems, solutions, strict=True)
    ]
    ends = list(run_programs(sources, workers=2))
    assert [end.outcome for end in ends] == ["pass"] * 164
    wrong = [
        problem.tested(program(problem.prompt, "    return None\n", problem.entry_point)) for problem in problems[:20]
    ]
    assert {end.outcome for end in run_programs(wrong, workers=2)} <= {"fail", "error"}


def test_mbpp_in_the_same_form_is_recognised_and_its_solutions_pass(shared_data):
    file = shared_data / "benchmarks" / "mxeval__mbpp_release_v1.jsonl"
    assert find_tasks([str(file)])[0].kind == "unit-tests"
    problems = read_problems(file)
    solutions = [json.loads(line)["canonical_solution"] for line in file.read_text().splitlines()]
    chosen = np.random.default_rng(0).choice(len(problems), 40, replace=False)
    sources = [problems[i].tested(program(problems[i].prompt, solutions[i], problems[i].entry_point)) for i in chosen]
    assert [end.outcome for end in run_programs(sources, workers=2)] == ["pass"] * 40


AREA = 'import math\n\ndef helper(x):\n    return x\n\ndef area(r):\n    """The area."""\n'
WHOLE_AREA = "def area(r):\n    return math.pi * r * r\n"


def value_of_area(code):
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
        WHOLE_AREA,
        "import math\n" + WHOLE_AREA,
        f"Here you are:\n\n```python\n{WHOLE_AREA}```\nIt is right, and 1 / 0 too.",
        f"```\n{WHOLE_AREA}",
        f"```py\nx = 1\n```\nor\n```python\n{WHOLE_AREA}\n```",
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
    assert value_of_area(program(AREA, output, "area")) == pytest.approx(12.566370614)


def test_what_stands_above_the_function_is_kept_below_which_a_whole_one_is_put():
    code = program(AREA, "def area(r):\n    return helper(r) * 2\n", "area")
    assert code.count("def area") == 1
    assert value_of_area(code) == 4


def test_an_empty_answer_gives_a_program_that_does_nothing():
    assert value_of_area(program(AREA, "", "area")) is None
    with pytest.raises(SyntaxError):
        value_of_area(program("def area(r):\n", "", "area"))


def test_a_function_of_a_longer_name_is_not_the_one_asked_for():
    code = program(AREA, "def area_of(r):\n    return 1\n", "area")
    assert value_of_area(code) is None  # taken as a body, of which nothing is left


def test_the_instruction_shows_the_problem_as_code():
    assert instruction(AREA).endswith('    """The area."""\n```')


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
