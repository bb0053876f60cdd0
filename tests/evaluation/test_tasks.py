import gzip

import pytest

from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.tasks import Task, find_tasks

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
        Task("held", "held-out", held),
        Task("quiz", "multiple-choice", quiz),
        Task("more", "multiple-choice", packed),
        Task("arc_easy", "lm-eval", None),
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
