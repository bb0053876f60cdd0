"""Target files as text, each a task, with the schemas of pools; and where inputs are found again."""

import json

import pytest

from dataselect.errors import PoolError
from dataselect.pool import ColumnMap
from dataselect.selection.inputs import InputPaths, read_target_texts
from dataselect.strategies import Text


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def test_files_are_read_in_order_and_are_tasks(tmp_path):
    sums = write(tmp_path / "sums.jsonl", {"question": "1 + 1?", "answer": "2"}, {"question": "1 + 2?", "answer": "3"})
    talk = write(tmp_path / "talk.jsonl", {"messages": [{"role": "user", "content": "Hello."}]})
    plain = tmp_path / "plain.txt"
    plain.write_text("A whole text.\n")
    targets = read_target_texts((sums, talk, str(plain)), ColumnMap())
    assert targets.texts == (
        Text("1 + 1?", "2"), Text("1 + 2?", "3"), Text("Hello.", ""), Text("", "A whole text."),
    )  # fmt: skip
    assert targets.tasks == ("sums.jsonl", "sums.jsonl", "talk.jsonl", "plain.txt")
    assert [(entry["role"], entry["source"]) for entry in targets.inputs] == [
        ("target", name) for name in ("sums.jsonl", "talk.jsonl", "plain.txt")
    ]
    assert len({entry["sha256"] for entry in targets.inputs}) == 3


def test_ids_may_clash_between_files(tmp_path):
    files = [write(tmp_path / name, {"id": "1", "prompt": "Say.", "response": name}) for name in ("a.jsonl", "b.jsonl")]
    assert [text.response for text in read_target_texts(files, ColumnMap()).texts] == ["a.jsonl", "b.jsonl"]


def test_unreadable_records_are_counted_and_a_file_of_them_is_an_error(tmp_path):
    some = write(tmp_path / "some.jsonl", {"prompt": "Say.", "response": "It."}, {"key": 1})
    assert read_target_texts((some,), ColumnMap()).rejects == 1
    none = write(tmp_path / "none.jsonl", {"key": 1})
    with pytest.raises(PoolError, match=r"the target none\.jsonl should hold examples, got 1 unreadable records"):
        read_target_texts((some, none), ColumnMap())


def test_columns_can_be_named(tmp_path):
    file = write(tmp_path / "f.jsonl", {"q": "Say.", "a": "It."})
    assert read_target_texts((file,), ColumnMap(prompt="q", response="a")).texts == (Text("Say.", "It."),)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("data", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "pool.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_are_recorded_from_the_folder_of_the_manifest_and_found_again(folder):
    pools, files = ("data/pool.jsonl", "-", "org/name"), ("data/pool.jsonl",)
    where = InputPaths.typed(pools, (folder / "scores",), folder / "data" / "emb", files, files)
    recorded = where.described(folder / "out")
    assert recorded == {
        "pools": ["../data/pool.jsonl", None, None],
        "scores": ["../scores"],
        "embeddings": "../data/emb",
        "targets": ["../data/pool.jsonl"],
        "evaluation": ["../data/pool.jsonl"],
    }
    assert InputPaths.recorded({"paths": recorded}, folder / "out") == where
    assert where.pools == (folder / "data" / "pool.jsonl", None, None)


def test_a_tree_that_moves_as_a_whole_is_found_where_it_is_now(folder):
    recorded = {"paths": InputPaths.typed(("data/pool.jsonl",)).described(folder / "out")}
    folder.rename(folder.parent / "moved")
    found = InputPaths.recorded(recorded, folder.parent / "moved" / "out")
    assert found.pools == (folder.parent / "moved" / "data" / "pool.jsonl",)


def test_links_to_folders_are_followed_and_a_file_keeps_its_own_name(folder):
    (folder / "short").symlink_to(folder / "out")
    (folder / "data" / "pool.jsonl").rename(folder / "data" / "blob")
    (folder / "data" / "pool.jsonl").symlink_to(folder / "data" / "blob")
    recorded = InputPaths.typed(("data/pool.jsonl",)).described(folder / "short")
    assert recorded["pools"] == ["../data/pool.jsonl"]
    assert InputPaths.recorded({"paths": recorded}, folder / "short").pools == (folder / "data" / "pool.jsonl",)


def test_a_manifest_that_records_no_paths_gives_none(folder):
    assert InputPaths.recorded({}, folder) == InputPaths()
