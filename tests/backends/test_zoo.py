"""Every causal architecture of the installed transformers: right in packs of mixed lengths, or refused in one line."""

from __future__ import annotations

import pytest
from model_families import TABLE, rows_of, verdict
from model_zoo import families

PACKED = (
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "qwen3_moe",
    "gemma2",
    "gemma3",
    "gemma4",
    "gpt2",
    "gpt_oss",
    "phi3",
    "olmo3",
)


@pytest.mark.parametrize("family", families())
def test_a_family_is_scored_as_by_the_model_itself_or_refused_with_a_reason(family):
    found = verdict(family)
    if found.outcome == "refused":
        assert found.reason
        assert "\n" not in found.reason
        return
    assert found.difference is not None
    assert found.difference < 1e-5


def test_the_table_of_families_in_the_documentation_is_what_the_zoo_finds():
    told = rows_of(TABLE.read_text(encoding="utf-8"))
    found = {family: (one.outcome, one.reason) for family in families() for one in [verdict(family)]}
    other = {family: row for family, row in found.items() if told.get(family) != row}
    assert {family: row for family, row in other.items() if "ImportError" not in told.get(family, ("", ""))[1]} == {}


def test_the_families_that_most_people_use_go_in_packs():
    assert {family: verdict(family).reason for family in PACKED if verdict(family).outcome != "packed"} == {}
