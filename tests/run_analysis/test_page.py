"""The page with properties: sections, escaping, and the same bytes each time; in a browser every plot is drawn."""

from __future__ import annotations

import csv
import json

import lxml.html
import pytest

from dataselect.cli import run
from dataselect.run_analysis import analyze

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> | `x` {{ 7*7 }} \u202e"
CONFIG = {
    "columns": {"model": "model", "data": "data", "conditions": ["how", "epoch"]},
    "tasks": {"score": {"scale": [-100, 100]}, "other": {"direction": "lower"}},
    "baseline": {"data": "none"},
    "where": {"epoch": 1},
    "methods": {"L": {"how": "l"}, "F": {"how": "f"}},
    "properties": {"ppl": {}, "length": {}},
    "control": "length",
    "comparisons": {"L against F": {"column": "how", "first": "f", "second": "l", "where": {"epoch": 1}}},
    "curves": {"L": {"x": "epoch", "where": {"how": "l", "data": "d1"}}},
    "resamples": 100,
    "permutations": 199,
}


@pytest.fixture
def table(tmp_path, planted):
    rows = []
    for epoch in (1, 2):
        for how, seed in (("l", 1), ("f", 2)):
            for row in planted(models=5, datasets=6, seed=seed):
                row["other"] = (row["score"] * 1.7 + len(rows) % 5) * -1
                row["score"] += epoch
                row["data"] = HOSTILE if row["data"] == "d0" else row["data"]
                if row["data"] != "none" or (how, epoch) == ("l", 1):
                    rows.append(row | {"how": how, "epoch": epoch})
    with (tmp_path / "runs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "runs.csv"


@pytest.fixture
def out(table, dump, tmp_path):
    analyze(table, dump(CONFIG), tmp_path / "out")
    return tmp_path / "out"


def test_all_sections_are_there_and_nothing_escapes(out):
    text = (out / "analyze.html").read_text(encoding="utf-8")
    page = lxml.html.fromstring(text)
    assert [h.text for h in page.xpath("//main//h2")] == [
        "In short", "What is wrong with the table", "Best and worst data sets",
        "Do properties of the data correlate with the scores?", "Do the associations hang on length or on few groups?",
        "Predicting a model not seen",
        "What is general, and what only one model's", "Paired comparisons", "Curves", "Models and data sets",
        "How to reproduce",
    ]  # fmt: skip
    assert page.xpath("//img|//link|//script[@src]|//iframe") == []
    assert len(page.xpath("//script")) == 5  # charts, three of our own, and the data
    assert page.xpath("//title")[0].text == "Which data helps, and what predicts it? · dataselect"
    assert "analyze.json" in page.xpath("//footer")[0].text_content()
    assert "\u202e" not in text
    assert HOSTILE[:-1] in page.text_content()
    markdown = (out / "analyze.md").read_text(encoding="utf-8")
    assert "<img" not in markdown
    assert "<script" not in markdown


def test_the_same_input_gives_the_same_bytes(out, table, dump, tmp_path):
    analyze(table, dump(CONFIG), tmp_path / "again")
    for name in ("analyze.json", "analyze.html", "analyze.md"):
        assert (out / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_every_association_has_a_sentence_with_its_size(out):
    document = json.loads((out / "analyze.json").read_text())
    page = lxml.html.fromstring((out / "analyze.html").read_text(encoding="utf-8"))
    sentences = [
        row.text_content().strip()
        for n in (0, 1)
        for row in page.xpath(f"//table[@id='property-{n}-sentences']//tbody/tr")
    ]
    assert len(sentences) == len(document["associations"]) == document["tests"]["associations"] + sum(
        one["p"] is None for one in document["associations"]
    )  # fmt: skip
    for sentence, one in zip(sentences, document["associations"], strict=True):
        assert f"{one['n']} runs, {one['n_datasets']} data sets" in sentence
        assert (
            ": a relation." in sentence
            or ": no relation shown" in sentence
            or "nothing could be shown here" in sentence
        )
    gains = [one for one in document["associations"] if one["needs_baseline"]]
    assert {one["scope"] for one in gains} == {"pooled"}


def test_the_command_prints_findings_and_writes(table, dump, tmp_path, capsys):
    config = str(dump(CONFIG))
    assert run(["analyze", str(table), "--config", config, "--out", str(tmp_path / "cli")]) == 0
    printed = capsys.readouterr()
    assert "runs.csv has 125 rows: 5 models, 7 data sets, 2 tasks." in " ".join(printed.out.split())
    assert "tests hold after Holm's correction over these" in " ".join(printed.out.split())
    assert "analyze.html" in printed.err
    assert "\u202e" not in printed.out
    assert (
        run(["analyze", str(table), "--config", config, "--out", str(tmp_path / "cli")]) == 0
    )  # finished: nothing rewritten
    assert (
        run(["analyze", str(table), "--config", str(dump(CONFIG | {"seed": 1})), "--out", str(tmp_path / "cli")]) == 1
    )
    assert "seed (was 0, now 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["runs.csv", "--out", "o"], 2, "needs --config"),
        (["nowhere.csv", "--config", "config.yaml", "--out", "o"], 2, "nowhere.csv"),
        (["runs.csv", "--config", "no.yaml", "--out", "o"], 1, "cannot read the configuration"),
        (["config.yaml", "--config", "config.yaml", "--out", "o"], 1, "has no rows"),
        (["runs.csv", "--config", "config.yaml", "--out", "runs.csv"], 1, "a folder is needed"),
    ],
)
def test_what_cannot_be_done_is_reported_in_one_line(table, dump, monkeypatch, capsys, arguments, code, message):
    dump(CONFIG)
    monkeypatch.chdir(table.parent)
    assert run(["analyze", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
