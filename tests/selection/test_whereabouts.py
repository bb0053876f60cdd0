import pytest

from dataselect.selection.whereabouts import Whereabouts


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("data", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "pool.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_are_recorded_from_the_folder_of_the_manifest_and_found_again(folder):
    where = Whereabouts.given(("data/pool.jsonl", "-", "org/name"), (folder / "scores",), folder / "data" / "emb")
    told = where.described(folder / "out")
    assert told == {"pools": ["../data/pool.jsonl", None, None], "scores": ["../scores"], "embeddings": "../data/emb"}
    assert Whereabouts.recorded({"paths": told}, folder / "out") == where
    assert where.pools == (folder / "data" / "pool.jsonl", None, None)


def test_a_tree_that_moves_as_a_whole_is_found_where_it_is_now(folder):
    told = {"paths": Whereabouts.given(("data/pool.jsonl",), (), None).described(folder / "out")}
    folder.rename(folder.parent / "moved")
    found = Whereabouts.recorded(told, folder.parent / "moved" / "out")
    assert found.pools == (folder.parent / "moved" / "data" / "pool.jsonl",)


def test_links_to_folders_are_followed_and_a_file_keeps_its_own_name(folder):
    (folder / "short").symlink_to(folder / "out")
    (folder / "data" / "pool.jsonl").rename(folder / "data" / "blob")
    (folder / "data" / "pool.jsonl").symlink_to(folder / "data" / "blob")
    told = Whereabouts.given(("data/pool.jsonl",), (), None).described(folder / "short")
    assert told["pools"] == ["../data/pool.jsonl"]
    assert Whereabouts.recorded({"paths": told}, folder / "short").pools == (folder / "data" / "pool.jsonl",)


def test_a_manifest_that_records_no_paths_gives_none(folder):
    assert Whereabouts.recorded({}, folder) == Whereabouts()
