import gzip

import pytest

from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.request import GenerationOptions
from dataselect.evaluation.tasks import EvaluationTask, anchored_task, find_tasks

SFT = '{"instruction": "Hm?", "output": "Ah."}\n'
QUIZ = '{"question": "Hm?", "choices": ["Ah.", "Oh."], "answer": 0}\n'


def write(path, text):
    path.write_text(text)
    return path


def test_kinds_are_recognised_by_content_and_named_after_the_file(tmp_path):
    held, quiz = write(tmp_path / "held.jsonl", SFT), write(tmp_path / "quiz.json", f"[{QUIZ}]")
    packed = tmp_path / "more.jsonl.gz"
    packed.write_bytes(gzip.compress(QUIZ.encode()))
    assert find_tasks([str(held), str(quiz), str(packed), "arc_easy"]) == (
        EvaluationTask("held", "held-out", held),
        EvaluationTask("quiz", "multiple-choice", quiz),
        EvaluationTask("more", "multiple-choice", packed),
        EvaluationTask("arc_easy", "lm-eval", None),
    )


def test_a_file_can_be_given_another_name(tmp_path):
    file = write(tmp_path / "test.jsonl", QUIZ)
    assert find_tasks([f"riddles={file}"])[0].name == "riddles"
    odd = write(tmp_path / "a=b.jsonl", SFT)
    assert find_tasks([str(odd)])[0].name == "a=b"


def test_two_tasks_of_one_name_are_refused(tmp_path):
    (tmp_path / "other").mkdir()
    files = [write(tmp_path / "test.jsonl", SFT), write(tmp_path / "other" / "test.jsonl", SFT)]
    with pytest.raises(UsageError, match="two tasks are called test"):
        find_tasks([str(file) for file in files])
    assert len(find_tasks([str(files[0]), f"other={files[1]}"])) == 2


@pytest.mark.parametrize("given", ["missing.jsonl", "some/where", "name=missing.jsonl"])
def test_what_looks_like_a_file_must_be_one(tmp_path, given):
    with pytest.raises(DataselectError, match="does not exist"):
        find_tasks([given])


def test_folders_empty_files_and_no_task_at_all_are_refused(tmp_path):
    with pytest.raises(DataselectError, match="is a folder"):
        find_tasks([str(tmp_path)])
    with pytest.raises(DataselectError, match="holds no readable record"):
        find_tasks([str(write(tmp_path / "broken.jsonl", "{nothing\n"))])
    with pytest.raises(UsageError, match="no task was given"):
        find_tasks([])


PAIR = '{"sentence_good": "Yes.", "sentence_bad": "Si."}\n'
CODE = '{"prompt": "def f():", "entry_point": "f", "test": "def check(f): pass"}\n'
SUMS = '{"question": "How many?", "answer": "#### 4"}\n'


def test_pairs_and_code_are_recognised_by_their_columns_and_sums_are_held_out_text_unless_told(tmp_path):
    pairs, code = write(tmp_path / "pairs.jsonl", PAIR), write(tmp_path / "code.jsonl", CODE)
    sums = write(tmp_path / "sums.jsonl", SUMS)
    given = [str(pairs), str(code), str(sums), f"maths=exact-match:{sums}", f"again=held-out:{sums}"]
    assert [(task.name, task.kind, task.file) for task in find_tasks(given)] == [
        ("pairs", "minimal-pairs", pairs), ("code", "unit-tests", code), ("sums", "held-out", sums),
        ("maths", "exact-match", sums), ("again", "held-out", sums),
    ]  # fmt: skip
    options = GenerationOptions(max_new_tokens=7)
    assert find_tasks([f"exact-match:{sums}"], None, options) == (
        EvaluationTask("sums", "exact-match", sums, None, options),
    )


def test_a_kind_that_is_none_is_answered_with_near_matches(tmp_path):
    file = write(tmp_path / "sums.jsonl", SUMS)
    with pytest.raises(UsageError, match="unknown kind of task 'exact_match'") as caught:
        find_tasks([f"exact_match:{file}"])
    assert "exact-match" in caught.value.hint
    with pytest.raises(DataselectError, match="does not exist"):
        find_tasks(["exact-match:missing.jsonl"])
    with pytest.raises(DataselectError, match="does not exist"):
        find_tasks(["exact-match:arc_easy"])


def test_a_file_of_the_harness_is_known_by_the_task_in_it(tmp_path):
    task = write(tmp_path / "mine.yaml", "# my task\ntask: my_task  # its name\nprocess_docs: !function code.process\n")
    group = write(tmp_path / "group.yml", "task: [one, two]\ngroup: 'my_group'\n")
    assert find_tasks([str(task), str(group)]) == (
        EvaluationTask("my_task", "lm-eval", None, tmp_path), EvaluationTask("my_group", "lm-eval", None, tmp_path),
    )  # fmt: skip
    with pytest.raises(DataselectError, match="names no task"):
        find_tasks([str(write(tmp_path / "other.yaml", "a: 1\n"))])
    with pytest.raises(DataselectError, match="cannot read the task file"):
        find_tasks([str(tmp_path / "none.yaml")])


def file_of(given):
    (task,) = find_tasks([given])
    return task.file


def test_the_file_behind_a_tasks_words_and_its_path_from_a_folder(tmp_path, monkeypatch):
    write(tmp_path / "sums.jsonl", SUMS)
    for words in ("{}", "maths={}", "exact-match:{}", "maths=exact-match:{}"):
        given = words.format("sums.jsonl")
        anchored = anchored_task(given, tmp_path)
        assert anchored == words.format(tmp_path / "sums.jsonl")
        assert file_of(anchored) == tmp_path / "sums.jsonl"
        assert anchored_task(anchored, tmp_path) == anchored
        assert anchored_task(words.format("none.jsonl"), tmp_path) == words.format("none.jsonl")
    assert file_of("arc_easy") is None
    assert anchored_task("arc_easy", tmp_path) == "arc_easy"
    monkeypatch.chdir(tmp_path)
    for words in ("{}", "maths={}", "exact-match:{}", "maths=exact-match:{}"):
        assert str(file_of(words.format("sums.jsonl"))) == "sums.jsonl"
