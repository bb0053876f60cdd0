"""`dataselect verify`: whether the numbers can be trusted, before they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dataselect.cli import options
from dataselect.cli.options import column_map, engine_arguments, render_options


@click.command("verify")
@options.pools
@options.model
@click.option("--backend", default="auto", show_default=True, metavar="B", help="auto, transformers, vllm or server.")
@click.option(
    "--scores", type=click.Path(path_type=Path), metavar="DIR",
    help="Check the recorded numbers of this finished folder of score, instead of a backend.",
)  # fmt: skip
@options.template
@click.option(
    "--rows", type=click.IntRange(min=1), default=200, show_default=True, metavar="N",
    help="Rows to verify; a tenth of them are the longest of the pool.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="S", help="Seed of the draw.")
@click.option(
    "--dtype", default="auto", show_default=True, metavar="D",
    help="float32, bfloat16 or float16; with --scores or a server, what they claim.",
)  # fmt: skip
@click.option(
    "--tolerance", type=click.FloatRange(min=0), metavar="X",
    help="Nats per token: at any token in float32 [default: 1e-4], in the median row in 16 bits [default: 5e-3].",
)  # fmt: skip
@click.option("--no-ranks", is_flag=True, help="Compare no ranks; for servers that give none.")
@click.option("--batch-tokens", type=click.IntRange(min=1), metavar="N", help="Most tokens computed at once.")
@click.option(
    "--engine-arg", "engine_args", multiple=True, metavar="K=V", help="An argument for vLLM, by its own name."
)
@click.option(
    "--server", metavar="URL", envvar="DATASELECT_SERVER", help="Server for --backend server, as http://host:8000/v1."
)
@click.option("--served-model", metavar="NAME", help="The model's name on that server [default: the only one].")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for verify.json.")
@click.option("--overwrite", is_flag=True, help="Remove this command's own files in DIR first.")
@options.columns
def command(
    pools: tuple[str, ...], model: str, backend: str, scores: Path | None, rows: int, seed: int, dtype: str,
    tolerance: float | None, no_ranks: bool, batch_tokens: int | None, engine_args: tuple[str, ...],
    server: str | None, served_model: str | None, out: Path | None, overwrite: bool, **shared: Any,
) -> None:  # fmt: skip
    """Verify that a backend, or a score folder, gives the right numbers.

    Scores a sample with the backend and with transformers in float32, one row at a time; then shuffled; then in other
    batches. With --scores, compares the recorded numbers with that reference, and what the folder says of model,
    template and dtype with the options given here. Exits with 1 over the tolerance, which in float32 is 1e-4 nats at
    any token, and in 16 bits 5e-3 nats per token in the median row, Spearman 0.999 and an overlap of the rows of lowest
    perplexity of 99 %.

    \b
    Example:
      dataselect verify pool.jsonl --model builtin
      dataselect verify pool.jsonl --model M --backend vllm --rows 500 --out verified
      dataselect verify pool.jsonl --model M --scores scores
    """
    from tqdm import tqdm

    from dataselect.cli.verification import failure, print_verification
    from dataselect.scoring.verification import VerifyRequest
    from dataselect.scoring.verify import verify

    request = VerifyRequest(
        pools=pools, model=model, backend=backend, scores=scores, rows=rows, seed=seed,
        rendering=render_options(shared), columns=column_map(shared), prefix_ids=shared["prefix_ids"], dtype=dtype,
        tolerance=tolerance, ranks=not no_ranks, batch_tokens=batch_tokens,
        engine_args=engine_arguments(engine_args), server=server if backend == "server" else None,
        served_model=served_model, out=out, overwrite=overwrite,
    )  # fmt: skip
    with tqdm(unit=" sequences", desc="verify", disable=None) as bar:

        def show(done: int) -> None:
            bar.update(done)

        found = verify(request, show)
    print_verification(found)
    if not found.passed:
        raise failure(found)
