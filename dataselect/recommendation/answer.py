"""The answer: `recommendation.json`, the sentence in it, and the page that is made from it alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataselect.artifacts import json_text
from dataselect.recommendation.choosing import Chooser
from dataselect.recommendation.decisions import GapInterval
from dataselect.recommendation.final import FinalFigure
from dataselect.recommendation.finalists import FinalControl, FinalOutcome
from dataselect.recommendation.measuring import records_of, tokens_of
from dataselect.recommendation.plan import FINAL_SEEDS, SearchPlan, TrainingSpeed, seconds_of
from dataselect.recommendation.searching import SearchOutcome
from dataselect.recommendation.sentence import SEVERAL, difference_words, metric_words, sentence_of
from dataselect.records import TaskResult
from dataselect.reports.audit import many
from dataselect.reports.recommendation import recommendation_page
from dataselect.selection.selection_file import NOTE
from dataselect.stage import read_finished

DOCUMENT, PAGE = "recommendation.json", "report.html"
_STAGES = ("audit", "scores", "embeddings", "whole/scores", "whole/embeddings", "untrained", "sealed-untrained")


def write_answer(
    chooser: Chooser, plan: SearchPlan, speed: TrainingSpeed, searched: SearchOutcome, final: FinalOutcome
) -> dict[str, Any]:
    """Write the document and the page, and return the document."""
    document = answer_document(chooser, plan, speed, searched, final)
    plain: dict[str, Any] = json.loads(json_text({"sentence": sentence_of(document), **document}))
    chooser.stage.write_json(DOCUMENT, plain)
    chooser.stage.write_text(PAGE, recommendation_page(plain))
    return plain


def answer_document(
    chooser: Chooser, plan: SearchPlan, speed: TrainingSpeed, searched: SearchOutcome, final: FinalOutcome
) -> dict[str, Any]:
    """Everything that is known, as plain values; the sentence and the page are made from it."""
    prepared, race, verdict = chooser.prepared, searched.race, final.verdict
    epochs = prepared.request.recipe.epochs
    rows = list(records_of(final.file))
    seconds = searched.seconds + final.seconds + _stage_seconds(chooser.stage.path)
    return {
        "decision": verdict.decision or "none", "file": str(final.file), "rows": len(rows),
        "tokens": tokens_of(final.file), "budget": final.budget, "unit": "tokens", "asked": plan.asked,
        "candidate": final.chosen.name, "strategy": final.chosen.strategy,
        "finalist": final.finalist.name if final.finalist else None, "sources": _sources(chooser, rows),
        "removed": dict(prepared.pools.removed), "removed_in_words": prepared.pools.removed_in_words,
        "pools": {name: {"rows": prepared.pools.rows[name], "source": prepared.pools.sources[name]}
                  for name in prepared.pools.files},
        "model": prepared.request.model, "recipe": prepared.request.recipe.recipe(), "seed": prepared.request.seed,
        "tasks": [_task(one) for one in verdict.figures], "split": [_split(one) for one in prepared.tasks],
        "unmoved": [_unmoved(one) for one in searched.unmoved], "gap_unit": _gap_unit(verdict.figures),
        "gap": _gap(verdict.gap), "gain": _gap(verdict.gain), "margin": verdict.margin,
        "detectable": verdict.seen, "look": verdict.look, "level": verdict.level,
        "trainings": race.trainings + final.trainings, "train_tokens": round((race.spent + final.tokens) * epochs),
        "minutes": round(seconds / 60, 1),
        "controls": [
            {"name": one.name, "tokens": one.tokens, "failure": one.failure,
             "tasks": [{**asdict(gap), "difference": _gap(gap.difference)} for gap in one.gaps]}
            for one in final.controls
        ],
        "search": [asdict(one) for one in race.decisions], "looks": [asdict(one) for one in race.looks],
        "stopped_because": race.stopped_because, "candidates": _candidates(chooser),
        "plan": {**plan.as_dict(), **_pace(plan, speed)},
        "notes": _notes(chooser, plan, final),
    }  # fmt: skip


def _unmoved(one: TaskResult) -> dict[str, Any]:
    return {"task": one.task, "metric": one.metric, "items": len(one.item_ids), "answered": bool(one.values.any())}


def _gap_unit(figures: Sequence[FinalFigure]) -> str:
    """The unit of gap, gain, margin and detectable difference, of which more is better."""
    return figures[0].metric if len(figures) == 1 else SEVERAL


def _gap(gap: GapInterval | None) -> dict[str, float | None] | None:
    return None if gap is None else {"estimate": gap.estimate, "ci_low": gap.low, "ci_high": gap.high}


def _pace(plan: SearchPlan, speed: TrainingSpeed) -> dict[str, float]:
    return {
        "train_tokens_per_second": speed.tokens_per_second, "seconds_besides_tokens": speed.overhead,
        "planned_seconds": seconds_of(plan, speed),
    }  # fmt: skip


def _task(one: FinalFigure) -> dict[str, Any]:
    return {**asdict(one), "to_untrained": _gap(one.to_untrained), "to_random": _gap(one.to_random)}


def _split(one: Any) -> dict[str, Any]:  # noqa: ANN401 - a SplitTask
    return {"task": one.name, "kind": one.kind, "steering_items": one.steering_items, "sealed_items": one.sealed_items,
            "groups": one.groups, "note": one.note}  # fmt: skip


def _sources(chooser: Chooser, rows: list[dict[str, Any]]) -> dict[str, float]:
    """Pool -> share of the recommended rows, the largest first."""
    pool_of = {json.loads(line)[NOTE]["id"]: name for name, file in chooser.prepared.pools.files.items()
               for line in file.open(encoding="utf-8", newline="\n")}  # fmt: skip
    counts = Counter(pool_of[row[NOTE]["id"]] for row in rows)
    return {name: number / len(rows) for name, number in counts.most_common()}


def _candidates(chooser: Chooser) -> list[dict[str, Any]]:
    names = ("name", "pools", "strategy", "where", "family", "cost")
    return [{name: getattr(one, name) for name in names} for one in chooser.candidates.values()]


def _stage_seconds(folder: Path) -> float:
    """Seconds of the stages beside the trainings, as their manifests have them."""
    found = 0.0
    for name in _STAGES:
        if (folder / name / "manifest.json").exists():
            found += float(read_finished(folder / name).manifest.get("wall_seconds") or 0.0)
    return found


def _notes(chooser: Chooser, plan: SearchPlan, final: FinalOutcome) -> list[str]:
    """What a reader should know, the most important first."""
    notes = [one.note for one in chooser.prepared.tasks if one.note] + list(final.notes)
    if plan.asked is not None and final.budget < plan.asked * 0.95:
        notes.append(
            f"the budget of {plan.asked:,} tokens is too large for the final: it was trained with {final.budget:,} "
            f"tokens, the first ones of the recommended rows, and {6 * plan.asked:,} more would test all of them"
        )
    for half, used in zip(chooser.prepared.halves, chooser.prepared.tasks, strict=True):
        if used.steering_items < half.steering_items or used.sealed_items < half.sealed_items:
            notes.append(
                f"{half.name}: evaluated on {used.steering_items:,} of {half.steering_items:,} steering items "
                f"and {used.sealed_items:,} of {half.sealed_items:,} sealed ones, at even distances"
            )
    if plan.left_out:
        left_out = f"{many(len(plan.left_out), 'candidate')} {'was' if len(plan.left_out) == 1 else 'were'} left out"
        notes.append(f"{left_out} for want of tokens: {', '.join(plan.left_out)}")
    if final.part is not None:
        notes.append(
            f"the rule chose among the first {many(final.part, 'row')} of each clean pool, which are a random part"
        )
    if final.verdict.look > 1:
        level = f"{100 * (1 - final.verdict.level):.4g} %"
        notes.append(f"look {final.verdict.look} at the sealed items: intervals hold at {level}")
    notes += [_control_note(one) for one in final.controls]
    return [*notes, *chooser.prepared.pools.notes]


def _control_note(control: FinalControl) -> str:
    """What a further control shows, or what it would take to know."""
    if control.failure:
        return f"not compared with {control.name}: its trainings failed, {control.failure}"
    if not control.gaps:
        return (
            f"not compared with {control.name}: no tokens were left for {FINAL_SEEDS} trainings of "
            f"{control.tokens:,}; {FINAL_SEEDS * control.tokens:,} more would do"
        )
    gaps = "; ".join(
        f"{one.task} {metric_words(one.metric)} {difference_words(_gap(one.difference))}" for one in control.gaps
    )
    return f"the finalist minus {control.name} ({control.tokens:,} tokens): {gaps}"
