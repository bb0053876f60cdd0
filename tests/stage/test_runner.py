"""The stage runner: a command runs once, its manifest is complete, and a finished directory answers as it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dataselect.errors import ArtifactError
from dataselect.stage import FinishedStage, StageDirectory, read_finished, recorded_options, run_stage, write_document


@dataclass
class Count:
    """A command that writes one number."""

    number: int
    ran: list[int] = field(default_factory=list)
    name = "count"

    @property
    def fingerprint(self) -> dict[str, Any]:
        return {"number": self.number}

    @property
    def options(self) -> dict[str, Any]:
        return {"number": self.number}

    def run(self, directory: StageDirectory) -> dict[str, Any]:
        self.ran.append(self.number)
        directory.write_json("count.json", self.number)
        return {"stage": "count", "wall_seconds": directory.wall_seconds}

    def result(self, finished: FinishedStage, fresh: bool) -> tuple[str, bool]:
        return finished.file("count.json").read_text(), fresh


def test_a_finished_directory_is_not_run_again(tmp_path):
    command = Count(7)
    assert run_stage(command, tmp_path / "out") == ("7\n", True)
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run_stage(command, tmp_path / "out") == ("7\n", False)
    assert command.ran == [7]
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_the_manifest_holds_what_the_command_says_and_what_it_ran_on(tmp_path):
    run_stage(Count(7), tmp_path)
    manifest = read_finished(tmp_path, "count").manifest
    assert list(manifest) == ["fingerprint", "stage", "wall_seconds", "environment", "outputs"]
    assert manifest["wall_seconds"] >= 0
    assert manifest["environment"]["versions"]["python"]


def test_other_inputs_need_overwrite(tmp_path):
    run_stage(Count(7), tmp_path)
    with pytest.raises(ArtifactError, match=r"was made with another number \(was 7, now 8\)"):
        run_stage(Count(8), tmp_path)
    assert run_stage(Count(8), tmp_path, overwrite=True) == ("8\n", True)


def test_a_run_that_fails_leaves_no_manifest_and_is_run_again(tmp_path):
    class Failing(Count):
        def run(self, directory: StageDirectory) -> dict[str, Any]:
            super().run(directory)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        run_stage(Failing(7), tmp_path)
    assert not (tmp_path / "manifest.json").exists()
    assert run_stage(Count(7), tmp_path) == ("7\n", True)


def test_the_options_recorded_are_those_that_say_how_and_not_where(tmp_path):
    @dataclass
    class Request:
        model: str
        out: Path
        server: str
        overwrite: bool = False

    assert recorded_options(Request("builtin", tmp_path, "http://user:secret@host")) == {"model": "builtin"}


def test_a_document_is_written_once(tmp_path):
    file = write_document("diff", tmp_path, {"rows": 3})
    before = file.stat().st_mtime_ns
    assert write_document("diff", tmp_path, {"rows": 3}) == file
    assert file.stat().st_mtime_ns == before
    with pytest.raises(ArtifactError, match="was made with another document"):
        write_document("diff", tmp_path, {"rows": 4})
