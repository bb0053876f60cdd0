"""Every fate that `select` can give a row, in real selections, told in words; the numbers in the words by other means."""

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataselect.selection.dedup import jaccard, shingles
from dataselect.strategies import Text


def table(flow, column):
    rows = pq.read_table(flow.folder / "scores" / "scores.parquet", columns=["id", column]).to_pylist()
    return {row["id"]: row[column] for row in rows}


def vector(flow, id_):
    ids = (flow.folder / "embeddings" / "ids.txt").read_text(encoding="utf-8").splitlines()
    return np.load(flow.folder / "embeddings" / "embeddings.npy")[ids.index(id_)]


def by_ppl(flow):
    """Scored ids, lowest perplexity first."""
    ppl = table(flow, "ppl")
    return sorted((id_ for id_ in ppl if ppl[id_] is not None), key=lambda id_: (ppl[id_], id_))


def test_kept_with_its_rank(flow):
    chosen = flow.select("kept", "--strategy", "ppl-low", *flow.scores, budget="30%")  # of 13: 3
    second = by_ppl(flow)[1]
    found = flow.explain(chosen, second)
    assert found.outcome.sentences[0] == (
        "Kept: rank 2 of 3 kept rows. The pool has 13; the budget is 30%, 3 examples."
    )
    assert (found.outcome.kept, found.outcome.rank, found.outcome.below_cut) == (True, 2, None)
    assert found.rule == ("ppl-low: lowest perplexity first: what the model finds likely",)
    scores = {one.name: one for one in found.numbers}
    assert scores["score"].value == scores["ppl"].value == table(flow, "ppl")[second]
    assert scores["score"].percentile == pytest.approx(100 * 1.5 / 11)  # one of the 11 scored rows is below it


def test_over_the_budget_with_the_distance_to_the_cut(flow):
    chosen = flow.select("over", "--strategy", "ppl-low", *flow.scores, budget="3")
    order, ppl = by_ppl(flow), table(flow, "ppl")
    found = flow.explain(chosen, order[7])
    assert (found.outcome.rank, found.outcome.below_cut, found.outcome.reason) == (8, 5, "over_budget")
    told = " ".join(found.outcome.sentences)
    assert "Its rank is 8, and the budget (3 examples) keeps 3 rows: it is 5 places below the cut." in told
    assert f"Its score is {ppl[order[7]]:,.1f}"[:-2] in told
    assert "1 place below" in flow.told(chosen, order[3])


def test_under_a_token_budget_the_cut_is_where_the_tokens_end(flow):
    tokens, order = table(flow, "total_tokens"), by_ppl(flow)
    budget = sum(tokens[id_] for id_ in order[:4]) + 1
    chosen = flow.select("tokens", "--strategy", "ppl-low", *flow.scores, budget=f"{budget}tok")
    assert f"the budget ({budget:,} tokens) keeps 4 rows: it is 1 place below the cut" in flow.told(chosen, order[4])


@pytest.mark.parametrize(
    ("id_", "told"),
    [
        ("empty", "Not kept: its response is empty, so there was nothing to score."),
        ("endless", "Not kept: it is longer than the limit of 1,023 tokens, and was not scored"),
    ],
)
def test_statuses_of_the_score_table(flow, id_, told):
    chosen = flow.select("statuses", "--strategy", "random", *flow.scores)
    assert told in flow.told(chosen, id_)
    assert flow.explain(chosen, id_).surprise is None
    total = table(flow, "total_tokens")["endless"]
    assert f"total_tokens is {total:,}" in flow.told(chosen, "endless")


def test_a_row_that_came_after_scoring_and_one_without_an_embedding(flow):
    (flow.folder / "new.jsonl").write_text(json.dumps({"id": "late", "prompt": "New?", "response": "Yes."}) + "\n")
    pools = ("a.jsonl", "b.jsonl", "new.jsonl")
    chosen = flow.select("late", "--strategy", "random", *flow.scores, *flow.embeddings, pools=pools)
    assert flow.told(chosen, "late").startswith("Not kept: it is missing from a score table of the selection")
    assert flow.told(chosen, "mute").startswith("Not kept: it is missing from the folder of embeddings")
    assert any("has no vector of this row" in line for line in flow.explain(chosen, "mute").missing)


def test_filters_on_columns(flow):
    order, ppl = by_ppl(flow), table(flow, "ppl")
    bound = (ppl[order[4]] + ppl[order[5]]) / 2
    where = f"ppl < {bound:.6f} and source == 'a.jsonl'"
    chosen = flow.select("where", "--strategy", "random", *flow.scores, "--where", where)
    for id_ in ("dog", "cat"):
        told = flow.told(chosen, id_)
        assert told.startswith(f"Not kept: the filter --where {where!r} does not hold for it. Its ppl is ")
        assert told.endswith(" Its source is b.jsonl.")
    bounds = flow.select("bounds", "--strategy", "random", *flow.scores, "--min-tokens", "10", "--max-tokens", "40")
    lengths = table(flow, "response_tokens")
    assert flow.told(bounds, "sum") == (
        f"Not kept: its response is shorter than --min-tokens 10 allows. Its response_tokens is {lengths['sum']}."
    )
    assert flow.told(bounds, "story") == (
        f"Not kept: its response is longer than --max-tokens 40 allows. Its response_tokens is {lengths['story']}."
    )


def test_text_that_an_evaluation_set_shares(flow):
    chosen = flow.select("clean", "--strategy", "random", "--decontaminate", flow.folder / "test.jsonl")
    told = flow.told(chosen, "leak")
    assert "it shares text with an evaluation set (--decontaminate), a run of 13 words" in told
    assert 'test.jsonl:1 "a train leaves at noon and another at one which of the two' in told


def test_an_embedded_target_that_is_nearly_the_row(flow):
    target = np.load(flow.folder / "embeddings" / "targets.npy")
    bound = float((target @ vector(flow, "sum")).max()) - 0.001
    arguments = ("--strategy", "random", *flow.embeddings, "--decontaminate-cosine", bound)
    told = flow.told(flow.select("near-target", *arguments), "sum")
    assert f"it is nearly an item of the target set (--decontaminate-cosine {bound}): targets.jsonl item 1" in told


def test_a_value_that_is_missing(flow):
    judged = flow.folder / "judge.csv"
    with judged.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "rating"), ("sum", "3"), ("dog", "5"), ("cat", "")])
    arguments = ("--strategy", "column", "--param", "name=rating", "--scores", judged)
    chosen = flow.select("judged", *arguments)
    assert flow.told(chosen, "cat") == "Not kept: it has no value of rating, and nothing is ranked without one."
    assert flow.explain(chosen, "dog").rule[0].endswith("; here with name=rating")


def test_duplicates_name_the_row_that_stays_and_how_alike_it_is(flow):
    dedup = ("--dedup", "exact", "--dedup", "ngram", "--dedup-threshold", "0.5")
    chosen = flow.select("exact", "--strategy", "ppl-low", *flow.scores, *dedup, budget="3")
    order = by_ppl(flow)
    first, second = sorted(("sum", "sum-again"), key=order.index)
    found = flow.explain(chosen, second)
    assert found.outcome.sentences[0].startswith("Not kept: its text is the same as that of a row that ranks higher")
    assert found.outcome.because == first
    assert found.other.id == first
    near = sorted(("story", "story-again"), key=order.index)
    texts = {record["id"]: shingles(Text(record["prompt"], record["response"])) for record in stories(flow)}
    told = flow.told(chosen, near[1])
    assert f"{near[0]!r} (--dedup ngram, Jaccard at least 0.5)" in told
    assert f"The Jaccard similarity of the two is {jaccard(texts['story'], texts['story-again']):.3f}." in told
    assert "That row is kept at rank" in told or "That row is not kept: over the budget" in told


def stories(flow):
    lines = (flow.folder / "a.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["id"].startswith("story")]


def test_duplicates_in_meaning_have_a_cosine(flow):
    arguments = ("--strategy", "longest", *flow.embeddings, "--dedup", "semantic", "--dedup-cosine", "0.999")
    told = flow.told(flow.select("meaning", *arguments), "story-again")  # the same prompt is embedded: cosine 1
    assert (
        "its embedding is nearly that of a row that ranks higher, 'story' (--dedup semantic, cosine over 0.999)" in told
    )
    assert "The cosine of the two is 1.000. That row is kept at rank 2." in told  # after endless


def test_a_row_that_deita_skips_names_the_row_that_shadows_it(flow):
    """Truth: the published loop, one row after the other."""
    ppl = table(flow, "ppl")
    rows = sorted((id_ for id_ in ppl if ppl[id_] is not None and id_ != "mute"), key=lambda id_: (-ppl[id_], id_))
    cosines = {(a, b): float(vector(flow, a) @ vector(flow, b)) for a in rows for b in rows}
    threshold = sorted(cosines[a, b] for a in rows for b in rows if a < b)[-8] - 1e-3  # the eight nearest pairs
    taken, shadows = [], {}
    for row in rows:
        near = max(taken, key=lambda other: cosines[row, other], default=None)
        if near is not None and cosines[row, near] > threshold:
            shadows[row] = near
        else:
            taken.append(row)
    deita = ("--strategy", "deita", "--param", "score=ppl", "--param", f"threshold={threshold}")
    for name, budget in (("deita", f"{len(taken)}"), ("deita-all", "100%")):  # one stops there, one goes on
        chosen = flow.select(name, *deita, *flow.scores, *flow.embeddings, budget=budget)
        assert shadows
        for row, other in shadows.items():
            found = flow.explain(chosen, row)
            assert found.outcome.because == other
            told = " ".join(found.outcome.sentences)
            assert f"{other!r}, which scores better, is at cosine {cosines[row, other]:.3f}." in told
            assert f"That row is kept at rank {taken.index(other) + 1}." in told
        assert [id_ for id_ in rows if flow.explain(chosen, id_).outcome.kept] == taken


def test_what_a_stopping_strategy_did_not_come_to(flow):
    deita = ("--strategy", "deita", "--param", "score=ppl", "--param", "threshold=1", *flow.scores, *flow.embeddings)
    chosen = flow.select("stopped", *deita, budget="2")
    last = next(id_ for id_ in by_ppl(flow) if id_ != "mute")
    told = flow.told(chosen, last)
    assert told.startswith("Not kept: deita chooses row after row, and had filled the budget (2 examples) before it")
    assert "Its ppl is" in told
    assert "The last row that was taken has score" in told


def test_a_rule_that_drops_rows_is_told_with_their_value(flow):
    ifd = table(flow, "ifd")
    over = next(id_ for id_ in ifd if ifd[id_] is not None and ifd[id_] > 1)
    told = flow.told(flow.select("ifd", "--strategy", "ifd-high", *flow.scores), over)
    assert told.startswith("Not kept: the strategy ifd-high does not rank it. Its rule: highest instruction-following")
    assert f"Its ifd is {ifd[over]:.4g}." in told


def test_below_a_shortlist_with_the_distance(flow):
    then = ("--shortlist", "4", "--then", "k-center", *flow.scores, *flow.embeddings, "--dedup", "exact")
    chosen = flow.select("short", "--strategy", "ppl-low", *then, budget="2")
    second = max(("sum", "sum-again"), key=by_ppl(flow).index)
    left = [id_ for id_ in by_ppl(flow) if id_ not in (second, "mute")]
    for place, id_ in enumerate(left[4:], 1):
        places = "1 place" if place == 1 else f"{place} places"
        assert flow.told(chosen, id_) == (
            f"Not kept: ppl-low ranks it below the shortlist of 4 rows that k-center orders, by {places}."
        )
    assert sum(flow.explain(chosen, id_).outcome.kept for id_ in left[:4]) == 2


def test_of_three_strategies_the_one_that_left_a_row_out_is_named(flow):
    arguments = (
        "--strategy",
        "ppl-low",
        "--shortlist",
        "8",
        "--then",
        "k-center",
        "--shortlist",
        "4",
        "--then",
        "longest",
    )
    chosen = flow.select("three", *arguments, *flow.scores, *flow.embeddings, budget="2")
    order = [id_ for id_ in by_ppl(flow) if id_ != "mute"]
    told = {id_: flow.told(chosen, id_) for id_ in order}
    below = [id_ for id_ in order if "ppl-low ranks it below the shortlist of 8 rows that k-center orders" in told[id_]]
    assert below == order[8:]
    stopped = [
        id_ for id_ in order if told[id_].startswith("Not kept: k-center chooses row after row, and had filled the")
    ]
    assert len(stopped) == 4  # of the eight that it was given it placed the four that were asked for
    assert all("filled the shortlist of 4 rows before" in told[id_] for id_ in stopped)
    assert set(stopped) < set(order[:8])
    assert sum(one.startswith("Kept: ") for one in told.values()) == 2
    assert sum("ranks below the budget. Its rank is" in one for one in told.values()) == 2  # by longest


def test_a_full_quota(flow):
    chosen = flow.select("quota", "--strategy", "ppl-low", *flow.scores, "--quota", "b.jsonl=50%", budget="4")
    in_a = ("sum", "sum-again", "story", "story-again", "capital", "café")
    order = by_ppl(flow)
    full = [id_ for place, id_ in enumerate(order) if place < 4 and id_ in in_a][2:]
    assert full, "more than two of the first four rows are from a.jsonl"
    told = flow.told(chosen, full[0])
    assert f"at place {order.index(full[0]) + 1}, but the share of its source a.jsonl was full." in told


def test_a_status_of_another_table_is_told_as_it_is(flow, tmp_path):
    judged = tmp_path / "judge.jsonl"
    judged.write_text(
        '{"id": "sum", "status": "ok", "rating": 1}\n{"id": "dog", "status": "refused", "rating": null}\n'
    )
    arguments = ("--strategy", "column", "--param", "name=rating", "--scores", judged)
    assert flow.told(flow.select("refused", *arguments), "dog") == (
        "Not kept: its status in the score table is 'refused'."
    )


def test_a_filter_on_texts_tells_the_text(flow):
    chosen = flow.select(
        "by-status", "--strategy", "ppl-low", *flow.scores, "--where", 'status == "ok" and source == "a.jsonl"'
    )
    told = flow.told(chosen, "cat")
    assert "the filter --where" in told
    assert "its status is 'ok'" in told or "Its status is 'ok'" in told
    assert "no known" not in told
