"""The data of the quickstart, and an experiment over it: the bundled pool, and a configuration of `run` beside it.

The pool has 1,040 composed examples of four kinds with planted defects, target sets, and a choice task. It is made so
that a selection can be judged: `defects.jsonl` names the spoiled rows, and for each kind there are clean held-out
examples, some to evaluate on (`tasks/<kind>.jsonl`) and others to select towards (`targets/<kind>.jsonl`). It ships as
an archive; `benchmarks/quickstart_pool` is the generator that composed it. The same rows are also written as one pool
of each kind (`pools/<kind>.jsonl`), for questions about pools.

Its numbers say something about a model of four million parameters on a composed pool, and nothing about anybody's data.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.artifacts import atomic, ordinary_file
from dataselect.errors import ArtifactError
from dataselect.library_errors import user_errors
from dataselect.models import BUNDLED

ARCHIVE = BUNDLED / "quickstart.tar.xz"
ARCHIVE_SHA256 = "defb157341725f6ecd0444ae8cc3b743f97d17027285d36e9764d8202f387947"
KINDS = ("arithmetic", "function", "dialogue", "instruction")
_HEADER = """\
# Every strategy on the quickstart's pool, with controls and seeds: dataselect run {name} --out DIR
"""


@dataclass(frozen=True)
class QuickstartFiles:
    """The files that `write_quickstart` wrote; `pools`, `tasks` and `targets` have one file for each kind.

    Attributes:
        pool: All rows; the files of `pools` hold the same ones.
    """

    pool: Path
    pools: dict[str, Path]
    defects: Path
    tasks: dict[str, Path]
    targets: dict[str, Path]
    choices: Path


def write_quickstart(directory: Path) -> QuickstartFiles:
    """Unpack the quickstart data.

    Args:
        directory: A folder, made if absent. Existing files with the same content are left as they are.

    Raises:
        ArtifactError: If the shipped archive is damaged, the folder is a file or cannot be written, or a file of one of
            the names holds something else.
    """
    archive = ARCHIVE.read_bytes()
    if hashlib.sha256(archive).hexdigest() != ARCHIVE_SHA256:
        raise ArtifactError(f"{ARCHIVE} is damaged: its sha256 is not that of the release", "install dataselect again")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:xz") as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            assert content is not None  # the archive holds files only
            _write(directory / entry.name, content.read())
    pool = directory / "pool.jsonl"
    return QuickstartFiles(
        pool=pool,
        pools=_by_kind(pool),
        defects=directory / "defects.jsonl",
        tasks={kind: directory / "tasks" / f"{kind}.jsonl" for kind in KINDS},
        targets={kind: directory / "targets" / f"{kind}.jsonl" for kind in KINDS},
        choices=directory / "choices.jsonl",
    )


def _by_kind(pool: Path) -> dict[str, Path]:
    """Write the rows of each kind as a pool of their own."""
    lines = pool.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(line)["kind"] for line in lines]
    pools = {kind: pool.with_name("pools") / f"{kind}.jsonl" for kind in KINDS}
    for kind, path in pools.items():
        _write(path, b"".join(line for line, its in zip(lines, kinds, strict=True) if its == kind))
    return pools


def _write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with user_errors(f"cannot write {path}"):
        if path.exists():
            if ordinary_file(path).read_bytes() != content:
                raise ArtifactError(
                    f"{path} holds something else than this quickstart would write", "choose another folder"
                )
            return
        with atomic(path) as unfinished:
            unfinished.write_bytes(content)


@user_errors()
def write_experiment(files: QuickstartFiles, out: Path) -> Path:
    """Write the experiment over the quickstart's files as `out/quickstart.yaml` and return its path.

    Args:
        files: Below `out`.

    Raises:
        ArtifactError: If the file cannot be written, or one of its name holds something else.
    """
    config = out / "quickstart.yaml"
    _write(config, (_HEADER.format(name=config.name) + _yaml(_settings(files, out))).encode())
    return config


def _yaml(settings: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(settings, sort_keys=False, default_flow_style=None, width=110)


def _settings(files: QuickstartFiles, out: Path) -> dict[str, Any]:
    def relative(path: Path) -> str:
        return path.relative_to(out).as_posix()

    return {
        "model": "builtin",
        "pools": [relative(files.pool)],
        "tasks": [*(relative(path) for path in files.tasks.values()), relative(files.choices)],
        "targets": [relative(path) for path in files.targets.values()],
        "encoder": "minilm",
        "strategies": ["ppl-low", "ppl-mid", "ppl-high", "ifd-high", "similarity"],
        "budgets": ["10%"],
        "seeds": [0, 1, 2],
        "random_seeds": [0, 1, 2],
        "length_matched": ["ppl-low"],
        "scoring": {"tokens": True},
        "layers": True,
        "training": {"epochs": 1.0, "learning_rate": 1e-3, "batch_size": 8},
        "known_defects": relative(files.defects),
    }
