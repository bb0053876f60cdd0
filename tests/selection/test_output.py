import pytest

from dataselect.errors import ArtifactError, UsageError
from dataselect.selection.output import check_output
from dataselect.stage.beside import manifest_path


def test_the_manifest_stands_beside_the_file(tmp_path):
    assert manifest_path(tmp_path / "a.b.jsonl") == tmp_path / "a.b.manifest.json"


def test_a_new_file_and_an_earlier_selection_are_fine(tmp_path, seal_selection):
    out = tmp_path / "s.jsonl"
    check_output(out, ["-"], [], overwrite=False)
    out.write_text("")
    seal_selection(out, {"file": "s.jsonl"})
    check_output(out, ["-"], [tmp_path / "pool.jsonl"], overwrite=False)
    check_output(out, ["-"], [tmp_path / "pool.jsonl"], overwrite=True)
    out.unlink()
    check_output(out, ["-"], [], overwrite=False)


@pytest.mark.parametrize("name", ["s.json", "s", "s.jsonl.gz", ".jsonl"])
def test_another_ending_is_wrong_usage(tmp_path, name):
    with pytest.raises(UsageError, match=r"ends in \.jsonl"):
        check_output(tmp_path / name, ["-"], [], overwrite=True)


def test_an_input_is_never_the_target(tmp_path):
    out = tmp_path / "s.jsonl"
    with pytest.raises(UsageError, match="--out is also an input"):
        check_output(tmp_path / "x" / ".." / "s.jsonl", ["-"], [tmp_path / "other.jsonl", out], overwrite=True)


@pytest.mark.parametrize("manifest", [None, "{}", "[]", "not json", '{"kind": "training"}'])
def test_a_file_that_select_did_not_write_is_refused(tmp_path, manifest):
    out = tmp_path / "s.jsonl"
    out.write_text("precious")
    if manifest is not None:
        manifest_path(out).write_text(manifest)
    with pytest.raises(ArtifactError, match=r"s\.jsonl exists .*choose another --out, or add --overwrite"):
        check_output(out, ["-"], [], overwrite=False)
    if manifest is None:
        check_output(out, ["-"], [], overwrite=True)
        return
    with pytest.raises(ArtifactError, match=r"s\.manifest\.json was not written by dataselect select"):
        check_output(out, ["-"], [], overwrite=True)


def test_a_foreign_manifest_or_a_folder_in_the_way_is_refused(tmp_path):
    manifest_path(tmp_path / "s.jsonl").write_text('{"kind": "other"}')
    with pytest.raises(ArtifactError, match=r"s\.manifest\.json exists"):
        check_output(tmp_path / "s.jsonl", ["-"], [], overwrite=False)
    with pytest.raises(ArtifactError, match=r"s\.manifest\.json was not written by dataselect select"):
        check_output(tmp_path / "s.jsonl", ["-"], [], overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match=r"file is a file, but a folder is needed for s\.jsonl"):
        check_output(tmp_path / "file" / "deeper" / "s.jsonl", ["-"], [], overwrite=True)
    (tmp_path / "d.jsonl").mkdir()
    with pytest.raises(ArtifactError, match="is a folder"):
        check_output(tmp_path / "d.jsonl", ["-"], [], overwrite=True)
