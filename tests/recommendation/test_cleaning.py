"""Clean pools: what is removed and counted, which copy stays, and files that are made once and survive being killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter

import pytest
from invented_words import sentence

from dataselect.errors import DataselectError, PoolError
from dataselect.pool import ColumnMap, PoolReader
from dataselect.recommendation.audit import AuditRequest, audit
from dataselect.recommendation.cleaning import clean
from dataselect.recommendation.pool_names import safe_names
from dataselect.stage import StageDirectory


def row(n, **more):
    return {"instruction": f"Tell me {sentence(n, 6)}", "output": sentence(1000 + n), **more}


def write(path, records):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    return str(path)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def task(tmp_path):
    return write(tmp_path / "dev.jsonl", [row(5000 + n) for n in range(6)])


@pytest.fixture
def cleaned(tmp_path, task):
    """A function that audits and cleans pools in a fresh folder."""

    def made(*pools, columns=ColumnMap(), prefix_ids=False, seed=0, name="out", tasks=None):  # noqa: B008
        tasks = tasks or [task]
        audit_dir, files = tmp_path / name / "audit", [one.split(":")[-1].split("=")[-1] for one in tasks]
        with StageDirectory("recommend", tmp_path / name, {}, {}) as stage:
            stage.inner("audit")
            request = AuditRequest(
                pools=pools, tasks=files, out=audit_dir, columns=columns, prefix_ids=prefix_ids, model="builtin"
            )
            audit(request)
            return clean(pools, columns, prefix_ids, audit_dir, tasks, stage, seed)

    return made


def test_each_reason_is_counted_once_and_everything_adds_up(cleaned, tmp_path):
    good = [row(n) for n in range(30)]
    cut = [row(100 + n, output="We went to the river in the morning. Then we saw that the") for n in range(2)]
    bad = [
        *good[:3],  # duplicates
        {**good[4], "output": good[4]["output"] + " Indeed."},
        row(40, output=""), row(41, output="?!"), *cut,
        row(5000), row(5001),  # in the task
        row(42, output="Fine.<|im_end|>"), {"instruction": "", "output": sentence(43)},
        {"unknown": 1},
    ]  # fmt: skip
    good[4] = {"instruction": "Long", "output": sentence(7, 60)}
    bad[3] = {"instruction": "Long", "output": sentence(7, 60) + " Indeed."}
    made = cleaned(write(tmp_path / "pool.jsonl", [*good, *bad]))
    assert made.read == 30 + 13
    # cut[0] and cut[1] have one response but other prompts, so they are no duplicates of each other.
    assert made.removed == {
        "unreadable": 1, "leak": 2, "duplicate": 3, "near_duplicate": 1, "empty_response": 1, "non_text": 1,
        "truncated_ending": 2, "special_text": 1, "empty_prompt": 1,
    }  # fmt: skip
    assert made.rows == {"pool": 30}
    assert sum(made.rows.values()) + sum(made.removed.values()) == made.read
    assert "2 rows that leak a task" in made.removed_in_words
    left = [{key: value for key, value in one.items() if key != "_dataselect"} for one in lines(made.files["pool"])]
    outputs = Counter(one["output"] for one in left)
    assert all(outputs[one["output"]] == 1 for one in good if one["instruction"] != "Long")
    assert outputs[sentence(7, 60)] + outputs[sentence(7, 60) + " Indeed."] == 1


def test_ids_are_those_of_the_pools_and_the_order_is_drawn(cleaned, tmp_path):
    own = write(tmp_path / "own.jsonl", [row(n, id=f"é {n}") for n in range(20)])
    hashed = write(tmp_path / "hashed.jsonl", [row(100 + n) for n in range(20)])
    made = cleaned(own, hashed)
    for name, pool in (("own", own), ("hashed", hashed)):
        before = [one.id for one in PoolReader([pool])]
        after = [one.id for one in PoolReader([str(made.files[name])])]
        assert sorted(after) == sorted(before)
        assert after != before
    again = cleaned(own, hashed, name="again")
    assert [again.files[name].read_bytes() for name in again.files] == [
        made.files[name].read_bytes() for name in made.files
    ]
    other = cleaned(own, hashed, name="other", seed=1)
    assert other.files["own"].read_bytes() != made.files["own"].read_bytes()


def test_another_pool_moves_nothing_inside_a_pool(cleaned, tmp_path):
    first = write(tmp_path / "first.jsonl", [row(n) for n in range(20)])
    second = write(tmp_path / "second.jsonl", [row(100 + n) for n in range(5)])
    alone, both = cleaned(first, name="alone"), cleaned(first, second, name="both")
    assert alone.files["first"].read_bytes() == both.files["first"].read_bytes()


def test_equal_own_ids_in_several_pools_need_prefixes_which_stay(cleaned, tmp_path):
    pools = [
        write(tmp_path / name / "train.jsonl", [row(start + n, id=n) for n in range(10)])
        for name, start in (("a", 0), ("b", 100))
    ]
    with pytest.raises(PoolError, match="add --prefix-ids"):
        cleaned(*pools, name="without")
    made = cleaned(*pools, prefix_ids=True)
    assert set(made.files) == {"a-train", "b-train"}
    assert {one["_dataselect"]["id"] for one in lines(made.files["b-train"])} == {
        f"b/train.jsonl:{n}" for n in range(10)
    }
    everywhere = [one.id for one in PoolReader([str(file) for file in made.files.values()])]
    assert len(set(everywhere)) == 20


def test_a_row_of_two_pools_stays_in_the_smaller_one_whatever_their_order(cleaned, tmp_path):
    large = write(tmp_path / "large.jsonl", [row(n) for n in range(30)])
    small = write(tmp_path / "small.jsonl", [row(n) for n in range(10)])
    for name, order in (("one", (large, small)), ("two", (small, large))):
        made = cleaned(*order, name=name)
        assert made.rows == {"large": 20, "small": 10}
        assert made.removed == {"duplicate": 10}


def test_a_copy_of_a_pool_is_refused_with_the_reason(cleaned, tmp_path):
    first = write(tmp_path / "first.jsonl", [row(n) for n in range(30)])
    copy = write(tmp_path / "second.jsonl", [row(n) for n in range(30)][::-1])
    with pytest.raises(PoolError, match=r"no row of second.jsonl is usable: of 30 records 30 duplicates were removed"):
        cleaned(first, copy)


def test_pools_of_which_nothing_is_left_are_refused_with_the_reason(cleaned, tmp_path):
    good = write(tmp_path / "good.jsonl", [row(n) for n in range(10)])
    empty = write(tmp_path / "empty.jsonl", [row(100 + n, output="") for n in range(4)] + [{"no": 1}])
    leaks = write(tmp_path / "leaks.jsonl", [row(5000 + n, note=n) for n in range(4)])
    told = "of 5 records 4 empty responses, 1 unreadable record were removed"
    with pytest.raises(PoolError, match=rf"no row of empty.jsonl is usable: {told}"):
        cleaned(good, empty, name="one")
    with pytest.raises(PoolError, match=r"no row of empty.jsonl is usable"):
        cleaned(empty, name="two")
    with pytest.raises(PoolError, match=r"no row of leaks.jsonl is usable: of 4 records 4 rows that leak a task"):
        cleaned(good, leaks, name="three")


def test_what_most_rows_of_a_pool_show_is_its_form(cleaned, tmp_path):
    texts = write(tmp_path / "texts.jsonl", [{"instruction": "", "output": sentence(n)} for n in range(10)])
    mixed = write(
        tmp_path / "mixed.jsonl",
        [row(100 + n) for n in range(10)] + [{"instruction": "", "output": sentence(50 + n)} for n in range(3)],
    )
    made = cleaned(texts, mixed)
    assert made.rows == {"texts": 10, "mixed": 10}
    assert made.removed == {"empty_prompt": 3}
    assert made.notes == (
        "texts.jsonl: 100% of its rows are empty prompts, which is taken for its form and not removed",
    )


def test_column_maps_csv_and_gzip(cleaned, tmp_path):
    import gzip

    rows = "".join(f'"Tell ""{n}"" {sentence(n, 5)}","{sentence(300 + n)}\nünd 问 {n}."\n' for n in range(8))
    (tmp_path / "pool.csv").write_text("frage,antwort\n" + rows)
    more = rows.replace("Tell", "Say").replace("river", "desert").replace("garden", "planet").replace("letter", "cloud")
    more = more.replace("captain", "robot").replace("village", "comet").replace("market", "glacier")
    (tmp_path / "more.csv.gz").write_bytes(gzip.compress(("frage,antwort\n" + more).encode()))
    columns = ColumnMap(prompt="frage", response="antwort")
    made = cleaned(str(tmp_path / "pool.csv"), str(tmp_path / "more.csv.gz"), columns=columns)
    assert made.rows == {"pool": 8, "more": 8}
    read = list(PoolReader([str(made.files["pool"])], columns))
    assert {one.messages[1].content for one in read} <= {f"{sentence(300 + n)}\nünd 问 {n}." for n in range(8)}
    assert made.columns == columns


def test_a_sample_is_the_beginning_of_each_pool(cleaned, tmp_path):
    made = cleaned(
        write(tmp_path / "a.jsonl", [row(n) for n in range(20)]),
        write(tmp_path / "b.jsonl", [row(100 + n) for n in range(5)]),
    )
    with StageDirectory("recommend", tmp_path / "out", {}, {}) as stage:
        some = made.sample(7, stage)
        assert some.rows == {"a": 7, "b": 5}
        assert lines(some.files["a"]) == lines(made.files["a"])[:7]
        more = made.sample(9, stage)
        assert lines(more.files["a"])[:7] == lines(made.files["a"])[:7]
        assert more.rows == {"a": 9, "b": 5}


@pytest.mark.parametrize("kind", ["multiple-choice", "minimal-pairs", "exact-match", "unit-tests"])
def test_tasks_of_every_kind_are_kept_out_of_the_pools(kind, cleaned, tmp_path):
    leaked = sentence(77, 20)
    item = {
        "multiple-choice": {"question": leaked, "choices": ["a", "b"], "answer": 1},
        "minimal-pairs": {"sentence_good": leaked, "sentence_bad": leaked + " no"},
        "exact-match": {"question": leaked, "answer": "#### 4"},
        "unit-tests": {"prompt": f"def f():\n '''{leaked}'''", "entry_point": "f", "test": "def check(c): pass"},
    }[kind]
    file = write(tmp_path / "bench.jsonl", [item])
    pool = write(tmp_path / "pool.jsonl", [row(1), row(2), row(3, output=f"As one says: {leaked}")])
    made = cleaned(pool, tasks=[f"{kind}:{file}"])
    assert (made.rows, made.removed) == ({"pool": 2}, {"leak": 1})


def test_an_audit_against_another_task_is_refused(cleaned, tmp_path, task):
    pool = write(tmp_path / "pool.jsonl", [row(n) for n in range(5)])
    cleaned(pool)
    other = write(tmp_path / "other.jsonl", [row(6000)])
    told = pytest.raises(DataselectError, match="is no audit against the task other")
    with StageDirectory("recommend", tmp_path / "out", {}, {}) as stage, told:
        clean([pool], ColumnMap(), False, tmp_path / "out" / "audit", [other], stage, 0)


def test_what_is_made_is_not_made_again_and_damage_is_repaired(cleaned, tmp_path):
    pools = [
        write(tmp_path / f"{name}.jsonl", [row(start + n) for n in range(9)]) for name, start in (("a", 0), ("b", 50))
    ]
    made = cleaned(*pools)
    state = {name: file.stat().st_mtime_ns for name, file in made.files.items()}
    assert cleaned(*pools) == made
    assert {name: file.stat().st_mtime_ns for name, file in made.files.items()} == state
    content = made.files["a"].read_bytes()
    made.files["a"].write_bytes(b"damaged")
    assert cleaned(*pools) == made
    assert made.files["a"].read_bytes() == content
    assert not list((tmp_path / "out").rglob("*.tmp*"))
    assert not list((tmp_path / "out" / "clean").glob("*.parquet"))


def test_a_foreign_file_is_not_replaced(cleaned, tmp_path):
    pool = write(tmp_path / "a.jsonl", [row(n) for n in range(9)])
    (tmp_path / "out" / "clean").mkdir(parents=True)
    (tmp_path / "out" / "clean" / "a.jsonl").write_text("mine")
    with pytest.raises(DataselectError, match=r"holds clean/a.jsonl, which this command did not write there"):
        cleaned(pool)
    assert (tmp_path / "out" / "clean" / "a.jsonl").read_text() == "mine"


KILLED = """
import sys
from pathlib import Path
from dataselect.pool import ColumnMap
from dataselect.recommendation.cleaning import clean
from dataselect.stage import StageDirectory

out, pools, task = Path(sys.argv[1]), sys.argv[2:-1], sys.argv[-1]
with StageDirectory("recommend", out, {}, {}) as stage:
    stage.inner("audit")
    print("began", flush=True)
    clean(pools, ColumnMap(), False, out / "audit", [task], stage, 0).sample(50, stage)
"""


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(share, cleaned, tmp_path, task):
    pools = [write(tmp_path / f"{n}.jsonl", [row(1000 * n + k) for k in range(700)]) for n in (1, 2)]
    made = cleaned(*pools)
    with StageDirectory("recommend", tmp_path / "out", {}, {}) as stage:
        made.sample(50, stage)
    audited = tmp_path / "killed" / "audit"
    with StageDirectory("recommend", tmp_path / "killed", {}, {}) as stage:
        stage.inner("audit")
        audit(AuditRequest(pools=pools, tasks=[task], out=audited, model="builtin"))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), *pools, task]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as first:
        assert first.stdout.readline() == b"began\n"
        time.sleep(share)
        first.kill()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for folder in ("clean", "sample"):
        expected, found = (
            {file.name: file.read_bytes() for file in (tmp_path / run / folder).iterdir()} for run in ("out", "killed")
        )
        assert found == expected


def test_names_of_pools():
    assert safe_names(["a/train.jsonl.gz", "b/train.jsonl", "all.jsonl", "my pool.v2.json", "tatsu-lab/alpaca", "日本.csv"]) == {
        "a/train.jsonl.gz": "a-train", "b/train.jsonl": "b-train", "all.jsonl": "all-2", "my pool.v2.json": "my-pool-v2",
        "tatsu-lab/alpaca": "tatsu-lab-alpaca", "日本.csv": "日本",
    }  # fmt: skip
    assert list(safe_names(["x y.jsonl", "x-y.jsonl", "!.jsonl"]).values()) == ["x-y", "x-y-2", "pool"]


def test_a_selection_killed_while_it_is_written_leaves_nothing_beside_its_file(tmp_path, monkeypatch):
    """What `recommend` selects goes through its scratch folder, which the next run removes."""
    from dataselect.selection import SelectRequest, output, select

    seen = []

    def moved(source, target):
        seen.append(source.parent.parent)
        raise KeyboardInterrupt

    monkeypatch.setattr(output, "move_into_place", moved)
    pool = write(tmp_path / "a.jsonl", [row(n) for n in range(5)])
    request = SelectRequest(pools=pool, strategy="random", budget="3", out=tmp_path / "out" / "selections" / "x.jsonl")
    with StageDirectory("recommend", tmp_path / "out", {}, {}) as stage:
        with pytest.raises(KeyboardInterrupt):
            select(request, stage.scratch)
        assert seen == [stage.scratch]
        assert list((tmp_path / "out" / "selections").iterdir()) == []
