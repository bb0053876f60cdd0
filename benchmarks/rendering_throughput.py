"""Rows per second of reading, rendering, tokenising and masking, beside the bare tokenizer, in one run.

The bare contender is one call of `tokenizers.Tokenizer.encode_batch` on the texts that the templates made, from memory:
no file, no template, no masks, and its results stay unread. Ours begins with a pool file and ends with token ids,
parts, spans and seams in NumPy arrays, in shards of 4,096 records as scoring does it. Both run on all cores and take
turns; the best of the repeats counts, since other work on the machine only ever slows one down. The tokenizers with
32,000 entries are trained here on the same texts: byte-level BPE, as most models have it, and BPE on characters with
the space written as U+2581, whose offsets cannot be had from the vocabulary. The last line on stdout is one JSON
document.

    python benchmarks/rendering_throughput.py --repeats 5 --out benchmarks/results/rendering_throughput.json
    python benchmarks/rendering_throughput.py --pool alpaca.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.models import model_path
from dataselect.pool import PoolReader, Renderer, RenderOptions
from dataselect.pool.render_options import load_template
from dataselect.records import Example, Reject, Rendered
from dataselect.stage.provenance import environment

SHARD = 4096
VOCABULARY = 32_000
POOLS = ("alpaca__alpaca_5000.json", "alpagasus__random_9k.json", "alpagasus__dolly_3k.json")


def merged(pools: Sequence[Path], folder: Path) -> Path:
    """One pool of the distinct records of several."""
    records = [json.dumps(record) for pool in pools for record in json.loads(pool.read_text(encoding="utf-8"))]
    file = folder / "pool.jsonl"
    file.write_text("\n".join(dict.fromkeys(records)) + "\n")
    return file


def trained(folder: Path, texts: Sequence[str], byte_level: bool) -> Path:
    """A model folder without weights whose tokenizer was trained on `texts`; it has the bundled chat template."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    bundled = AutoTokenizer.from_pretrained(model_path())
    engine = Tokenizer(models.BPE(unk_token=None if byte_level else "<unk>"))
    if byte_level:
        engine.pre_tokenizer = bundled.backend_tokenizer.pre_tokenizer
        engine.decoder = decoders.ByteLevel()
    else:
        engine.normalizer = normalizers.Replace(" ", "\u2581")
        engine.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
        engine.decoder = decoders.Metaspace()
    special = ["<unk>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet() if byte_level else []
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    engine.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=engine, eos_token="<|endoftext|>", bos_token="<|endoftext|>")
    tokenizer.chat_template = bundled.get_chat_template()
    tokenizer.save_pretrained(folder)
    config = {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": VOCABULARY}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@dataclass(frozen=True)
class Case:
    """One tokenizer with one template on one pool."""

    name: str
    model: Path
    template: str
    pool: Path

    def measure(self, repeats: int) -> dict[str, object]:
        """Best times in seconds, and how often the bare tokenizer's rate ours is."""
        from tokenizers import Tokenizer

        renderer = Renderer(self.model, RenderOptions(template=self.template))
        engine = Tokenizer.from_file(str(self.model / "tokenizer.json"))
        template = load_template(self.template, renderer.tokenizer, renderer.tokenizer.eos_token)
        examples = [r for r in PoolReader([str(self.pool)]) if isinstance(r, Example)]
        texts = [template.render(example).text for example in examples]
        stages: dict[str, Callable[[], object]] = {
            "bare encode_batch": lambda: engine.encode_batch(texts),
            "all of ours": lambda: read_and_render(self.pool, renderer),
            "reading alone": lambda: list(PoolReader([str(self.pool)])),
            "templates alone": lambda: [template.render(example).text for example in examples],
            "render alone": lambda: [renderer.render(shard) for shard in shards(examples)],
        }
        times = in_turns(stages, repeats)
        rendered = read_and_render(self.pool, renderer)
        assert [one.text for one in rendered] == texts
        seconds = {name: round(min(found), 3) for name, found in times.items()}
        return {
            "case": self.name, "template": self.template, "rows": len(texts),
            "tokens": sum(len(one.token_ids) for one in rendered), "seconds": seconds,
            "ratio": round(min(times["bare encode_batch"]) / min(times["all of ours"]), 3),
            "all_seconds": {name: [round(t, 3) for t in found] for name, found in times.items()},
        }  # fmt: skip


def shards(records: Sequence[Example]) -> list[Sequence[Example]]:
    return [records[at : at + SHARD] for at in range(0, len(records), SHARD)]


def read_and_render(pool: Path, renderer: Renderer) -> list[Rendered]:
    """What scoring does before the model: read a shard, render it, and so on."""
    records = iter(PoolReader([str(pool)]))
    rendered: list[Rendered | Reject] = []
    while shard := list(itertools.islice(records, SHARD)):
        rendered += renderer.render([record for record in shard if isinstance(record, Example)])
    return [one for one in rendered if isinstance(one, Rendered)]


def in_turns(stages: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each stage in each round; a first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in stages}
    for round_number in range(repeats + 1):
        for name, run in stages.items():
            began = time.perf_counter()
            result = run()
            taken = time.perf_counter() - began
            del result
            if round_number:
                times[name].append(taken)
    return times


def cases(pool: Path, folder: Path) -> list[Case]:
    """The bundled tokenizer with two templates, and two bigger ones."""
    texts = [str(value) for line in pool.read_text().splitlines() for value in json.loads(line).values()]
    bytes_32k = trained(folder / "bytes", texts, byte_level=True)
    spaces_32k = trained(folder / "spaces", texts, byte_level=False)
    return [
        Case("bundled, 8,192 entries", model_path(), "chat", pool),
        Case("bundled, 8,192 entries", model_path(), "alpaca", pool),
        Case("byte-level BPE, 32,000 entries", bytes_32k, "chat", pool),
        Case("byte-level BPE, 32,000 entries", bytes_32k, "alpaca", pool),
        Case("BPE with U+2581, 32,000 entries", spaces_32k, "alpaca", pool),
    ]


def main() -> None:
    """Parse options, measure, print the table and the JSON."""
    os.environ.pop("TOKENIZERS_PARALLELISM", None)
    parser = argparse.ArgumentParser(description="Rendering throughput, beside the bare tokenizer.")
    parser.add_argument("--pool", type=Path, nargs="+", help="JSON files; default: three of the public data sets")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    shared = Path(os.environ.get("DATASELECT_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    pools = options.pool or [shared / "pools" / name for name in POOLS]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(merged(pools, Path(folder)), Path(folder)):
            one = case.measure(options.repeats)
            results.append(one)
            told = "  ".join(f"{name} {seconds:.2f} s" for name, seconds in one["seconds"].items())  # type: ignore[attr-defined]
            print(f"{case.name:32} {case.template:7} {one['ratio']:5}x  {told}", flush=True)
    document = {
        "pools": [pool.name for pool in pools],
        "shard": SHARD,
        "results": results,
        "environment": environment(),
    }
    if options.out:
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    print(json.dumps(document))


if __name__ == "__main__":
    main()
