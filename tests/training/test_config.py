import pytest

from dataselect.errors import ConfigError
from dataselect.training.config import TrainConfig, resolve_config


def test_single_settings_override_the_file_and_the_file_the_defaults(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("epochs: 2\nlearning_rate: 5e-5\nscheduler: linear\n")
    config = resolve_config(recipe, {"epochs": 1.0, "seed": 7})
    assert (config.epochs, config.learning_rate, config.scheduler, config.seed) == (1.0, 5e-5, "linear", 7)
    assert config.batch_size == TrainConfig().batch_size


def test_all_faults_of_a_file_are_told_together(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("learning_rat: 1\nepochs: many\nscheduler: step\n")
    with pytest.raises(ConfigError) as caught:
        resolve_config(recipe, {})
    message = caught.value.message
    assert "3 faults" in message
    assert "learning_rat: unknown key, did you mean learning_rate?" in message
    assert "epochs: expected a number, got 'many'" in message
    assert "scheduler: expected one of cosine, linear, constant, got 'step'" in message


def test_values_that_no_training_can_use_are_told_together():
    with pytest.raises(ValueError) as caught:
        TrainConfig(epochs=0, batch_size=-1, max_steps=0, warmup_ratio=1.0, weight_decay=-1, seed=-1)
    for name in ("epochs", "batch_size", "max_steps", "warmup_ratio", "weight_decay", "seed"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("batch", "micro", "rows"),
    [(16, 8, 8), (16, 16, 16), (4, 8, 4), (10, 8, 5), (7, 4, 1), (6, 4, 3)],
    ids=["half", "whole", "small-batch", "divisor", "prime", "three"],
)
def test_rows_per_pass_divide_the_batch(batch, micro, rows):
    config = TrainConfig(batch_size=batch, micro_batch_size=micro)
    assert config.rows_per_pass == rows
    assert batch % rows == 0


def test_number_of_steps():
    assert TrainConfig(epochs=3, batch_size=8).num_steps(20) == 9  # 3 * ceil(20 / 8) = 3 * 3
    assert TrainConfig(epochs=0.5, batch_size=8).num_steps(20) == 2  # ceil(0.5 * 3)
    assert TrainConfig(epochs=3, max_steps=5).num_steps(20) == 5


def test_the_tracker_does_not_change_the_recipe():
    assert TrainConfig(report_to="tensorboard").recipe() == TrainConfig().recipe()
    assert TrainConfig(seed=1).recipe() != TrainConfig().recipe()
