"""Tokens per second of both backends on the same rows, beside a plain padded loop, in one run.

The rows are rendered and tokenised before the clock starts; what is timed is the model's work and what each backend
does around it. Every contender is warmed up on a few rows first, and the time to load or start it is told apart. The
last line on stdout is one JSON document; `--out` keeps it.

    python benchmarks/scoring_throughput.py --rows 2000 --out benchmarks/results/scoring_throughput.json
    python benchmarks/scoring_throughput.py --pool alpaca.json --model builtin --dtype float32
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dataselect.backends import Backend, BackendOptions, TokenSequence, load_backend
from dataselect.bundled.quickstart import write_quickstart
from dataselect.bundled.resolve import resolve_model
from dataselect.pool import PoolReader, Renderer
from dataselect.provenance import environment
from dataselect.records import Example, Rendered

Scored = list[np.ndarray]


def rendered_rows(pool: str, model: Path, count: int) -> list[TokenSequence]:
    """The first scorable rows of a pool as token sequences."""
    renderer = Renderer(model)
    examples = [r for r in itertools.islice(PoolReader([pool]), count) if isinstance(r, Example)]
    rows = [r for r in renderer.render(examples) if isinstance(r, Rendered) and r.scorable]
    return [TokenSequence(row.token_ids[: renderer.max_length]) for row in rows]


def padded_loop(model: Path, dtype: str, batch: int) -> Callable[[Sequence[TokenSequence]], Scored]:
    """What most tools do: batches in file order, padded to the longest, full logits."""
    import torch
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval()

    def score(sequences: Sequence[TokenSequence]) -> Scored:
        found: Scored = []
        for at in range(0, len(sequences), batch):
            part = sequences[at : at + batch]
            longest = max(len(s.ids) for s in part)
            ids = torch.zeros(len(part), longest, dtype=torch.long)
            mask = torch.zeros_like(ids)
            for row, sequence in enumerate(part):
                ids[row, : len(sequence.ids)] = torch.tensor(sequence.ids.tolist())
                mask[row, : len(sequence.ids)] = 1
            with torch.inference_mode():
                logprobs = loaded(input_ids=ids, attention_mask=mask).logits[:, :-1].float().log_softmax(-1)
            each = logprobs.gather(2, ids[:, 1:, None])[:, :, 0]
            found += [each[row, : len(s.ids) - 1].numpy() for row, s in enumerate(part)]
        return found

    return score


def of_backend(backend: Backend) -> Callable[[Sequence[TokenSequence]], Scored]:
    """A backend as a contender."""
    return lambda sequences: [s.logprobs[1:] for s in backend.score(sequences)]


def contenders(model: Path, dtype: str) -> dict[str, Callable[[], Callable[[Sequence[TokenSequence]], Scored]]]:
    """Names and makers; each is made when its turn comes."""
    return {
        "transformers backend": lambda: of_backend(load_backend("transformers", model, BackendOptions(dtype))),
        "vllm backend": lambda: of_backend(load_backend("vllm", model, BackendOptions(dtype))),
        "padded loop, batch 16": lambda: padded_loop(model, dtype, 16),
        "loop, batch 1": lambda: padded_loop(model, dtype, 1),
    }


def measure(model: Path, dtype: str, rows: Sequence[TokenSequence], repeats: int) -> list[dict[str, object]]:
    """Time every contender; the best of `repeats` counts, since other work on the machine only ever slows one down."""
    tokens = sum(len(row.ids) for row in rows)
    results: list[dict[str, object]] = []
    reference: Scored = []
    for name, make in contenders(model, dtype).items():
        began = time.perf_counter()
        score = make()
        score(rows[:16])
        start = time.perf_counter() - began
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            scored = score(rows)
            times.append(time.perf_counter() - began)
        reference = reference or scored
        worst = max(float(np.abs(a - b).max()) for a, b in zip(scored, reference, strict=True) if len(a))
        results.append(
            {
                "name": name, "tokens_per_second": round(tokens / min(times)), "seconds": [round(t, 2) for t in times],
                "start_seconds": round(start, 1), "largest_difference_nats": worst,
            }
        )  # fmt: skip
    return results


def main() -> None:
    """Parse options, measure, print the table and the JSON."""
    parser = argparse.ArgumentParser(description="Scoring throughput of both backends, side by side.")
    parser.add_argument("--pool", help="a pool file; default: the quickstart pool")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = resolve_model(options.model)
    with tempfile.TemporaryDirectory() as folder:
        rows = rendered_rows(options.pool or str(write_quickstart(Path(folder)).pool), model, options.rows)
    results = measure(model, options.dtype, rows, options.repeats)
    lengths = np.array([len(row.ids) for row in rows])
    base = next(float(str(r["tokens_per_second"])) for r in results if r["name"] == "padded loop, batch 16")
    for one in results:
        speed = float(str(one["tokens_per_second"]))
        print(f"{one['name']:24} {speed:10,.0f} tokens/s  {speed / base:5.2f}x  start {one['start_seconds']:>5} s")
    document = {
        "rows": len(rows), "tokens": int(lengths.sum()), "mean_tokens": round(float(lengths.mean()), 1),
        "pool": Path(options.pool).name if options.pool else "quickstart", "model": options.model,
        "dtype": options.dtype, "results": results, "environment": environment(),
    }  # fmt: skip
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
