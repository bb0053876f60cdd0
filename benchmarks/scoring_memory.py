"""How much a scoring process grows over a million rows.

A tiny model (one layer, width 16, the bundled tokenizer) scores rows of a few words each, so that what is measured is
the run around the model: reading, rendering, shards, writing, merging. The resident memory of the process is read twice
a second from /proc. Growth is the largest value over the one after the first shards, when model and libraries are
loaded; the goal is less than 500 MB. The last line on stdout is one JSON document.

    python benchmarks/scoring_memory.py --out benchmarks/results/scoring_memory.json
    python benchmarks/scoring_memory.py --rows 50000
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dataselect.models import model_path
from dataselect.stage.provenance import environment

WARM_SHARDS = 4


def make_model(folder: Path) -> Path:
    """A tiny model with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=8192, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, max_position_embeddings=512, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"):
        if (model_path() / name).exists():
            shutil.copy(model_path() / name, folder / name)
    return folder


def make_pool(path: Path, rows: int) -> Path:
    """Short rows, no two alike."""
    with path.open("w", encoding="utf-8") as file:
        for n in range(rows):
            file.write(json.dumps({"prompt": f"Count to {n}.", "response": f"The number {n % 997} is near."}) + "\n")
    return path


def resident(pid: int) -> int:
    """Bytes of resident memory; 0 if the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def measure(rows: int, folder: Path) -> dict[str, float]:
    """Score and watch."""
    model, pool, out = make_model(folder / "model"), make_pool(folder / "pool.jsonl", rows), folder / "out"
    program = str(Path(sys.executable).with_name("dataselect"))
    command = [program, "score", str(pool), "--model", str(model), "--out", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--backend", "transformers", "--no-cache"], stderr=subprocess.DEVNULL)
    warm = most = 0
    while process.poll() is None:
        now = resident(process.pid)
        if not warm and len(list(out.glob("shards/0*.parquet"))) >= WARM_SHARDS:
            warm = now
        most = max(most, now if warm else 0)
        time.sleep(0.5)
    assert process.returncode == 0
    assert warm, "the run ended before its first shards: take more rows"
    seconds = time.perf_counter() - began
    return {
        "rows": rows, "seconds": round(seconds, 1), "rows_per_second": round(rows / seconds),
        "after_first_shards_mb": round(warm / 1e6), "largest_mb": round(most / 1e6),
        "growth_mb": round((most - warm) / 1e6),
    }  # fmt: skip


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description="Growth of a scoring process over many rows.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        document = {**measure(options.rows, Path(folder)), "environment": environment()}
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
