"""Score tables and embeddings of the study, made with the toolkit's own stages; those that are there stay as they are.

Of every pool 120 rows drawn by chance are scored (properties of pools), and of Alpaca the first 600, with IFD and
Deita's two ratings (strategies inside one pool). Embeddings are those of the sentence encoder `minilm`, of prompts; the
similarity of a row to a task is its mean cosine to the task's ten nearest items, as `embed --target` has it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from inputs import INSIDE, POOLS, tasks
from models import MODELS, location
from numpy.typing import NDArray

import dataselect as ds
from dataselect.scoring.ratings import RATINGS

POOL_ROWS, INSIDE_ROWS, TOP_K = 120, 600, 10


@dataclass(frozen=True)
class Study:
    """The folders of one model in the study.

    Attributes:
        real: Folder of the real models.
        work: Folder of the study.
    """

    name: str
    real: Path
    work: Path

    @property
    def model(self) -> str:
        """The model itself, as commands take it. Real ones are read with weights rounded to bfloat16."""
        return location(self.name, self.rounded.parent if MODELS[self.name].real else self.real, self.work)

    @cached_property
    def rounded(self) -> Path:
        """The real model saved in bfloat16, as trained ones are, so that rounding is no part of a weight's change."""
        folder = self.work / "rounded" / self.name
        if not (folder / "config.json").exists():
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer

            loaded = AutoModelForCausalLM.from_pretrained(self.real / self.name, dtype=torch.bfloat16)
            AutoTokenizer.from_pretrained(self.real / self.name).save_pretrained(folder)
            loaded.save_pretrained(folder)
        return folder

    def pool(self, name: str) -> Path:
        """The file of a pool."""
        return self.work / "pools" / f"{name}.jsonl"

    @property
    def inside(self) -> Path:
        """The rows of Alpaca that strategies choose from."""
        file = self.work / "inside.jsonl"
        lines = self.pool(INSIDE).read_text(encoding="utf-8").splitlines(keepends=True)[:INSIDE_ROWS]
        text = "".join(lines)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
        return file

    def pool_scores(self) -> Path:
        """Scores of the drawn rows of all pools."""
        pools = tuple(str(self.pool(name)) for name in POOLS)
        out = self.work / "scores" / self.name / "pools"
        ds.score(
            ds.ScoreRequest(pools=pools, model=self.model, out=out, limit=POOL_ROWS, sample_seed=0, dtype=self.dtype)
        )
        return out

    def inside_scores(self) -> Path:
        """Scores of the rows of Alpaca."""
        out = self.work / "scores" / self.name / "inside"
        request = ds.ScoreRequest(
            pools=str(self.inside), model=self.model, out=out, ifd=True, ratings=tuple(RATINGS), dtype=self.dtype
        )  # fmt: skip
        ds.score(request)
        return out

    def inside_embeddings(self) -> Path:
        """Embeddings of the rows of Alpaca, and their similarity to 24 problems of GSM8K."""
        out = self.work / "embeddings" / "inside"
        target = str(self.work / "target.jsonl")
        ds.embed(ds.EmbedRequest(pools=str(self.inside), encoder="minilm", out=out, targets=target))
        return out

    @property
    def dtype(self) -> str:
        """Of scoring: what the model is trained in."""
        return MODELS[self.name].dtype


def item_texts(file: Path) -> list[dict[str, Any]]:
    """The items of a task as records that can be embedded."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if "messages" in item:
            found.append({"id": item["id"], "messages": item["messages"]})
        elif "choices" in item:
            turns = (("user", item["question"]), ("assistant", item["choices"][item["answer"]]))
            found.append({"id": item["id"], "messages": [{"role": role, "content": text} for role, text in turns]})
        else:
            found.append({"id": item["id"], "text": item["sentence_good"]})
    return found


def vectors(file: Path, out: Path, limit: int | None) -> NDArray[np.float32]:
    """(n, dim) unit vectors of a file's rows."""
    seed = None if limit is None else 0
    ds.embed(ds.EmbedRequest(pools=str(file), encoder="minilm", out=out, limit=limit, sample_seed=seed))
    return np.load(out / "embeddings.npy")  # type: ignore[no-any-return]


def similarities(work: Path) -> dict[str, dict[str, float]]:
    """Pool -> task -> mean similarity of the pool's drawn rows to the task."""
    embedded = {}
    for name, file in tasks(work).items():
        texts = work / "embeddings" / "texts" / f"{name}.jsonl"
        texts.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in item_texts(file))
        if not texts.exists() or texts.read_text(encoding="utf-8") != text:
            texts.write_text(text, encoding="utf-8")
        embedded[name] = vectors(texts, work / "embeddings" / "tasks" / name, None)
    found: dict[str, dict[str, float]] = {}
    for pool in POOLS:
        rows = vectors(work / "pools" / f"{pool}.jsonl", work / "embeddings" / "pools" / pool, POOL_ROWS)
        found[pool] = {
            task: round(float(np.sort(rows @ items.T, axis=1)[:, -TOP_K:].mean()), 5)
            for task, items in embedded.items()
        }
    return found
