"""Stage directories: what is used, resumed, refused and removed, and that a file appears whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dataselect.artifacts import StageDirectory, atomic, digest, file_digest, write_json, write_text
from dataselect.errors import ArtifactError


def stage(path, fingerprint=None, overwrite=False):
    return StageDirectory(
        path, fingerprint or {"a": 1}, {"option": "x"}, own=("out.txt", "parts/*"), overwrite=overwrite
    )


def finish(path, **options):
    with stage(path, **options) as one:
        write_text(path / "out.txt", "whole")
        one.finish({"counts": 1})


def test_an_absent_folder_is_made_run_first_manifest_last(tmp_path):
    with stage(tmp_path / "new") as one:
        assert json.loads((tmp_path / "new" / "run.json").read_text()) == {
            "fingerprint": {"a": 1},
            "options": {"option": "x"},
        }
        assert not one.finished
        one.finish({"counts": 3})
    assert json.loads((tmp_path / "new" / "manifest.json").read_text()) == {"fingerprint": {"a": 1}, "counts": 3}


def test_the_same_fingerprint_is_resumed_or_found_finished(tmp_path):
    with stage(tmp_path):
        write_text(tmp_path / "out.txt", "half")
    with stage(tmp_path) as again:
        assert not again.finished
        assert (tmp_path / "out.txt").read_text() == "half"
    finish(tmp_path)
    with stage(tmp_path) as done:
        assert done.finished


def test_another_fingerprint_is_refused_with_the_path_of_the_difference(tmp_path):
    finish(tmp_path, fingerprint={"model": {"dtype": "float32", "name": "m"}, "limit": None})
    with pytest.raises(ArtifactError, match=r'model\.dtype \("float32" there, "bfloat16" now\)') as told:
        finish(tmp_path, fingerprint={"model": {"dtype": "bfloat16", "name": "m"}, "limit": None})
    assert "name" not in told.value.message


def test_unfinished_files_without_run_json_are_removed(tmp_path):
    (tmp_path / "out.txt").write_text("left over")
    with stage(tmp_path):
        assert not (tmp_path / "out.txt").exists()


def test_foreign_files_are_refused_and_survive_overwrite(tmp_path):
    finish(tmp_path)
    (tmp_path / "notes.md").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ArtifactError, match=r"notes\.md"), stage(tmp_path, overwrite=overwrite):
            pass
    assert (tmp_path / "notes.md").read_text() == "mine"
    assert (tmp_path / "out.txt").exists()


def test_overwrite_removes_our_own_files_and_starts_again(tmp_path):
    finish(tmp_path)
    with stage(tmp_path, fingerprint={"a": 2}, overwrite=True) as one:
        assert not one.finished
        assert not (tmp_path / "out.txt").exists()


def test_stale_temporaries_of_a_killed_run_are_removed(tmp_path):
    with stage(tmp_path):
        pass
    (tmp_path / ".tmp-1-out.txt").write_text("half")
    with stage(tmp_path):
        assert not list(tmp_path.glob(".tmp-*"))


def test_a_file_where_a_folder_belongs(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="is a file"), stage(tmp_path / "file"):
        pass


def test_a_second_writer_is_kept_out_and_the_lock_dies_with_its_process(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from dataselect.artifacts import StageDirectory\n"
        "with StageDirectory(Path(sys.argv[1]), {'a': 1}, {}, own=()):\n print('in', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    with pytest.raises(ArtifactError, match="another process"), stage(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with stage(tmp_path) as one:
        assert not one.finished


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "f.json", "old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "f.json", {"x": float("nan")})

    def fail_half_way() -> None:
        with atomic(tmp_path / "f.json") as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert os.listdir(tmp_path) == ["f.json"]
    assert (tmp_path / "f.json").read_text() == "old"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="cannot write"), atomic(tmp_path / "file" / "inner.txt") as temporary:
        temporary.write_text("x")


def test_digests_follow_content_and_not_key_order_or_path(tmp_path):
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})
    for name in ("one", "two"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "f").write_text("same")
    assert file_digest(tmp_path / "one") == file_digest(tmp_path / "two")
