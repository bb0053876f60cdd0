"""A stage directory that is open for writing: what is used, resumed, refused, replaced and removed."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256

import pytest

from dataselect.errors import ArtifactError
from dataselect.stage import IF_DIFFERENT, StageDirectory, read_finished


def stage(path, fingerprint=None, overwrite=False, command="score"):
    return StageDirectory(command, path, fingerprint or {"a": 1}, {"option": "x"}, overwrite)


def finish(path, text="whole", **options):
    with stage(path, **options) as one:
        one.write_text("out.txt", text)
        one.write_text("parts/0", "interim", interim=True)
        one.finish({"counts": 1})


def names(path):
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


def test_an_absent_folder_is_made_run_first_manifest_last(tmp_path):
    with stage(tmp_path / "new") as one:
        run = json.loads((tmp_path / "new" / "run.json").read_text())
        assert (run["command"], run["fingerprint"], run["options"], run["outputs"]) == (
            "score", {"a": 1}, {"option": "x"}, {},
        )  # fmt: skip
        assert not one.finished
        one.write_text("out.txt", "whole")
        one.finish({"counts": 3})
        assert one.finished
    assert json.loads((tmp_path / "new" / "manifest.json").read_text()) == {
        "fingerprint": {"a": 1}, "counts": 3,
        "outputs": {"out.txt": {"size": 5, "sha256": sha256(b"whole").hexdigest()}},
    }  # fmt: skip


def test_interim_files_and_scratch_go_when_the_stage_is_finished(tmp_path):
    with stage(tmp_path) as one:
        one.write_text("parts/0", "interim", interim=True)
        (one.scratch / "half").write_text("x")
        assert names(tmp_path)[-2:] == ["parts/0", "run.json"]
        one.write_text("out.txt", "whole")
        one.finish({})
    assert names(tmp_path) == [".lock", "manifest.json", "out.txt", "run.json"]
    assert not (tmp_path / "parts").exists()


def test_the_same_fingerprint_is_resumed_or_found_finished(tmp_path):
    with stage(tmp_path) as one:
        one.write_text("out.txt", "half")
    with stage(tmp_path) as again:
        assert not again.finished
        assert again.intact("out.txt")
    finish(tmp_path)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)}
    with stage(tmp_path) as done:
        assert done.finished
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names(tmp_path)} == before


def test_a_file_that_was_damaged_or_replaced_before_the_end_is_not_intact(tmp_path):
    with stage(tmp_path) as one:
        one.write_text("0", "first")
        one.write_text("1", "other")
    (tmp_path / "1").write_text("first")
    with stage(tmp_path) as again:
        assert (again.intact("0"), again.intact("1"), again.intact("2")) == (True, False, False)


def test_another_fingerprint_is_refused_with_the_path_of_the_difference(tmp_path):
    finish(tmp_path, fingerprint={"model": {"dtype": "float32", "name": "m"}, "limit": None})
    with pytest.raises(ArtifactError, match=r'model\.dtype \(was "float32", now "bfloat16"\)') as told:
        finish(tmp_path, fingerprint={"model": {"dtype": "bfloat16", "name": "m"}, "limit": None})
    assert "name" not in told.value.message


def test_another_command_is_refused_also_with_overwrite(tmp_path):
    finish(tmp_path)
    for overwrite in (False, True, IF_DIFFERENT):
        with (
            pytest.raises(ArtifactError, match="is a folder of dataselect score, not of train"),
            stage(tmp_path, command="train", overwrite=overwrite),
        ):
            pass


@pytest.mark.parametrize("overwrite", [False, True, IF_DIFFERENT])
def test_a_file_of_our_names_without_run_json_is_somebodys(tmp_path, overwrite):
    (tmp_path / "out.txt").write_text("mine")
    with (
        pytest.raises(ArtifactError, match=r"holds out\.txt, which this command did not write"),
        stage(tmp_path, overwrite=overwrite),
    ):
        pass
    assert names(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("overwrite", [False, True, IF_DIFFERENT])
@pytest.mark.parametrize("foreign", ["notes.md", "parts/notes.md", "inner/run.json", "inner/.lock", ".tmp-0/x"])
def test_foreign_files_are_refused_and_survive(tmp_path, foreign, overwrite):
    finish(tmp_path)
    (tmp_path / foreign).parent.mkdir(exist_ok=True)
    (tmp_path / foreign).write_text("mine")
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with (
        pytest.raises(ArtifactError, match=foreign.split("/")[0].replace(".", r"\.")),
        stage(tmp_path, fingerprint={"a": 2}, overwrite=overwrite),
    ):
        pass
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_a_link_that_leads_out_is_never_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "0").write_text("mine")
    with stage(tmp_path / "out") as one:
        one.write_text("parts/0", "interim", interim=True)
    (tmp_path / "out" / "parts" / "0").unlink()
    (tmp_path / "out" / "parts").rmdir()
    (tmp_path / "out" / "parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArtifactError, match="parts"), stage(tmp_path / "out", overwrite=True):
        pass
    assert (tmp_path / "elsewhere" / "0").read_text() == "mine"


def test_a_file_that_appears_while_a_stage_runs_is_not_replaced(tmp_path):
    with stage(tmp_path) as one:
        (tmp_path / "out.txt").write_text("mine")
        with pytest.raises(ArtifactError, match=r"out\.txt is in the way"):
            one.write_text("out.txt", "ours")
        with pytest.raises(ArtifactError, match=r"out\.txt is in the way"):
            one.claim("out.txt")
    assert (tmp_path / "out.txt").read_text() == "mine"


def test_overwrite_removes_what_the_earlier_run_listed_and_starts_again(tmp_path):
    finish(tmp_path)
    with stage(tmp_path, fingerprint={"a": 2}, overwrite=True) as one:
        assert not one.finished
        assert names(tmp_path) == [".lock", "run.json"]


def test_if_different_keeps_what_is_the_same_and_undamaged(tmp_path):
    finish(tmp_path)
    with stage(tmp_path, overwrite=IF_DIFFERENT) as same:
        assert same.finished
    with stage(tmp_path, fingerprint={"a": 2}, overwrite=IF_DIFFERENT) as other:
        assert not other.finished
    finish(tmp_path, fingerprint={"a": 2})
    (tmp_path / "out.txt").write_text("damage")
    with stage(tmp_path, fingerprint={"a": 2}, overwrite=IF_DIFFERENT) as damaged:
        assert not damaged.finished
        assert names(tmp_path) == [".lock", "run.json"]


@pytest.mark.parametrize("damage", ["whols", "whole and more", None])
def test_a_damaged_or_missing_output_of_a_finished_stage_is_named(tmp_path, damage):
    finish(tmp_path)
    (tmp_path / "out.txt").unlink()
    if damage is not None:
        (tmp_path / "out.txt").write_text(damage)
    told = r"out\.txt is (damaged|missing).*run dataselect score into .* with --overwrite"
    with pytest.raises(ArtifactError, match=told), stage(tmp_path):
        pass
    with pytest.raises(ArtifactError, match=told):
        read_finished(tmp_path).file("out.txt")
    finish(tmp_path, overwrite=True)
    assert read_finished(tmp_path).file("out.txt").read_text() == "whole"


def test_a_finished_stage_that_lost_its_manifest_is_finished_again(tmp_path):
    finish(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(ArtifactError, match="is not finished"):
        read_finished(tmp_path)
    finish(tmp_path)
    assert read_finished(tmp_path, "score").verify().manifest["counts"] == 1


def test_writing_into_a_finished_stage_takes_its_manifest_away_first(tmp_path):
    finish(tmp_path)
    with stage(tmp_path) as one:
        one.write_text("out.txt", "whole")
        assert one.finished  # the same bytes are no change
        one.write_text("out.txt", "other")
        assert not one.finished
        assert not (tmp_path / "manifest.json").exists()


def test_scratch_goes_when_the_stage_is_closed(tmp_path):
    with stage(tmp_path) as one:
        (one.scratch / "out.txt").write_text("half")
        scratch = one.scratch
    assert not scratch.exists()
    assert names(tmp_path) == [".lock", "run.json"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda run: [run],
        lambda run: {},
        lambda run: run | {"outputs": {**run["outputs"], "notes.md": {"size": 4, "sha256": "0", "interim": False}}},
        lambda run: run | {"fingerprint": {"a": 2}},
        lambda run: {k: v for k, v in run.items() if k != "seal"},
    ],
)
def test_a_run_json_that_was_edited_is_told_and_nothing_is_removed(tmp_path, edit):
    finish(tmp_path)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    before = names(tmp_path)
    for overwrite in (False, True):
        with (
            pytest.raises(ArtifactError, match=r"run\.json (was not written|is damaged)"),
            stage(tmp_path, overwrite=overwrite),
        ):
            pass
    assert names(tmp_path) == before


def test_names_of_a_run_json_stay_inside_its_folder(tmp_path, seal):
    from dataselect.stage.record import Output, RunRecord

    (tmp_path / "precious").write_text("mine")
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("../precious", str(tmp_path / "precious"), "a/../../precious", ""):
        RunRecord("score", {"a": 1}, {}, outputs={name: Output(4, "0")}).write(folder)
        with pytest.raises(ArtifactError, match="outside its folder"), stage(folder, overwrite=True):
            pass
    assert (tmp_path / "precious").read_text() == "mine"


def test_adopted_files_are_listed_and_config_json_comes_last(tmp_path, monkeypatch):
    moved: list[str] = []
    from dataselect.stage import directory

    original = directory.move_into_place
    monkeypatch.setattr(directory, "move_into_place", lambda a, b: (moved.append(b.name), original(a, b)))
    with stage(tmp_path) as one:
        made = one.scratch / "model"
        (made / "inner").mkdir(parents=True)
        for name in ("config.json", "model.safetensors", "inner/z.txt"):
            (made / name).write_text(name)
        one.adopt(made)
        one.finish({})
    assert moved == ["z.txt", "model.safetensors", "config.json"]
    assert sorted(read_finished(tmp_path).manifest["outputs"]) == ["config.json", "inner/z.txt", "model.safetensors"]


def test_adopting_refuses_to_replace_what_appeared_meanwhile(tmp_path):
    with stage(tmp_path) as one:
        made = one.scratch / "model"
        made.mkdir()
        (made / "model.safetensors").write_text("ours")
        (tmp_path / "model.safetensors").write_text("mine")
        with pytest.raises(ArtifactError, match="is in the way"):
            one.adopt(made)
    assert (tmp_path / "model.safetensors").read_text() == "mine"


def test_inner_stages_are_listed_and_never_entered(tmp_path):
    with stage(tmp_path, command="rank") as outer:
        outer.inner("scores")
        finish(tmp_path / "scores")
        outer.finish({})
    with stage(tmp_path, command="rank", fingerprint={"a": 2}, overwrite=True):
        assert read_finished(tmp_path / "scores", "score").verify()


def test_a_file_where_a_folder_belongs(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="is a file"), stage(tmp_path / "file"):
        pass


def test_a_second_writer_is_kept_out_and_the_lock_dies_with_its_process(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from dataselect.stage import StageDirectory\n"
        "with StageDirectory('score', Path(sys.argv[1]), {'a': 1}, {}):\n print('in', flush=True); time.sleep(60)"
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
