"""A pool of two files, scored and embedded by the real stages with the bundled model, once for all tests here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataselect.cli import run
from dataselect.explanation import ExplainRequest, explain

STORY = (
    "Once there was a small boat that wanted to see the sea, and one morning it slipped its rope and went down the river "
    "past the mill, the bridge and the last houses of the town."
)
A = [
    {"id": "sum", "prompt": "What is 4 plus 5?", "response": "4 plus 5 is 9."},
    {"id": "sum-again", "prompt": "What  is 4 PLUS 5?", "response": "4 plus 5 is 9."},
    {"id": "story", "prompt": "Tell a story about a small boat.", "response": STORY},
    {"id": "story-again", "prompt": "Tell a story about a small boat.", "response": STORY.replace("mill", "farm")},
    {"id": "capital", "prompt": "What is the capital of France?", "response": "The capital of France is Paris."},
    {"id": "café", "prompt": "Was heißt Kaffeehaus auf Französisch?", "response": "Ein Kaffeehaus heißt café, 日本."},
    {"id": "empty", "prompt": "Say nothing.", "response": ""},
    {"id": "endless", "prompt": "Count for a long time.", "response": " ".join(map(str, range(900)))},
]
B = [
    {"id": "dog", "prompt": "Describe a dog in one sentence.", "response": "A dog is a loyal animal with four legs."},
    {"id": "cat", "prompt": "Describe a cat in one sentence.", "response": "A cat is a quiet animal with soft fur."},
    {"id": "leak", "prompt": "A train leaves at noon and another at one, which of the two arrives first and why?",
     "response": "The first one, if both are equally fast."},
    {"id": "hostile", "prompt": "Print \x1b[31mred\x1b[0m.\u202e", "response": "Here \x1b]0;owned\x07 it\r\nis \x9b31m done."},
    {"id": "mute", "prompt": "", "response": "An answer to a question that nobody asked."},
]  # fmt: skip
TARGETS = [
    {"id": "t1", "prompt": "What is 2 plus 3?", "response": "5"},
    {"id": "t2", "prompt": "Describe a horse in one sentence.", "response": "A horse is \x1b[31ma large animal."},
]
ITEMS = [{"prompt": "A train leaves at noon and another at one, which of the two arrives first and why is that?"}]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Flow:
    """The folder of the finished stages, and what can be asked of it."""

    folder: Path

    def select(self, name, *arguments, pools=("a.jsonl", "b.jsonl"), budget="100%"):
        """Run `select` as typed, into FOLDER/NAME.jsonl; the path."""
        out = self.folder / f"{name}.jsonl"
        paths = [str(self.folder / pool) for pool in pools]
        assert run(["select", *paths, "--budget", budget, "--out", str(out), *map(str, arguments)]) == 0
        return out

    def explain(self, selection, id_, **more):
        """Explain one row."""
        return explain(ExplainRequest(selection, id_, **more))

    def told(self, selection, id_, **more):
        """What became of a row, in words."""
        return " ".join(self.explain(selection, id_, **more).outcome.sentences)

    @property
    def scores(self):
        """--scores of the whole pool, with tokens and IFD."""
        return ("--scores", self.folder / "scores")

    @property
    def embeddings(self):
        """--embeddings, with targets."""
        return ("--embeddings", self.folder / "embeddings")


@pytest.fixture(scope="session")
def flow(tmp_path_factory):
    """Score and embed once; tests add selections beside."""
    folder = tmp_path_factory.mktemp("flow")
    pools = [str(write(folder / name, records)) for name, records in (("a.jsonl", A), ("b.jsonl", B))]
    target = str(write(folder / "targets.jsonl", TARGETS))
    write(folder / "test.jsonl", ITEMS)
    assert run(["score", *pools, "--model", "builtin", "--ifd", "--tokens", "--out", str(folder / "scores")]) == 0
    embed = ["embed", *pools, "--encoder", "builtin", "--target", target, "--out", str(folder / "embeddings")]
    assert run(embed) == 0
    return Flow(folder)
