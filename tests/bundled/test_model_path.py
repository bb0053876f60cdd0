import json

from dataselect.bundled import model_path


def test_the_model_lies_in_the_package_with_its_card():
    names = {path.name for path in model_path().iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "MODEL_CARD.md"} <= names


def test_the_card_states_the_sizes_of_the_configuration():
    config = json.loads((model_path() / "config.json").read_text())
    card = (model_path() / "MODEL_CARD.md").read_text()
    assert f"{config['num_hidden_layers']} layers, width {config['hidden_size']}" in card
    assert f"{config['vocab_size']:,} entries" in card
    assert f"{config['max_position_embeddings']:,} (trained" in card


def test_the_card_names_the_licences_of_the_training_data():
    card = (model_path() / "MODEL_CARD.md").read_text()
    for licence in ("CC BY-SA 4.0", "PSF License", "Apache-2.0", "CC BY,", "public domain"):
        assert licence in card or licence.rstrip(",") in card
    assert "Schema-Guided Dialogue" in card
