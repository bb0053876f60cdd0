"""What the scoring benchmark makes of what its contenders told."""

import pytest
from reference_models import LENGTHS, found_rows
from scoring_throughput import added, compared, continued, largest_difference


def test_ratios_and_shares_are_those_of_the_same_rows():
    told = [
        {"name": "loop, batch 1", "tokens_per_second": 100.0, "means": [-1.0, -2.0]},
        {"name": "padded loop, batch 16", "tokens_per_second": 50.0, "means": [-1.0, -2.0]},
        {"name": "transformers backend", "tokens_per_second": 150.0, "means": [-1.0, -2.25]},
        {"name": "lm-eval vllm", "failed": "no message"},
    ]
    ours, failed = compared(told, parameters=1_000_000_000, peaks={"torch": 600.0})[2:]
    assert (ours["against loop, batch 1"], ours["against padded loop, batch 16"]) == (1.5, 3.0)
    assert (ours["gflops"], ours["share_of_peak"]) == (300.0, {"torch": 0.5})  # 2 * 1e9 * 150 a second, of 600e9
    assert ours["largest_difference_nats"] == 0.25
    assert failed == told[3]


def test_a_contender_that_saw_fewer_rows_is_compared_over_those():
    assert largest_difference([-1.0, -2.0, -9.0], [-1.5, -2.0]) == 0.5


def test_of_several_calls_the_best_pass_of_a_contender_counts():
    slow, fast, other = ({"name": n, "tokens_per_second": s} for n, s in (("a", 50.0), ("a", 90.0), ("b", 70.0)))
    assert added([slow, other], fast) == [other, fast]
    assert added([fast, other], slow) == [fast, other]
    assert added([fast, other], {"name": "a", "failed": "no memory"}) == [fast, other]
    assert added([{"name": "a", "failed": "no memory"}], slow) == [slow]


def test_a_file_of_other_rows_is_not_added_to():
    assert continued({"model": "m", "rows": 3, "results": []}, {"model": "m", "rows": 3})["results"] == []
    with pytest.raises(SystemExit, match="another model or other rows"):
        continued({"model": "m", "rows": 3, "results": []}, {"model": "m", "rows": 4})
    with pytest.raises(SystemExit, match="another model or other rows"):  # the form before there were means
        continued({"model": "m", "rows": 3, "results": [{"name": "a"}]}, {"model": "m", "rows": 3})


def test_a_model_that_can_read_gets_text_with_its_bos_and_the_lengths_of_random_rows(builtin):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(builtin)
    text, random = found_rows(str(builtin), 5, "short"), found_rows("reference", 5, "short")
    assert [len(row.ids) for row in text] == [len(row.ids) for row in random]
    shortest, longest = LENGTHS["short"][2:]
    assert all(shortest <= len(row.ids) <= longest for row in text)
    assert {int(row.ids[0]) for row in text} == {tokenizer.bos_token_id}
    assert tokenizer.decode(text[0].ids[1:]).strip().startswith("# dataselect")
