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
        (["--task", "exact_match:QUIZ"], 2, "did you mean exact-match?"),
        (["--task", "unit-tests:QUIZ"], 2, "add --run-code"),
        (["--task", "exact-match:QUIZ", "--shots", "2"], 2, "give both --shots N and --shots-from FILE"),
        (["--task", "exact-match:QUIZ", "--shots", "2", "--shots-from", "none.jsonl"], 2, "none.jsonl is not a file"),
        (["--task", "QUIZ", "--max-new-tokens", "0"], 2, "--max-new-tokens"),
    ],
    ids=["file", "backend", "dtype", "template", "twice", "none", "kind", "code", "shots", "shots file", "0"],
)
def test_bad_options_are_told_in_one_line(quiz, tmp_path, capsys, arguments, code, told):
    given = [word.replace("QUIZ", str(quiz)) for word in arguments]
    assert evaluate("--model", "builtin", "--out", tmp_path / "results", *given) == code
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_help_has_an_example(capsys):
    assert evaluate("--help") == 0
    assert "dataselect evaluate --model builtin --task arc_easy --out results/untrained" in capsys.readouterr().out


def test_answers_are_written_and_told_like_any_other_task(tmp_path, capsys):
    sums, train = tmp_path / "sums.jsonl", tmp_path / "train.jsonl"
    sums.write_text('{"question": "What is two and two?", "answer": "#### 4"}\n')
    train.write_text('{"question": "What is one and one?", "answer": "#### 2"}\n')
    shown = ["--shots", 1, "--shots-from", train, "--max-new-tokens", 3]
    assert evaluate("--model", "builtin", "--task", f"exact-match:{sums}", "--out", tmp_path / "out", *shown) == 0
    said = capsys.readouterr()
    assert [line.split()[:4] for line in said.out.splitlines()[1:]] == [
        ["sums", "exact_match_strict", "higher", "1"], ["sums", "exact_match_flexible", "higher", "1"],
    ]  # fmt: skip
    (written,) = map(json.loads, (tmp_path / "out" / "outputs.jsonl").read_text().splitlines())
    assert written["expected"] == "4"


def test_the_list_of_tasks_says_which_way_every_metric_is_better(capsys):
    assert run(["ls", "tasks"]) == 0
    listed = capsys.readouterr().out
    assert "nll (lower), bits_per_byte (lower)" in listed
    assert "exact_match_strict (higher), exact_match_flexible (higher)" in listed
    assert all("(" in line or "the task's own" in line for line in listed.splitlines()[1:])
