"""Pools written on the spot, a second model, and a ranking in one call."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from dataselect.pool_ranking import RankRequest, rank

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "Jane")
THINGS = ("apples", "pears", "marbles", "stamps", "coins", "books", "shells", "cards")


def word_problems(n, seed):
    """Word problems of one kind, each with numbers and names of its own."""
    draw = random.Random(seed)
    made = []
    for _ in range(n):
        who, other, what = draw.choice(NAMES), draw.choice(NAMES), draw.choice(THINGS)
        a, b, c = (draw.randrange(2, 9000) for _ in range(3))
        question = (
            f"{who} has {a} {what} and gets {b} more {what} from {other}. Then {who} gives {c} {what} away. "
            f"How many {what} does {who} have in the end?"
        )
        made.append({"question": question, "answer": f"{a} + {b} - {c} = {a + b - c}. The answer is {a + b - c}."})
    return made


def random_letters(n, seed):
    """Random letters, in a question and an answer."""
    draw = random.Random(seed)

    def word():
        return "".join(draw.choices("qxzjkvwpfg", k=draw.randrange(2, 9)))

    return [{"question": " ".join(word() for _ in range(20)), "answer": " ".join(word() for _ in range(10))}
            for _ in range(n)]  # fmt: skip


@pytest.fixture
def sums():
    """`sums(n, seed)`: n word problems."""
    return word_problems


@pytest.fixture
def noise():
    """`noise(n, seed)`: n records of random letters."""
    return random_letters


@pytest.fixture
def write(tmp_path):
    """`write(name, records)`: a JSONL file, and its path as text."""

    def written(name, records):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return str(path)

    return written


@pytest.fixture
def ranked(tmp_path):
    """`ranked(pools, target, ...)`: a ranking by the bundled model and its own embeddings, in `tmp_path / "out"`."""

    def run(*pools, targets=(), models=(("builtin", "builtin"),), out="out", **options):
        request = RankRequest(
            pools=pools, models=models, out=tmp_path / out, targets=targets, encoder="builtin", top_k=3,
            backend="transformers", **options,
        )  # fmt: skip
        return rank(request)

    return run


@pytest.fixture(scope="session")
def other_model(builtin, tmp_path_factory):
    """The bundled model with a third of its last layer's feed-forward output taken away: another model, same tokenizer."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("models") / "other"
    shutil.copytree(builtin, folder)
    weights = load_file(folder / "model.safetensors")
    name = max(key for key in weights if key.endswith("mlp.down_proj.weight"))
    weights[name] = weights[name] * 0.67
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)
