import json

import pytest

from dataselect.cli import run


@pytest.fixture
def quiz(tmp_path):
    file = tmp_path / "quiz.jsonl"
    records = [{"question": "Up or down?", "choices": ["Up.", "Down."], "answer": n} for n in (0, 1)]
    records.append({"question": "Long?", "choices": ["Yes.", "word " * 1500], "answer": 0})
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def evaluate(*arguments):
    return run(["evaluate", *map(str, arguments)])


def test_the_table_goes_to_stdout_and_everything_else_to_stderr(quiz, tmp_path, capsys):
    assert evaluate("--model", "builtin", "--task", quiz, "--out", tmp_path / "results", "--template", "qa") == 0
    said = capsys.readouterr()
    lines = [line.split() for line in said.out.splitlines()]
    assert lines == [
        ["TASK", "METRIC", "BETTER", "ITEMS", "MEAN"],
        ["quiz", "accuracy", "higher", "2", "0.5000"],  # the same question with either answer
        ["quiz", "accuracy_norm", "higher", "2", "0.5000"],
    ]
    assert "quiz: 1 items left out (1 too_long)" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--task", "none.jsonl"], 1, "the task file none.jsonl does not exist"),
        (["--task", "QUIZ", "--backend", "vlm"], 2, "did you mean vllm?"),
        (["--task", "QUIZ", "--dtype", "float33"], 2, "float32"),
        (["--task", "QUIZ", "--template", "jinja"], 2, "unknown template 'jinja'"),
        (["--task", "QUIZ", "--task", "QUIZ"], 2, "two tasks are called quiz"),
        ([], 2, "--task"),
    ],
    ids=["file", "backend", "dtype", "template", "twice", "none"],
)
def test_bad_options_are_told_in_one_line(quiz, tmp_path, capsys, arguments, code, told):
    given = [str(quiz) if word == "QUIZ" else word for word in arguments]
    assert evaluate("--model", "builtin", "--out", tmp_path / "results", *given) == code
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_help_has_an_example(capsys):
    assert evaluate("--help") == 0
    assert "dataselect evaluate --model builtin --task arc_easy --out results/untrained" in capsys.readouterr().out
