import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from quickstart_archive import archived
from quickstart_pool.defects import DEFECTS
from quickstart_pool.example import KINDS
from quickstart_pool.pool import make_quickstart, pool_files

from dataselect.errors import ArtifactError, UsageError
from dataselect.experiment import quickstart
from dataselect.experiment.quickstart import ARCHIVE, ARCHIVE_SHA256, write_quickstart

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def contents(directory):
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def texts(record):
    """Prompt and response of a record of any of the four forms."""
    if "messages" in record:
        said = {True: [], False: []}
        for message in record["messages"]:
            said[message["role"] == "assistant"].append(message["content"])
        return "\n".join(said[False]), "\n".join(said[True])
    prompt = record.get("question") or record.get("prompt") or f"{record.get('instruction')}\n{record.get('input')}"
    return prompt, record.get("answer") or record.get("response") or record.get("output")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_quickstart(tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def pool(files):
    return {record["id"]: record for record in read(files.pool)}


@pytest.fixture(scope="module")
def defects(files):
    return {line["id"]: line for line in read(files.defects)}


@pytest.fixture(scope="module")
def made():
    return make_quickstart()


def test_two_draws_are_identical_and_another_seed_differs(made):
    first, again, other = (pool_files(one) for one in (made, make_quickstart(0), make_quickstart(1)))
    assert first == again
    assert set(other) == set(first)
    assert len(first) == 11
    assert not [name for name, content in other.items() if content == first[name]]


def test_the_shipped_archive_is_what_the_generator_makes_to_the_byte(made, files):
    assert archived(pool_files(made)) == ARCHIVE.read_bytes()
    assert hashlib.sha256(ARCHIVE.read_bytes()).hexdigest() == ARCHIVE_SHA256
    written = contents(files.pool.parent)
    by_kind = [written.pop(f"pools/{kind}.jsonl").splitlines() for kind in KINDS]
    assert written == pool_files(made)
    assert sorted(row for rows in by_kind for row in rows) == sorted(written["pool.jsonl"].splitlines())
    assert ARCHIVE.stat().st_size < 150_000


def test_another_process_with_another_hash_seed_makes_the_same_archive(tmp_path):
    code = "import sys, pathlib; from quickstart_archive import main; main(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(BENCHMARKS)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "archive")], check=True, env=environment, timeout=120)
    assert (tmp_path / "archive").read_bytes() == ARCHIVE.read_bytes()


def test_a_damaged_archive_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    damaged = bytearray(ARCHIVE.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "archive").write_bytes(damaged)
    monkeypatch.setattr(quickstart, "ARCHIVE", tmp_path / "archive")
    with pytest.raises(ArtifactError, match="is damaged: its sha256 is not that of the release"):
        write_quickstart(tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_the_pool_has_260_of_each_kind_and_10_of_each_defect_in_each(pool, defects):
    assert Counter(record["kind"] for record in pool.values()) == dict.fromkeys(KINDS, 260)
    planted = Counter((pool[line["id"]]["kind"], line["defect"]) for line in defects.values())
    assert planted == {(kind, defect): 10 for kind in KINDS for defect in DEFECTS}


def test_ids_are_unique_and_say_nothing(files, pool, defects):
    assert len(pool) == len(read(files.pool)) == 1040
    assert all(re.fullmatch(rf"{record['kind']}-\d{{4}}", record["id"]) for record in pool.values())
    position = {record_id: i for i, record_id in enumerate(pool)}
    spoiled = [position[record_id] / len(pool) for record_id in defects]
    assert 0.4 < sum(spoiled) / len(spoiled) < 0.65


def test_each_kind_has_its_record_form_and_no_other_field(pool):
    forms = {
        "arithmetic": {"question", "answer"},
        "function": {"instruction", "input", "output"},
        "dialogue": {"messages"},
        "instruction": {"prompt", "response"},
    }
    for record in pool.values():
        assert set(record) == {"id", "kind"} | forms[record["kind"]]


def test_exact_duplicates_are_equal_and_come_after_a_clean_original(pool, defects):
    order = list(pool)
    for line in defects.values():
        if line["defect"] == "exact_duplicate":
            copy, original = pool[line["id"]], pool[line["of"]]
            assert {**copy, "id": ""} == {**original, "id": ""}
            assert order.index(line["of"]) < order.index(line["id"])
            assert line["of"] not in defects


def test_near_duplicates_are_near(pool, defects):
    for line in defects.values():
        if line["defect"] == "near_duplicate":
            copy, original = "\n".join(texts(pool[line["id"]])), "\n".join(texts(pool[line["of"]]))
            assert copy != original
            assert SequenceMatcher(None, copy, original, autojunk=False).ratio() > 0.85
            assert line["of"] not in defects


def test_swapped_responses_are_each_others(made):
    rows = {row.id: row for row in made.rows}
    swaps = [row for row in made.rows if row.defect == "swapped_response"]
    assert len(swaps) == 40
    for row in swaps:
        other = rows[row.of]
        assert other.of == row.id
        assert row.example.prompt == row.clean.prompt
        assert row.example.response == other.clean.response != row.clean.response


def test_rows_without_a_defect_are_as_they_were_composed(made):
    for row in made.rows:
        assert (row.example == row.clean) == (row.defect in (None, "exact_duplicate"))


def test_clean_answers_are_right_and_end_with_the_last_result(made):
    line = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
    ops = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "/": int.__floordiv__}
    for row in made.rows:
        if row.example.kind == "arithmetic" and row.defect is None:
            lines = line.findall(row.example.response)
            assert all(ops[op](int(a), int(b)) == int(c) for a, op, b, c in lines)
            assert row.example.response.rsplit("\n", 1)[1] in {f"Answer: {c}" for *_, c in lines}


def test_no_clean_row_is_noisy_or_foreign(made):
    for row in made.rows:
        if row.defect is None:
            assert not re.search("[¤§€]|[#@~^%&<>$]{3}", row.example.response), row.example.response
            assert not re.search("[äöüßéèàçñ¿¡]", row.example.response.replace("café", "").replace("Café", ""))


def holds(code, checks):
    """Whether the code runs and all checks are true of it."""
    names = {}
    try:
        exec(code, names)
        return all(eval(check, names) for check in checks)  # noqa: S307
    except (SyntaxError, NameError, AttributeError, TypeError, ValueError):
        return False


def test_spoiled_functions_and_answers_are_wrong(made):
    spoiled = ("truncated", "wrong_language", "swapped_response")
    for row in made.rows:
        if row.example.kind == "function" and row.defect != "garbled":  # noise in a comment alone breaks nothing
            assert holds(row.clean.response, row.clean.checks)
            assert holds(row.example.response, row.example.checks) == (row.defect not in spoiled), row
        if row.example.kind == "arithmetic" and row.defect in spoiled:
            assert row.clean.response.split("\n")[-1] not in row.example.response.split("\n")


@pytest.mark.parametrize(("which", "count"), [("tasks", 40), ("targets", 20)])
def test_held_out_sets_are_clean_and_share_nothing_with_the_pool(files, pool, made, which, count):
    used = {text for record in pool.values() for text in texts(record)}
    instances = {row.example.instance for row in made.rows}
    assert set(getattr(files, which)) == set(KINDS)
    for kind, path in getattr(files, which).items():
        records = read(path)
        assert len(records) == count
        assert {record["kind"] for record in records} == {kind}
        assert not {text for record in records for text in texts(record)} & used
        assert not {record["id"] for record in records} & set(pool)
        assert not {example.instance for example in getattr(made, which)[kind]} & instances


def test_what_is_selected_towards_is_not_what_is_evaluated_on(files, made):
    for kind in KINDS:
        tasks = {text for record in read(files.tasks[kind]) for text in texts(record)}
        assert not {text for record in read(files.targets[kind]) for text in texts(record)} & tasks
        assert not {e.instance for e in made.targets[kind]} & {e.instance for e in made.tasks[kind]}


def test_choices_are_sixty_with_balanced_answers(files, pool):
    items = read(files.choices)
    assert len({item["id"] for item in items}) == 60
    assert Counter(item["answer"] for item in items) == {0: 15, 1: 15, 2: 15, 3: 15}
    assert all(set(item) == {"id", "question", "choices", "answer"} for item in items)
    assert all(len(set(item["choices"])) == 4 for item in items)
    prompts = {texts(record)[0].strip() for record in pool.values()}
    assert not {item["question"] for item in items if len(item["question"]) > 60} & prompts


@pytest.mark.parametrize("kind", KINDS)
def test_clean_rows_are_distinct_and_varied(made, kind):
    clean = [row.example for row in made.rows if row.example.kind == kind and row.defect is None]
    assert len(clean) == 200
    assert len({example.prompt for example in clean}) == len({example.response for example in clean}) == 200
    openings = {
        tuple(next(turn.content for turn in example.turns if turn.role == "user").split()[:4]) for example in clean
    }
    assert len(openings) >= 60
    lengths = sorted(len(example.response) for example in clean)
    assert lengths[-24] >= 1.7 * lengths[24]


def test_files_are_utf8_with_plain_line_ends(files):
    content = files.pool.read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"}\n")
    assert "ü".encode() in content  # German is written as it is, not as \u escapes


def test_writing_again_leaves_equal_files_alone_and_refuses_others(tmp_path):
    files = write_quickstart(tmp_path)
    before = files.pool.stat().st_mtime_ns
    assert write_quickstart(tmp_path) == files
    assert files.pool.stat().st_mtime_ns == before
    files.pool.write_text(files.pool.read_text().replace("a", "b", 1))
    with pytest.raises(ArtifactError, match=r"pool\.jsonl holds something else .*choose another folder"):
        write_quickstart(tmp_path)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ArtifactError, match="cannot write"):
        write_quickstart(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_negative_seed_is_refused():
    with pytest.raises(UsageError, match="0 or more, but it is -1"):
        make_quickstart(-1)
