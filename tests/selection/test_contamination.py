import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataselect.errors import PoolError
from dataselect.pool import ColumnMap
from dataselect.selection.contamination import EvaluationItem, EvaluationWords, near_targets, read_evaluation_texts
from dataselect.selection.text_normalisation import words
from dataselect.strategies import Text


def known(*texts, n=5):
    return EvaluationWords([EvaluationItem(f"t:{line}", text) for line, text in enumerate(texts, 1)], n)


def shared(evaluation, prompt, response=""):
    found = evaluation.overlap(Text(prompt, response))
    return None if found is None else (found.where, found.words)


def test_n_words_in_a_row_are_contamination_and_fewer_are_not():
    evaluation = known(Text("How many eggs does Janet sell each day?", "She sells nine eggs."))
    assert shared(evaluation, "Say how many EGGS does... Janet cook?") == ("t:1", "how many eggs does janet")
    assert shared(evaluation, "Say how many eggs does Ann sell each day?") is None
    assert shared(evaluation, "", "The answer: many eggs does Janet sell") == ("t:1", "many eggs does janet sell")


def test_answers_count_from_n_words_on_and_not_across_the_seam():
    evaluation = known(
        Text("Name the largest of the planets.", "It is Jupiter, the gas giant."), Text("Add up: 2, 2.", "4")
    )
    assert shared(evaluation, "Explain.", "It is Jupiter the gas planet") == ("t:1", "it is jupiter the gas")
    assert shared(evaluation, "What of the planets it is Jupiter") is None
    assert shared(evaluation, "Four.", "4") is None


def test_the_first_item_with_the_words_is_named():
    evaluation = known(Text("one two three four five six", ""), Text("zero one two three four five", ""))
    assert shared(evaluation, "one two three four five") == ("t:1", "one two three four five")
    assert shared(evaluation, "zero one two three four") == ("t:2", "zero one two three four")


def test_a_short_prompt_is_looked_for_as_a_whole():
    evaluation = known(Text("Who wrote Faust I?", "Goethe"))
    assert shared(evaluation, "I ask you: who wrote 'Faust I'? Tell me.") == ("t:1", "who wrote faust i")
    assert shared(evaluation, "Who wrote Faust II?") is None


def test_a_very_short_prompt_only_counts_as_the_whole_prompt():
    evaluation = known(Text("Why is that?", "Because."))
    assert shared(evaluation, "why is that") == ("t:1", "why is that")
    assert shared(evaluation, "Why is that so often said?") is None


def test_plain_text_is_compared_like_a_prompt():
    evaluation = known(Text("", "Once upon a time"))
    assert shared(evaluation, "Go on.", "Once upon a time, far away") == ("t:1", "once upon a time")
    assert shared(known(Text("", "The end.")), "", "The end") == ("t:1", "the end")


def test_scripts_without_spaces_are_compared_by_characters():
    evaluation = known(Text("世界上最高的山是什么？", ""))
    assert shared(evaluation, "请问，世界上最高的楼在哪里？") == ("t:1", "世 界 上 最 高")


def test_an_overlap_says_where_and_what():
    assert str(known(Text("a b c d e", "")).overlap(Text("a b c d e f", ""))) == 't:1 "a b c d e"'


letters = st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join)
texts = st.builds(Text, letters, letters)


def runs(text, n):
    parts = (words(text.prompt), words(text.response))
    return {tuple(part[i : i + n]) for part in parts for i in range(len(part) - n + 1)}


@settings(deadline=None)
@given(st.lists(texts, max_size=4), st.lists(texts, max_size=8), st.integers(1, 6))
def test_what_stays_shares_no_run_with_the_evaluation_set(items, pool, n):
    evaluation = known(*items, n=n)
    theirs = set().union(*(runs(item, n) for item in items))
    for row in pool:
        if runs(row, n) & theirs:
            assert evaluation.overlap(row) is not None
        if evaluation.overlap(row) is None:
            assert not runs(row, n) & theirs
            for item in items:
                asked = words(item.prompt) or words(item.response)
                short = 4 <= len(asked) < n
                assert not (short and tuple(asked) in runs(row, len(asked)))


def test_near_targets_are_those_over_the_threshold_with_the_nearest_named():
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    targets = np.array([[0, 1], [1, 0], [1, 0]], np.float32)
    assert near_targets(vectors, targets, 0.7) == {
        0: (1, 1.0),
        1: (0, pytest.approx(0.8)),
        2: (0, 1.0),
    }
    assert near_targets(vectors, targets, 0.8001) == {0: (1, 1.0), 2: (0, 1.0)}
    assert near_targets(vectors[:0], targets, 0.5) == {}


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_reads_prompts_without_responses_and_counts_what_it_cannot(tmp_path):
    humaneval = tmp_path / "he.jsonl.gz"
    record = {"task_id": "HumanEval/0", "prompt": "def f():\n", "canonical_solution": "    return 1", "test": "f()"}
    humaneval.write_bytes(gzip.compress(json.dumps(record).encode()))
    gsm = write(tmp_path / "gsm.jsonl", {"question": "Two and two?", "answer": "4"}, {"key": 1}, [])
    read = read_evaluation_texts([str(humaneval), gsm], ColumnMap())
    assert [(item.where, item.text) for item in read.items] == [
        ("he.jsonl.gz:1", Text("def f():", "")),
        ("gsm.jsonl:1", Text("Two and two?", "4")),
    ]
    assert read.rejects == 2
    assert [entry["role"] for entry in read.inputs] == ["decontaminate"] * 2


def test_the_columns_of_the_pool_are_used_where_they_are(tmp_path):
    mapped = write(tmp_path / "mapped.jsonl", {"q": "Which?", "a": "That."})
    own = write(tmp_path / "own.jsonl", {"question": "Who?", "answer": "They."})
    read = read_evaluation_texts([mapped, own], ColumnMap(prompt="q", response="a"))
    assert [item.text for item in read.items] == [Text("Which?", "That."), Text("Who?", "They.")]


def test_an_evaluation_set_without_any_item_is_an_error(tmp_path):
    with pytest.raises(PoolError, match=r"x\.jsonl should hold items with a prompt, got 1 unreadable"):
        read_evaluation_texts([write(tmp_path / "x.jsonl", {"sentence": "None"})], ColumnMap())
    with pytest.raises(PoolError, match="does not exist"):
        read_evaluation_texts([str(tmp_path / "none.jsonl")], ColumnMap())
    (tmp_path / "bad.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(PoolError, match=r"bad\.jsonl\.gz"):
        read_evaluation_texts([str(tmp_path / "bad.jsonl.gz")], ColumnMap())


def test_every_public_benchmark_can_be_read(shared_data):
    for name, items in {
        "gsm8k__test.jsonl": 1319, "humaneval__HumanEval.jsonl.gz": 164, "ifeval__en_input_data.jsonl": 541,
        "truthfulqa__TruthfulQA.csv": 790, "mmlu__mmlu_dev.jsonl": 285, "llm_adapters__piqa_test.json": 1838,
    }.items():  # fmt: skip
        read = read_evaluation_texts([str(shared_data / "benchmarks" / name)], ColumnMap())
        assert (len(read.items), read.rejects) == (items, 0), name
        assert all(item.text.prompt for item in read.items), name
