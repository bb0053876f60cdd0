"""Each planted defect does what it says, at the rate that was asked for."""

import defect_kinds as kinds
import numpy as np
import pytest
from defect_contenders import CONTENDERS, SIEVES
from defect_judging import judged, sieved, standing
from defect_kinds import CLEAN, KINDS, Row
from planted_pools import DATA_SETS, counts, plant, read_rows, union

from dataselect.selection import Filters
from dataselect.strategies import make_strategy

ROW = Row("Add 20 and 22, please.", "", "We add twenty and twenty-two and find forty-two.\n#### 42")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def many(number: int, word: str = "row") -> list[Row]:
    text = "The answer to this question is quite long, and it ends with its number.\n#### {}"
    return [Row(f"Question {i} about a {word}, what is it?", "", text.format(i)) for i in range(number)]


def test_responses_go_round_so_that_each_is_another_rows():
    rows = many(3)
    assert [row.output for row in kinds.swapped(rows)] == [rows[2].output, rows[0].output, rows[1].output]
    assert [row.instruction for row in kinds.swapped(rows)] == [row.instruction for row in rows]


def test_a_cut_response_is_30_to_60_percent_of_it_and_ends_inside_a_word(rng):
    for _ in range(50):
        left = kinds.truncated(ROW, rng).output
        assert ROW.output.startswith(left)
        assert 0.3 * len(ROW.output) < len(left) < 0.6 * len(ROW.output)
        assert left[-1].isalnum()
        assert ROW.output[len(left)].isalnum()


def test_a_garbled_response_keeps_its_length_and_a_stretch_of_it(rng):
    for _ in range(50):
        spoiled = kinds.garbled(ROW, rng).output
        assert len(spoiled) == len(ROW.output)
        changed = [i for i, (a, b) in enumerate(zip(spoiled, ROW.output, strict=True)) if a != b]
        assert 0 < changed[-1] - changed[0] + 1 <= 0.81 * len(ROW.output)


def test_another_number_stands_behind_the_mark_and_nothing_else_changes(rng):
    seen = {kinds.label_noise(ROW, rng).output for _ in range(100)}
    assert {text.rpartition("#### ")[0] for text in seen} == {ROW.output.rpartition("#### ")[0]}
    assert {text.rpartition("#### ")[2] for text in seen} == {"43", "41", "52", "32", "84", "420"}
    thousands = kinds.label_noise(Row("How much?", "", "It is a lot.\n#### 1,000"), rng).output.rpartition(" ")[2]
    assert thousands in {"1001", "999", "1010", "990", "2000", "10000"}


def test_the_foreign_response_is_near_in_length(rng):
    others = ["好" * size for size in range(1, 21)]  # 3 bytes each: 18 characters are 54 bytes, the response has 56
    assert len(ROW.output.encode()) == 56
    assert kinds.wrong_language(ROW, others, rng).output == "好" * 19


def test_a_near_copy_has_one_swap_in_the_prompt_and_lacks_one_word(rng):
    for _ in range(20):
        copy = kinds.near_duplicate(ROW, rng)
        assert sorted(copy.instruction) == sorted(ROW.instruction)
        assert sum(a != b for a, b in zip(copy.instruction, ROW.instruction, strict=True)) == 2
        assert len(copy.output.split(" ")) == len(ROW.output.split(" ")) - 1
        assert (copy.twin, copy.id != ROW.id) == (ROW.id, True)


def test_a_copy_says_the_same_under_another_id():
    copy = kinds.duplicate(ROW)
    assert copy.record | {"id": ""} == ROW.record | {"id": ""}
    assert (copy.id, copy.twin) == (f"{ROW.id}-copy", ROW.id)


def test_an_edited_leak_lacks_words_but_not_the_last(rng):
    item = Row(" ".join(f"w{i}" for i in range(60)), "", " ".join(f"a{i}" for i in range(24)))
    lengths = [len(kinds.leaked_edited(item, rng).instruction.split()) for _ in range(200)]
    assert np.mean(lengths) == pytest.approx(60 - 59 / 12, abs=0.5)
    assert max(lengths) < 60
    assert kinds.leaked_edited(item, rng).output.endswith(" a23")


def test_a_pool_has_the_rate_that_was_asked_for_and_nothing_else_changed():
    clean, items = many(500), many(60, "leak")
    pool = plant(clean, items, ["一二三四五六七八九十" * 6], KINDS, size=400, share=0.02, seed=3)
    found = counts(pool)
    assert found == {CLEAN: 400 - 80} | dict.fromkeys(KINDS, 8)
    by_id = {row.id: row for row in pool}
    assert list(by_id) == sorted(by_id)
    assert {row for row in pool if row.kind == CLEAN} <= set(clean)
    assert all(by_id[row.twin].kind == CLEAN for row in pool if row.twin)
    assert pool == plant(clean, items, ["一二三四五六七八九十" * 6], KINDS, size=400, share=0.02, seed=3)
    assert {row.id for row in union([pool, pool])} == set(by_id)


def test_of_a_copy_and_its_original_the_worse_place_is_the_defect():
    copy = kinds.duplicate(ROW)
    other = many(1)[0]
    place = {ROW.id: 3.0, copy.id: 1.0, other.id: 2.0}
    found = standing([ROW, copy, other], place)
    assert (found["duplicate"], found[CLEAN]) == ([ROW.id], [other.id])  # the better member is neither


def test_an_order_is_judged_kind_by_kind_and_within_lengths():
    clean, spoiled = many(4), kinds.swapped(many(4, "thing"))[:2]
    pool = [*clean, *spoiled]
    place = dict(zip((row.id for row in pool), [1.0, 2.0, 3.0, 6.0, 4.0, 5.0], strict=True))
    bins = {row.id: i % 2 for i, row in enumerate(pool)}  # clean 1, 3 | 2, 6; swapped 4 | 5
    cell = judged(pool, place, bins)
    assert set(cell) == {"swapped", "any spoiled response"}
    # 6 of 8 pairs; within bins (1, 4), (3, 4), (2, 5) of 4; 3 of 6 rows are kept: neither; 0 of 6 at 10 %
    assert cell["swapped"] == {"auc": 6 / 8, "auc_within": 3 / 4, "recall_50": 1.0, "recall_10": 1.0}


def test_a_filter_that_removes_either_member_has_found_the_copy():
    copy, other = kinds.duplicate(ROW), many(1)[0]
    assert sieved([ROW, copy, other], {ROW.id}) == {"duplicate": {"removed": 1.0}, CLEAN: {"removed": 0.0}}
    assert sieved([ROW, copy, other], {other.id}) == {"duplicate": {"removed": 0.0}, CLEAN: {"removed": 1.0}}


def test_every_contender_is_a_strategy_with_its_options_and_every_sieve_a_filter():
    for one in CONTENDERS:
        make_strategy(one.strategy, {**one.params, **({"match": "x.jsonl"} if one.match else {})})
        assert not one.match or one.match in {other.name for other in CONTENDERS[: CONTENDERS.index(one)]}
    for sieve in SIEVES:
        Filters(**sieve.filters)


def test_the_published_pools_hold_enough_rows(shared_data):
    for data_set in DATA_SETS.values():
        assert len(read_rows(shared_data / data_set.pool)) >= 2500
        assert len(read_rows(shared_data / data_set.evaluation)) >= 80
