"""A stage that is open for writing, for tests of what writes into one."""

from __future__ import annotations

import pytest

from dataselect.stage import StageDirectory


@pytest.fixture
def stage(tmp_path):
    with StageDirectory("embed", tmp_path, {}, {}) as one:
        yield one
