"""Stage directories: who may write and delete what, how a command is run into one, and how a finished one is read."""

from dataselect.stage.directory import IF_DIFFERENT, Overwrite, StageDirectory
from dataselect.stage.finished import FinishedStage, check_output, is_stage, read_finished, recorded_fingerprint
from dataselect.stage.record import LOCK, MANIFEST, RUN
from dataselect.stage.runner import Command, recorded_options, run_stage, write_document

__all__ = [
    "IF_DIFFERENT",
    "LOCK",
    "MANIFEST",
    "RUN",
    "Command",
    "FinishedStage",
    "Overwrite",
    "StageDirectory",
    "check_output",
    "is_stage",
    "read_finished",
    "recorded_fingerprint",
    "recorded_options",
    "run_stage",
    "write_document",
]
