"""The audit: one pass over the pools, then what needs all rows, then the document, the table of rows and the page.

Nothing is removed: the audit counts, shows and says what `select` would remove. `rows.parquet` holds a 0 or 1 for every
row and kind of finding, so that `select --scores DIR/rows.parquet --where ...` can act on any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dataselect.artifacts import read_json
from dataselect.errors import PoolError, UsageError
from dataselect.library_errors import user_errors
from dataselect.models import resolve_model
from dataselect.pool import PoolReader, Renderer
from dataselect.pool.sources import find_sources
from dataselect.pool_ranking.text_defects import ROWS_WITH_WORD
from dataselect.recommendation.audit.document import audit_document
from dataselect.recommendation.audit.findings import Evidence
from dataselect.recommendation.audit.kinds import BITS
from dataselect.recommendation.audit.languages import Languages
from dataselect.recommendation.audit.leaks import RULE, judge_leaks
from dataselect.recommendation.audit.reading import Pass, Reading
from dataselect.recommendation.audit.repeats import THRESHOLD, can_compare_near, mark_repeats
from dataselect.recommendation.audit.request import AuditReport, AuditRequest
from dataselect.recommendation.audit.signs import mark_cut_words
from dataselect.recommendation.audit.unlike import mark_unlike
from dataselect.reports.audit import audit_page
from dataselect.selection.contamination import EvaluationTexts, EvaluationWords, read_evaluation_texts
from dataselect.selection.filters import Filters
from dataselect.stage import FinishedStage, StageDirectory, recorded_options, run_stage

AUDIT, PAGE, ROWS = "audit.json", "audit.html", "rows.parquet"
_CHUNK = 65_536
_NUMBERS = ("turns", "prompt_characters", "response_characters", "response_bytes")
NGRAM = Filters().decontaminate_ngram

Say = Callable[[str], None]
"""Called with one line for people whenever a step begins."""


@user_errors()
def audit(request: AuditRequest, say: Say = lambda line: None) -> AuditReport:
    """Look at pools before anything is scored.

    Raises:
        UsageError: If a task is one of the pools, or an option is wrong.
        DataselectError: If a pool, task, model or the directory cannot be used, or no record can be read.
    """
    looking = Audit(request, say)
    if request.out is None:
        return AuditReport(looking.document())
    return run_stage(looking, request.out, request.overwrite)


class Audit:
    """`dataselect audit`: the pools, tasks and model that a request names, opened and checked."""

    name = "audit"

    def __init__(self, request: AuditRequest, say: Say = lambda line: None) -> None:
        self._request, self._say = request, say
        self._names = [source.name for source in find_sources(request.pools)]
        self._reader = PoolReader(
            request.pools, request.columns, request.prefix_ids, request.limit, request.sample_seed, repeated_ids=True
        )
        self._tasks = {
            source.name: read_evaluation_texts([task], request.columns)
            for source, task in zip(find_sources(request.tasks) if request.tasks else (), request.tasks, strict=True)
        }
        self._refuse_task_in_pools()
        render = request.render if request.out is None else request.render.resumed(request.out, request.overwrite)
        self._renderer = Renderer(resolve_model(request.model), render) if request.model else None
        self._near, self._languages = can_compare_near(), Languages()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that the findings depend on."""
        request = self._request
        return {
            "inputs": self._inputs, "columns": request.columns.recorded(), "prefix_ids": request.prefix_ids,
            "limit": request.limit, "sample_seed": request.sample_seed, "dedup_threshold": THRESHOLD,
            "leaks": {"ngram": NGRAM, **RULE},
            "rows_with_cut_word": ROWS_WITH_WORD, "near_duplicates": self._near, "languages_by": self._languages.method,
            "rendering": self._renderer.settings() if self._renderer else None,
        }  # fmt: skip

    @property
    def options(self) -> dict[str, Any]:
        """The options as they were given, for `run.json`."""
        return recorded_options(self._request)

    def run(self, directory: StageDirectory) -> dict[str, Any]:
        """Write the document, the table of rows and the page."""
        document = self.document()
        directory.write_json(AUDIT, document)
        with directory.write(ROWS) as path:
            write_rows(self._pass.reading, path)
        directory.write_text(PAGE, audit_page(document))
        return {
            "stage": "audit", "inputs": self._inputs, "seed": self._request.sample_seed,
            "counts": {"rows": document["rows"], "rejects": document["rejects"]},
            "wall_seconds": directory.wall_seconds,
        }  # fmt: skip

    def result(self, finished: FinishedStage, fresh: bool) -> AuditReport:
        """The report, read from the folder."""
        return AuditReport(read_json(finished.file(AUDIT)), finished.path, fresh)

    @cached_property
    def _words(self) -> dict[str, EvaluationWords]:
        return {name: EvaluationWords(texts.items, NGRAM) for name, texts in self._tasks.items()}

    @cached_property
    def _pass(self) -> Pass:
        request = self._request
        return Pass(
            self._names, request.columns, request.prefix_ids, self._words, self._renderer, self._languages, self._near
        )  # fmt: skip

    @cached_property
    def _inputs(self) -> list[dict[str, Any]]:
        tasks = [{**one, "role": "task"} for texts in self._tasks.values() for one in texts.inputs]
        return [*({"role": "pool", **one} for one in self._reader.inputs), *tasks]

    def document(self) -> dict[str, Any]:
        """Read the pools and describe what is in them.

        Raises:
            PoolError: If no record of any pool can be read.
        """
        reading = self._pass.read(self._reader)
        if not len(reading.rows):
            raise _nothing(reading)
        judge_leaks(reading, self._words, [item for texts in self._tasks.values() for item in texts.items], NGRAM)
        mark_cut_words(reading.rows)
        self._say(f"compare {len(reading.rows):,} rows with each other")
        repeats = mark_repeats(reading.rows, reading.keys)
        mark_unlike(reading.rows, [_said(texts) for texts in self._tasks.values()])
        evidence = Evidence(reading, repeats, self._words)
        return audit_document(
            evidence, self._reader.inputs, [_task(*one) for one in self._tasks.items()], self._model()
        )

    def _model(self) -> dict[str, Any] | None:
        renderer = self._renderer
        if renderer is None:
            return None
        return {
            "name": self._request.model, "template": renderer.template_name, "max_length": renderer.max_length,
        }  # fmt: skip

    def _refuse_task_in_pools(self) -> None:
        pools = {one["sha256"]: one["source"] for one in self._reader.inputs}
        for name, texts in self._tasks.items():
            for one in texts.inputs:
                if one["sha256"] in pools:
                    raise UsageError(
                        f"the task {name} is the pool {pools[one['sha256']]}: every row would be a leak",
                        "give the examples that the model is tested on, which are not in the pool",
                    )


def _said(texts: EvaluationTexts) -> list[str]:
    """What each item says, with its answer."""
    return [f"{item.text.prompt} {item.text.response}" for item in texts.items]


def _task(name: str, texts: EvaluationTexts) -> dict[str, Any]:
    return {"name": name, "sha256": texts.inputs[0]["sha256"], "items": len(texts.items), "rejects": texts.rejects}


def _nothing(reading: Reading) -> PoolError:
    reasons: Counter[str] = sum((counts.rejects for counts in reading.pools.values()), Counter())
    first = next(iter(reading.rejected.values()))[0]
    total = sum(counts.rejects.total() for counts in reading.pools.values())
    return PoolError(
        f"none of {total:,} records can be read: {', '.join(sorted(reasons))}; {first.file} line {first.line:,}: "
        f"{first.excerpt}",
        "name the columns, --prompt-column NAME --response-column NAME or --text-column NAME, or correct the file",
    )


def write_rows(reading: Reading, path: Path) -> None:
    """Write id, source, language, lengths and a column of 0 and 1 for each kind, as `select --scores` reads it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = reading.rows
    fields = [("id", pa.string()), ("source", pa.string()), ("lang", pa.string())]
    fields += [(name, pa.int64()) for name in _NUMBERS] + [(key, pa.int8()) for key in BITS]
    with pq.ParquetWriter(path, pa.schema(fields)) as writer:
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, min(start + _CHUNK, len(rows)))
            columns: dict[str, Any] = {
                "id": [rows.id(row) for row in range(part.start, part.stop)],
                "source": np.array(rows.pools, object)[rows.column("pool")[part]],
                "lang": np.array(reading.languages.names, object)[rows.column("language")[part]],
                **{name: rows.column(name)[part].astype(np.int64) for name in _NUMBERS},
                **{key: rows.has(bit)[part].astype(np.int8) for key, bit in BITS.items()},
            }
            writer.write_table(pa.table([columns[name] for name, _ in fields], schema=pa.schema(fields)))
