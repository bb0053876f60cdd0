"""Several settings put together: counts, means and intervals by hand."""

from __future__ import annotations

import json
import math

import pytest
from scipy import stats

from dataselect.comparison.settings import compare_settings
from dataselect.errors import ArtifactError


def row(strategy, budget, difference, verdict, metric="accuracy"):
    return {
        "strategy": strategy, "budget": budget, "unit": "examples", "task": "sums", "metric": metric,
        "direction": "higher", "diff_to_random": difference, "verdict": verdict,
    }  # fmt: skip


@pytest.fixture
def folders(tmp_path, seal):
    """Three settings whose 10 % are 100, 50 and 80 examples."""
    made = {}
    for name, small, differences in (("a", 100, (0.10, 0.2)), ("b", 50, (0.20, 0.1)), ("c", 80, (-0.05, 0.3))):
        rows = [
            row("random", small, None, "control"), row("random", 2 * small, None, "control"),
            row("x", small, differences[0], "better" if differences[0] > 0 else "worse"),
            row("x", 2 * small, differences[1], "no difference shown"),
            row("untrained", 0, -0.5, "worse"), row("length-matched-random:x", small, 0.1, "better"),
        ]  # fmt: skip
        document = {
            "rows": rows, "tested": 4, "power": 0.8, "missing": [], "runs": [], "main_metrics": {"sums": "accuracy"}, "reproduction": {},
            "missing_controls": ["longest"], "failed": [{"cell": "x", "reason": "no memory"}] if name == "b" else [],
        }  # fmt: skip
        made[name] = tmp_path / name
        (made[name] / "comparison").mkdir(parents=True)
        (made[name] / "comparison" / "comparison.json").write_text(json.dumps(document))
        seal(made[name] / "comparison", "compare", {})
    return made


def test_budgets_of_the_same_place_belong_together(folders, tmp_path):
    found = {(one.strategy, one.budgets): one for one in compare_settings(folders, tmp_path / "all").across}
    assert set(found) == {("x", (100, 50, 80)), ("x", (200, 100, 160))}  # untrained is no candidate
    x = found["x", (100, 50, 80)]
    assert (x.settings, x.better, x.worse) == (("a", "b", "c"), 2, 1)
    mean = (0.10 + 0.20 - 0.05) / 3
    spread = math.sqrt(((0.10 - mean) ** 2 + (0.20 - mean) ** 2 + (-0.05 - mean) ** 2) / 2)
    half = stats.t.ppf(0.975, 2) * spread / math.sqrt(3)
    assert x.mean == pytest.approx(mean)
    assert (x.ci_low, x.ci_high) == (pytest.approx(mean - half), pytest.approx(mean + half))


def test_two_settings_give_no_interval(folders, tmp_path):
    del folders["c"]
    found = compare_settings(folders, tmp_path / "all").across
    assert all(one.ci_low is None and one.ci_high is None for one in found)


def test_what_is_missing_anywhere_is_told_with_its_setting(folders, tmp_path):
    document = compare_settings(folders, tmp_path / "all").document
    assert document["missing_controls"] == ["longest"]
    assert document["failed"] == [{"cell": "b/x", "reason": "no memory"}]
    assert document["tested"] == 12
    assert json.loads((tmp_path / "all" / "comparison.json").read_text())["rows"] == document["rows"]


def test_it_is_made_again_when_a_setting_has_changed(folders, tmp_path, seal):
    compare_settings(folders, tmp_path / "all")
    path = folders["a"] / "comparison" / "comparison.json"
    changed = json.loads(path.read_text())
    changed["rows"][2]["diff_to_random"] = 0.4
    path.write_text(json.dumps(changed))
    with pytest.raises(ArtifactError, match=r"comparison\.json is damaged"):
        compare_settings(folders, tmp_path / "all")
    seal(path.parent, "compare", {})
    again = compare_settings(folders, tmp_path / "all")
    assert again.across[0].differences[0] == 0.4
    assert json.loads((tmp_path / "all" / "comparison.json").read_text())["rows"][2]["diff_to_random"] == 0.4
