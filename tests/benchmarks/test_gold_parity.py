"""A published row is found in the pool whatever format it was published in."""

from defect_kinds import Row
from gold_parity import gold_pool, text_of


def test_a_row_is_the_same_with_and_without_the_alpaca_template_around_it():
    preamble = "Below is an instruction that describes a task, paired with an input that provides further context."
    shown = (
        f"{preamble} Write a response that appropriately completes the request. ### Instruction: Sort. ### Input: 2  1"
    )
    assert text_of(Row(shown, "", "1 2")) == text_of(Row("Sort.", "2 1", "1\n2")) == "Sort. 2 1 1 2"
    assert text_of(Row("Sort.", "2 1", "1 2")) != text_of(Row("Sort.", "2 1", "2 1"))


def test_the_published_subsets_are_found_at_their_rate_in_the_whole(shared_data):
    rows, gold = gold_pool(shared_data)
    assert len(rows) > 13_000
    of_alpaca = {"cherry": 3111 / 52002, "longest": 1000 / 52002}
    for name, share in of_alpaca.items():
        assert 0.9 * share < gold[name].mean() < 1.15 * share
    assert gold["alpagasus"].mean() > 5305 / 52002 * 0.9
    assert len(gold_pool(shared_data, 500)[0]) == 500
