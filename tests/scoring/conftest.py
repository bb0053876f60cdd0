"""A model that loads at once, and a process that has imported everything and forks: a start then costs no imports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = """
import json, os, signal, sys
import pyarrow.parquet, torch, transformers
import transformers.models.llama.modeling_llama, transformers.integrations.executorch
import dataselect.cli.score, dataselect.backends.transformers, dataselect.scoring.merge, dataselect.scoring.run as run
from dataselect.cli import run as command

def die_at(moment, name):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir")) and name in str(arguments[0]):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def start(asked):
    code = 70
    try:
        print(os.getpid(), flush=True)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(asked["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
        os.dup2(os.open(asked["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
        os.environ.update(asked["environment"])
        run.SHARD_RECORDS = asked["shard_records"]
        if asked["die_at"]:
            die_at(*asked["die_at"])
        exec(asked["before"], {})
        code = command(asked["arguments"])
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)

print("warm", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        start(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os._exit(0)
"""


class Started:
    """One command that runs in a fork of the warm process."""

    def __init__(self, server: subprocess.Popen[str], stdout: Path, stderr: Path) -> None:
        self._server = server
        self._stdout, self._stderr = stdout, stderr
        self.pid = int(server.stdout.readline())
        self._code: int | None = None

    def wait(self) -> int:
        """The exit code; minus the signal's number if one killed it."""
        if self._code is None:
            self._code = int(self._server.stdout.readline())
        return self._code

    @property
    def out(self) -> str:
        return self._stdout.read_text()

    @property
    def err(self) -> str:
        return self._stderr.read_text()


class Warm:
    """Runs `dataselect` commands one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self._server.stdout.readline() == "warm\n"

    def start(self, *arguments, shard_records=8, die_at=None, before="", **environment) -> Started:
        """Start a command; `die_at=(n, name)` kills it at its nth write, rename or removal of a path with `name` in it."""
        out, err = self._folder / "stdout", self._folder / "stderr"
        asked = {
            "arguments": [str(one) for one in arguments], "shard_records": shard_records, "before": before,
            "die_at": die_at and (die_at[0], str(die_at[1])), "stdout": str(out), "stderr": str(err),
            "environment": {"DATASELECT_CACHE": str(self._folder / "cache"), **environment},
        }  # fmt: skip
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        return Started(self._server, out, err)

    def stop(self) -> None:
        self._server.stdin.close()
        self._server.wait(timeout=60)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A process that has imported torch, transformers and dataselect, and runs commands in forks of itself."""
    one = Warm(tmp_path_factory.mktemp("warm"))
    yield one
    one.stop()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory, builtin) -> Path:
    """One layer of width 64 with random weights, and the bundled tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny") / "model"
    config = LlamaConfig(
        vocab_size=8192, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=1024, bos_token_id=0, eos_token_id=0, pad_token_id=3,
        tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(builtin / name, folder)
    return folder
