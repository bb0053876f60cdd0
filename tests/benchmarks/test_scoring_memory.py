"""A scoring process does not grow with the pool; the benchmark says the same of a million rows."""

from scoring_memory import measure


def test_thirty_thousand_rows_leave_the_memory_flat(tmp_path):
    found = measure(30_000, tmp_path)
    assert found["rows"] == 30_000
    assert found["growth_mb"] < 150  # 64 as a rule: what is in flight, and what the allocator keeps
