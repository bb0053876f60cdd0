"""Two pools and a task with ten rows of each fault among clean ones; nothing here is read by the code that finds them."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from helpful_pool import RECIPE, TRAIN_TOKENS, write_files

from dataselect.recommendation import RecommendRequest, recommend

WORDS = [
    "garden",
    "river",
    "mountain",
    "bridge",
    "window",
    "letter",
    "market",
    "village",
    "captain",
    "harvest",
    "lantern",
    "meadow",
    "orchard",
    "painter",
    "quarry",
    "riddle",
    "saddle",
    "timber",
    "valley",
    "wagon",
    "anchor",
    "basket",
    "candle",
    "dinner",
    "engine",
    "forest",
    "guitar",
    "harbour",
    "island",
    "jacket",
    "kitchen",
    "ladder",
    "mirror",
    "needle",
    "office",
    "pencil",
    "rabbit",
    "shadow",
    "teacher",
    "uncle",
    "winter",
    "yellow",
    "bottle",
    "cheese",
    "doctor",
    "farmer",
    "ginger",
    "hammer",
    "insect",
    "jungle",
    "kettle",
    "lemon",
    "mother",
    "number",
    "orange",
    "parcel",
    "queen",
    "rocket",
    "sister",
    "tunnel",
    "violin",
    "walnut",
]
VERBS = [
    "carries",
    "follows",
    "watches",
    "paints",
    "repairs",
    "counts",
    "answers",
    "borrows",
    "colours",
    "describes",
    "explains",
    "finds",
]
FRENCH = (
    "Le petit garçon regarde la mer depuis la fenêtre de sa maison numéro {n} et il attend le retour de son père.",
    "Nous avons mangé du pain frais avec du fromage au marché numéro {n} avant de rentrer à la maison ce soir.",
)


@dataclass
class Planted:
    """Where everything was put.

    Attributes:
        counts: Kind of finding -> rows with it in both pools together.
    """

    first: Path
    second: Path
    task: Path
    counts: dict[str, int]
    rows: int = 0
    second_rows: list[dict] = field(default_factory=list)
    first_rows: list[dict] = field(default_factory=list)


class Writer:
    """Makes sentences that no other sentence resembles."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def sentence(self, words: int = 16) -> str:
        chosen = [self._random.choice(VERBS if place % 4 == 2 else WORDS) for place in range(words)]
        return f"The {' '.join(chosen)}.".replace("The", self._random.choice(("The", "This", "Every", "One")), 1)

    def row(self, **fields) -> dict:
        first, second = self._random.randint(10, 40), self._random.randint(10, 40)
        return {"instruction": self.sentence(10), "output": f"{self.sentence(first)} {self.sentence(second)}"} | fields


@pytest.fixture(scope="session")
def files(tmp_path_factory) -> dict[str, Path]:
    """A pool that answers as the task does, one of letters at random, and the task."""
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def request_(files, tiny_model, tmp_path) -> RecommendRequest:
    """Random rows of one pool and of both, with few tokens."""
    return _request(files, tiny_model, tmp_path / "answer")


@pytest.fixture(scope="session")
def finished(files, tiny_model, tmp_path_factory) -> RecommendRequest:
    """The same, after `recommend`; only to be read."""
    made = _request(files, tiny_model, tmp_path_factory.mktemp("finished") / "answer")
    recommend(made)
    return made


@pytest.fixture
def again(finished, tmp_path) -> RecommendRequest:
    """A copy of the finished folder, to go on in."""
    return replace(finished, out=shutil.copytree(finished.out, tmp_path / "answer"))


def _request(files: dict[str, Path], model: Path, out: Path) -> RecommendRequest:
    return RecommendRequest(
        pools=(str(files["good"]), str(files["bad"])), model=str(model), tasks=(str(files["task"]),), out=out,
        train_tokens=TRAIN_TOKENS, strategies=("random",), recipe=RECIPE,
    )  # fmt: skip


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> Planted:
    """The two pools and the task."""
    return plant(tmp_path_factory.mktemp("planted"))


def plant(folder: Path) -> Planted:
    """Write them into a folder."""
    writer = Writer(1)
    clean = [writer.row() for _ in range(200)]
    task = [{"question": f"{writer.sentence(14)}", "answer": writer.sentence(20)} for _ in range(10)]
    faulty = {
        "empty_response": [writer.row(output="  ") for _ in range(10)],
        "empty_prompt": [writer.row(instruction="") for _ in range(10)],
        "response_is_prompt": [row | {"output": row["instruction"].upper()} for row in _rows(writer, 10)],
        "truncated_ending": [row | {"output": row["output"][:-1] + ","} for row in _rows(writer, 10)],
        "non_text": [writer.row(output="!? " * place + "...") for place in range(1, 11)],
        "special_text": [row | {"output": row["output"] + " <|im_end|>"} for row in _rows(writer, 10)],
        "refusal": [writer.row(output=f"As an AI language model, I cannot see {word}. {writer.sentence()}") for word in WORDS[:10]],
        "unanswered": [_dialogue(writer) for _ in range(10)],
        "unread_columns": [writer.row(rejected=writer.sentence()) for _ in range(10)],
        "duplicate": [row | {"output": f" {row['output'].upper()} "} for row in clean[:10]],
        "near_duplicate": [row | {"output": row["output"][:-1] + " again."} for row in clean[10:20]],
        "same_prompt": [row | {"output": writer.sentence(20)} for row in clean[20:25]],
        "leak": [writer.row(output=f"{writer.sentence()} {item['answer']}") for item in task],
        "very_long": [writer.row(output=" ".join(writer.sentence() for _ in range(400))) for _ in range(10)],
        "other_language": [writer.row(output=FRENCH[n % 2].format(n=n) + " " + FRENCH[1 - n % 2].format(n=n)) for n in range(10)],
        "common_opening": [writer.row(output=f"Sure, here is a {WORDS[n]}: {writer.sentence()}") for n in range(20)],
        "repeated_id": [writer.row(id=f"row-{n % 10}") for n in range(20)],
    }  # fmt: skip
    first = [*clean, *(row for rows in faulty.values() for row in rows)]
    random.Random(2).shuffle(first)
    first.sort(key=lambda row: any(row is one for one in faulty["duplicate"] + faulty["near_duplicate"]))
    second = [writer.row() for _ in range(60)]
    second += [dict(row) for row in clean[30:40]]
    second += [row | {"output": row["output"][:-1] + " once more."} for row in clean[40:50]]
    counts = {name: len(rows) for name, rows in faulty.items()}
    counts |= {"unreadable": 10, "shared_row": 10, "shared_near": 10, "very_short": 10}  # those without any text
    counts["same_prompt"] = 2 * 5 + 2 * 10 + 2 * 10  # two rows each: planted so, and the near-duplicates of both pools
    counts["unlike_pool"] = 10  # those in French
    counts["repeated_id"] = 10  # the first ten of the twenty have their ids alone
    _write(folder / "first.jsonl", first, broken=10)
    _write(folder / "second.jsonl", second)
    _write(folder / "task.jsonl", task)
    return Planted(
        folder / "first.jsonl",
        folder / "second.jsonl",
        folder / "task.jsonl",
        counts,
        len(first) + len(second),
        second,
        first,
    )


def _rows(writer: Writer, number: int) -> list[dict]:
    return [writer.row() for _ in range(number)]


def _dialogue(writer: Writer) -> dict:
    roles = ("user", "assistant", "user")
    return {"messages": [{"role": role, "content": writer.sentence(12)} for role in roles]}


def _write(path: Path, rows: list[dict], broken: int = 0) -> None:
    lines = [json.dumps(row) for row in rows]
    lines += ['{"instruction": "cut off', "[1, 2]"][:1] * broken
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
