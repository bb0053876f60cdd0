import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from dataselect.errors import DataselectError
from dataselect.evaluation.minimal_pairs import credit, evaluate_minimal_pairs, read_pairs
from dataselect.evaluation.model import EvaluatedModel
from dataselect.evaluation.results import group_means
from dataselect.evaluation.tasks import find_tasks
from dataselect.pool import Renderer, RenderOptions

PAIRS = [
    {"sentence_good": "The cats sleep.", "sentence_bad": "The cats sleeps.", "field": "morphology", "UID": "agreement"},
    {"sentence_good": "She was a queen.", "sentence_bad": "Zqx was a queen.", "field": "syntax", "UID": "first_word"},
    {"sentence_good": "It rained.", "sentence_bad": "It rained.", "field": "syntax", "UID": "equal"},
    {"sentence_good": "He went home.", "sentence_bad": "Home he went went.", "field": "morphology", "UID": "agreement"},
]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return find_tasks([str(path)])[0]


def silent(task, done, of):
    pass


def evaluated(builtin, **options):
    return EvaluatedModel(builtin, Renderer(builtin, RenderOptions(**options)), "transformers", "float32", None)


@pytest.fixture(scope="module")
def direct(builtin):
    """Sum of log-probabilities of all tokens behind BOS, by one plain forward pass in float64."""
    tokenizer = AutoTokenizer.from_pretrained(builtin)
    model = AutoModelForCausalLM.from_pretrained(builtin, dtype=torch.float32).eval()

    def total(sentence):
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(sentence, add_special_tokens=False)["input_ids"]]])
        with torch.no_grad():
            logprobs = model(ids).logits[0].double().log_softmax(-1)
        return sum(float(logprobs[at - 1, ids[0, at]]) for at in range(1, ids.shape[1]))

    return total


def test_the_more_likely_sentence_wins_and_a_tie_counts_one_half():
    assert credit(-3.0, -3.5) == 1.0
    assert credit(-3.5, -3.0) == 0.0
    assert credit(-3.0, -3.0) == 0.5


def test_outcomes_equal_a_direct_computation(builtin, tmp_path, direct):
    task = write(tmp_path / "pairs.jsonl", PAIRS)
    assert task.kind == "minimal-pairs"
    outcome = evaluate_minimal_pairs(task, evaluated(builtin), silent)
    (accuracy,) = outcome.results
    assert (accuracy.metric, accuracy.direction) == ("accuracy", "higher")
    expected = [credit(direct(one["sentence_good"]), direct(one["sentence_bad"])) for one in PAIRS]
    assert accuracy.values.tolist() == expected
    assert expected[1:3] == [1.0, 0.5]  # a queen is she, and equal sentences tie


def test_scores_are_whole_sentences_whatever_template_and_bos(builtin, tmp_path, direct):
    task = write(tmp_path / "pairs.jsonl", PAIRS)
    values = [
        evaluate_minimal_pairs(task, evaluated(builtin, **options), silent).results[0].values.tolist()
        for options in ({}, {"bos": "never"}, {"bos": "always"}, {"template": "qa"})
    ]
    assert values[0] == values[1] == values[2] == values[3]
    from dataselect.evaluation.minimal_pairs import _sentence_scores

    found = _sentence_scores([PAIRS[0]["sentence_good"]], evaluated(builtin, bos="never"))
    np.testing.assert_allclose(found, [direct(PAIRS[0]["sentence_good"])], atol=1e-4)


def test_paradigms_are_groups_with_means_of_their_own(builtin, tmp_path):
    outcome = evaluate_minimal_pairs(write(tmp_path / "pairs.jsonl", PAIRS), evaluated(builtin), silent)
    (accuracy,) = outcome.results
    assert accuracy.groups == ("morphology/agreement", "syntax/first_word", "syntax/equal", "morphology/agreement")
    a, _, _, b = accuracy.values
    assert group_means(outcome.results) == {
        "morphology/agreement": {"items": 2, "accuracy": (a + b) / 2},
        "syntax/first_word": {"items": 1, "accuracy": 1.0},
        "syntax/equal": {"items": 1, "accuracy": 0.5},
    }
    bare = [{name: one[name] for name in ("sentence_good", "sentence_bad")} for one in PAIRS[:2]]
    assert (
        evaluate_minimal_pairs(write(tmp_path / "bare.jsonl", bare), evaluated(builtin), silent).results[0].groups == ()
    )


def test_sentences_that_are_too_long_are_left_out_and_counted(builtin, tmp_path):
    long = {"sentence_good": "word " * 1100, "sentence_bad": "No."}
    outcome = evaluate_minimal_pairs(write(tmp_path / "pairs.jsonl", [*PAIRS, long]), evaluated(builtin), silent)
    assert (outcome.items, dict(outcome.left_out), len(outcome.results[0].values)) == (5, {"too_long": 1}, 4)
    with pytest.raises(DataselectError, match="no item of the task alone can be scored: 1 too_long"):
        evaluate_minimal_pairs(write(tmp_path / "alone.jsonl", [long]), evaluated(builtin), silent)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"sentence_good": "", "sentence_bad": "No."}, "sentence_good should be text, got ''"),
        ({"sentence_good": "Yes.", "sentence_bad": None}, "sentence_bad should be text, got None"),
        ({"sentence_good": "Yes."}, "sentence_bad should be text, got None"),
        (["Yes.", "No."], "expected a record with sentence_good and sentence_bad"),
    ],
)
def test_malformed_records_name_file_and_line(tmp_path, record, told):
    file = tmp_path / "pairs.jsonl"
    write(file, [PAIRS[0], record])
    with pytest.raises(DataselectError) as caught:
        read_pairs(file)
    assert "pairs.jsonl line 2" in caught.value.message
    assert told in caught.value.message


def test_blimp_is_recognised_and_its_67_paradigms_are_groups(shared_data):
    file = shared_data / "benchmarks" / "blimp__50_per_paradigm.jsonl"
    assert find_tasks([str(file)])[0].kind == "minimal-pairs"
    pairs = read_pairs(file)
    assert len(pairs) == 67 * 50
    assert len({pair.group for pair in pairs}) == 67
    assert len({pair.id for pair in pairs}) == len(pairs)


YAML = """
task: tiny_pairs
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: ""
target_delimiter: ""
doc_to_choice: "{{{{[sentence_good, sentence_bad]}}}}"
doc_to_target: 0
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


def test_outcomes_are_those_of_lm_evaluation_harness_on_the_same_pairs(builtin, shared_data, tmp_path, monkeypatch):
    pytest.importorskip("lm_eval", reason="pip install 'dataselect[eval]'")
    from dataselect.evaluation.harness import evaluate_harness

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    lines = (shared_data / "benchmarks" / "blimp__50_per_paradigm.jsonl").read_text().splitlines()
    file, yaml = tmp_path / "pairs.jsonl", tmp_path / "tiny.yaml"
    file.write_text("".join(line + "\n" for line in lines[::40]))
    yaml.write_text(YAML.format(data=file))
    ours, theirs = find_tasks([str(file), str(yaml)])
    model = evaluated(builtin, template="text")
    (found,) = evaluate_minimal_pairs(ours, model, silent).results
    (expected,) = evaluate_harness(theirs, model, silent).results
    assert len(found.values) == len(lines[::40]) == 84
    assert found.values.tolist() == expected.values.tolist()
    assert 0.5 < found.mean < 1.0
