import json

import pytest

from dataselect.errors import ArtifactError, UsageError
from dataselect.selection.target import check_target, manifest_path


def test_the_manifest_stands_beside_the_file(tmp_path):
    assert manifest_path(tmp_path / "a.b.jsonl") == tmp_path / "a.b.manifest.json"


def test_a_new_file_and_an_earlier_selection_are_fine(tmp_path):
    out = tmp_path / "s.jsonl"
    check_target(out, [])
    manifest_path(out).write_text(json.dumps({"kind": "selection"}))
    check_target(out, [])
    out.write_text("")
    check_target(out, [tmp_path / "pool.jsonl"])


@pytest.mark.parametrize("name", ["s.json", "s", "s.jsonl.gz", ".jsonl"])
def test_another_ending_is_wrong_usage(tmp_path, name):
    with pytest.raises(UsageError, match=r"ends in \.jsonl"):
        check_target(tmp_path / name, [])


def test_an_input_is_never_the_target(tmp_path):
    out = tmp_path / "s.jsonl"
    with pytest.raises(UsageError, match="--out is also an input"):
        check_target(tmp_path / "x" / ".." / "s.jsonl", [tmp_path / "other.jsonl", out])


@pytest.mark.parametrize("manifest", [None, "{}", "[]", "not json", '{"kind": "training"}'])
def test_a_file_that_select_did_not_write_is_refused(tmp_path, manifest):
    out = tmp_path / "s.jsonl"
    out.write_text("precious")
    if manifest is not None:
        manifest_path(out).write_text(manifest)
    with pytest.raises(ArtifactError, match="choose another --out, or remove it"):
        check_target(out, [])


def test_a_foreign_manifest_or_a_folder_in_the_way_is_refused(tmp_path):
    manifest_path(tmp_path / "s.jsonl").write_text('{"kind": "other"}')
    with pytest.raises(ArtifactError, match=r"s\.manifest\.json exists"):
        check_target(tmp_path / "s.jsonl", [])
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match=r"file is a file, but a folder is needed for s\.jsonl"):
        check_target(tmp_path / "file" / "deeper" / "s.jsonl", [])
    (tmp_path / "d.jsonl").mkdir()
    with pytest.raises(ArtifactError, match="is a folder"):
        check_target(tmp_path / "d.jsonl", [])
