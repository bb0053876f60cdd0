"""Random faults at random calls of random commands: the run tells one line or finishes, and the same command after it
ends with the bytes of a run that nothing disturbed."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest

NAMES = (
    "score", "embed", "rank", "select", "explain", "diff", "train", "train --lora", "evaluate", "compare", "report",
    "analyze", "layers", "tokens",
)  # fmt: skip
ROUNDS = int(os.environ.get("DATASELECT_FAULT_ROUNDS", "3"))
"""Random faults per command."""

WRITES = {"w": 60, "o": 20, "n": 12, "d": 4, "s": 24, "t": 3}
"""Kind of call -> highest number of such calls before the one that fails."""

READS = {"r": 60, "i": 30}
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EFBIG, errno.ENOMEM)


def content(out: Path) -> dict[str, bytes]:
    """What a command wrote, but for files that tell times."""
    told = ("run.json", "manifest.json", ".lock")
    found = [path for path in out.rglob("*") if path.is_file() and not path.name.endswith(told)]
    return {str(path.relative_to(out)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def calm(place, dataselect, tmp_path_factory):
    """Name of a command -> what it writes where nothing fails."""
    found: dict[str, dict[str, bytes]] = {}

    def of(name: str) -> dict[str, bytes]:
        if name not in found:
            out = tmp_path_factory.mktemp("calm")
            assert dataselect(*place.commands(out)[name]).code == 0
            found[name] = content(out)
        return found[name]

    return of


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("name", NAMES)
def test_after_any_fault_the_same_command_ends_with_the_same_bytes(place, dataselect, tmp_path, calm, name, seed):
    draw = random.Random(f"{name} {seed}")
    reads = draw.random() < 0.3
    kind, most = draw.choice(list((READS if reads else WRITES).items()))
    below = place.folder if reads else tmp_path
    fault = (below, kind, draw.randrange(most), draw.choice(ERRORS), draw.random() < 0.5)
    arguments = place.commands(tmp_path)[name]
    ended = dataselect(*arguments, fail=fault)
    if ended.code:
        assert ended.line, fault
        ended = dataselect(*arguments)
    assert ended.code == 0, (fault, ended.err[-2000:])
    assert content(tmp_path) == calm(name), fault
