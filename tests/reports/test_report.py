"""Finding and refusing comparisons."""

from __future__ import annotations

import json

import pytest

from dataselect.errors import ArtifactError
from dataselect.reports import find_comparison, read_comparison


def test_in_the_folder_or_in_its_comparison(tmp_path, seal):
    with pytest.raises(ArtifactError, match=r"holds no comparison.json .*dataselect compare"):
        find_comparison(tmp_path)
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison" / "comparison.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"comparison is not a folder of dataselect compare: it has no run.json"):
        find_comparison(tmp_path)
    seal(tmp_path / "comparison", "compare")
    with pytest.raises(ArtifactError, match=r"comparison is not finished"):
        find_comparison(tmp_path)
    seal(tmp_path / "comparison", "compare", {})
    for folder in (tmp_path, tmp_path / "comparison"):
        assert find_comparison(folder) == tmp_path / "comparison" / "comparison.json"


@pytest.mark.parametrize("text", ["{}", "[]", "not JSON", '{"rows": []}'])
def test_what_is_not_a_comparison_is_named(tmp_path, text):
    (tmp_path / "comparison.json").write_text(text)
    with pytest.raises(
        ArtifactError, match=r"comparison.json (is not a comparison|cannot be read|should hold a JSON object)"
    ):
        read_comparison(tmp_path / "comparison.json")


def test_rows_of_an_older_version_are_named(comparison, tmp_path):
    document = json.loads(comparison.read_text(encoding="utf-8"))
    del document["rows"][3]["seed_noise"]
    (tmp_path / "comparison.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match=r"it lacks rows: seed_noise .*dataselect compare"):
        read_comparison(tmp_path / "comparison.json")
