"""The pools and tasks of the study, written once as files that every model reads.

    python benchmarks/study/inputs.py --data ../shared/data --work /tmp/study

Ten published pools and the bundled one. Of each, rows of at most 1,600 bytes in the order of a hash of their text: the
first 12 (Alpaca: 40) become the held-out task `own-POOL`, the next 1,500 the pool. A row whose prompt is also that of
a held-out row is in neither. Benchmarks: GSM8K test and HumanEval by the likelihood of their solutions, BLiMP (one pair
of each paradigm), ARC-Easy, PIQA and BoolQ (without its passage) by the likelihood of the choices. Items are drawn
once, so that every comparison is paired. `target.jsonl` holds 24 rows of GSM8K's training set that are in no pool and
no task: what similarity is measured towards inside Alpaca.

The files are written anew each time and are the same to the byte.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from dataselect.experiment.quickstart import write_quickstart
from dataselect.pool import PoolReader
from dataselect.records import Example

POOLS = {
    "alpaca": "pools/alpaca__alpaca_5000.json",
    "dolly": "pools/alpagasus__dolly_3k.json",
    "code": "pools/codealpaca__code_alpaca_2k.json",
    "gsm8k": "pools/gsm8k__train.jsonl",
    "roleplay": "pools/gpteacher__roleplay-simple-deduped-roleplay-dataset.json",
    "toolformer": "pools/gpteacher__toolformer-dedupe-only-dataset.json",
    "lima": "pools/long_is_more__fastchat_lima_1k.json",
    "dialogues": "pools/sgd_dialogues__sgd_messages_dev.jsonl",
    "instructions": "pools/llms_from_scratch__instruction-data.json",
    "chinese": "pools/alpaca_chinese__zh-data-part-00.json",
    "bundled": "",
}
"""Name -> file; `bundled` is the quickstart's pool."""
INSIDE = "alpaca"
MOST_BYTES, MOST_ROWS, HELD_OUT, HELD_OUT_INSIDE, TARGETS = 1600, 1500, 12, 40, 24
SOLUTIONS, CHOICES = 24, 40


def key(text: str) -> str:
    """The order of everything that is drawn."""
    return hashlib.sha256(text.encode()).hexdigest()


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The readable dialogues of a pool, short enough, in hash order, without a second one of the same prompt."""
    found: dict[str, dict[str, Any]] = {}
    for record in PoolReader([str(file)]):
        if not isinstance(record, Example) or not record.messages:
            continue
        messages = [{"role": one.role, "content": one.content} for one in record.messages]
        texts = [one["content"] for one in messages]
        if all(isinstance(text, str) and text.strip() for text in texts):
            prompt = "\n".join(texts[:-1])
            if messages[-1]["role"] == "assistant" and len("".join(texts).encode()) <= MOST_BYTES:
                found.setdefault(prompt, {"messages": messages})
    return sorted(found.values(), key=lambda row: key(json.dumps(row, ensure_ascii=False)))


def write(file: Path, rows: Iterable[dict[str, Any]], name: str) -> None:
    """Rows with ids NAME-0001 and so on."""
    lines = [json.dumps({"id": f"{name}-{n:04}", **row}, ensure_ascii=False) for n, row in enumerate(rows, 1)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def json_rows(file: Path) -> list[dict[str, Any]]:
    """The records of a JSON, JSONL or gzipped JSONL file."""
    text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else [json.loads(line) for line in text.split("\n") if line]


def drawn(rows: Iterable[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The first of them in hash order."""
    return sorted(rows, key=lambda row: key(json.dumps(row, ensure_ascii=False, sort_keys=True)))[:number]


def solutions(rows: Iterable[dict[str, Any]], prompt: str, response: str) -> Iterator[dict[str, Any]]:
    """Question and solution as a dialogue."""
    for row in rows:
        if len((row[prompt] + row[response]).encode()) <= MOST_BYTES // 2:
            turns = ({"role": "user", "content": row[prompt]}, {"role": "assistant", "content": row[response]})
            yield {"messages": list(turns)}


def choice(row: dict[str, Any]) -> dict[str, Any]:
    """Question, choices and the answer's place from a record that lists the choices within its question."""
    stem, *rest = re.split(r"\n\s*(?:Answer format:|(?=(?:Answer|Solution)1:))", row["instruction"])
    question = stem.split("question:", 1)[-1].strip()
    if row["answer"] in ("true", "false"):
        return {"question": question, "choices": ["yes", "no"], "answer": int(row["answer"] == "false")}
    parts = re.split(r"(?:Answer|Solution)(\d):", " ".join(rest).split("Answer format")[0])
    choices = [part.strip() for part in parts[2::2]]
    choices[-1] = re.sub(r"\s*(?:answer|solution)1/(?:answer|solution)2.*$", "", choices[-1])
    return {"question": question, "choices": choices, "answer": int(row["answer"][-1]) - 1}


def blimp(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One pair of each paradigm."""
    first: dict[str, dict[str, Any]] = {}
    for row in drawn(rows, 10**6):
        pair = {name: row[name] for name in ("sentence_good", "sentence_bad", "field", "UID")}
        first.setdefault(row["UID"], pair)
    return [first[name] for name in sorted(first)]


def write_pools(data: Path, work: Path) -> None:
    """Every pool, its held-out task, and the target."""
    bundled = write_quickstart(work / "quickstart").pool
    for name, file in POOLS.items():
        rows = rows_of(data / file if file else bundled)
        held = HELD_OUT_INSIDE if name == INSIDE else HELD_OUT
        write(work / f"tasks/own-{name}.jsonl", rows[:held], f"own-{name}")
        write(work / f"pools/{name}.jsonl", rows[held : held + MOST_ROWS], name)
        if name == "gsm8k":
            write(work / "target.jsonl", rows[held + MOST_ROWS : held + MOST_ROWS + TARGETS], "target")


def write_benchmarks(folder: Path, work: Path) -> None:
    """The other tasks."""
    gsm8k = solutions(json_rows(folder / "gsm8k__test.jsonl"), "question", "answer")
    code = solutions(json_rows(folder / "humaneval__HumanEval.jsonl.gz"), "prompt", "canonical_solution")
    write(work / "tasks/gsm8k-test.jsonl", drawn(gsm8k, SOLUTIONS), "gsm8k-test")
    write(work / "tasks/humaneval.jsonl", drawn(code, SOLUTIONS), "humaneval")
    write(work / "tasks/blimp.jsonl", blimp(json_rows(folder / "blimp__50_per_paradigm.jsonl")), "blimp")
    of: Callable[[str], Path] = lambda name: folder / f"llm_adapters__{name}_test.json"  # noqa: E731
    for task, file in {"arc-easy": of("ARC-Easy"), "piqa": of("piqa"), "boolq": of("boolq")}.items():
        items = [choice(row) for row in json_rows(file)]
        whole = [one for one in items if len(one["choices"]) > 1 and len(str(one).encode()) <= MOST_BYTES // 2]
        write(work / f"tasks/{task}.jsonl", drawn(whole, CHOICES), task)


def tasks(work: Path) -> dict[str, Path]:
    """The task files by name."""
    return {file.stem: file for file in sorted((work / "tasks").glob("*.jsonl"))}


def main() -> None:
    """Write everything."""
    parser = argparse.ArgumentParser(description="Write the pools and tasks of the study.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data")
    parser.add_argument("--work", type=Path, required=True, help="folder of the study")
    arguments = parser.parse_args()
    write_pools(arguments.data, arguments.work)
    write_benchmarks(arguments.data / "benchmarks", arguments.work)
    for file in sorted(arguments.work.glob("**/*.jsonl")):
        if "quickstart" not in file.parts:
            print(f"{len(file.read_text(encoding='utf-8').splitlines()):6} {file.relative_to(arguments.work)}")


if __name__ == "__main__":
    main()
