"""What the transformers backend makes of every causal architecture: packed, alone and why, or refused and why.

Each family's tiny model (`model_zoo`) is scored in packs of mixed lengths and compared with the model itself, one
sequence at a time, in float32 and with the attention that transformers gives it. The table of what was found is
MODEL_FAMILIES.md beside this file; a test compares it with what it finds.

    python benchmarks/model_families.py            # print the table
    python benchmarks/model_families.py --write    # and replace MODEL_FAMILIES.md
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from model_zoo import POSITIONS, VOCABULARY, families, save_tiny_model

from dataselect.backends import BackendOptions, TokenSequence, load_backend
from dataselect.errors import DataselectError

TABLE = Path(__file__).with_name("MODEL_FAMILIES.md")
LENGTHS = (2, 3, 5, 8, 13, 19, 20, 21, 34, 60)
PACK_TOKENS = 70


@dataclass(frozen=True)
class Verdict:
    """What became of one family.

    Attributes:
        outcome: "packed", "alone" or "refused".
        reason: Why it is not packed; empty if it is.
        difference: Largest difference to the model itself, in nats; None where nothing was scored.
    """

    family: str
    outcome: str
    reason: str
    difference: float | None


@cache
def verdict(family: str) -> Verdict:
    """Make a family's tiny model and see what the backend makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        model = save_tiny_model(family, Path(folder))
        try:
            backend = load_backend("transformers", Path(folder), BackendOptions("float32", max_length=POSITIONS - 1))
        except DataselectError as error:
            return Verdict(family, "refused", _steady(error.message.replace(folder, "FOLDER")), None)
        asked = _sequences()
        found = backend.score(asked, batch_tokens=PACK_TOKENS)
    truth = [_logprobs(model, one) for one in asked]
    difference = max(float(np.abs(one.logprobs[1:] - true).max()) for one, true in zip(found, truth, strict=True))
    return Verdict(family, "alone" if backend.alone else "packed", _steady(backend.alone or ""), difference)


def _steady(reason: str) -> str:
    """A reason without what differs from machine to machine, and without what a table's cell cannot hold."""
    return re.sub(r"\d\.\d+e[-+]\d+", "N", " ".join(reason.split())).replace("|", "/")


def _sequences() -> list[TokenSequence]:
    rng = np.random.default_rng(1)
    return [TokenSequence(rng.integers(3, VOCABULARY, n).astype(np.int32)) for n in LENGTHS]


def _logprobs(model: Any, sequence: TokenSequence) -> np.ndarray:
    """(n - 1,) log-probabilities of each token but the first, by the model's own logits in float64."""
    import torch

    ids = torch.tensor(sequence.ids.tolist())
    with torch.inference_mode():
        logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].double()
    return logits.log_softmax(1).gather(1, ids[1:, None])[:, 0].numpy()


def table(verdicts: Sequence[Verdict]) -> str:
    """The table as Markdown, one family a row."""
    rows = [f"| {one.family} | {one.outcome} | {one.reason} |" for one in verdicts]
    return "\n".join(["| model type | scored | why |", "|---|---|---|", *rows]) + "\n"


def rows_of(page: str) -> dict[str, tuple[str, str]]:
    """Outcome and reason by family, read from a page with the table."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    return {family: (outcome, reason) for family, outcome, reason in cells[1:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    verdicts = []
    for family in families():
        verdicts.append(verdict(family))
        one = verdicts[-1]
        sys.stderr.write(f"{family}: {one.outcome} {one.difference if one.difference is not None else one.reason}\n")
    sys.stdout.write(table(verdicts))
    if arguments.write:
        head = TABLE.read_text(encoding="utf-8").split("| model type |")[0]
        TABLE.write_text(head + table(verdicts), encoding="utf-8")


if __name__ == "__main__":
    main()
