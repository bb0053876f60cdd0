"""Score again from kept tokens, without the model and without the pool: `dataselect score --from-tokens`.

Every number that comes from log-probabilities is derived again from the token sidecar of a finished run, by the same
code as in that run (`rows.derive`). The sidecar holds the float32 log-probabilities that the run itself summed in
float64, so all numbers are equal to the original ones to the last bit. What does not come from log-probabilities (id,
source, status, bytes, seam tokens, ratings) is copied from the old score table.

A sidecar of an older version does not say which tokens begin a step: its table then has no columns of steps.

Left out: scores that the run had no ingredients for, such as IFD after a run without `--ifd`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataselect.arguments import checked
from dataselect.artifacts import column_names, read_parquet
from dataselect.errors import ArtifactError, UsageError
from dataselect.library_errors import user_errors
from dataselect.progress import measured
from dataselect.scoring.recorded import RecordedScores
from dataselect.scoring.request import (
    RANK_CLIP_KEY,
    ScoreSummary,
    check_rank_clip,
    clip_fingerprint,
    recorded_rank_clip,
)
from dataselect.scoring.rows import STEP_TOKENS, derive, not_derived, schema
from dataselect.scoring.table import REJECTS, TABLE, summarise, table_schema, write_table
from dataselect.scoring.tokens import STEP_STARTS, read_tokens
from dataselect.stage import FinishedStage, Overwrite, StageDirectory, recorded_options, run_stage

_NO_NUMBERS = dict.fromkeys(("prompt_tokens", "response_tokens", "end_tokens", "final_response_tokens", STEP_TOKENS), 0)
_OF_THE_RUN = ("fingerprint", "outputs", "environment", "stages")
"""Keys of a manifest that each run writes for itself."""


@dataclass(frozen=True, slots=True)
class RescoreRequest:
    """A request to score kept tokens again.

    Attributes:
        tokens: A finished folder of `score --tokens`.
        out: The stage directory.
        rank_clip: Higher ranks count as this one; None for that of the run.
    """

    tokens: Path
    out: Path
    rank_clip: int | None = None
    overwrite: Overwrite = False

    def __post_init__(self) -> None:
        checked(self)
        if self.out.resolve() == self.tokens.resolve():
            raise UsageError("--out and --from-tokens are the same folder", "choose another --out")
        check_rank_clip(self.rank_clip)


@user_errors()
def rescore(request: RescoreRequest) -> ScoreSummary:
    """Derive a score table from kept tokens, into a stage directory.

    Raises:
        DataselectError: If the tokens are missing or damaged, or the directory cannot be used.
    """
    return run_stage(Rescoring(request), request.out, request.overwrite)


class Rescoring:
    """`dataselect score --from-tokens`: the score folder that a request names."""

    name = "score"

    def __init__(self, request: RescoreRequest) -> None:
        self._request = request
        self._recorded = RecordedScores.open(request.tokens)
        if not self._recorded.holds("tokens"):
            raise ArtifactError(f"{request.tokens} holds no kept tokens", "score with --tokens")
        if request.rank_clip is not None and not self._recorded.holds("ranks"):
            raise ArtifactError(f"{request.tokens} holds no ranks to clip", "score without --no-ranks")
        self._rank_clip = request.rank_clip or recorded_rank_clip(self._recorded.fingerprint["scorers"])

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The fingerprint of the run that kept the tokens, and the digest of its manifest."""
        of_run = self._recorded.fingerprint
        asked = {name: value for name, value in of_run["scorers"].items() if name != RANK_CLIP_KEY}
        scorers = {**asked, "tokens": False, **clip_fingerprint(self._rank_clip)}
        return {**of_run, "scorers": scorers, "from_tokens": self._recorded.digest}

    @property
    def options(self) -> Mapping[str, Any]:
        """All options."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> Mapping[str, Any]:
        """Write the table, and copy the rejects."""
        recorded, of_run = self._recorded, self._recorded.fingerprint
        scorers, references = of_run["scorers"], of_run["references"]
        stepped = all(STEP_STARTS in column_names(file) for file in recorded.sidecar())
        one = schema(scorers["ifd"], scorers["ranks"], scorers["ratings"], stepped)
        carried = not_derived(scorers["ifd"], scorers["ratings"])
        with directory.write(REJECTS) as temporary:
            shutil.copyfile(recorded.file(REJECTS), temporary)
        tokenizer = of_run["rendering"]["tokenizer_sha256"]
        same = {name: model["rendering"]["tokenizer_sha256"] == tokenizer for name, model in references.items()}
        with measured("score", "records", sum(recorded.manifest["sources"].values())) as meter:
            tables = _derived_tables(recorded, ("", *references), one, carried, self._rank_clip, meter.advance)
            write_table(directory, tables, table_schema(one, list(references)), same)
        summary = summarise(directory.path, of_run["rendering"]["special_tokens"])
        kept = {name: value for name, value in recorded.manifest.items() if name not in _OF_THE_RUN}
        return kept | {
            "counts": summary.counts,
            "pool": summary.pool,
            "sources": summary.sources,
            RANK_CLIP_KEY: self._rank_clip if scorers["ranks"] else None,
            "from_tokens": {"folder": str(recorded.directory.resolve()), "digest": recorded.digest},
            "cached_rows": 0,
            "tokens_per_second": None,
            "wall_seconds": directory.wall_seconds,
        }

    def result(self, finished: FinishedStage, fresh: bool) -> ScoreSummary:
        """Read the counts from the manifest."""
        return ScoreSummary.of(finished.manifest, fresh)


def _derived_tables(
    recorded: RecordedScores,
    models: tuple[str, ...],
    one: Any,  # noqa: ANN401 - a pyarrow schema
    carried: tuple[str, ...],
    rank_clip: int,
    tick: Callable[[int], object],
) -> Iterator[dict[str, Any]]:
    """Yield name -> Arrow table of that model's rows, for each shard of the run that kept the tokens."""
    import pyarrow as pa

    old = _old_rows(recorded, models, carried)
    row_of = {id_: row for row, id_ in enumerate(old[""]["id"].to_pylist())}
    shards = list(zip(*(recorded.sidecar(name) for name in models), strict=True))
    begin = 0
    for files in shards:
        tables = {}
        for name, file in zip(models, files, strict=True):
            # a record that another model could not render is in this model's sidecar, and no row
            found = [(id_, numbers) for id_, numbers in read_tokens(file) if id_ in row_of]
            if [row_of[id_] for id_, _ in found] != list(range(begin, begin + len(found))):
                raise ArtifactError(f"{file} does not hold the rows of {TABLE}", "score again with --tokens")
            rows = old[name].slice(begin, len(found)).to_pylist()
            derived = [
                row | (_NO_NUMBERS if numbers is None else derive(numbers, row["response_bytes"], rank_clip))
                for row, (_, numbers) in zip(rows, found, strict=True)
            ]
            tables[name] = pa.Table.from_pylist(derived, one)
        begin += tables[""].num_rows
        tick(tables[""].num_rows)
        yield tables
    if begin != len(row_of):
        raise ArtifactError(
            f"{recorded.directory} has tokens for only {begin:,} of {len(row_of):,} rows", "score again"
        )


def _old_rows(recorded: RecordedScores, models: tuple[str, ...], carried: tuple[str, ...]) -> dict[str, Any]:
    """Return name -> the columns of that model that are copied, without its suffix."""
    file = recorded.file(TABLE)
    stored = column_names(file)
    named = {
        name: [column if not name or column in ("id", "source") else f"{column}.{name}" for column in carried]
        for name in models
    }
    for column in (column for columns in named.values() for column in columns):
        if column not in stored:
            raise ArtifactError(f"{file} has no column {column}: an older version wrote it", "score again")
    table = read_parquet(file, list(dict.fromkeys(column for columns in named.values() for column in columns)))
    return {name: table.select(columns).rename_columns(list(carried)) for name, columns in named.items()}
