"""The honest split: halves by content, near-duplicates together, every kind of task recognised again."""

from __future__ import annotations

import gzip
import json

import pytest
from invented_words import WORDS, words

from dataselect.errors import DataselectError, UsageError
from dataselect.evaluation.tasks import find_tasks
from dataselect.pool import ColumnMap, PoolReader
from dataselect.recommendation.split import half_width, split_task, split_tasks
from dataselect.recommendation.targets import write_targets
from dataselect.records import Example
from dataselect.stage import StageDirectory


@pytest.fixture
def stage(tmp_path):
    with StageDirectory("recommend", tmp_path / "out", {}, {}) as directory:
        yield directory


def write(path, records):
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


SFT = [{"prompt": words(n), "response": words(100 + n), "meta": {"n": n}} for n in range(50)]
KINDS = {
    "held-out": SFT,
    "multiple-choice": [{"question": words(n), "choices": [WORDS[n % 11], "x"], "answer": 0} for n in range(50)],
    "minimal-pairs": [{"sentence_good": words(n), "sentence_bad": words(n) + " bad"} for n in range(50)],
    "exact-match": [{"question": words(n), "answer": f"so #### {n}"} for n in range(50)],
    "unit-tests": [
        {"prompt": f"def f{n}():\n    '''{words(n)}'''", "entry_point": f"f{n}", "test": "def check(c): pass"}
        for n in range(50)
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_halves_hold_every_record_once_and_are_tasks_of_the_same_kind(kind, stage, tmp_path):
    file = write(tmp_path / "dev.jsonl", KINDS[kind])
    split = split_task(f"exact-match:{file}" if kind == "exact-match" else str(file), stage, 0)
    assert (split.kind, split.steering_items, split.sealed_items) == (kind, 25, 25)  # 50 single items, cut in half
    steering, sealed = lines(split.steering), lines(split.sealed)
    in_order = sorted(steering + sealed, key=KINDS[kind].index)
    assert in_order == KINDS[kind]
    assert [record for record in KINDS[kind] if record in steering] == steering  # the order of the file
    for value in (split.steering_task, split.sealed_task):
        (task,) = find_tasks([value])
        assert (task.name, task.kind) == ("dev", kind)
    if kind != "exact-match":  # whose records do not show their kind
        assert find_tasks([str(split.sealed)])[0].kind == kind
    assert split.note == ""


def test_the_side_follows_from_content_and_seed_and_not_from_the_place(tmp_path):
    def steering(records, seed, name):
        with StageDirectory("recommend", tmp_path / name, {}, {}) as stage:
            file = write(tmp_path / f"{name}.jsonl", records)
            return {record["meta"]["n"] for record in lines(split_task(str(file), stage, seed).steering)}

    one = steering(SFT, 0, "a")
    assert steering(SFT[::-1], 0, "b") == one
    assert steering(SFT, 1, "c") != one
    with_one_more = steering([*SFT, {"prompt": "new", "response": "row of the task", "meta": {"n": 99}}], 0, "d")
    assert len(with_one_more - {99} ^ one) <= 1  # only the item at the cut can change sides


def test_near_duplicates_stay_on_one_side_over_a_chain(stage, tmp_path):
    # 60 words have 56 word 5-grams. The chain changes one more word each time, which is in at most 5 of them:
    # neighbours share at least 51 of 61 (J = 0.84). Its ends share 46 of 66 and are no near-duplicates (0.70).
    chain = [[f"c{n}" if n >= 60 - k else f"w{n}" for n in range(60)] for k in range(11)]
    records = [{"response": " ".join(words), "prompt": ""} for words in chain]
    others = [{"prompt": words(n), "response": words(200 + n)} for n in range(29)]
    split = split_task(str(write(tmp_path / "dev.jsonl", [*records, *others])), stage, 3)
    assert split.groups == 30
    steering = lines(split.steering)
    assert sum(record in steering for record in records) in (0, 11)
    # The cut lies beside the group of 11 at worst: no half is off by more than that group.
    assert abs(split.steering_items - split.sealed_items) <= 11


def test_equal_records_stay_together_even_without_a_word(stage, tmp_path):
    records = [{"prompt": "?", "response": mark} for mark in ("!", "!", "!", "…", "…", "¿")]
    split = split_task(str(write(tmp_path / "dev.jsonl", records)), stage, 0)
    assert split.groups == 3
    assert not {record["response"] for record in lines(split.steering)} & {
        record["response"] for record in lines(split.sealed)
    }


def test_few_items_carry_a_note_with_the_width_and_what_halves_it(stage, tmp_path):
    split = split_task(str(write(tmp_path / "dev.jsonl", SFT[:12])), stage, 0)
    assert (split.steering_items, split.sealed_items) == (6, 6)
    # t(5 degrees of freedom, 97.5 %) = 2.571, and 2.571 / sqrt(6) = 1.049; four times 12 items are 36 more.
    assert half_width(6) == pytest.approx(2.5706 / 6**0.5, abs=1e-4)
    assert "±1.05 standard deviations" in split.note
    assert "36 more items would halve it" in split.note


@pytest.mark.parametrize("number", [1, 3])
def test_fewer_than_four_items_are_refused(number, stage, tmp_path):
    with pytest.raises(DataselectError, match=r"has [13] items?: at least 4 are needed"):
        split_task(str(write(tmp_path / "dev.jsonl", SFT[:number])), stage, 0)


def test_one_group_is_refused(stage, tmp_path):
    same = [{"id": f"i{n}", "prompt": "p", "response": words(1, 60) + f" {n}"} for n in range(6)]
    with pytest.raises(DataselectError, match=r"all 6 items of the task .* are near-duplicates of each other"):
        split_task(str(write(tmp_path / "dev.jsonl", same)), stage, 0)


def test_a_benchmark_of_the_harness_is_refused_in_one_line(stage):
    with pytest.raises(UsageError, match="the task arc_easy is one of lm-evaluation-harness"):
        split_task("arc_easy", stage, 0)


def test_a_malformed_item_is_an_error_and_an_unreadable_sft_record_a_note(stage, tmp_path):
    file = write(tmp_path / "mc.jsonl", [*KINDS["multiple-choice"][:6], {"question": "q", "choices": ["a"]}])
    with pytest.raises(DataselectError, match="line 7"):
        split_task(str(file), stage, 0)
    file = write(tmp_path / "sft.jsonl", [*SFT, {"prompt": 3}])
    split = split_task(str(file), stage, 0)
    assert split.steering_items + split.sealed_items == 50
    assert "1 unreadable record of sft is no item" in split.note


def test_compressed_arrays_csv_and_parquet_are_read(stage, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    write(tmp_path / "a.jsonl.gz", SFT)
    (tmp_path / "b.json").write_text(json.dumps(SFT))
    plain = [{"prompt": one["prompt"], "response": one["response"]} for one in SFT]
    rows = "".join(f'"{one["prompt"]}","{one["response"]}, ""quoted"" ü\n2"\n' for one in plain)
    (tmp_path / "c.csv").write_text("prompt,response\n" + rows)
    pq.write_table(pa.Table.from_pylist(KINDS["multiple-choice"]), tmp_path / "d.parquet")
    tasks = [str(tmp_path / name) for name in ("a.jsonl.gz", "b.json", "c.csv", "d.parquet")]
    splits = split_tasks(tasks, stage, 0)
    assert [split.kind for split in splits] == ["held-out", "held-out", "held-out", "multiple-choice"]
    assert [split.sealed_items for split in splits] == [25] * 4
    assert lines(splits[2].sealed)[0]["response"].endswith(', "quoted" ü\n2')
    assert lines(splits[3].sealed)[0]["choices"][1] == "x"
    assert {split.name for split in splits} == {"a", "b", "c", "d"}


def test_tasks_of_one_name_get_files_of_their_own(stage, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first = write(tmp_path / "one" / "dev.jsonl", SFT)
    second = write(tmp_path / "two" / "dev.jsonl", SFT[:45])
    one, two = split_tasks([f"a b={first}", f"a-b={second}"], stage, 0)
    assert {one.name, two.name} == {"a-b", "a-b-2"}
    assert len(lines(one.steering) + lines(one.sealed)) == 50
    assert len(lines(two.steering) + lines(two.sealed)) == 45


def test_ids_control_characters_and_scripts_survive(stage, tmp_path):
    odd = [{"id": f"ö-{n}", "prompt": f"问题 {n}\x85\u2028", "response": f"答 {words(n)} \x1b[0m"} for n in range(8)]
    split = split_task(str(write(tmp_path / "dev.jsonl", odd)), stage, 0)
    assert sorted(lines(split.steering) + lines(split.sealed), key=lambda one: one["id"]) == odd


def test_a_foreign_file_is_not_replaced_and_a_second_run_writes_the_same(tmp_path):
    file = write(tmp_path / "dev.jsonl", SFT)
    with StageDirectory("recommend", tmp_path / "out", {}, {}) as stage:
        split = split_task(str(file), stage, 0)
        before = split.sealed.read_bytes()
        assert split_task(str(file), stage, 0) == split
        assert split.sealed.read_bytes() == before
        (tmp_path / "out" / "split" / "other.sealed.jsonl").write_text("mine")
        with pytest.raises(DataselectError, match="in the way"):
            split_task(f"other={file}", stage, 0)
        assert (tmp_path / "out" / "split" / "other.sealed.jsonl").read_text() == "mine"


def test_a_task_with_the_columns_of_the_pools_is_written_as_dialogues(stage, tmp_path):
    columns = ColumnMap(prompt="frage", response="antwort", id="nr")
    mapped = [{"nr": n, "frage": words(n), "antwort": words(100 + n)} for n in range(6)]
    split = split_task(str(write(tmp_path / "dev.jsonl", mapped)), stage, 0, columns)
    assert (split.kind, split.steering_items + split.sealed_items) == ("held-out", 6)
    read = [*PoolReader([str(split.steering), str(split.sealed)])]
    assert sorted((one.id, one.messages[0].content, one.messages[1].content) for one in read) == [
        (str(one["nr"]), one["frage"], one["antwort"]) for one in mapped
    ]


@pytest.mark.parametrize(
    "columns",
    [ColumnMap(prompt="frage", response="antwort", id="nr"), ColumnMap(text="alles"), ColumnMap(system="regel")],
)
def test_targets_are_written_under_the_columns_of_the_pools(columns, stage, tmp_path):
    splits = split_tasks(
        [str(write(tmp_path / f"{kind}.jsonl", KINDS[kind][:8])) for kind in ("held-out", "multiple-choice")], stage, 0
    )
    for split, target in zip(splits, write_targets(splits, stage, columns), strict=True):
        read = [*PoolReader([target], columns)]
        assert len(read) == split.steering_items
        assert all(isinstance(one, Example) for one in read)
