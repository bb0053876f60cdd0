"""Measure which trainer the bundled SFT step should stand on: transformers `Trainer` or TRL `SFTTrainer`.

Both train the bundled model on the same pre-tokenised rows with the same masks, batch size, optimiser, precision and
grouping by length, for the same number of steps, each at its fastest documented setting that leaves the loss alone
(gradient checkpointing, which TRL turns on by default, is off in both). The order is repeated, and the best pass of
each counts: on a shared machine the slower passes measure the neighbours. Tokens are real tokens, without padding;
loading the model and building the trainer are outside the clock.

Needs: pip install 'dataselect[train]' trl. Run (under 3 minutes on two cores): python benchmarks/trainer_choice.py
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import datasets
import numpy as np
import torch
import transformers
import trl

from dataselect.models import model_path
from dataselect.stage.provenance import environment

BATCH, SEED, WARM_UP_STEPS = 8, 0, 3


def make_rows(count: int, vocabulary: int) -> list[dict[str, list[int]]]:
    """Random token ids; lengths are log-normal around 130 tokens, as in instruction pools, and 40 % is prompt."""
    generator = np.random.default_rng(SEED)
    lengths = np.clip(generator.lognormal(np.log(130), 0.6, count).astype(int), 16, 512)
    rows = []
    for length in lengths:
        ids = generator.integers(4, vocabulary, length).tolist()
        prompt = int(length * 0.4)
        rows.append({"input_ids": ids, "labels": [-100] * prompt + ids[prompt:]})
    return rows


def settings(folder: str, bf16: bool, steps: int) -> dict[str, Any]:
    return {
        "output_dir": folder, "max_steps": steps, "per_device_train_batch_size": BATCH, "learning_rate": 1e-4,
        "train_sampling_strategy": "group_by_length", "bf16": bf16, "gradient_checkpointing": False, "logging_steps": 1,
        "save_strategy": "no", "report_to": "none", "disable_tqdm": True, "seed": SEED, "use_cache": False,
        "use_cpu": not torch.cuda.is_available(),
    }  # fmt: skip


def fresh_model() -> transformers.PreTrainedModel:
    return transformers.AutoModelForCausalLM.from_pretrained(model_path(), dtype=torch.float32)


class TokenCounter:
    """A collator that counts what passes through it: the tokens that a trainer really saw."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.tokens = inner, 0

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Count and collate."""
        self.tokens += sum(len(row["input_ids"]) for row in rows)
        return dict(self.inner(rows))


def make_trainer(name: str, rows: list[dict[str, list[int]]], folder: str, bf16: bool, steps: int) -> Any:
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_path())
    if name == "transformers":
        return transformers.Trainer(
            fresh_model(),
            transformers.TrainingArguments(**settings(folder, bf16, steps)),
            data_collator=TokenCounter(transformers.DataCollatorForSeq2Seq(tokenizer)),
            train_dataset=rows,
        )
    trainer = trl.SFTTrainer(
        fresh_model(),
        trl.SFTConfig(**settings(folder, bf16, steps), max_length=None, packing=False, eos_token="<|endoftext|>"),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    trainer.data_collator = TokenCounter(trainer.data_collator)
    return trainer


def measure(name: str, rows: list[dict[str, list[int]]], bf16: bool, steps: int) -> float:
    """Tokens per second of one training, after a short one that warms the kernels."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        make_trainer(name, rows, folder, bf16, WARM_UP_STEPS).train()
        trainer = make_trainer(name, rows, folder, bf16, steps)
        begun = time.perf_counter()
        trainer.train()
        return float(trainer.data_collator.tokens / (time.perf_counter() - begun))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "trainer_choice.json")
    options = parser.parse_args()
    rows = make_rows(BATCH * options.steps, fresh_model().config.vocab_size)
    cases = [(name, bf16) for bf16 in (True, False) for name in ("transformers", "trl")]
    passes: dict[tuple[str, bool], list[float]] = {case: [] for case in cases}
    for _ in range(options.repeats):
        for name, bf16 in cases:
            passes[name, bf16].append(measure(name, rows, bf16, options.steps))
    print(f"{'trainer':<14}{'precision':<12}{'tokens/s':>10}   passes")
    results = []
    for (name, bf16), speeds in passes.items():
        precision = "bfloat16" if bf16 else "float32"
        print(f"{name:<14}{precision:<12}{max(speeds):>10,.0f}   {', '.join(f'{s:,.0f}' for s in speeds)}")
        rounded = [round(s) for s in speeds]
        results.append({"trainer": name, "precision": precision, "tokens_per_second": max(rounded), "passes": rounded})
    document = {
        "results": results, "rows": len(rows), "steps": options.steps, "batch_size": BATCH, "repeats": options.repeats,
        "threads": torch.get_num_threads(), "trl": trl.__version__, **environment(),
    }  # fmt: skip
    options.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
