import pytest

from dataselect.errors import ArtifactError
from dataselect.evaluation.model import UNTRAINED, read_training, resolve_rendering
from dataselect.pool import Renderer, RenderOptions

RUN = {"strategy": "random", "params": {}, "budget": 10, "unit": "examples", "seed": 1, "training_seed": 1}


@pytest.fixture
def trained(seal):
    """A function that makes a folder one that `train` wrote, and reads it."""

    def make(folder, builtin, **options):
        rendering = Renderer(builtin, RenderOptions(**options)).settings()
        return read_training(seal(folder, "train", {"stage": "train", "run": RUN, "rendering": rendering}))

    return make


def test_the_run_is_that_of_the_training(tmp_path, builtin, trained):
    assert trained(tmp_path, builtin).run == RUN


def test_a_model_of_others_is_untrained(tmp_path):
    assert read_training(tmp_path).run == UNTRAINED
    (tmp_path / "manifest.json").write_text('{"stage": "something else"}')
    assert read_training(tmp_path).run == UNTRAINED


def test_an_unfinished_training_is_refused(tmp_path, seal):
    seal(tmp_path, "train")
    with pytest.raises(ArtifactError, match="is not finished"):
        read_training(tmp_path)


def test_texts_are_shown_as_in_training_unless_said_otherwise(tmp_path, builtin, trained):
    training = trained(tmp_path, builtin, template="qa", max_length=100, truncate=True, think=False)
    assert resolve_rendering(training, {}) == RenderOptions(template="qa", think=False)
    assert resolve_rendering(training, {"template": "alpaca", "max_length": 64}) == RenderOptions(
        template="alpaca", think=False, max_length=64
    )
    assert resolve_rendering(read_training(builtin), {"bos": "never"}) == RenderOptions(bos="never")


def test_the_text_of_a_template_file_is_remembered(tmp_path, builtin, trained):
    jinja = tmp_path / "mine.jinja"
    jinja.write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}")
    training = trained(tmp_path, builtin, template=str(jinja))
    jinja.unlink()
    assert resolve_rendering(training, {}).template_text.startswith("{% for m in messages %}")
    assert resolve_rendering(training, {"template": "qa"}) == RenderOptions(template="qa")
