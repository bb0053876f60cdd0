"""The models of the study: two real ones, the bundled one, and two variants of it by continued pre-training.

    python benchmarks/study/models.py --corpus ../shared/data/text/pretraining_corpus.jsonl.xz --work /tmp/study

The variants go on from the bundled model with the recipe `CONTINUED`, on `ROWS` documents of its own corpus in another
mix: `builtin-code` on the Python library and PEPs, `builtin-prose` on books, tales and storybooks. They are models of
the same architecture and tokenizer that know something else. Weights are not committed; a variant that is there is left
as it is.

Reading the real models needs `benchmarks/real_models.py` to have made them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
from dataclasses import dataclass
from pathlib import Path

import dataselect as ds

CONTINUED = {"epochs": 1.0, "learning_rate": 1e-3, "batch_size": 8, "scheduler": "linear", "seed": 0}
ROWS, CHARACTERS = 1200, 1500
VARIANTS = {
    "builtin-code": ("code", "peps"),
    "builtin-prose": ("books", "fairytale", "storybook"),
}
"""Name -> domains of the corpus."""


@dataclass(frozen=True)
class StudyModel:
    """How a model is trained and computed in the study.

    Attributes:
        rate, other_rate, lora_rate: Peak learning rates.
        dtype: Of training and evaluation.
    """

    name: str
    rate: float
    other_rate: float
    lora_rate: float
    dtype: str

    @property
    def real(self) -> bool:
        """Whether it was pretrained elsewhere, on far more text."""
        return not self.name.startswith("builtin")


MODELS = {
    one.name: one
    for one in (
        StudyModel("SmolLM2-135M-Instruct", 1e-4, 2e-5, 5e-4, "bfloat16"),
        StudyModel("gemma-3-270m", 5e-5, 1e-5, 5e-4, "bfloat16"),
        StudyModel("builtin", 1e-3, 2e-4, 2e-3, "float32"),
        StudyModel("builtin-code", 1e-3, 2e-4, 2e-3, "float32"),
        StudyModel("builtin-prose", 1e-3, 2e-4, 2e-3, "float32"),
    )
}


def location(model: str, real: Path, work: Path) -> str:
    """What `--model` takes: a folder, or `builtin`."""
    if model == "builtin":
        return model
    return str((real if MODELS[model].real else work / "models") / model)


def write_texts(corpus: Path, domains: tuple[str, ...], out: Path) -> int:
    """Documents of these domains, their first characters, drawn by hash; how many."""
    found: list[tuple[str, str]] = []
    with lzma.open(corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["domain"] in domains:
                text = record["text"]
                for start in range(0, len(text), 20 * CHARACTERS):
                    piece = text[start : start + CHARACTERS]
                    found.append((hashlib.sha256(piece.encode()).hexdigest(), piece))
    drawn = [text for _, text in sorted(found)[:ROWS]]
    out.write_text("".join(json.dumps({"text": text}) + "\n" for text in drawn), encoding="utf-8")
    return len(drawn)


def main() -> None:
    """Train the variants that are missing."""
    parser = argparse.ArgumentParser(description="Continue the bundled model on other mixes.")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder of the study")
    arguments = parser.parse_args()
    folder = arguments.work / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for name, domains in VARIANTS.items():
        texts = folder / f"{name}.jsonl"
        rows = write_texts(arguments.corpus, domains, texts)
        config = ds.TrainConfig(**CONTINUED)  # type: ignore[arg-type]
        summary = ds.train(ds.TrainRequest(file=texts, model="builtin", out=folder / name, config=config))
        print(f"{name}: {rows} documents, {summary.trained_tokens} tokens, last loss {summary.final_loss:.3f}")


if __name__ == "__main__":
    main()
