import json

import pytest

from dataselect.errors import ArtifactError, DataselectError, UsageError
from dataselect.pool import ColumnMap, Renderer, RenderOptions
from dataselect.training.selection import read_selection, resolve_rendering, tokenizer_warnings

RENDERING = {
    "template": "qa", "template_text": "", "max_length": 512, "truncate": False, "bos": "auto", "think": True,
    "tokenizer_sha256": "abc",
}  # fmt: skip


@pytest.fixture
def write(tmp_path, seal_selection):
    """A function that writes low.jsonl and the manifest of its selection."""

    def make(**changes):
        file = tmp_path / "low.jsonl"
        file.write_text('{"prompt": "a", "response": "b"}\n')
        manifest = {
            "strategy": "ppl-low", "params": {}, "budget": 1, "unit": "examples", "seed": 3, "rendering": RENDERING,
            "columns": {"prompt": "prompt", "response": "response", "system": None, "text": None, "id": None},
        }  # fmt: skip
        return seal_selection(file, {**manifest, **changes})

    return make


def test_the_manifest_fixes_rendering_columns_and_run(write):
    selection = read_selection(write())
    options, warnings = resolve_rendering(selection, {}, positions=1024)
    assert (options.template, options.max_length, warnings) == ("qa", 512, [])
    assert selection.columns == ColumnMap(prompt="prompt", response="response")
    assert selection.run(rows=1, seed=9) == {
        "strategy": "ppl-low", "params": {}, "budget": 1, "unit": "examples", "seed": 3, "training_seed": 9,
    }  # fmt: skip


def test_a_file_without_manifest_is_an_unselected_run_rendered_by_flags(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text("{}\n")
    selection = read_selection(file)
    assert resolve_rendering(selection, {"template": "alpaca"}, 1024)[0] == RenderOptions(template="alpaca")
    assert selection.run(rows=5, seed=2) == {
        "strategy": "unselected", "budget": 5, "unit": "examples", "seed": 2, "training_seed": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"template": "alpaca"}, "--template alpaca contradicts the selection, which was scored with --template qa"),
        ({"max_length": 256}, "--max-length 256 contradicts the selection, which was scored with --max-length 512"),
        ({"truncate": True}, "--truncate True contradicts the selection, which was scored with --truncate False"),
        ({"bos": "never"}, "--bos never contradicts the selection, which was scored with --bos auto"),
        ({"think": False}, "--no-think True contradicts the selection, which was scored with --no-think False"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_contradicting_flag_names_both(write, given, told):
    with pytest.raises(UsageError) as caught:
        resolve_rendering(read_selection(write()), given, 1024)
    assert told in caught.value.message
    assert "low.manifest.json" in caught.value.message


def test_flags_that_say_the_same_are_fine(write):
    selection = read_selection(write())
    for given in ({"template": "qa"}, {"template": "auto"}, {"max_length": 512}, {"bos": "auto"}):
        assert resolve_rendering(selection, given, 1024)[0].template == "qa"


def test_a_template_file_is_compared_by_its_text(write, tmp_path, builtin):
    jinja = tmp_path / "mine.jinja"
    jinja.write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}")
    rendering = Renderer(builtin, RenderOptions(template=str(jinja))).settings()
    selection = read_selection(write(rendering=rendering))
    assert resolve_rendering(selection, {"template": str(jinja)}, 1024)[0].template_text == jinja.read_text()
    jinja.write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    with pytest.raises(UsageError, match="contradicts"):
        resolve_rendering(selection, {"template": str(jinja)}, 1024)


def test_a_model_with_fewer_positions_sets_the_limit_and_says_so(write):
    options, warnings = resolve_rendering(read_selection(write()), {}, positions=128)
    assert options.max_length == 127
    assert "512" in warnings[0]
    assert "127" in warnings[0]


def test_another_tokenizer_is_a_warning(write):
    selection = read_selection(write())
    assert tokenizer_warnings(selection, "abc") == []
    assert "another tokenizer" in tokenizer_warnings(selection, "def")[0]


def test_what_is_no_selection_is_refused(write, tmp_path):
    with pytest.raises(DataselectError, match="does not exist"):
        read_selection(tmp_path / "none.jsonl")
    with pytest.raises(DataselectError, match="is a folder"):
        read_selection(tmp_path)
    file = write()
    (tmp_path / "low.manifest.json").write_text('{"seed": 1}')
    with pytest.raises(ArtifactError, match=r"low\.manifest\.json is not the manifest of a selection"):
        read_selection(file)


def test_a_manifest_that_was_changed_by_hand_is_refused(write, tmp_path):
    file = write()
    path = tmp_path / "low.manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": 4}))
    with pytest.raises(ArtifactError, match=r"low\.manifest\.json is damaged or was edited"):
        read_selection(file)


def test_a_selection_that_was_changed_by_hand_is_refused(write):
    file = write()
    file.write_text('{"prompt": "a", "response": "c"}\n')
    with pytest.raises(ArtifactError, match=r"low\.jsonl is not the file that .*: it was changed"):
        read_selection(file)


def test_preference_pairs_are_not_trained_on_as_one_reply(write):
    with pytest.raises(DataselectError, match="selection of preference pairs") as caught:
        read_selection(write(columns={"pairs": True}))
    assert caught.value.hint == "select without --pairs to train on the chosen replies"
