"""The grammar of candidates: what combines into what, under which names, and every fault told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataselect.errors import ConfigError, UsageError
from dataselect.recommendation.candidates import CONTROL, expand, select_request
from dataselect.recommendation.cleaning import CleanPools
from dataselect.recommendation.grammar import default_grammar, read_grammar, with_strategies
from dataselect.selection.request import make_plan

POOLS = ("gsm8k", "dolly", "alpaca")
TEMPLATE = Path(__file__).parents[2] / "configs" / "candidates.yaml"


def grammar(tmp_path, text, pools=3):
    file = tmp_path / "candidates.yaml"
    file.write_text(text)
    return read_grammar(file, default_grammar(pools))


def names(made):
    return [one.name for one in made]


def test_the_default_of_three_pools_is_at_most_thirty_with_the_control_first():
    made = expand(default_grammar(3), POOLS)
    # all and each (4 sets) x ppl-low, ppl-mid, ppl-high, ifd-high, similarity = 20; random on 4 sets and 3 pairs = 7;
    # longest on all = 1.
    assert len(made) == 28
    assert made[0].name == CONTROL
    assert len(set(names(made))) == 28
    assert {"gsm8k.ppl-mid", "gsm8k+dolly.random", "all.longest", "alpaca.similarity"} <= set(names(made))


@pytest.mark.parametrize(("pools", "most"), [(1, 8), (2, 21), (3, 28), (4, 25), (9, 34), (20, 27)])
def test_the_default_grows_slowly_with_the_pools(pools, most):
    made = expand(default_grammar(pools), [f"p{n}" for n in range(pools)])
    assert len(made) <= most
    assert made[0].name == CONTROL


def test_one_pool_has_no_each_and_no_pairs_and_gets_a_cover():
    made = expand(default_grammar(1), ["only"])
    assert names(made) == [
        "all.random", "all.ppl-low", "all.ppl-mid", "all.ppl-high", "all.ifd-high", "all.longest", "all.similarity",
        "all.k-center",
    ]  # fmt: skip
    assert "all.similarity" not in names(expand(default_grammar(1, encoder=False), ["only"]))


def test_family_and_cost():
    made = {one.name: (one.family, one.cost) for one in expand(default_grammar(2), ("a", "b"))}
    assert made["all.random"] == ("random", 0)
    assert made["a.random"] == ("random", 1)
    assert made["a+b.random"] == ("mixture", 1)
    assert made["all.longest"] == ("length", 2)
    assert made["b.similarity"] == ("similarity", 3)
    assert made["all.ppl-low"] == ("low", 4)
    assert made["all.ppl-mid"] == ("mid", 4)
    assert made["all.ppl-high"] == ("high", 4)
    assert made["all.ifd-high"] == ("high", 5)


def test_mixtures_filters_and_options(tmp_path):
    given = grammar(
        tmp_path,
        """
pools: [all]
mixtures:
  - {gsm8k.jsonl: 70%, dolly: 30}
filters: {short: response_tokens < 200, no-refusals: refusal == 0}
strategies:
  - random
  - {name: bpb, params: {direction: high}}
  - {name: ppl-low, params: {scope: sequence}, label: whole, pools: [mixtures]}
""",
    )
    made = {one.name: one for one in expand(given, POOLS)}
    assert list(made) == [
        "all.random", "all.random.short", "all.random.no-refusals",
        "gsm8k70+dolly30.random", "gsm8k70+dolly30.random.short", "gsm8k70+dolly30.random.no-refusals",
        "all.bpb-high", "all.bpb-high.short", "all.bpb-high.no-refusals",
        "gsm8k70+dolly30.bpb-high", "gsm8k70+dolly30.bpb-high.short", "gsm8k70+dolly30.bpb-high.no-refusals",
        "gsm8k70+dolly30.whole", "gsm8k70+dolly30.whole.short", "gsm8k70+dolly30.whole.no-refusals",
    ]  # fmt: skip
    one = made["gsm8k70+dolly30.random.short"]
    assert (one.pools, one.quota) == (("gsm8k", "dolly"), ("gsm8k=70%", "dolly=30%"))
    assert (one.where, one.family, one.cost) == ("response_tokens < 200", "mixture", 4)
    assert made["all.random.no-refusals"].cost == 2
    assert (made["all.bpb-high"].family, made["all.bpb-high"].params) == ("high", {"direction": "high"})


def test_a_key_that_is_left_out_keeps_its_default(tmp_path):
    made = expand(grammar(tmp_path, "filters: {short: response_tokens < 200}"), POOLS)
    assert len(made) == 2 * 28


def test_all_faults_are_told_together_with_near_matches(tmp_path):
    with pytest.raises(ConfigError) as told:
        grammar(
            tmp_path,
            """
pool: [all]
pools: [eahc]
strategies: [ppl-mdi, {name: bpb, params: {direktion: high}}, deita, full, {nam: random}]
filters: {short: respnse_tokens < 3, "a b": ppl < 3, bad: "ppl <"}
mixtures: [{a: 70%, b: 20%}, {a: x, b: 1%}, {a: 100%}]
""",
        )
    message = told.value.message
    for part in (
        "pool: unknown key, did you mean pools",
        "expected one of all, each, pairs, mixtures, got 'eahc'",
        "unknown strategy 'ppl-mdi' (did you mean ppl-mid",
        "direktion: unknown key, did you mean direction",
        "deita needs the column complexity",
        "full is a control",
        "nam: unknown key, did you mean name",
    ):
        assert part in message
    with pytest.raises(ConfigError) as told:
        grammar(
            tmp_path,
            """
filters: {short: respnse_tokens < 3, "a b": ppl < 3, bad: "ppl <"}
mixtures: [{a: 70%, b: 20%}, {a: x, b: 1%}, {a: 100%}]
""",
        )
    message = told.value.message
    for part in (
        "{a: 70%, b: 20%} adds up to 90 %, not to 100 %",
        "expected per cent over 0, such as 70%, for a, got 'x'",
        "{a: 100%} should name two pools or more",
        "filters.short: unknown column 'respnse_tokens' (did you mean response_tokens",
        "filters: expected a name",
        "filters.bad: --where cannot be read",
    ):
        assert part in message


def test_mixtures_of_unknown_pools_are_refused_with_near_matches(tmp_path):
    given = grammar(tmp_path, "mixtures: [{gsm8: 50%, dolly: 50%}, {alpacca: 50%, dolly: 50%}]")
    with pytest.raises(ConfigError, match=r"unknown pool 'gsm8' .*gsm8k.*unknown pool 'alpacca' .*alpaca"):
        expand(given, POOLS)


def test_two_entries_of_one_name_need_labels(tmp_path):
    with pytest.raises(ConfigError, match="two are called ppl-low, give one a label"):
        grammar(tmp_path, "strategies: [ppl-low, {name: ppl-low}]")


def test_strategies_by_name_go_on_all_sets_and_unknown_ones_are_told_together():
    made = expand(with_strategies(default_grammar(2), ("bpb", "zip")), ("a", "b"))
    assert {"a.bpb", "a+b.zip", "all.bpb"} <= set(names(made))
    assert made[0].name == CONTROL
    with pytest.raises(UsageError, match=r"'zipp'.*excess_loss"):
        with_strategies(default_grammar(2), ("zipp", "excess-loss"))


def test_the_template_is_the_default_of_three_pools():
    made = expand(read_grammar(TEMPLATE, default_grammar(1, encoder=False)), POOLS)
    assert set(names(made)) == set(names(expand(default_grammar(3), POOLS)))


def test_the_request_gives_every_candidate_the_same_tables_and_a_mixture_its_shares(tmp_path):
    pools = CleanPools(
        files={name: tmp_path / f"{name}.jsonl" for name in POOLS}, rows=dict.fromkeys(POOLS, 10), removed={}, read=30,
        sources={name: name for name in POOLS}, table=tmp_path / "rows.parquet",
    )  # fmt: skip
    given = grammar(tmp_path, "pools: [all]\nmixtures: [{gsm8k: 62.5%, dolly: 37.5%}]\nfilters: {plain: refusal == 0}")
    made = {one.name: one for one in expand(given, POOLS)}
    scores, embeddings = tmp_path / "scores", tmp_path / "embeddings"

    def request(name):
        return select_request(made[name], pools, scores, embeddings, 5_000, 3, tmp_path / "out.jsonl")

    plain = request("all.random")
    assert (plain.budget, plain.seed, plain.scores, plain.embeddings) == ("5000tok", 3, (scores,), embeddings)
    assert request("all.ppl-mid").scores == (scores,)
    mixed = request("gsm8k62.5+dolly37.5.random")
    assert mixed.quota == ("gsm8k.jsonl=62.5%", "dolly.jsonl=37.5%")
    assert mixed.pools == (str(tmp_path / "gsm8k.jsonl"), str(tmp_path / "dolly.jsonl"))
    assert request("all.ppl-mid.plain").scores == (scores, tmp_path / "rows.parquet")
    for candidate in made.values():
        assert make_plan(request(candidate.name)).budget.unit == "tokens"
        assert not set(candidate.name) & set("/ @:%")
