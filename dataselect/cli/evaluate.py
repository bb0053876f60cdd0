"""`dataselect evaluate`: the outcome of every item of every task, and the means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataselect.cli import options
from dataselect.cli.options import given_rendering

if TYPE_CHECKING:
    from dataselect.evaluation import EvaluateSummary


@click.command()
@options.model
@click.option(
    "--task", "tasks", multiple=True, required=True, metavar="FILE|NAME",
    help="A file, whose kind follows from its columns (dataselect ls tasks), KIND:FILE to name it, or an "
    "lm-evaluation-harness task or YAML file; may be repeated. NAME=FILE gives a file another name.",
)  # fmt: skip
@options.out_directory
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers or vllm.")
@options.dtype
@options.batch_tokens
@click.option(
    "--task-path", type=click.Path(path_type=Path), metavar="DIR", help="Folder of your own lm-eval task YAML files."
)
@click.option(
    "--max-new-tokens", type=click.IntRange(min=1), default=512, show_default=True, metavar="N",
    help="Maximum tokens of a generated answer.",
)  # fmt: skip
@click.option(
    "--shots",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Solved questions before each item of exact-match tasks.",
)
@click.option(
    "--shots-from",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File of {question, answer} from which they are drawn.",
)
@click.option(
    "--run-code", is_flag=True, help="Execute programs that the model writes; unit-tests need it. No sandbox."
)
@options.template
def command(model: str, tasks: tuple[str, ...], out: Path, overwrite: bool, **values: Any) -> None:
    """Evaluate a model on tasks, item by item.

    Writes DIR/results.parquet (one row per task, metric and item), results.json (the means, which are also printed),
    outputs.jsonl (what the model wrote, if a task asks it to) and manifest.json. A model that `dataselect train` made
    is shown texts as in its training, unless options say otherwise.

    \b
    Example:
      dataselect evaluate --model models/low --task held_out.jsonl --task quiz=questions.jsonl --out results/low
      dataselect evaluate --model builtin --task arc_easy --out results/untrained
      dataselect evaluate --model tuned --task exact-match:gsm8k.jsonl --shots 5 --shots-from train.jsonl --out maths
      dataselect evaluate --model tuned --task HumanEval.jsonl.gz --run-code --out code
    """
    from dataselect.evaluation import EvaluateRequest, evaluate

    rendering = given_rendering(values)
    request = EvaluateRequest(model=model, tasks=tasks, out=out, rendering=rendering, overwrite=overwrite, **values)
    _print(evaluate(request))


def _print(summary: EvaluateSummary) -> None:
    for task, left_out in summary.left_out.items():
        reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.items())
        options.say(f"{task}: {sum(left_out.values())} items left out ({reasons})")
    for note in summary.notes:
        options.say(f"note: {note}")
    rows = [("TASK", "METRIC", "BETTER", "ITEMS", "MEAN")]
    rows += [(one.task, one.metric, one.direction, str(one.n_items), f"{one.mean:.4f}") for one in summary.means]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        options.emit("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    options.say(f"{summary.out}: {'done' if summary.fresh else 'finished before'}")
